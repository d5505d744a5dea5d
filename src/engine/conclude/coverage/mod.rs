//! Coverage and silence: which hours of each account and Region are in the logs, which are not, and
//! which of those should be.
//!
//! ```text
//! judge      gaps, and which of them are no quiet hours
//! finding    what becomes a finding
//! ```
//!
//! What must stay true: findings rest on what records say of themselves, so that the same records
//! give the same findings whatever their files are called; what is told of files rests on their
//! names.

mod finding;
mod judge;
#[cfg(test)]
mod tests;

pub(super) use finding::findings;
pub(super) use judge::{Look, judge};
