//! One record as a rule over many sees it: its copies and its several values taken together.

use super::note::Note;
use crate::engine::store::dictionary::Sym;

/// A record. What most records have once is in the note, so that it takes no room of its own.
#[derive(Debug, Clone)]
pub struct Unit {
    /// The first of its notes.
    pub note: Note,
    /// Further steps that it makes.
    more_steps: Vec<u32>,
    /// Further values that it adds.
    more_values: Vec<(u64, Sym)>,
    /// Further findings of single records that it is.
    more_groups: Vec<[u64; 2]>,
    /// Where its copies were read.
    more_places: Vec<(u64, u64)>,
}

impl Unit {
    /// A record of which one note is known.
    pub fn new(note: Note) -> Unit {
        Unit {
            note,
            more_steps: Vec::new(),
            more_values: Vec::new(),
            more_groups: Vec::new(),
            more_places: Vec::new(),
        }
    }

    /// Whether a note is of the same record.
    pub fn is(&self, note: &Note) -> bool {
        self.note.identity == note.identity && self.note.content == note.content
    }

    /// Takes in another note of it.
    pub fn add(&mut self, note: &Note) {
        let known = &mut self.note;
        known.reported |= note.reported;
        known.recalled |= note.recalled;
        push(&mut self.more_steps, known.kind, note.kind);
        let read = (known.value, known.container);
        push(&mut self.more_values, read, (note.value, note.container));
        push(&mut self.more_groups, known.group, note.group);
        push(&mut self.more_places, known.place, note.place);
    }

    /// The same record with only these values.
    pub fn of_values(&self, values: &[u64]) -> Unit {
        let first = values.first().copied().unwrap_or_default();
        let mut unit = Unit::new(Note { value: first, ..self.note });
        unit.more_values = values.iter().skip(1).map(|value| (*value, 0)).collect();
        unit
    }

    /// The steps that it makes.
    pub fn steps(&self) -> impl Iterator<Item = u32> {
        std::iter::once(self.note.kind).chain(self.more_steps.iter().copied())
    }

    /// The values that it adds.
    pub fn values(&self) -> impl Iterator<Item = u64> {
        self.reads().map(|(value, _)| value)
    }

    /// The values that it adds, each with what it lies in.
    pub fn reads(&self) -> impl Iterator<Item = (u64, Sym)> {
        let first = (self.note.value, self.note.container);
        let all = std::iter::once(first).chain(self.more_values.iter().copied());
        all.filter(|(value, _)| *value != 0)
    }

    /// The findings of single records that it is, as far as the rule may change them.
    pub fn groups(&self) -> impl Iterator<Item = [u64; 2]> {
        let all = std::iter::once(self.note.group).chain(self.more_groups.iter().copied());
        all.filter(|group| *group != [0, 0])
    }

    /// Where it and its copies were read.
    pub fn places(&self) -> impl Iterator<Item = (u64, u64)> {
        std::iter::once(self.note.place).chain(self.more_places.iter().copied())
    }
}

/// Adds a value that is not the one before it. Notes of one record are sorted, so that the same
/// values mostly follow each other; one that comes again changes nothing.
fn push<T: PartialEq>(more: &mut Vec<T>, first: T, value: T) {
    if value != first && more.last() != Some(&value) {
        more.push(value);
    }
}
