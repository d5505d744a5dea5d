//! From text to events: where records are, what they hold, and how KMS calls read.

pub mod container;
pub mod delivery;
mod escape;
pub mod event;
pub mod hidden;
pub mod issued;
pub mod json;
pub mod kms;
pub mod members;
pub mod scan;
pub mod shape;
pub mod undo;
pub mod unknown;
pub mod version;
