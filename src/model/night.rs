//! One of several reports that make a period.

use super::time::Time;

/// What one report of a period says of its run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Night {
    /// The report's file, as it was named.
    pub path: String,
    /// When its run ended.
    pub finished: Time,
    /// The times of the first and the last event that it read.
    pub events: Option<(Time, Time)>,
    /// Whether everything that it was given could be read.
    pub complete: bool,
    /// Problems.
    pub problems: u64,
    /// Files that it read.
    pub files: u64,
    /// Records, copies included.
    pub records: u64,
    /// Accounts that delivered.
    pub accounts: u64,
    /// Hours of accounts and Regions that have records, and that have none.
    pub hours: (u64, u64),
    /// Logs that verified, and that did not; `None` if nothing was to be verified.
    pub verified: Option<(u64, u64)>,
    /// Its findings by level, the lowest first: those that no earlier report of the period has,
    pub new: [u64; 5],
    /// and those that one has.
    pub known: u64,
}
