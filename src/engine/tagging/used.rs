//! One use of a key: what is kept of its record.

use serde::{Deserialize, Serialize};

use crate::detect::stateful::About;
use crate::engine::notes::NOWHERE;
use crate::engine::sorted::Row;
use crate::engine::spool::Place;
use crate::tags::uses::Pair;

/// The texts behind a use.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UsedText {
    /// Who, where.
    pub about: About,
    /// `eventName`
    pub name: String,
    /// Which key for what.
    pub pairs: Vec<Pair>,
}

/// One record that uses a key.
///
/// Ordered so that the same use is together, in the order of time and event id, and copies of one
/// record are neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Used {
    /// Keyed hash of who uses which key how, for what.
    pub hash: [u64; 2],
    /// `eventTime`, microseconds since 1970.
    pub time: i64,
    /// The event id if it is a UUID, else the record's identity.
    pub id: [u64; 2],
    /// Keyed hash of the record's text.
    pub content: u64,
    /// Where the event id is if it is no UUID; [`NOWHERE`] of one, [`NO_ID`] where there is none.
    pub text: Place,
    /// Whose spool holds the texts.
    pub spool: u32,
    /// A [`UsedText`], as JSON.
    pub about: Place,
    /// The blob's number, and the record's in it.
    pub place: (u64, u64),
    /// Whether an earlier run has judged it.
    pub recalled: bool,
}

/// The record has no event id.
pub const NO_ID: Place = NOWHERE - 1;

impl Used {
    /// Whether another row is of a copy of the record.
    pub fn is_copy_of(&self, other: &Used) -> bool {
        (self.hash, self.time, self.id, self.content)
            == (other.hash, other.time, other.id, other.content)
    }
}

impl Row for Used {
    const WORDS: usize = 12;

    fn write(&self, words: &mut [u64]) {
        words.copy_from_slice(&[
            self.hash[0],
            self.hash[1],
            self.time.cast_unsigned(),
            self.id[0],
            self.id[1],
            self.content,
            self.text,
            u64::from(self.spool),
            self.about,
            self.place.0,
            self.place.1,
            u64::from(self.recalled),
        ]);
    }

    #[allow(clippy::cast_possible_truncation)]
    fn read(words: &[u64]) -> Used {
        Used {
            hash: [words[0], words[1]],
            time: words[2].cast_signed(),
            id: [words[3], words[4]],
            content: words[5],
            text: words[6],
            spool: words[7] as u32,
            about: words[8],
            place: (words[9], words[10]),
            recalled: words[11] != 0,
        }
    }
}

/// A UUID as CloudTrail writes event ids, in two words.
pub fn uuid(text: &str) -> Option<[u64; 2]> {
    let bytes = text.as_bytes();
    if bytes.len() != 36 {
        return None;
    }
    let mut number = 0u128;
    for (at, byte) in bytes.iter().enumerate() {
        let digit = match (at, byte) {
            (8 | 13 | 18 | 23, b'-') => continue,
            (8 | 13 | 18 | 23, _) => return None,
            (_, b'0'..=b'9') => byte - b'0',
            (_, b'a'..=b'f') => byte - b'a' + 10,
            _ => return None,
        };
        number = number << 4 | u128::from(digit);
    }
    #[allow(clippy::cast_possible_truncation)]
    Some([(number >> 64) as u64, number as u64])
}

/// The text of a UUID.
pub fn uuid_text([high, low]: [u64; 2]) -> String {
    let hex = format!("{high:016x}{low:016x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
