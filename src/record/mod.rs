//! From text to events: where records are, what they hold, and how KMS calls read.

pub mod event;
pub mod json;
pub mod kms;
pub mod scan;
