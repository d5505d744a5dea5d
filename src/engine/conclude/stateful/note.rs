//! What one record, or one use, means to one rule over many records.
//!
//! Notes are made when all is read, sorted by rule, part and time, and live until their rule has
//! decided. What must stay true: nothing that is reported depends on a hash, only on what hashes
//! tell apart.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::engine::partial::key_use::{KeyUse, flag};
use crate::engine::store::dictionary::Sym;
use crate::engine::store::hash::HashKey;
use crate::engine::store::runs::{Row, RowAt, Rows};
use crate::engine::store::texts::{NOWHERE, TextAt, Texts};

/// Where the record behind a note is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Behind {
    /// A use: its row.
    Use(RowAt),
    /// A record that was kept: its text.
    Text(TextAt),
}

/// What one record means to one stateful rule.
///
/// Ordered so that the notes of one part are neighbours, in the order of time, and copies of one
/// record too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// The stateful rule: its number in [`crate::detect::RuleSet::stateful`].
    pub rule: u32,
    /// Keyed hash of what the rule groups by.
    pub part: [u64; 2],
    /// `eventTime`, microseconds since 1970.
    pub time: i64,
    /// Tells records apart that are not copies.
    pub identity: [u64; 2],
    /// Keyed hash of the record's content.
    pub content: u64,
    /// The rule's own: the step of a correlation, the kind of a history's mark.
    pub kind: u32,
    /// Keyed hash of the value that is counted; zero when none is.
    pub value: u64,
    /// What the value lies in, where reads are judged; zero otherwise.
    pub container: Sym,
    /// Whether the record lies in the range that is reported.
    pub reported: bool,
    /// Whether it lay there in an earlier run.
    pub recalled: bool,
    /// The finding of a stateless rule that the note is about; zero when there is none.
    pub group: [u64; 2],
    /// The blob's number, and the record's in it.
    pub place: (u64, u64),
    /// The record.
    pub behind: Behind,
    /// A [`NoteText`], if there is any.
    pub text: TextAt,
}

impl Note {
    /// A note of a use, for no rule yet.
    pub fn of_row(row: &KeyUse, at: RowAt) -> Note {
        Note {
            rule: 0,
            part: [0, 0],
            time: row.time,
            identity: row.id,
            content: row.content,
            kind: 0,
            value: 0,
            container: 0,
            reported: row.is(flag::REPORTED),
            recalled: row.is(flag::RECALLED),
            group: [0, 0],
            place: row.place(),
            behind: Behind::Use(at),
            text: NOWHERE,
        }
    }
}

const REPORTED: u64 = 1;
const RECALLED: u64 = 2;
const USE: u64 = 4;

impl Row for Note {
    const WORDS: usize = 16;

    fn write(&self, words: &mut [u64]) {
        let (behind, is_use) = match self.behind {
            Behind::Use(at) => (at.0, USE),
            Behind::Text(at) => (at.0, 0),
        };
        let flag = |set: bool, flag: u64| if set { flag } else { 0 };
        words.copy_from_slice(&[
            u64::from(self.rule) << 32 | u64::from(self.kind),
            self.part[0],
            self.part[1],
            self.time.cast_unsigned(),
            self.identity[0],
            self.identity[1],
            self.content,
            self.value,
            flag(self.reported, REPORTED) | flag(self.recalled, RECALLED) | is_use,
            self.group[0],
            self.group[1],
            self.place.0,
            self.place.1,
            behind,
            self.text.0,
            self.container,
        ]);
    }

    #[expect(clippy::cast_possible_truncation, reason = "both halves of the word are taken")]
    fn read(words: &[u64]) -> Note {
        Note {
            rule: (words[0] >> 32) as u32,
            kind: words[0] as u32,
            part: [words[1], words[2]],
            time: words[3].cast_signed(),
            identity: [words[4], words[5]],
            content: words[6],
            value: words[7],
            reported: words[8] & REPORTED != 0,
            recalled: words[8] & RECALLED != 0,
            group: [words[9], words[10]],
            place: (words[11], words[12]),
            behind: match words[8] & USE {
                0 => Behind::Text(TextAt(words[13])),
                _ => Behind::Use(RowAt(words[13])),
            },
            text: TextAt(words[14]),
            container: words[15],
        }
    }

    fn shard(&self) -> u64 {
        self.part[0]
    }
}

/// The texts of a note.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoteText {
    /// What a history wrote.
    pub value: String,
    /// Of uses, the time of the last one, and how many.
    pub uses: Option<(i64, u64)>,
    /// What a correlation groups by, where the record's other members do not tell.
    pub by: Vec<Option<String>>,
}

impl NoteText {
    /// Keeps it.
    ///
    /// # Errors
    /// When a temporary file cannot be written.
    pub fn add(&self, texts: &mut Texts) -> io::Result<TextAt> {
        let mut bytes = Vec::new();
        let (last, count) = self.uses.unwrap_or_default();
        bytes.push(u8::from(self.uses.is_some()));
        bytes.extend(last.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        let mut writer = crate::engine::partial::key_use::Writer(&mut bytes);
        writer.text(Some(&self.value)).number(u32::try_from(self.by.len()).unwrap_or_default());
        for value in self.by.iter() {
            writer.text(value.as_deref());
        }
        texts.add(&[&bytes])
    }

    /// Reads it back.
    pub fn read(bytes: &[u8]) -> NoteText {
        let Some((head, rest)) = bytes.split_first_chunk::<17>() else {
            return NoteText::default();
        };
        let (words, _) = head[1..].as_chunks::<8>();
        let (last, count) = (i64::from_le_bytes(words[0]), u64::from_le_bytes(words[1]));
        let mut reader = crate::engine::partial::key_use::Reader(rest);
        let value = reader.text().unwrap_or_default().to_owned();
        let by = (0..reader.number()).map(|_| reader.text().map(str::to_owned)).collect();
        NoteText { value, uses: (head[0] != 0).then_some((last, count)), by }
    }
}

/// Keyed hash of the values that a correlation groups by, each as its own keyed hash; 0 is none.
pub fn part_of(key: HashKey, values: &[u64]) -> [u64; 2] {
    let mut bytes = [0; 64];
    let fits = values.len() * 8 <= bytes.len();
    if fits {
        for (to, value) in bytes.chunks_exact_mut(8).zip(values) {
            to.copy_from_slice(&value.to_le_bytes());
        }
        return key.long(&[&bytes[..values.len() * 8]]);
    }
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    key.long(&[&bytes])
}

/// Notes by the stage at which their rule decides, and their texts.
#[derive(Debug)]
pub struct Notes {
    /// Notes, stage by stage.
    pub stages: Vec<Rows<Note>>,
    /// Texts of notes.
    pub texts: Texts,
}

impl Notes {
    /// No notes of so many stages; of each, at most `limit` are held in memory.
    pub fn new(stages: usize, limit: usize, number: u32) -> Notes {
        let stages = (0..stages).map(|_| Rows::new(limit)).collect();
        Notes { stages, texts: Texts::new(number) }
    }

    /// Takes in a note for a stage.
    pub fn push(&mut self, stage: usize, note: Note) {
        if let Some(rows) = self.stages.get_mut(stage) {
            rows.push(note);
        }
    }
}

/// Notes that threads share: each takes some, adds to them, and gives them back, so that there are
/// as many as threads and not as many as shards. Each set of them may open files.
#[derive(Debug)]
pub struct NotePool {
    free: Mutex<Vec<Notes>>,
    /// The number that the next ones get.
    next: AtomicU32,
    stages: usize,
    limit: usize,
}

impl NotePool {
    /// Notes of so many stages, with texts of numbers from `first` on.
    pub fn new(stages: usize, limit: usize, first: u32) -> NotePool {
        NotePool { free: Mutex::default(), next: AtomicU32::new(first), stages, limit }
    }

    /// Takes some.
    pub fn take(&self) -> Notes {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.unwrap_or_else(|| {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            Notes::new(self.stages, self.limit, number)
        })
    }

    /// Gives them back.
    pub fn give(&self, notes: Notes) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(notes);
    }

    /// All of them.
    pub fn into_all(self) -> Vec<Notes> {
        self.free.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::store::texts::LastBlocks;

    #[test]
    fn notes_and_their_texts_read_back() {
        let text = NoteText {
            value: "v".into(),
            uses: Some((-3, 9)),
            by: vec![None, Some(String::new()), Some("b".into())],
        };
        let mut texts = Texts::new(1);
        let at = text.add(&mut texts).unwrap();
        let read = texts.get(at, &mut LastBlocks::default()).unwrap();
        assert_eq!(NoteText::read(&read), text);
        for behind in [Behind::Use(RowAt(5)), Behind::Text(TextAt(6))] {
            let note = Note {
                rule: 1,
                part: [2, 3],
                time: -4,
                identity: [5, 6],
                content: 7,
                kind: u32::MAX,
                value: 8,
                container: 13,
                reported: true,
                recalled: false,
                group: [9, 10],
                place: (11, 12),
                behind,
                text: at,
            };
            let mut words = [0; Note::WORDS];
            note.write(&mut words);
            assert_eq!(Note::read(&words), note);
        }
    }

    #[test]
    fn parts_of_many_values_differ_like_parts_of_few() {
        let key = HashKey::of_seed(1);
        let many: Vec<u64> = (0..9).collect();
        assert_ne!(part_of(key, &many), part_of(key, &many[1..]));
        assert_eq!(part_of(key, &[1, 2]), part_of(key, &[1, 2]));
        assert_ne!(part_of(key, &[1, 2]), part_of(key, &[2, 1]));
    }
}
