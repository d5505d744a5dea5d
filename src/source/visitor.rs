//! Who takes in what is read.
//!
//! What must stay true: whatever the source gave comes to its end. [`Visitor::done`] is called once
//! for each blob of the source, after all that is in it.

use std::sync::Arc;

use super::blob::Blob;
use super::inflate::Text;
use crate::model::problem::Problem;

/// Takes in what one worker reads.
pub trait Visitor {
    /// What it hands back in the end.
    type Found: Send;

    /// Whether to read on. The stop sign is looked at anyway.
    fn goes_on(&self) -> bool {
        true
    }

    /// Takes in that something cannot be read.
    fn problem(&mut self, problem: Problem);

    /// Takes in that an earlier run has read a blob of that name.
    fn known(&mut self, name: &Arc<str>);

    /// Takes in a blob that need not be opened, which then counts as read: how many bytes it has as
    /// stored. `None` if it has to be opened.
    fn unopened(&mut self, _: At<'_>) -> Option<u64> {
        None
    }

    /// Takes in a blob: its text, or why it cannot be opened. When the stop sign is set, a stream
    /// ends anywhere. Of an archive, each member is a blob, and the archive is none.
    fn blob(&mut self, at: At<'_>, text: Result<&mut Text<'_>, Problem>) -> Taken;

    /// Takes in that nothing more comes of what the source gave at `sequence`.
    fn done(&mut self, _sequence: u64) {}

    /// What was found, once there is nothing more to read.
    fn finish(self) -> Self::Found;
}

/// How much of a blob a visitor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// All that there is, damaged or not.
    Whole,
    /// Not all. What is missing may be had another time, so that the blob is to be given again.
    Part,
}

impl Taken {
    /// How much there is of both together.
    pub(super) fn and(self, other: Taken) -> Taken {
        if self == Taken::Whole { other } else { self }
    }
}

/// The blob whose turn it is.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    /// The blob.
    pub blob: &'a Blob,
    /// What the source gave: the blob itself, or the archive that it is a member of.
    pub given: &'a Blob,
    /// How many blobs the source gave before that.
    pub sequence: u64,
}
