//! One KMS record as the inventory of keys looks at it: a row, and the texts behind it.
//!
//! Every KMS record that names a key is a row for each key, also reads, administration, what trails
//! do for themselves and what was refused. A record that names no key is a row of no key, so that
//! all calls can be counted. Calls of IAM that say who may do what are rows of no key as well.
//!
//! What must stay true: rows of one key come in the order of time. Those of one second come in an
//! order that is the same in each run, and of administrative calls the graver one is the later. The
//! records of one call are neighbours, the caller's own record first, and in these copies.

use super::entry::{Reader, Writer};
use crate::engine::store::dictionary::{NONE, Sym, Words};
use crate::engine::store::hash::HashKey;
use crate::engine::store::runs::{Row, Rows};

/// A record that touches a key. The order of its members is the order of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touch {
    /// The ARN of the key.
    pub key: Sym,
    /// `eventTime`, microseconds since 1970.
    pub time: i64,
    /// The place in its second: how grave the call is, then a hash of its id that is the same in
    /// each run.
    pub order: u64,
    /// What the records of one call have in common: a keyed hash.
    pub call: [u64; 2],
    /// Keyed hash of the record's text; the highest bit is set in a record that is not the caller's
    /// own.
    pub content: u64,
    /// The event id: if it is a UUID its words, else its name and 0.
    pub id: [u64; 2],
    /// A [`Who`](super::key_use::Who).
    pub who: Sym,
    /// A [`Call`](super::key_use::Call).
    pub what: Sym,
    /// What the key was used on.
    pub on: Sym,
    /// The alias by which the call named the key.
    pub alias: Sym,
    /// `sourceIPAddress`
    pub from: Sym,
    /// A [`Detail`], where there is more to say.
    pub detail: Sym,
    /// The blob's number.
    pub blob: u64,
    /// The record's number in the blob, and the [`flag`]s in the lowest byte.
    pub place: u64,
}

/// What a row says by one bit.
pub mod flag {
    /// The record lies in the range that is reported, and not before it.
    pub const REPORTED: u64 = 1;
    /// The event id is a UUID.
    pub const UUID: u64 = 2;
    /// It is the first of the rows that the record makes.
    pub const FIRST: u64 = 4;
    /// It is a call of IAM.
    pub const IAM: u64 = 8;
    /// Both sides of the call have a record of it.
    pub const SHARED: u64 = 16;
}

/// The bit of `content` that is set in a record that is not the caller's own.
pub const OTHER_SIDE: u64 = 1 << 63;

impl Touch {
    /// Whether a [`flag`] is set.
    pub fn is(&self, flag: u64) -> bool {
        self.place & flag != 0
    }

    /// The blob's number, and the record's in it.
    pub fn place(&self) -> (u64, u64) {
        (self.blob, self.place >> 8)
    }

    /// Whether another row is of the same call on the same key.
    pub fn is_of_call(&self, other: &Touch) -> bool {
        (self.key, self.time, self.order, self.call)
            == (other.key, other.time, other.order, other.call)
    }
}

impl Row for Touch {
    const WORDS: usize = 16;

    fn write(&self, words: &mut [u64]) {
        words.copy_from_slice(&[
            self.key,
            self.time.cast_unsigned(),
            self.order,
            self.call[0],
            self.call[1],
            self.content,
            self.id[0],
            self.id[1],
            self.who,
            self.what,
            self.on,
            self.alias,
            self.from,
            self.detail,
            self.blob,
            self.place,
        ]);
    }

    fn read(words: &[u64]) -> Touch {
        Touch {
            key: words[0],
            time: words[1].cast_signed(),
            order: words[2],
            call: [words[3], words[4]],
            content: words[5],
            id: [words[6], words[7]],
            who: words[8],
            what: words[9],
            on: words[10],
            alias: words[11],
            from: words[12],
            detail: words[13],
            blob: words[14],
            place: words[15],
        }
    }

    fn shard(&self) -> u64 {
        self.key
    }
}

/// All touches, and their texts.
#[derive(Debug)]
pub struct Touches {
    /// One row a record and key.
    pub rows: Rows<Touch>,
    /// The texts: of one worker at first, of all at the end.
    pub words: Vec<Words>,
    /// Records whose members were too long to be kept.
    pub too_long: u64,
}

impl Touches {
    /// No touches; at most `limit` rows are held in memory.
    pub fn new(limit: usize, key: HashKey) -> Touches {
        Touches { rows: Rows::new(limit), words: vec![Words::new(key)], too_long: 0 }
    }

    /// Adds another worker's.
    pub fn merge(&mut self, other: Touches) {
        self.rows.merge(other.rows);
        self.words.extend(other.words);
        self.too_long += other.too_long;
    }

    /// The name of a text; none of no text.
    ///
    /// # Errors
    /// When a temporary file cannot be written and memory is full too.
    pub fn name(&mut self, text: Option<&str>) -> std::io::Result<Sym> {
        match text {
            Some(text) => self.words[0].name(|bytes| bytes.extend_from_slice(text.as_bytes())),
            None => Ok(NONE),
        }
    }
}

/// What a record says beside who, what and when. Members of the record are as they stand there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detail {
    /// `errorCode`
    pub error: Option<String>,
    /// `errorMessage`
    pub message: Option<String>,
    /// The session name of a role session.
    pub session: Option<String>,
    /// `userIdentity.accessKeyId`
    pub access_key: Option<String>,
    /// `requestParameters`
    pub request: Option<String>,
    /// `responseElements`
    pub response: Option<String>,
    /// `additionalEventData`, or `serviceEventDetails` where KMS acted by itself.
    pub more: Option<String>,
}

impl Detail {
    /// Writes what [`read`](Detail::read) reads, in the order of the members.
    pub fn write(bytes: &mut Vec<u8>, texts: [Option<&str>; 7]) {
        let mut writer = Writer(bytes);
        for text in texts {
            writer.text(text);
        }
    }

    /// Reads an entry.
    pub fn read(bytes: &[u8]) -> Detail {
        let mut reader = Reader(bytes);
        Detail {
            error: reader.owned(),
            message: reader.owned(),
            session: reader.owned(),
            access_key: reader.owned(),
            request: reader.owned(),
            response: reader.owned(),
            more: reader.owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_and_are_ordered_as_their_words_say() {
        let words: Vec<u64> = (1..=16).collect();
        let row = Touch::read(&words);
        let mut again = [0; Touch::WORDS];
        row.write(&mut again);
        assert_eq!(again.to_vec(), words);
        let later = Touch { time: row.time + 1, order: 0, ..row };
        let graver = Touch { order: row.order + 1, call: [0, 0], ..row };
        let other_side = Touch { content: OTHER_SIDE, ..row };
        assert!(row < later && row < graver && row < other_side);
        assert!(row.is_of_call(&other_side) && !row.is_of_call(&later));
    }

    #[test]
    fn details_read_back_as_they_were_written() {
        let mut bytes = Vec::new();
        Detail::write(&mut bytes, [Some("e"), None, Some("s"), None, Some("{}"), None, Some("")]);
        let detail = Detail::read(&bytes);
        assert_eq!(detail.error.as_deref(), Some("e"));
        assert_eq!([detail.request.as_deref(), detail.more.as_deref()], [Some("{}"), Some("")]);
        assert_eq!(Detail::read(&bytes[..2]), Detail::default());
    }
}
