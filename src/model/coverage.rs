//! Which hours of each account and Region are in the logs.
//!
//! An hour without records was quiet, or its records are missing. Only the usual pattern tells which.
//! So the hours are kept as bits and carried from one run to the next: otherwise nobody would see a
//! gap between two runs.
//!
//! What must stay true: hours are sets, so order and copies change nothing, and merging is
//! commutative, associative and idempotent. Only counts add up; they belong to one run and are never
//! carried. Memory is bounded: the first accounts and Regions are kept, and the latest days of each.
//! [`Coverage::is_cut`] says that something is missing. What is carried is bounded too, and ages. Hours
//! that a run could not judge stay unjudged until a run does.

mod hours;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::time::Time;
use hours::start_of;
pub use hours::{DAYS_MAX, Day, Hour, Hours, Kind, hour_of, split};

/// Accounts and Regions that are kept: 500 accounts in all Regions, and then some.
pub const PLACES_MAX: usize = 10_000;

/// For how many days before the last one the hours of an account and Region are carried from run to
/// run. What is usual is told by the week before a gap.
const CARRIED: i32 = 400;

/// Days of accounts and Regions that are carried: of 5,000 for more than a year. About 40 MB.
const CARRIED_MAX: usize = 1 << 21;

/// An account in a Region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The account that the records were delivered to.
    pub account: String,
    /// The Region.
    pub region: String,
}

/// How much there is of an account and Region in one run, copies included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Files with records of it.
    pub files: u64,
    /// Records.
    pub records: u64,
    /// KMS calls that change nothing.
    pub kms_reads: u64,
    /// The other KMS calls.
    pub kms_writes: u64,
}

/// What is known of an account and Region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// How much this run read of it.
    pub counts: Counts,
    /// Whether anything happened in the Region itself. Records of global services name one Region,
    /// wherever their files come from, and are no sign that files of it are expected.
    pub regional: bool,
    /// The hours.
    pub hours: Hours,
}

/// The hours of every account and Region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Carried>", into = "Vec<Carried>")]
pub struct Coverage {
    places: BTreeMap<Place, Seen>,
    cut: bool,
    unjudged: Option<Gap>,
}

/// What is carried from run to run of an account and Region.
#[derive(Serialize, Deserialize)]
struct Carried {
    #[serde(flatten)]
    place: Place,
    regional: bool,
    days: Vec<(i32, Day)>,
}

impl Coverage {
    /// Adds what is known of an account and Region.
    pub fn add(&mut self, place: Place, seen: &Seen) {
        let known = self.places.entry(place).or_default();
        known.counts.files = known.counts.files.saturating_add(seen.counts.files);
        known.counts.records = known.counts.records.saturating_add(seen.counts.records);
        known.counts.kms_reads = known.counts.kms_reads.saturating_add(seen.counts.kms_reads);
        known.counts.kms_writes = known.counts.kms_writes.saturating_add(seen.counts.kms_writes);
        known.regional |= seen.regional;
        self.cut |= !known.hours.merge(&seen.hours);
        while self.places.len() > PLACES_MAX {
            self.places.pop_last();
            self.cut = true;
        }
    }

    /// Notes that something was left out.
    pub fn cut(&mut self) {
        self.cut = true;
    }

    /// Which hours were looked at and not judged, because some input could not be read: gaps that
    /// ended in them.
    pub fn unjudged(&self) -> Option<Gap> {
        self.unjudged
    }

    /// Says which hours are not judged; `None` when all are.
    pub fn set_unjudged(&mut self, hours: Option<Gap>) {
        self.unjudged = hours;
    }

    /// Adds all that another knows.
    pub fn merge(&mut self, other: Coverage) {
        self.cut |= other.cut;
        self.unjudged = both(self.unjudged, other.unjudged);
        for (place, seen) in other.places {
            self.add(place, &seen);
        }
    }

    /// Adds what an earlier run knew: its hours, not its counts.
    pub fn merge_earlier(&mut self, earlier: &Coverage) {
        self.unjudged = both(self.unjudged, earlier.unjudged);
        for (place, seen) in &earlier.places {
            let counts = Counts::default();
            self.add(place.clone(), &Seen { counts, ..seen.clone() });
        }
    }

    /// What is carried on after a run on the day `today`: the days since [`CARRIED`] before the last
    /// one, and of more than [`CARRIED_MAX`] the latest. What is older explains no gap that is still
    /// to come, so nothing is missing without it.
    pub fn age(&mut self, today: i32) {
        let all = |places: &BTreeMap<Place, Seen>| {
            let days = places.values().flat_map(|seen| seen.hours.0.keys().copied());
            days.collect::<Vec<i32>>()
        };
        let mut days = all(&self.places);
        // A record that claims to be of a day to come makes nothing old.
        let last = days.iter().copied().filter(|day| *day <= today).max().unwrap_or(today);
        let mut first = last.saturating_sub(CARRIED);
        days.retain(|day| *day >= first);
        if let Some(surplus) = days.len().checked_sub(CARRIED_MAX + 1) {
            let (_, oldest, _) = days.select_nth_unstable(surplus);
            first = oldest.saturating_add(1);
        }
        for seen in self.places.values_mut() {
            seen.hours.0 = seen.hours.0.split_off(&first);
        }
        self.places.retain(|_, seen| !seen.hours.0.is_empty());
    }

    /// Every account and Region, sorted.
    pub fn places(&self) -> impl Iterator<Item = (&Place, &Seen)> {
        self.places.iter()
    }

    /// The accounts and Regions, sorted, of which there are files of an hour since a time.
    pub fn read_since(&self, time: Time) -> Vec<(String, String)> {
        let is_recent = |seen: &Seen| {
            seen.hours.of(Kind::Files, hour_of(time)..Hour::MAX / 2).next_back().is_some()
        };
        let recent = self.places.iter().filter(|(_, seen)| is_recent(seen));
        recent.map(|(place, _)| (place.account.clone(), place.region.clone())).collect()
    }

    /// Whether there was more than is kept.
    pub fn is_cut(&self) -> bool {
        self.cut
    }
}

/// Both, and what lies between them.
fn both(one: Option<Gap>, other: Option<Gap>) -> Option<Gap> {
    let all = [one, other].into_iter().flatten();
    all.reduce(|one, other| Gap { from: one.from.min(other.from), to: one.to.max(other.to) })
}

impl From<Vec<Carried>> for Coverage {
    fn from(all: Vec<Carried>) -> Coverage {
        let mut coverage = Coverage::default();
        for Carried { place, regional, days } in all {
            let mut seen = Seen { regional, ..Seen::default() };
            days.into_iter().for_each(|(day, hours)| {
                seen.hours.add(day, hours);
            });
            coverage.add(place, &seen);
        }
        coverage
    }
}

impl From<Coverage> for Vec<Carried> {
    fn from(coverage: Coverage) -> Vec<Carried> {
        let carried = |(place, seen): (Place, Seen)| Carried {
            place,
            regional: seen.regional,
            days: seen.hours.0.into_iter().collect(),
        };
        coverage.places.into_iter().map(carried).collect()
    }
}

/// Hours in a row without files: half-open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The first hour.
    pub from: Hour,
    /// The hour after the last.
    pub to: Hour,
}

impl Gap {
    /// How many hours.
    pub fn hours(self) -> i64 {
        self.to - self.from
    }

    /// When it begins and when it ends.
    pub fn times(self) -> (Time, Time) {
        (start_of(self.from), start_of(self.to))
    }
}

/// What a report says of an account and Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered {
    /// Which.
    pub place: Place,
    /// The hours that the rest is about: half-open.
    pub range: Gap,
    /// How much was read.
    pub counts: Counts,
    /// Hours that have files.
    pub hours_covered: u64,
    /// How many gaps there are.
    pub gap_count: u64,
    /// The longest of them, in the order of time.
    pub gaps: Vec<Gap>,
    /// Whether KMS calls that change nothing must have happened and are not there.
    pub kms_reads_missing: bool,
}

impl Covered {
    /// Hours that have no files.
    pub fn hours_missing(&self) -> u64 {
        u64::try_from(self.range.hours()).unwrap_or_default().saturating_sub(self.hours_covered)
    }

    /// The longest gap.
    pub fn longest(&self) -> Option<Gap> {
        self.gaps.iter().copied().max_by_key(|gap| (gap.hours(), std::cmp::Reverse(gap.from)))
    }
}
