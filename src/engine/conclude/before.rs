//! What earlier runs have seen principals do, as rules that ask for it see it, and what the next run
//! gets to know.
//!
//! A rule over many records tells what is usual by days. A run that goes on from others reads one day,
//! and their records are gone. So of each principal some words are left, with the days on which they
//! held: the networks and programs it calls from, the days on which it looked around. What must stay
//! true: they are few and bounded, and only ever make something usual that earlier runs have seen.

use std::collections::{BTreeMap, HashMap};

use crate::engine::plan::Plan;
use crate::engine::store::hash::HashKey;
use crate::model::days::{Day, Days};
use crate::model::memory::{Habit, Id};

/// How many habits the next run gets; of more, those that were met last.
pub const MOST: usize = 1 << 18;

/// For how many days a habit is known that is not met again.
const KNOWN_DAYS: u16 = 90;

/// Habits of earlier runs.
#[derive(Debug, Default)]
pub struct Before {
    of: HashMap<Id, Vec<Habit>>,
    /// Whether there is to be a next run.
    pub wanted: bool,
}

impl Before {
    /// What the runs before this one have left.
    pub fn of_plan(plan: &Plan) -> Before {
        let mut before = Before { wanted: plan.past.is_some(), ..Before::default() };
        for habit in plan.past.iter().flat_map(|past| &past.memory.habits) {
            before.of.entry(habit.of).or_default().push(habit.clone());
        }
        before
    }

    /// Those of one part of a rule.
    pub fn habits(&self, of: Id) -> &[Habit] {
        self.of.get(&of).map_or(&[], Vec::as_slice)
    }
}

/// By what the habits of one part of a rule are known.
pub fn id(key: HashKey, rule: &str, part: [u64; 2]) -> Id {
    key.long(&[rule.as_bytes(), &part[0].to_le_bytes(), &part[1].to_le_bytes()])
}

/// What the next run gets: what was known and what is new, but for what is too old. How many have no
/// room.
pub fn hand_on(before: Before, new: Vec<Habit>, today: Day) -> (Vec<Habit>, usize) {
    let mut all: BTreeMap<(Id, String), (Days, Day)> = BTreeMap::new();
    for Habit { of, value, days, last } in before.of.into_values().flatten().chain(new) {
        let known = all.entry((of, value)).or_insert((days, last));
        known.0.merge(days);
        known.1 = known.1.max(last);
    }
    all.retain(|_, (_, last)| today.since(*last) <= KNOWN_DAYS);
    let habit = |((of, value), (days, last))| Habit { of, value, days, last };
    let mut all: Vec<Habit> = all.into_iter().map(habit).collect();
    let too_many = all.len().saturating_sub(MOST);
    if too_many > 0 {
        all.sort_by(|one, other| (other.last, other).cmp(&(one.last, one)));
        all.truncate(MOST);
        all.sort();
    }
    (all, too_many)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Time;

    fn day(day: i64) -> Day {
        Day::of(Time(day * 86_400_000_000))
    }

    fn habit(of: u64, value: &str, on: i64) -> Habit {
        Habit { of: [of, 0], value: value.into(), days: Days::of(day(on)), last: day(on) }
    }

    fn before(habits: Vec<Habit>) -> Before {
        let mut before = Before { wanted: true, ..Before::default() };
        habits.into_iter().for_each(|habit| before.of.entry(habit.of).or_default().push(habit));
        before
    }

    #[test]
    fn days_add_up_and_what_is_old_goes() {
        let known = vec![habit(1, "a", 100), habit(1, "b", 100), habit(2, "a", 9)];
        let (all, too_many) = hand_on(before(known), vec![habit(1, "a", 103)], day(105));
        let mut days = Days::of(day(100));
        days.add(day(103));
        let a = Habit { days, last: day(103), ..habit(1, "a", 100) };
        assert_eq!((all, too_many), (vec![a, habit(1, "b", 100)], 0));
    }

    #[test]
    fn of_too_many_the_latest_stay() {
        let known: Vec<Habit> = (0..MOST as u64).map(|of| habit(of, "a", 100)).collect();
        let (all, too_many) = hand_on(before(known), vec![habit(9, "new", 101)], day(101));
        assert_eq!((all.len(), too_many), (MOST, 1));
        assert!(all.contains(&habit(9, "new", 101)));
    }
}
