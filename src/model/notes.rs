//! What a run says of its input that is no problem: all of it was read, and not all of it is as usual.
//!
//! A note is a sentence about many records, told once, with their number and the first place of one.
//! What must stay true: memory is bounded, and neither the sentences nor their order, numbers and places
//! depend on who read what first.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::origin::Origin;

/// A sentence about records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RunNote {
    /// What is to be known of them.
    pub message: String,
    /// How many records it is about, copies too; 0 if it is not about records.
    pub records: u64,
    /// The first place of one: of all such places the smallest.
    pub origin: Origin,
}

impl fmt::Display for RunNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RunNote { message, records, origin } = self;
        match records {
            0 => write!(f, "{message} ({origin})"),
            1 => write!(f, "{message} (1 record, {origin})"),
            _ => write!(f, "{message} ({records} records, first {origin})"),
        }
    }
}

/// The notes of a run: the smallest sentences are kept.
#[derive(Debug, Default)]
pub struct RunNotes {
    /// The number and the smallest place of each sentence.
    all: BTreeMap<String, (u64, Origin)>,
    /// Whether there were more than are kept.
    cut: bool,
}

impl RunNotes {
    /// So many different sentences are kept. Few exist, unless somebody makes them up.
    pub const LIMIT: usize = 20;

    /// No sentence is longer than so many characters.
    pub const LONGEST: usize = 600;

    /// Says it of so many records, of which this is the first place.
    pub fn add(&mut self, message: &str, records: u64, origin: Origin) {
        let end = message.char_indices().nth(Self::LONGEST).map_or(message.len(), |(at, _)| at);
        let message = &message[..end];
        match self.all.get_mut(message) {
            Some((number, first)) => {
                *number = number.saturating_add(records);
                if origin < *first {
                    *first = origin;
                }
            }
            // What is cut off once never comes back: those that are kept only become smaller.
            None => {
                self.all.insert(message.to_owned(), (records, origin));
                while self.all.len() > Self::LIMIT {
                    self.all.pop_last();
                    self.cut = true;
                }
            }
        }
    }

    /// Each sentence with the number and the smallest place of its records.
    pub fn rows(&self) -> impl Iterator<Item = (&str, u64, &Origin)> {
        self.all.iter().map(|(message, (records, origin))| (message.as_str(), *records, origin))
    }

    /// Whether there were more sentences than are kept.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// Notes that there were more sentences than are kept.
    pub fn cut(&mut self) {
        self.cut = true;
    }

    /// Adds another worker's, or another report's.
    pub fn merge(&mut self, other: RunNotes) {
        self.cut |= other.cut;
        other.all.into_iter().for_each(|(message, (number, first))| {
            self.add(&message, number, first);
        });
    }

    /// All of them in order, with a last one if there were more.
    pub fn into_sorted(self) -> Vec<RunNote> {
        let note = |(message, (records, origin))| RunNote { message, records, origin };
        let mut all: Vec<RunNote> = self.all.into_iter().map(note).collect();
        if self.cut {
            let message = format!("More than {} notes: the others are not listed.", Self::LIMIT);
            all.push(RunNote { message, records: 0, origin: Origin::blob("*") });
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn notes(of: &[(u8, u64)]) -> RunNotes {
        let mut notes = RunNotes::default();
        for (sentence, record) in of {
            notes.add(&format!("Sentence {sentence:03}."), 1, Origin::record("b", *record));
        }
        notes
    }

    #[test]
    fn a_sentence_is_told_once_with_its_number_and_first_place() {
        let told = notes(&[(7, 5), (7, 3), (7, 9), (1, 4)]).into_sorted();
        let text: Vec<String> = told.iter().map(RunNote::to_string).collect();
        assert_eq!(text, ["Sentence 001. (1 record, b#4)", "Sentence 007. (3 records, first b#3)"]);
    }

    #[test]
    fn made_up_sentences_are_bounded_in_number_and_length() {
        let mut notes = notes(&(0..=255).map(|n| (n, 0)).collect::<Vec<_>>());
        notes.add(&"é".repeat(100_000), 1, Origin::blob("b"));
        let told = notes.into_sorted();
        assert_eq!(told.len(), RunNotes::LIMIT + 1);
        assert_eq!(told.last().unwrap().message, "More than 20 notes: the others are not listed.");
        let mut notes = RunNotes::default();
        notes.add(&"é".repeat(100_000), 1, Origin::blob("b"));
        assert_eq!(notes.into_sorted()[0].message.chars().count(), RunNotes::LONGEST);
    }

    proptest! {
        #[test]
        fn who_read_what_decides_nothing(
            seen in proptest::collection::vec((any::<u8>(), 0..9_u64), 0..80),
            at in any::<prop::sample::Index>(),
        ) {
            let (a, b) = seen.split_at(at.index(seen.len() + 1));
            let mut parts = notes(b);
            parts.merge(notes(a));
            let mut whole = seen.clone();
            whole.reverse();
            prop_assert_eq!(parts.into_sorted(), notes(&whole).into_sorted());
        }
    }
}
