//! The different values that a finding counts, so that it can name them: secrets that were read, keys
//! that were probed.
//!
//! Records come in the order of time, and of each value the first is remembered: a few words. The texts
//! are read when the finding is told. What must stay true: what is named, and how often it was there, is
//! exact; only how many there are may be said as `at least`.

use std::io;

use super::decide::Desk;
use super::named::{Named, ValueText};
use super::note::Behind;
use super::unit::Unit;
use crate::detect::field::values;
use crate::detect::stateful::{Correlation, Kind};
use crate::engine::store::dictionary::sym;
use crate::engine::store::texts::{NOWHERE, TextAt};
use crate::model::level::Level;
use foldhash::HashMap;

/// So many different values a finding counts.
const COUNTED: usize = 1 << 14;
/// So many it names,
const NAMED: usize = 100;
/// and so many if its level is below medium.
const NAMED_BELOW: usize = 10;
/// Of those that were first seen in one second so many are looked at, since their texts decide.
const LOOKED_AT: usize = 1 << 12;

/// A value: how many records have it, and the first of them.
#[derive(Debug, Clone, Copy)]
struct Seen {
    count: u64,
    time: i64,
    behind: Behind,
}

/// The different values of some records.
#[derive(Debug, Clone, Default)]
pub struct Distinct {
    seen: HashMap<u64, Seen>,
    /// Whether there are more than are counted.
    more: bool,
}

impl Distinct {
    /// Takes in the values of a record.
    pub fn add(&mut self, unit: &Unit) {
        let (time, behind) = (unit.note.time, unit.note.behind);
        unit.values().for_each(|value| self.note(value, Seen { count: 1, time, behind }));
    }

    /// Takes in the values of other records.
    pub fn merge(&mut self, other: &Distinct) {
        self.more |= other.more;
        other.seen.iter().for_each(|(value, seen)| self.note(*value, *seen));
    }

    fn note(&mut self, value: u64, seen: Seen) {
        let has_room = self.seen.len() < COUNTED;
        match self.seen.get_mut(&value) {
            Some(known) => {
                let first = if seen.time < known.time { seen } else { *known };
                *known = Seen { count: known.count + seen.count, ..first };
            }
            None if has_room => drop(self.seen.insert(value, seen)),
            None => self.more = true,
        }
    }

    /// The first `most` values, and those that were first seen with the last of them.
    fn first(&self, most: usize) -> Vec<(u64, Seen)> {
        let mut all: Vec<(u64, Seen)> = self.seen.iter().map(|(v, seen)| (*v, *seen)).collect();
        all.sort_unstable_by_key(|(_, seen)| seen.time);
        if let Some(last) = all.get(most - 1).map(|(_, seen)| seen.time) {
            all.truncate(all.partition_point(|(_, seen)| seen.time <= last));
            // Which of too many of one second come first, their texts alone would tell.
            if all.len() > LOOKED_AT {
                all.truncate(all.partition_point(|(_, seen)| seen.time < last));
            }
        }
        all
    }
}

impl Desk<'_> {
    /// The values that a finding of a correlation counts and names; fewer of one that matters less.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn named_values(
        &mut self,
        correlation: &Correlation,
        distinct: &Distinct,
        level: Level,
    ) -> io::Result<Named> {
        let Kind::ValueCount(_, fields) = &correlation.kind else { return Ok(Named::default()) };
        let most = if level >= Level::Medium { NAMED } else { NAMED_BELOW };
        let mut values = Vec::new();
        for (value, Seen { count, time, behind }) in distinct.first(most) {
            let text = match behind {
                Behind::Use(at) => Some(ValueText::At(self.bench.uses.row(at)?.text))
                    .filter(|text| *text != ValueText::At(NOWHERE)),
                Behind::Text(at) => self.text_of(value, at, fields)?.map(ValueText::Known),
            };
            values.extend(text.map(|text| (time, text, count)));
        }
        Ok(Named { values, most, count: distinct.seen.len(), more: distinct.more })
    }

    /// The text of a value that a kept record has.
    fn text_of(&mut self, value: u64, at: TextAt, fields: &[String]) -> io::Result<Option<String>> {
        let key = self.bench.context.key;
        self.of_record(at, |record| {
            let all = values(record.view.event(), &record.view, fields);
            all.into_iter().flatten().find(|text| sym(key, text.as_bytes()) == value)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::conclude::stateful::note::Note;
    use crate::engine::partial::key_use::KeyUse;
    use crate::engine::store::runs::RowAt;

    fn unit(value: u64, time: i64) -> Unit {
        Unit::new(Note { value, time, ..Note::of_row(&KeyUse::empty(), RowAt(0)) })
    }

    #[test]
    fn values_are_counted_and_the_first_are_named() {
        let mut all = Distinct::default();
        [(7, 3), (8, 4), (7, 5)].iter().for_each(|(value, time)| all.add(&unit(*value, *time)));
        let mut more = Distinct::default();
        more.add(&unit(8, 1));
        all.merge(&more);
        let first: Vec<_> =
            all.first(NAMED).iter().map(|(v, seen)| (*v, seen.count, seen.time)).collect();
        assert_eq!(first, [(8, 2, 1), (7, 2, 3)]);
    }

    #[test]
    fn too_many_are_said_and_no_more_held() {
        let mut all = Distinct::default();
        (0..COUNTED as u64 + 5).for_each(|value| all.add(&unit(value + 1, value as i64)));
        assert!(all.more && all.seen.len() == COUNTED);
        assert_eq!(all.first(NAMED).len(), NAMED);
    }

    #[test]
    fn of_too_many_of_one_second_none_is_named_at_random() {
        let mut all = Distinct::default();
        all.add(&unit(1, 1));
        (0..LOOKED_AT as u64 + 1).for_each(|value| all.add(&unit(value + 2, 5)));
        assert_eq!(all.first(NAMED).len(), 1);
    }
}
