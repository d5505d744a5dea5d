//! Marks of one day that say the same, added up before they become notes: one principal may make a
//! million calls a day, and a history that asks from where wants to know of one.
//!
//! What must stay true: of a sum the earliest record is told, whatever the order in which records
//! come. How many there are is not counted, since copies are not known here.

use std::collections::HashMap;
use std::io;

use super::stateful::note::{Note, NoteText, Notes};
use crate::engine::store::hash::HashKey;
use crate::engine::store::texts::TextAt;
use crate::model::days::Day;
use crate::model::time::Time;

/// So many sums are held; more become notes, and what comes after begins again.
const HELD: usize = 1 << 16;

/// What makes marks the same: rule, part, kind, value and day.
type SumKey = (u32, [u64; 2], u32, u64, Day);

/// Marks of one day that say the same.
#[derive(Debug)]
struct Sum {
    /// The earliest record; of several of one time that of the smallest id.
    note: Note,
    value: String,
    /// Microseconds since 1970.
    last: i64,
    reported: bool,
    recalled: bool,
}

/// Marks that are added up.
#[derive(Debug, Default)]
pub struct Sums(HashMap<SumKey, Sum>);

impl Sums {
    /// Adds a mark. `note` has its rule, part and kind; `last` is the time of the last use that it
    /// stands for.
    pub fn add(&mut self, key: HashKey, note: Note, value: &str, last: i64) {
        let of_value = key.short(value.as_bytes());
        let day = Day::of(Time(note.time));
        let sum = self.0.entry((note.rule, note.part, note.kind, of_value, day));
        let sum = sum.or_insert_with(|| Sum {
            note,
            value: value.to_owned(),
            last,
            reported: false,
            recalled: false,
        });
        sum.last = sum.last.max(last);
        sum.reported |= note.reported;
        sum.recalled |= note.recalled;
        let order = |note: &Note| (note.time, note.identity, note.content);
        if order(&note) < order(&sum.note) {
            sum.note = note;
        }
    }

    /// Whether there is no room for more.
    pub fn is_full(&self) -> bool {
        self.0.len() >= HELD
    }

    /// Makes notes of what was added up. `stage` tells when a rule decides.
    ///
    /// # Errors
    /// When a temporary file cannot be written.
    pub fn leave(&mut self, notes: &mut Notes, stage: impl Fn(u32) -> usize) -> io::Result<()> {
        for (_, sum) in self.0.drain() {
            let Sum { note, value, last, reported, recalled } = sum;
            let text = NoteText { value, uses: Some((last, 1)), by: Vec::new() };
            let text: TextAt = text.add(&mut notes.texts)?;
            notes.push(stage(note.rule), Note { reported, recalled, text, ..note });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::conclude::stateful::note::Behind;
    use crate::engine::store::runs::RowAt;
    use crate::engine::store::texts::NOWHERE;

    fn note(time: i64, id: u64) -> Note {
        Note {
            rule: 1,
            part: [2, 3],
            time,
            identity: [id, 0],
            content: id,
            kind: 0,
            value: 0,
            container: 0,
            reported: id == 3,
            recalled: false,
            group: [0, 0],
            place: (0, id),
            behind: Behind::Use(RowAt(id)),
            text: NOWHERE,
        }
    }

    fn left(all: &[(i64, u64)]) -> Vec<(u64, bool, u64, i64)> {
        let mut sums = Sums::default();
        for (time, id) in all {
            sums.add(HashKey::of_seed(1), note(*time, *id), "v", *time);
        }
        let mut notes = Notes::new(1, 100, 1);
        sums.leave(&mut notes, |_| 0).unwrap();
        let mut rows = Vec::new();
        for shard in notes.stages.remove(0).into_shards() {
            shard.each(|note| rows.push((note.identity[0], note.reported, note.text))).unwrap();
        }
        let mut block = Default::default();
        let texts = notes.texts;
        let mut all = crate::engine::store::texts::AllTexts::default();
        all.add(texts);
        let mut told: Vec<_> = rows
            .into_iter()
            .map(|(id, reported, at)| {
                let text = NoteText::read(&all.get(at, &mut block).unwrap());
                let (last, count) = text.uses.unwrap();
                (id, reported, count, last)
            })
            .collect();
        told.sort_unstable();
        told
    }

    #[test]
    fn the_earliest_record_of_a_day_stands_for_all() {
        const DAY: i64 = 86_400_000_000;
        let all = [(9, 1), (5, 2), (7, 3), (DAY + 1, 4)];
        let expected = [(2, true, 1, 9), (4, false, 1, DAY + 1)];
        assert_eq!(left(&all), expected);
        let turned: Vec<(i64, u64)> = all.into_iter().rev().collect();
        assert_eq!(left(&turned), expected);
        // Of one second the smallest id stands.
        assert_eq!(left(&[(5, 2), (5, 1), (6, 3)]), [(1, true, 1, 6)]);
    }
}
