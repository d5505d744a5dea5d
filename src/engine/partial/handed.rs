//! What the next run may get, as rows: uses of keys, and records with their texts.
//!
//! Rows of one account are neighbours, in them those of one principal, the latest first. So whoever
//! shares out the room goes through them once in that order, however many there are.
//!
//! What must stay true: nothing in a row depends on what else was read, so that what stays follows
//! from all rows together.

use std::cmp::{Ordering, Reverse};
use std::sync::{Mutex, PoisonError};

use super::key_use::KeyUse;
use crate::engine::store::dictionary::Sym;
use crate::engine::store::runs::{Row, Rows};
use crate::engine::store::texts::TextAt;

/// Whose a row is: the names of an account and of a principal in it.
pub type Owner = (Sym, Sym);

/// Who an owner is: an account and a principal. The account is the caller's, else the one whose log
/// says so; a service that acts for itself is a principal there.
pub fn owner<'a>(
    [callers, recipient]: [Option<&'a str>; 2],
    [arn, service]: [Option<&'a str>; 2],
) -> [&'a str; 2] {
    let account = callers.or(recipient).unwrap_or_default();
    [account, arn.or(service).unwrap_or("a service")]
}

/// What takes room in the memory of the next run.
pub trait Claim: Row {
    /// Whose it is.
    fn owner(&self) -> Owner;

    /// Takes in the next row if it says the same; whether it does.
    fn absorb(&mut self, _next: &Self) -> bool {
        false
    }
}

/// The count of a use that waits for a window, and stands for no other.
pub const WAITS: u64 = 0;

/// A use of a key: its first record, which stands for all that are like it; or one that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HandedUse {
    /// Whose it is.
    pub owner: Owner,
    /// The time of the last one like it, microseconds since 1970.
    pub last: Reverse<i64>,
    /// The first.
    pub row: KeyUse,
    /// How many there were, or [`WAITS`].
    pub count: u64,
}

impl Claim for HandedUse {
    fn owner(&self) -> Owner {
        self.owner
    }
}

impl Row for HandedUse {
    const WORDS: usize = KeyUse::WORDS + 4;

    fn write(&self, words: &mut [u64]) {
        let head = [self.owner.0, self.owner.1, self.last.0.cast_unsigned(), self.count];
        words[..4].copy_from_slice(&head);
        self.row.write(&mut words[4..]);
    }

    fn read(words: &[u64]) -> HandedUse {
        HandedUse {
            owner: (words[0], words[1]),
            last: Reverse(words[2].cast_signed()),
            count: words[3],
            row: KeyUse::read(&words[4..]),
        }
    }

    fn shard(&self) -> u64 {
        self.owner.0
    }
}

/// A record that is kept with its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HandedRecord {
    /// Whose it is.
    pub owner: Owner,
    /// `eventTime`, microseconds since 1970.
    pub time: Reverse<i64>,
    /// Keyed hash of event id and account.
    pub identity: [u64; 2],
    /// Keyed hash of the text.
    pub content: u64,
    /// How much later than it a record may come that needs it; microseconds.
    pub reach: i64,
    /// Whether it says what lasts: of tags, policies, the life of a key. Else it waits for a window.
    pub lasts: bool,
    /// Whether it lies in the range that was reported.
    pub reported: bool,
    /// Whether an earlier run has read it.
    pub recalled: bool,
    /// Whether it changes tags.
    pub tags: bool,
    /// How much room it takes, in bytes.
    pub room: u64,
    /// The blob's number, and the record's in it.
    pub place: (u64, u64),
    /// Its text.
    pub text: TextAt,
}

impl HandedRecord {
    fn flags(&self) -> u64 {
        let all = [self.lasts, self.reported, self.recalled, self.tags];
        all.iter().rev().fold(0, |flags, flag| flags << 1 | u64::from(*flag))
    }
}

impl Claim for HandedRecord {
    fn owner(&self) -> Owner {
        self.owner
    }

    /// Copies of one record are one record, which reaches as far as any of them.
    fn absorb(&mut self, next: &HandedRecord) -> bool {
        let id = |row: &HandedRecord| (row.owner, row.time, row.identity, row.content);
        let same = id(self) == id(next);
        if same {
            self.reach = self.reach.max(next.reach);
            self.lasts |= next.lasts;
            self.reported |= next.reported;
            self.recalled |= next.recalled;
            self.tags |= next.tags;
            self.room = self.room.max(next.room);
        }
        same
    }
}

impl Row for HandedRecord {
    const WORDS: usize = 12;

    fn write(&self, words: &mut [u64]) {
        words.copy_from_slice(&[
            self.owner.0,
            self.owner.1,
            self.time.0.cast_unsigned(),
            self.identity[0],
            self.identity[1],
            self.content,
            self.reach.cast_unsigned(),
            self.flags(),
            self.room,
            self.place.0,
            self.place.1,
            self.text.0,
        ]);
    }

    fn read(words: &[u64]) -> HandedRecord {
        HandedRecord {
            owner: (words[0], words[1]),
            time: Reverse(words[2].cast_signed()),
            identity: [words[3], words[4]],
            content: words[5],
            reach: words[6].cast_signed(),
            lasts: words[7] & 1 != 0,
            reported: words[7] & 2 != 0,
            recalled: words[7] & 4 != 0,
            tags: words[7] & 8 != 0,
            room: words[8],
            place: (words[9], words[10]),
            text: TextAt(words[11]),
        }
    }

    fn shard(&self) -> u64 {
        self.owner.0
    }
}

/// What has its text in a table of texts.
pub trait HasText {
    /// Where that is.
    fn text(&self) -> TextAt;
}

impl HasText for HandedUse {
    fn text(&self) -> TextAt {
        self.row.text
    }
}

impl HasText for HandedRecord {
    fn text(&self) -> TextAt {
        self.text
    }
}

/// A row in the order of the texts, so that each of their blocks is read once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByText<T>(pub T);

impl<T: Row + HasText> Ord for ByText<T> {
    fn cmp(&self, other: &ByText<T>) -> Ordering {
        (self.0.text(), self.0).cmp(&(other.0.text(), other.0))
    }
}

impl<T: Row + HasText> PartialOrd for ByText<T> {
    fn partial_cmp(&self, other: &ByText<T>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Row + HasText> Row for ByText<T> {
    const WORDS: usize = T::WORDS;

    fn write(&self, words: &mut [u64]) {
        self.0.write(words);
    }

    fn read(words: &[u64]) -> ByText<T> {
        ByText(T::read(words))
    }

    fn shard(&self) -> u64 {
        // Texts that lie together, 4 MiB of them.
        self.0.text().0 >> 22
    }
}

/// Rows for the next run that threads take up in turn, so that few are in memory.
#[derive(Debug)]
pub struct HandedUses {
    free: Mutex<Vec<Rows<HandedUse>>>,
    limit: usize,
}

impl HandedUses {
    /// None yet; each thread holds at most `limit` rows in memory.
    pub fn new(limit: usize) -> HandedUses {
        HandedUses { free: Mutex::default(), limit }
    }

    /// Takes some up.
    pub fn take(&self) -> Rows<HandedUse> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.unwrap_or_else(|| Rows::new(self.limit))
    }

    /// Gives them back.
    pub fn give(&self, rows: Rows<HandedUse>) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(rows);
    }

    /// All of them.
    pub fn into_all(self) -> Rows<HandedUse> {
        let all = self.free.into_inner().unwrap_or_else(PoisonError::into_inner);
        all.into_iter().fold(Rows::new(self.limit), |mut all, rows| {
            all.merge(rows);
            all
        })
    }
}
