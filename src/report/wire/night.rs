//! One of the reports that a period was made of, as JSON.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::level::Level;
use crate::model::night::{self, Verdicts};
use crate::model::time::Time;

/// One report: a member of `nights`.
#[derive(Serialize, JsonSchema)]
pub struct Night<'a> {
    /// The report, as it was named.
    path: &'a str,
    /// When its run ended.
    finished: Time,
    /// The time of the first event that it read.
    first_event: Option<Time>,
    /// The time of the last event that it read.
    last_event: Option<Time>,
    /// Whether everything that it was given could be read.
    complete: bool,
    /// Problems.
    problems: u64,
    /// Files that it read.
    blobs: u64,
    /// Records, copies included.
    records: u64,
    /// Accounts that delivered.
    accounts: u64,
    /// Hours of accounts and Regions that have records.
    hours_covered: u64,
    /// Hours of accounts and Regions that have none.
    hours_missing: u64,
    /// Logs that verified; `null` if nothing was to be verified.
    logs_verified: Option<u64>,
    /// Logs that did not verify; `null` if nothing was to be verified.
    logs_not_verified: Option<u64>,
    /// Findings that no earlier report of the period has, by level.
    new: Levels,
    /// Findings that an earlier one has.
    known: u64,
    /// Findings of earlier reports of which it tells that they were undone.
    undone: u64,
}

/// How many findings there are of each level.
#[derive(Serialize, JsonSchema)]
struct Levels {
    /// Findings of this level.
    critical: u64,
    /// Findings of this level.
    high: u64,
    /// Findings of this level.
    medium: u64,
    /// Findings of this level.
    low: u64,
    /// Findings of this level.
    informational: u64,
}

impl<'a> From<&'a night::Night> for Night<'a> {
    fn from(night: &'a night::Night) -> Self {
        let of = |level: Level| night.new[level as usize];
        let logs = night.verified.as_ref().map(Verdicts::of_logs);
        Night {
            path: &night.path,
            finished: night.finished,
            first_event: night.events.map(|(first, _)| first),
            last_event: night.events.map(|(_, last)| last),
            complete: night.complete,
            problems: night.problems,
            blobs: night.files,
            records: night.records,
            accounts: night.accounts,
            hours_covered: night.hours.0,
            hours_missing: night.hours.1,
            logs_verified: logs.map(|(good, _)| good),
            logs_not_verified: logs.map(|(_, bad)| bad),
            new: Levels {
                critical: of(Level::Critical),
                high: of(Level::High),
                medium: of(Level::Medium),
                low: of(Level::Low),
                informational: of(Level::Informational),
            },
            known: night.known,
            undone: night.undone,
        }
    }
}
