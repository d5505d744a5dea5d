//! On which days something was seen, in eight bytes.
//!
//! Only the four earliest days are kept, which is enough to tell whether something was seen on one,
//! two or three days other than a given one. What must stay true: days come in any order and any
//! number of times, and give the same.

use super::time::Time;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// What was seen on so many days is routine: two beside each.
const ROUTINE: usize = 3;

/// A day in UTC: days since 1970, from 1 on. Times before are the first day, times after the year
/// 2149 the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u16);

impl Day {
    /// The day of a time.
    pub fn of(time: Time) -> Day {
        let days = time.0.div_euclid(DAY).clamp(0, i64::from(u16::MAX) - 1);
        Day(u16::try_from(days + 1).unwrap_or(u16::MAX))
    }

    /// As a number, for [`from_number`](Day::from_number).
    pub fn to_number(self) -> u16 {
        self.0
    }

    /// The day of a number that [`to_number`](Day::to_number) gave.
    pub fn from_number(number: u16) -> Day {
        Day(number.max(1))
    }

    /// How many days later than another it is; 0 if it is none.
    pub fn since(self, other: Day) -> u16 {
        self.0.saturating_sub(other.0)
    }
}

/// The earliest days on which something was seen, four at most, in order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Days([u16; Days::MOST]);

impl Days {
    /// How many days are kept.
    pub const MOST: usize = 4;

    /// One day.
    pub fn of(day: Day) -> Days {
        Days([day.0, 0, 0, 0])
    }

    /// The days of two times.
    pub fn of_times(one: Time, other: Time) -> Days {
        let mut days = Days::of(Day::of(one));
        days.add(Day::of(other));
        days
    }

    /// Adds a day.
    pub fn add(&mut self, Day(day): Day) {
        let Some(at) = self.0.iter().position(|known| *known == 0 || *known >= day) else { return };
        if self.0[at] != day {
            self.0[at..].rotate_right(1);
            self.0[at] = day;
        }
    }

    /// Adds the days of another.
    pub fn merge(&mut self, other: Days) {
        other.all().for_each(|day| self.add(day));
    }

    /// The days, the earliest first.
    pub fn all(self) -> impl Iterator<Item = Day> {
        self.0.into_iter().filter(|day| *day != 0).map(Day)
    }

    /// Whether it was seen on two other days, whichever day one looks from.
    pub fn is_routine(self) -> bool {
        self.all().count() >= ROUTINE
    }

    /// The days as a number, for [`from_number`](Days::from_number).
    pub fn to_number(self) -> u64 {
        self.0.iter().fold(0, |number, day| number << 16 | u64::from(*day))
    }

    /// The days of a number that [`to_number`](Days::to_number) gave.
    pub fn from_number(number: u64) -> Days {
        let mut days = Days::default();
        for at in (0..Days::MOST).rev() {
            let day = u16::try_from(number >> (16 * at) & 0xffff).unwrap_or_default();
            if day != 0 {
                days.add(Day(day));
            }
        }
        days
    }

    /// The first day.
    pub fn first(self) -> Option<Day> {
        self.all().next()
    }

    /// Whether there is an earlier day.
    pub fn has_before(self, day: Day) -> bool {
        self.first().is_some_and(|first| first < day)
    }

    /// How many days there are other than this one, counted up to three.
    pub fn others(self, day: Day) -> usize {
        self.all().filter(|known| *known != day).count().min(Days::MOST - 1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn other_days_are_counted_as_a_set_counts_them(
            seen in prop::collection::vec(0..9u8, 0..12), split in 0..12usize, asked in 0..9u8,
        ) {
            let day = |day: u8| Day::of(Time(i64::from(day) * DAY + 7));
            let (mut some, mut more) = (Days::default(), Days::default());
            for (at, seen) in seen.iter().enumerate() {
                if at < split { some.add(day(*seen)) } else { more.add(day(*seen)) }
            }
            more.merge(some);
            let set: BTreeSet<u8> = seen.iter().copied().collect();
            let others = set.iter().filter(|seen| **seen != asked).count();
            prop_assert_eq!(more.others(day(asked)), others.min(3));
            prop_assert_eq!(more.is_routine(), set.len() >= 3);
            prop_assert_eq!(Days::from_number(more.to_number()), more);
            prop_assert_eq!(more.first(), set.first().map(|first| day(*first)));
        }
    }

    #[test]
    fn times_outside_of_the_calendar_have_a_day() {
        assert_eq!(Day::of(Time(i64::MIN)), Day::of(Time(0)));
        assert!(Day::of(Time(i64::MAX)) > Day::of(Time(0)));
        assert_eq!(Day::of(Time(3 * DAY)).since(Day::of(Time(DAY + 9))), 2);
        assert_eq!(Day::of(Time(0)).since(Day::of(Time(DAY))), 0);
    }
}
