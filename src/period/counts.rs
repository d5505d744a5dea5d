//! Numbers of several reports together.
//!
//! What must stay true: a report may say any number, so none overflows; and what may be the same in two
//! reports is not counted twice.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::level::Level;
use crate::model::outcome::{Summary, Totals};
use crate::model::suppression::{Applied, State};

/// A sum of numbers that somebody may have written.
pub fn sum(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::saturating_add)
}

/// Two numbers of two reports.
pub fn together(a: u64, b: u64, adds_up: bool) -> u64 {
    if adds_up { a.saturating_add(b) } else { a.max(b) }
}

/// Adds what was read.
pub fn add_totals(sum: &mut Totals, read: Totals, adds_up: bool) {
    sum.blobs = together(sum.blobs, read.blobs, adds_up);
    sum.blobs_failed = together(sum.blobs_failed, read.blobs_failed, adds_up);
    sum.blobs_other = together(sum.blobs_other, read.blobs_other, adds_up);
    for (kind, number) in read.blobs_other_kinds {
        let all = sum.blobs_other_kinds.entry(kind).or_default();
        *all = together(*all, number, adds_up);
    }
    sum.bytes_read = together(sum.bytes_read, read.bytes_read, adds_up);
    sum.bytes_inflated = together(sum.bytes_inflated, read.bytes_inflated, adds_up);
    sum.records = together(sum.records, read.records, adds_up);
    sum.records_bad = together(sum.records_bad, read.records_bad, adds_up);
    sum.duplicates = together(sum.duplicates, read.duplicates, adds_up);
    sum.kms_records = together(sum.kms_records, read.kms_records, adds_up);
    sum.first_event = [sum.first_event, read.first_event].into_iter().flatten().min();
    sum.last_event = sum.last_event.max(read.last_event);
    sum.accounts.extend(read.accounts);
    sum.regions.extend(read.regions);
}

/// Findings that were too low to be listed in their reports.
#[derive(Debug, Default)]
pub struct Below {
    levels: BTreeMap<Level, u64>,
    /// Whether some reports may have found the same.
    overlap: bool,
}

impl Below {
    /// Adds those of a report that lists findings from `listed` on. It `adds_up` with those before, or is
    /// the `first`.
    pub fn add(
        &mut self,
        of: impl Fn(Level) -> u64,
        listed: Level,
        (adds_up, first): (bool, bool),
    ) {
        self.overlap |= !adds_up && !first;
        for level in Level::ALL.into_iter().filter(|level| *level < listed) {
            let below = self.levels.entry(level).or_default();
            *below = together(*below, of(level), adds_up);
        }
    }

    /// Counts them beside those that are listed: other reports may list findings of these levels.
    pub fn add_to(&self, summary: &mut Summary) {
        for (level, number) in &self.levels {
            let listed = if self.overlap { summary.of(*level) } else { 0 };
            summary.add_many(*level, number.saturating_sub(listed));
        }
    }
}

/// How many findings suppressions leave out, if reports say that it were `most`: each finding once, as far
/// as it is named. What fits one that has expired is listed.
pub fn left_out(suppressions: &[Applied], most: u64) -> u64 {
    let active = || suppressions.iter().filter(|one| one.state != State::Expired);
    let named: BTreeSet<&String> = active().flat_map(|one| &one.fitted).collect();
    let all_named = active().all(|one| one.count == one.fitted.len() as u64);
    match all_named && !suppressions.is_empty() {
        true => named.len() as u64,
        false => most.max(named.len() as u64),
    }
}
