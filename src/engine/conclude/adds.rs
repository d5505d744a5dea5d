//! What each row adds to its kind of use, so that each record counts once: copies, what earlier runs
//! have counted, and what was read again.
//!
//! What must stay true: the rows of one record come one after the other, and their order does not
//! matter.

use std::collections::HashMap;

use crate::engine::partial::key_use::{KeyUse, flag};
use crate::engine::partial::uses::RecordId;
use crate::model::time::Time;

/// What was met of the record at hand, of which copies may follow.
#[derive(Debug, Clone, Copy, Default)]
pub struct Met {
    /// One that stands for several uses.
    stands: bool,
    /// One that was read,
    read: bool,
    /// and was counted as new.
    new: bool,
}

/// What rows add to a kind of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adds {
    /// The time of the last use.
    pub last: Time,
    /// How many are new; below zero where one was counted that earlier runs know.
    new: i64,
    /// How many earlier runs have counted.
    before: u64,
    /// How many of theirs were read again, which may be the same.
    again: u64,
}

impl Adds {
    /// Adds what another row adds.
    pub fn merge(&mut self, other: Adds) {
        self.last = self.last.max(other.last);
        self.new = self.new.saturating_add(other.new);
        self.before = self.before.saturating_add(other.before);
        self.again += other.again;
    }

    /// How many uses there are, if this is all.
    pub fn count(self) -> u64 {
        self.before.max(self.again).saturating_add_signed(self.new).max(1)
    }
}

impl Adds {
    /// What the row of a kind adds that a bucket has left.
    pub fn left(row: &KeyUse) -> Adds {
        let (count, last) = row.stands_for();
        let new = i64::try_from(count).unwrap_or(i64::MAX);
        Adds { last: Time(last), new, before: 0, again: 0 }
    }
}

impl Met {
    /// What a row adds; nothing if it waits for a window, as another one stands for the use. `is_copy`
    /// if it is of the same record as the last one. `stand_for`: of records that stand for several
    /// uses the time of the last, and how many.
    pub fn adds(
        &mut self,
        row: &KeyUse,
        is_copy: bool,
        stand_for: &HashMap<RecordId, (Time, u64)>,
    ) -> Option<Adds> {
        if !is_copy {
            *self = Met::default();
        }
        let met = *self;
        let none = Adds { last: Time(row.time), new: 0, before: 0, again: 0 };
        if row.is(flag::OF_WINDOW) {
            return None;
        }
        if row.is(flag::STANDS_FOR) {
            let known = stand_for.get(&(row.id, row.content)).copied();
            let (last, before) = known.unwrap_or((none.last, 1));
            self.stands = true;
            // The first of the uses that it stands for may have been read too.
            return Some(Adds { last, new: -i64::from(met.new), before, ..none });
        }
        self.read = true;
        Some(match (met.read, row.is(flag::RECALLED)) {
            (true, _) => none,
            (false, true) => Adds { again: 1, ..none },
            (false, false) => {
                self.new = !met.stands;
                Adds { new: i64::from(!met.stands), ..none }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many uses the rows of records make: each record its rows, by their flags.
    fn count(records: &[&[u64]]) -> u64 {
        let mut stand_for = HashMap::new();
        let (mut met, mut all) = (Met::default(), None::<Adds>);
        for (number, rows) in (0..).zip(records) {
            for (copy, flags) in rows.iter().enumerate() {
                let mut row = KeyUse::empty();
                row.id = [number, 0];
                stand_for.insert((row.id, 0), (Time(9), 5));
                let adds = met.adds(&row.at(0, 0, *flags), copy > 0, &stand_for);
                match (&mut all, adds) {
                    (Some(all), Some(adds)) => all.merge(adds),
                    (all, adds) => *all = all.or(adds),
                }
            }
        }
        all.map_or(0, Adds::count)
    }

    #[test]
    fn each_record_counts_once_in_any_order_of_its_rows() {
        const NEW: u64 = flag::REPORTED;
        const AGAIN: u64 = flag::RECALLED;
        const WINDOW: u64 = flag::RECALLED | flag::OF_WINDOW;
        const STANDS: u64 = flag::RECALLED | flag::STANDS_FOR;
        assert_eq!(count(&[&[NEW, NEW], &[NEW]]), 2);
        assert_eq!(count(&[&[WINDOW, STANDS], &[NEW]]), 6);
        assert_eq!(count(&[&[STANDS, WINDOW]]), 5);
        // A copy that is delivered when nobody knows the record any more.
        assert_eq!((count(&[&[NEW, STANDS]]), count(&[&[STANDS, NEW, NEW]])), (5, 5));
        // Read again: all of them, one of them, none that earlier runs know of.
        let all: [&[u64]; 5] = [&[STANDS, AGAIN], &[AGAIN], &[AGAIN, AGAIN], &[AGAIN], &[AGAIN]];
        assert_eq!(count(&all), 5);
        assert_eq!((count(&[&[AGAIN, STANDS]]), count(&[&[STANDS, AGAIN], &[NEW]])), (5, 6));
        assert_eq!(count(&[&[AGAIN], &[AGAIN], &[NEW]]), 3);
    }
}
