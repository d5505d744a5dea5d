//! Hours as bits, one set of 24 for each day and kind.
//!
//! What must stay true: adding hours is a union. Of too many days the latest are kept.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::model::time::Time;

/// Days that are kept of one account and Region: ten years.
pub const DAYS_MAX: usize = 3_653;

/// Microseconds in an hour.
const HOUR: i64 = 3_600_000_000;

/// Hours since 1970-01-01T00:00:00Z.
pub type Hour = i64;

/// The hour that a time lies in.
pub fn hour_of(time: Time) -> Hour {
    time.0.div_euclid(HOUR)
}

/// When an hour begins.
pub(super) fn start_of(hour: Hour) -> Time {
    Time(hour.saturating_mul(HOUR))
}

/// What there is of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Files of the account and Region, by their names, or by their records where the names say
    /// nothing.
    Files,
    /// Records that name the account and Region themselves, wherever they lay.
    Events,
    /// Of those, KMS calls that change nothing: every use of a key is one.
    Reads,
    /// Of those, KMS calls that somebody made and that change something.
    Writes,
}

/// The hours of a day, one set of 24 bits for each [`Kind`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day([u32; 4]);

/// The bits of a day.
const ALL_DAY: u32 = (1 << 24) - 1;

impl Day {
    /// A day of these sets, one for each kind; a bit that is no hour's is left out.
    pub fn of_bits(bits: [u32; 4]) -> Day {
        Day(bits.map(|bits| bits & ALL_DAY))
    }

    /// The sets, one for each kind.
    pub fn bits(self) -> [u32; 4] {
        self.0
    }

    /// Adds an hour (0 to 23).
    pub fn set(&mut self, kind: Kind, hour: u32) {
        self.0[kind as usize] |= 1 << hour & ALL_DAY;
    }

    /// Whether it has an hour (0 to 23).
    fn has(self, kind: Kind, hour: u32) -> bool {
        self.0[kind as usize] >> hour & 1 == 1
    }

    fn merge(&mut self, other: Day) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine |= theirs & ALL_DAY;
        }
    }
}

/// Hours by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hours(pub(super) BTreeMap<i32, Day>);

/// The day of an hour, and the hour in it. Days since 1970-01-01.
pub fn split(hour: Hour) -> (i32, u32) {
    let day = hour.div_euclid(24);
    // Whatever a `Time` can hold is within the days that 32 bits can.
    let day = i32::try_from(day).unwrap_or(if day < 0 { i32::MIN } else { i32::MAX });
    (day, u32::try_from(hour.rem_euclid(24)).unwrap_or_default())
}

impl Hours {
    /// Adds hours of a day; `false` if a day was dropped for it.
    pub fn add(&mut self, day: i32, hours: Day) -> bool {
        self.0.entry(day).or_default().merge(hours);
        let kept = self.0.len() <= DAYS_MAX;
        if !kept {
            self.0.pop_first();
        }
        kept
    }

    /// Adds all hours of another; `false` if days were dropped for it.
    pub(super) fn merge(&mut self, other: &Hours) -> bool {
        other.0.iter().fold(true, |kept, (day, hours)| self.add(*day, *hours) && kept)
    }

    /// Every day, ascending.
    pub fn days(&self) -> impl Iterator<Item = (i32, Day)> {
        self.0.iter().map(|(day, hours)| (*day, *hours))
    }

    /// The hours of a kind within a range, ascending.
    pub fn of(&self, kind: Kind, range: Range<Hour>) -> impl DoubleEndedIterator<Item = Hour> {
        let days = match range.is_empty() {
            true => 0..0,
            false => split(range.start).0..split(range.end - 1).0.saturating_add(1),
        };
        let hours = move |(day, hours): (&i32, &Day)| {
            let (first, hours) = (i64::from(*day) * 24, *hours);
            (0..24).filter(move |hour| hours.has(kind, *hour)).map(move |h| first + i64::from(h))
        };
        let days = self.0.range(days).filter(move |(_, day)| day.0[kind as usize] != 0);
        days.flat_map(hours).filter(move |hour| range.contains(hour))
    }
}
