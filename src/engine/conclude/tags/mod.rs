//! Keys, resources and their tags over all records.
//!
//! ```text
//! ledger     tags by ARN and instant, resolved and kept at hand
//! compare    uses against the stretches in which nothing changed
//! side       a key and a resource, and what is said of their stretches
//! of_pair    what a bucket that has decided leaves of uses
//! finding    what becomes a finding, and what it says
//! settled    what is said of keys and aliases when all is known
//! ```
//!
//! What must stay true: counts are exact, and copies are dropped exactly.

pub mod compare;
pub mod finding;
pub mod ledger;
pub mod of_pair;
pub mod settled;
pub mod side;
#[cfg(test)]
mod tests;
