//! What stateful rules remember of single records, until all is read.
//!
//! A note is small and of fixed size; the texts behind it lie in the spool of the worker that wrote
//! it. At the end notes are sorted by rule, part and time, and copies of one record fall together.
//!
//! What must stay true: nothing that is reported depends on a hash, only on what hashes tell apart.

use serde::{Deserialize, Serialize};

use super::sorted::{Row, Sorted};
use super::spool::{Place, Spool};

/// No text.
pub const NOWHERE: Place = u64::MAX;

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
    /// Identity of the record, as in [`super::facts::Fact`].
    pub identity: [u64; 2],
    /// Hash of the record's content.
    pub content: u64,
    /// The rule's own: the step of a correlation, the kind of a history's mark.
    pub kind: u32,
    /// Keyed hash of the value that is counted; zero when none is.
    pub value: [u64; 2],
    /// Whether the record lies in the range that is reported.
    pub reported: bool,
    /// Whether it lay there in an earlier run.
    pub recalled: bool,
    /// The finding of a stateless rule that the note is about; zero when there is none.
    pub group: [u64; 2],
    /// The blob's number, and the record's in it.
    pub place: (u64, u64),
    /// Whose spool holds the texts.
    pub spool: u32,
    /// An [`EventText`], as JSON.
    pub event: Place,
    /// The event's other members, as JSON.
    pub about: Place,
    /// What the rule groups by, or `NOWHERE`.
    pub by: Place,
    /// On whose accounts it depends whether the note counts, or `NOWHERE`.
    pub foreign: Place,
}

/// The texts of the event behind a note.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EventText {
    /// `eventID`
    pub id: Option<String>,
    /// `eventName`
    pub name: String,
    /// The value that is counted, or what a history wrote.
    pub value: String,
    /// Of a use of a key, the time of the last one.
    pub last: Option<i64>,
}

impl Row for Note {
    const WORDS: usize = 19;

    fn write(&self, words: &mut [u64]) {
        words.copy_from_slice(&[
            u64::from(self.rule) << 32 | u64::from(self.kind),
            self.part[0],
            self.part[1],
            self.time.cast_unsigned(),
            self.identity[0],
            self.identity[1],
            self.content,
            self.value[0],
            self.value[1],
            u64::from(self.reported) | u64::from(self.recalled) << 1,
            self.group[0],
            self.group[1],
            self.place.0,
            self.place.1,
            u64::from(self.spool),
            self.event,
            self.about,
            self.by,
            self.foreign,
        ]);
    }

    #[allow(clippy::cast_possible_truncation)]
    fn read(words: &[u64]) -> Note {
        Note {
            rule: (words[0] >> 32) as u32,
            kind: words[0] as u32,
            part: [words[1], words[2]],
            time: words[3].cast_signed(),
            identity: [words[4], words[5]],
            content: words[6],
            value: [words[7], words[8]],
            reported: words[9] & 1 != 0,
            recalled: words[9] & 2 != 0,
            group: [words[10], words[11]],
            place: (words[12], words[13]),
            spool: words[14] as u32,
            event: words[15],
            about: words[16],
            by: words[17],
            foreign: words[18],
        }
    }
}

/// The notes of one worker, or of all of them.
#[derive(Debug)]
pub struct Notes {
    /// The notes.
    pub rows: Sorted<Note>,
    /// The spools: of one worker at first, of all at the end, by number.
    pub spools: Vec<(u32, Spool)>,
}

impl Notes {
    /// No notes; at most `limit` are held in memory. `worker` tells the spools apart.
    pub fn new(limit: usize, worker: u32) -> Notes {
        Notes { rows: Sorted::new(limit), spools: vec![(worker, Spool::default())] }
    }

    /// The spool to write to.
    pub fn spool(&mut self) -> &mut Spool {
        &mut self.spools[0].1
    }

    /// The number of that spool.
    pub fn number(&self) -> u32 {
        self.spools[0].0
    }

    /// Adds another worker's.
    pub fn merge(&mut self, other: Notes) {
        self.rows.merge(other.rows);
        self.spools.extend(other.spools);
    }
}
