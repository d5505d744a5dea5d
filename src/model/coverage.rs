//! Which hours of each account and Region are in the logs.
//!
//! An hour without records was quiet, or its records are missing. Only the usual pattern tells which.
//! So the hours are kept as bits and carried from one run to the next: otherwise nobody would see a
//! gap between two runs.
//!
//! What must stay true: hours are sets, so order and copies change nothing, and merging is
//! commutative, associative and idempotent. Only counts add up; they belong to one run and are never
//! carried. Memory is bounded: the first accounts and Regions are kept, and the latest days of each.
//! [`Coverage::is_cut`] says that something is missing. What is carried is bounded too, and ages.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::time::Time;

/// Accounts and Regions that are kept: 500 accounts in all Regions, and then some.
pub const PLACES_MAX: usize = 10_000;

/// Days that are kept of one account and Region: ten years.
pub const DAYS_MAX: usize = 3_653;

/// For how many days before the last one the hours of an account and Region are carried from run to
/// run. What is usual is told by the week before a gap.
const CARRIED: i32 = 400;

/// Days of accounts and Regions that are carried: of 5,000 for more than a year. About 40 MB.
const CARRIED_MAX: usize = 1 << 21;

/// Microseconds in an hour.
const HOUR: i64 = 3_600_000_000;

/// Hours since 1970-01-01T00:00:00Z.
pub type Hour = i64;

/// The hour that a time lies in.
pub fn hour_of(time: Time) -> Hour {
    time.0.div_euclid(HOUR)
}

/// When an hour begins.
fn start_of(hour: Hour) -> Time {
    Time(hour.saturating_mul(HOUR))
}

/// An account in a Region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The account that the records were delivered to.
    pub account: String,
    /// The Region.
    pub region: String,
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
pub struct Hours(BTreeMap<i32, Day>);

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

    fn merge(&mut self, other: &Hours) -> bool {
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
        known.counts.files += seen.counts.files;
        known.counts.records += seen.counts.records;
        known.counts.kms_reads += seen.counts.kms_reads;
        known.counts.kms_writes += seen.counts.kms_writes;
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

    /// Adds all that another knows.
    pub fn merge(&mut self, other: Coverage) {
        self.cut |= other.cut;
        for (place, seen) in other.places {
            self.add(place, &seen);
        }
    }

    /// Adds what an earlier run knew: its hours, not its counts.
    pub fn merge_earlier(&mut self, earlier: &Coverage) {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(number: usize) -> Place {
        Place { account: format!("{number:012}"), region: "eu-west-1".into() }
    }

    fn seen(hours: &[Hour], kind: Kind) -> Seen {
        let mut seen = Seen { regional: true, ..Seen::default() };
        for hour in hours {
            let (day, hour) = split(*hour);
            let mut bits = Day::default();
            bits.set(kind, hour);
            seen.hours.add(day, bits);
        }
        seen
    }

    #[test]
    fn hours_come_back_within_any_range() {
        let hours = [-25, -24, -1, 0, 23, 24, 1_000_000];
        let all = seen(&hours, Kind::Reads).hours;
        let of = |range| all.of(Kind::Reads, range).collect::<Vec<_>>();
        assert_eq!(of(i64::MIN..i64::MAX), hours);
        assert_eq!(of(-24..24), [-24, -1, 0, 23]);
        assert_eq!(all.of(Kind::Reads, -24..24).next_back(), Some(23));
        assert_eq!(of(5..5), [0; 0]);
        assert_eq!(all.of(Kind::Files, i64::MIN..i64::MAX).count(), 0);
        let mut coverage = Coverage::default();
        coverage.add(place(1), &seen(&[5, 30], Kind::Files));
        coverage.add(place(2), &seen(&[40], Kind::Events));
        let since = |hour| coverage.read_since(start_of(hour)).len();
        assert_eq!((since(0), since(30), since(31)), (1, 1, 0));
        let ends = [Time(i64::MIN), Time(i64::MAX)].map(hour_of);
        assert_eq!(seen(&ends, Kind::Files).hours.of(Kind::Files, i64::MIN..i64::MAX).count(), 2);
    }

    #[test]
    fn what_is_kept_of_too_much_does_not_depend_on_the_order() {
        let days: Vec<Hour> = (0..DAYS_MAX as i64 + 2).map(|day| day * 24).collect();
        let turned: Vec<Hour> = days.iter().rev().copied().collect();
        let kept = |days: &[Hour]| {
            let mut coverage = Coverage::default();
            for day in days {
                coverage.add(place(0), &seen(&[*day], Kind::Files));
            }
            assert!(coverage.is_cut());
            coverage
        };
        assert_eq!(kept(&days), kept(&turned));
        let hours: Vec<Hour> = {
            let kept = kept(&days);
            let (_, seen) = kept.places().next().unwrap();
            seen.hours.of(Kind::Files, i64::MIN..i64::MAX).collect()
        };
        assert_eq!(hours, days[2..], "the latest");

        let one = seen(&[7], Kind::Files);
        let of = |numbers: &mut dyn Iterator<Item = usize>| {
            let mut coverage = Coverage::default();
            numbers.for_each(|number| coverage.add(place(number), &one));
            coverage
        };
        let (up, down) = (of(&mut (0..PLACES_MAX + 2)), of(&mut (0..PLACES_MAX + 2).rev()));
        assert!(up == down && up.is_cut() && up.places().count() == PLACES_MAX);
        assert!(!of(&mut (0..PLACES_MAX)).is_cut());
    }

    #[test]
    fn what_is_carried_ages_by_the_last_day_that_is_not_to_come() {
        let of = |days: &[i64]| {
            let hours: Vec<Hour> = days.iter().map(|day| day * 24).collect();
            let mut coverage = Coverage::default();
            coverage.add(place(0), &seen(&hours, Kind::Files));
            coverage.add(place(1), &seen(&hours[..1], Kind::Files));
            coverage
        };
        let kept = |days: &[i64], today| {
            let mut coverage = of(days);
            coverage.age(today);
            let days = |(place, seen): (&Place, &Seen)| {
                (place.account.clone(), seen.hours.days().map(|(day, _)| day).collect::<Vec<_>>())
            };
            coverage.places().map(days).map(|(_, days)| days).collect::<Vec<_>>()
        };
        assert_eq!(kept(&[1_000, 1_400], 2_000), [vec![1_000, 1_400], vec![1_000]]);
        assert_eq!(kept(&[999, 1_400], 2_000), [vec![1_400]], "a place without days is none");
        assert_eq!(kept(&[1_000, 1_400, 9_999], 1_400)[0], [1_000, 1_400, 9_999]);
        assert_eq!(kept(&[1_000, 1_400], 900)[0], [1_000, 1_400], "the clock is wrong");
        let mut none = Coverage::default();
        none.age(0);
        assert_eq!(none, Coverage::default());
    }

    #[test]
    fn what_is_carried_is_bounded() {
        let hours: Vec<Hour> = (1_000..1_400).map(|day| day * 24).collect();
        let seen = seen(&hours, Kind::Files);
        let places = CARRIED_MAX / hours.len() + 100;
        let mut coverage = Coverage::default();
        (0..places).for_each(|number| coverage.add(place(number), &seen));
        coverage.age(1_399);
        let days: usize = coverage.places().map(|(_, seen)| seen.hours.days().count()).sum();
        assert!(days <= CARRIED_MAX && days + places > CARRIED_MAX, "{days}");
        assert!(
            coverage.places().all(|(_, seen)| seen
                .hours
                .days()
                .last()
                .is_some_and(|(day, _)| day == 1_399))
        );
        assert!(!coverage.is_cut());
    }

    proptest! {
        /// Whatever way parts are merged, the hours are the same; and so they are after a journey
        /// as text.
        #[test]
        fn merging_is_a_union_and_survives_being_carried(
            parts in prop::collection::vec((0..4usize, -60..200i64, 0..4usize), 0..40),
            turn in 0..40usize,
        ) {
            let kinds = [Kind::Files, Kind::Events, Kind::Reads, Kind::Writes];
            let of = |parts: &[(usize, i64, usize)]| {
                let mut coverage = Coverage::default();
                for (at, hour, kind) in parts {
                    coverage.add(place(*at), &seen(&[*hour], kinds[*kind]));
                }
                coverage
            };
            let whole = of(&parts);
            let (left, right) = parts.split_at(turn % (parts.len() + 1));
            let mut merged = of(right);
            merged.merge(of(left));
            merged.merge(of(left));
            prop_assert_eq!(&merged, &whole);
            let text = serde_json::to_string(&whole).unwrap();
            let carried: Coverage = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&carried, &whole);
            let mut later = of(left);
            later.merge_earlier(&carried);
            prop_assert_eq!(&later, &whole);
        }
    }
}
