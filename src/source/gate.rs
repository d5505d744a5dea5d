//! The interface through which a caller decides which blobs count, by their content.
//!
//! The engine asks the gate before it evaluates a record, and knows nothing of digests and
//! signatures. What must stay true: the engine evaluates exactly the bytes that were hashed, and only
//! those that the gate lets in.

use std::fmt::Debug;
use std::sync::Arc;

use super::hashed::{Hash, Hashed};
use crate::model::verified::Unverified;

/// What becomes of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Its records are evaluated.
    In,
    /// It may hold records, and they are not.
    Out,
    /// It is no log.
    Other,
}

/// A blob that was read before: its size as stored and the hash of its text, if it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadBefore {
    /// Bytes as stored.
    pub bytes: u64,
    /// SHA-256 of the text.
    pub hash: Option<Hash>,
}

/// Lets blobs in or keeps them out.
pub trait Gate: Debug + Send + Sync {
    /// What is known of a blob that need not be read again.
    fn read_before(&self, name: &str) -> Option<ReadBefore>;

    /// Whether a blob of that name may be let in at all. If not, its text need not be held.
    fn may_let_in(&self, name: &str) -> bool;

    /// Notes that a blob exists which an earlier run has read.
    fn read_earlier(&self, name: &Arc<str>);

    /// Decides about a blob, and keeps in mind what it saw.
    fn decide(&self, name: &Arc<str>, text: &Hashed) -> Admission;

    /// Comes to its verdicts, once the reading is over. `ended` tells whether everything was read.
    fn conclude(&self, ended: bool);

    /// What counts against the files, by finding: one an item if `each`. Nothing, before it has come
    /// to its verdicts.
    fn unverified(&self, each: bool) -> Vec<Unverified>;
}
