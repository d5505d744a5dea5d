//! One of several reports that make a period.

use std::collections::{BTreeMap, BTreeSet};

use super::time::Time;
use super::verified::{LogVerdict, Verdict as _};

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
    /// What verified; `None` if nothing was to be verified.
    pub verified: Option<Verdicts>,
    /// Its findings by level, the lowest first: those that no earlier report of the period has,
    pub new: [u64; 5],
    /// and those that one has.
    pub known: u64,
    /// Findings of earlier reports of which it tells that they were undone.
    pub undone: u64,
}

/// What makes a period say less than it seems to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// Whether some report was asked for a part of the log only:
    pub narrow: bool,
    /// from one time on and until another one, the first of these in order,
    pub ranges: BTreeSet<(Option<Time>, Option<Time>)>,
    /// and of some accounts and Regions, as its settings have them.
    pub filters: BTreeSet<String>,
    /// Whether some report left out what a baseline had.
    pub baseline: bool,
    /// Whether findings of runs before the first may hold that no report tells.
    pub earlier: bool,
    /// Rules that some reports have not evaluated.
    pub sometimes: BTreeSet<String>,
    /// Rules of which no report says what they are about.
    pub unknown: BTreeSet<String>,
    /// Whether some report does not name its rules.
    pub no_rules_named: bool,
}

/// How many files have each verdict, by its name in reports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// Logs.
    pub logs: BTreeMap<&'static str, u64>,
    /// Digests.
    pub digests: BTreeMap<&'static str, u64>,
}

impl Verdicts {
    /// How many logs verified, and how many did not.
    pub fn of_logs(&self) -> (u64, u64) {
        let verified = LogVerdict::Verified.as_str();
        let good = self.logs.get(verified).copied().unwrap_or(0);
        let others = self.logs.iter().filter(|(verdict, _)| **verdict != verified);
        (good, others.fold(0, |sum, (_, number)| sum.saturating_add(*number)))
    }

    /// Adds those of another report.
    pub fn add(&mut self, other: &Verdicts) {
        let both = [(&mut self.logs, &other.logs), (&mut self.digests, &other.digests)];
        for (mine, theirs) in both {
            for (verdict, number) in theirs {
                let sum = mine.entry(verdict).or_default();
                *sum = sum.saturating_add(*number);
            }
        }
    }
}
