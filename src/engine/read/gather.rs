//! What a reader beside the rules takes of each record.
//!
//! `keytrail events` and `keytrail actors` ask for records and not for findings. They read as a scan
//! does, and each worker hands every record to a part of theirs too. What must stay true: a part sees
//! each record that counts, once, whatever rules are asked.

use crate::record::event::Marked;

/// Gathers something of records: one worker's part of it.
pub trait Gather: Send {
    /// Takes in record number `number` of a blob.
    fn record(&mut self, blob: &str, number: u64, record: Marked<'_>);
}

/// Nothing is gathered beside what the plan asks for.
impl Gather for () {
    fn record(&mut self, _: &str, _: u64, _: Marked<'_>) {}
}
