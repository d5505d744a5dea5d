//! Plain data that every layer speaks: no I/O, no rules, no wording.

pub mod actor_kind;
pub mod arn;
pub mod container;
pub mod coverage;
pub mod date_text;
pub mod days;
pub mod delivery;
pub mod estate;
pub mod finding;
pub mod findings;
pub mod forecast;
pub mod keys;
pub mod level;
pub mod memory;
pub mod origin;
pub mod outcome;
pub mod pattern;
pub mod principal;
pub mod problem;
pub mod rule_meta;
pub mod suppression;
pub mod tag_state;
pub mod time;
pub mod token;
pub mod verified;
pub mod window;
