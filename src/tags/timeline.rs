//! What the changes of one resource add up to, as of any instant.
//!
//! `eventTime` has a resolution of one second. So there is no order within a second: changes of one
//! second with different results have no answer, and neither has a question about that very second.
//! An observation (a file that lists all tags) holds forward until something changes, and backward to
//! the last change. If it contradicts the log, something was not logged, and the time between is
//! unknown.
//!
//! What must stay true: the answer doesn't depend on the order in which changes were learnt.

#[cfg(test)]
mod tests;

use super::change::Change;
pub use super::course::Course;
pub use super::index::Index;
pub use super::state::{State, Why};

/// All changes of one resource, in the order of time.
#[derive(Debug, Clone, Default)]
pub struct Timeline(Vec<Change>);

impl Timeline {
    /// The timeline of these changes, in any order, copies included.
    pub fn new(mut changes: Vec<Change>) -> Timeline {
        changes.sort();
        changes.dedup();
        Timeline(changes)
    }

    /// Every change, in the order of time.
    pub fn changes(&self) -> &[Change] {
        &self.0
    }

    /// The changes by second and by the tags that they name, to ask for states.
    pub fn index(&self) -> Index<'_> {
        Index::new(&self.0)
    }
}
