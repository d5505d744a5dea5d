//! One file a command. Each takes its arguments as typed and returns how the run ended.

pub mod actors;
pub mod conclude;
pub mod config;
pub mod events;
mod evidence;
pub mod facts;
pub mod follow;
pub mod forecast;
pub mod generate;
pub mod granted;
pub mod keys;
pub mod plan;
pub mod record;
pub mod report;
pub mod rules;
pub mod scan;
mod skipped;
mod tagged;
pub mod tags;
pub mod verify;
