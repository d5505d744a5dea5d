//! Hours in which something is missing, as the engine finds them and a rule judges them.
//!
//! What must stay true: whatever is in here can be told from the hours of one account and Region
//! alone.

use crate::model::coverage::Gap;

/// What is missing in a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Everything.
    Events,
    /// KMS calls that change nothing, while other events go on.
    Reads,
}

/// Hours in which something is missing that must have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// Which hours.
    pub gap: Gap,
    /// What.
    pub what: What,
    /// What says so.
    pub because: Because,
}

/// What says that something is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// So many of so many hours before had it.
    Usual(i64, i64),
    /// So many hours had KMS writes.
    Writes(i64),
}
