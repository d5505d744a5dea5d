//! What there is to read, one entry after another, and who gives it.
//!
//! Whoever reads knows only [`Source`], so that a listing that ends and a queue that goes on are read
//! in the same way. What must stay true: whatever a source meets becomes an entry or is counted as
//! passed over.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::blob::Blob;
use crate::model::outcome::Passed;
use crate::model::path_names::PathNames;
use crate::model::problem::Problem;

/// One step of a source.
#[derive(Debug, PartialEq, Eq)]
pub enum Entry {
    /// Something to be read.
    Blob(Blob),
    /// Something that cannot be.
    Problem(Problem),
    /// Something that an earlier run has read, by its name, if [`Wanted::tell_known`](super::s3::Wanted::tell_known).
    Known(Arc<str>),
}

/// Where entries come from.
pub trait Source: Send {
    /// The next entry; `None` at the end, or if `stop` is set while there is none yet.
    fn next(&mut self, stop: &AtomicBool) -> Option<Entry>;

    /// What was passed over so far, and asked.
    fn passed(&self) -> Passed;

    /// What the paths that were met so far say.
    fn names(&self) -> PathNames {
        PathNames::default()
    }
}

#[cfg(test)]
impl Source for std::vec::IntoIter<Entry> {
    fn next(&mut self, _: &AtomicBool) -> Option<Entry> {
        Iterator::next(self)
    }

    fn passed(&self) -> Passed {
        Passed::default()
    }
}
