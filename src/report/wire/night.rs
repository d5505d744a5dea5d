//! One of the reports that a period was made of, as JSON.

use serde::Serialize;

use crate::model::level::Level;
use crate::model::night;
use crate::model::time::Time;

/// One report: a member of `nights`.
#[derive(Serialize)]
pub struct Night<'a> {
    path: &'a str,
    finished: Time,
    first_event: Option<Time>,
    last_event: Option<Time>,
    complete: bool,
    problems: u64,
    blobs: u64,
    records: u64,
    accounts: u64,
    hours_covered: u64,
    hours_missing: u64,
    /// Logs that verified, and that did not; `null` if nothing was to be verified.
    logs_verified: Option<u64>,
    logs_not_verified: Option<u64>,
    /// Findings that no earlier report of the period has, by level.
    new: Levels,
    /// Findings that an earlier one has.
    known: u64,
}

#[derive(Serialize)]
struct Levels {
    critical: u64,
    high: u64,
    medium: u64,
    low: u64,
    informational: u64,
}

impl<'a> From<&'a night::Night> for Night<'a> {
    fn from(night: &'a night::Night) -> Self {
        let of = |level: Level| night.new[level as usize];
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
            logs_verified: night.verified.map(|(good, _)| good),
            logs_not_verified: night.verified.map(|(_, bad)| bad),
            new: Levels {
                critical: of(Level::Critical),
                high: of(Level::High),
                medium: of(Level::Medium),
                low: of(Level::Low),
                informational: of(Level::Informational),
            },
            known: night.known,
        }
    }
}
