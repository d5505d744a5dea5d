//! Where principals read, on which days: what is usual for each.
//!
//! What must stay true: the days do not depend on the order of records, nor on how they were split.
//! Only principals that read enough to be judged have an entry, so that a million others take no room.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::engine::store::dictionary::{Same, Sym};
use crate::model::days::{Day, Days};

/// Stands for all containers of a principal together.
const ANYWHERE: Sym = 0;

/// The days on which principals read, by container.
#[derive(Debug, Default)]
pub struct Habits {
    days: HashMap<u64, Days, BuildHasherDefault<Same>>,
    /// The first day and the last of what was seen, by whomever.
    range: Option<(Day, Day)>,
}

/// The entry of a principal and a container. Both are keyed hashes.
fn entry(principal: [u64; 2], container: Sym) -> u64 {
    // The halves must not cancel each other out.
    (principal[0].rotate_left(29) ^ container).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ principal[1].rotate_left(7)
}

/// Entries, each with its days as a number, and the first day and the last of all records.
pub type KnownDays = (Vec<(u64, u64)>, Option<(u16, u16)>);

impl Habits {
    /// Says that a principal read in a container on some days. A principal goes by the hash of its
    /// account and its name.
    pub fn add(&mut self, principal: [u64; 2], container: Sym, days: Days) {
        self.days.entry(entry(principal, container)).or_default().merge(days);
        self.days.entry(entry(principal, ANYWHERE)).or_default().merge(days);
    }

    /// Says that there are records of these days.
    pub fn span(&mut self, days: Days) {
        for day in days.all() {
            let (first, last) = self.range.unwrap_or((day, day));
            self.range = Some((first.min(day), last.max(day)));
        }
    }

    /// All entries with their days, and the first day and the last, as [`add_known`](Habits::add_known) takes
    /// them.
    pub fn known(&self) -> KnownDays {
        let mut all: Vec<(u64, u64)> =
            self.days.iter().map(|(entry, days)| (*entry, days.to_number())).collect();
        all.sort_unstable();
        (all, self.range.map(|(first, last)| (first.to_number(), last.to_number())))
    }

    /// Adds what [`known`](Habits::known) gave.
    pub fn add_known(&mut self, entries: &[(u64, u64)], days: Option<(u16, u16)>) {
        for (entry, days) in entries {
            self.days.entry(*entry).or_default().merge(Days::from_number(*days));
        }
        for day in days.into_iter().flat_map(|(first, last)| [first, last]) {
            self.span(Days::of(Day::from_number(day)));
        }
    }

    /// Adds what others have seen.
    pub fn merge(&mut self, other: Habits) {
        for (entry, days) in other.days {
            self.days.entry(entry).or_default().merge(days);
        }
        if let Some((first, last)) = other.range {
            self.span(Days::of(first));
            self.span(Days::of(last));
        }
    }

    /// Whether a principal read in a container on an earlier day. Of a principal that did not read
    /// before, any other day counts: nobody knows what was before the log.
    pub fn knows(&self, principal: [u64; 2], container: Sym, day: Day) -> bool {
        let of = |container| self.days.get(&entry(principal, container)).copied();
        let is_first = !of(ANYWHERE).is_some_and(|days| days.has_before(day));
        let days = of(container).unwrap_or_default();
        if is_first { days.others(day) > 0 } else { days.has_before(day) }
    }

    /// On how many other days a principal read anything, counted up to three.
    pub fn other_days(&self, principal: [u64; 2], day: Day) -> usize {
        self.others(principal, ANYWHERE, day)
    }

    fn others(&self, principal: [u64; 2], container: Sym, day: Day) -> usize {
        self.days.get(&entry(principal, container)).map_or(0, |days| days.others(day))
    }

    /// The days of which there are records: from the first to the last, and before a day.
    pub fn log_days(&self, day: Day) -> (u16, u16) {
        let (first, last) = self.range.unwrap_or((day, day));
        (last.max(day).since(first.min(day)) + 1, day.since(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Time;

    #[test]
    fn days_are_told_by_principal_and_container() {
        let day = |day: i64| Day::of(Time(day * 86_400_000_000));
        let (ana, ben) = ([1, 2], [2, 1]);
        let mut one = Habits::default();
        one.add(ana, 7, Days::of(day(3)));
        one.span(Days::of(day(3)));
        let mut other = Habits::default();
        other.add(ana, 8, Days::of(day(5)));
        other.span(Days::of(day(9)));
        one.merge(other);
        assert!(one.knows(ana, 7, day(4)) && !one.knows(ana, 7, day(3)));
        assert!(one.knows(ana, 8, day(3)), "the first day is judged by later ones");
        assert!(!one.knows(ana, 8, day(4)), "others by earlier ones");
        assert!(!one.knows(ben, 7, day(4)) && !one.knows(ana, 9, day(4)));
        assert_eq!(one.other_days(ana, day(3)), 1);
        assert_eq!(one.other_days(ana, day(4)), 2);
        assert_eq!(one.log_days(day(5)), (7, 2));
        assert_eq!(Habits::default().log_days(day(5)), (1, 0));
    }
}
