//! Records that matter later, other than uses: policies, grants, aliases, tags, what correlations
//! look at. Each is kept as its text and goes through the rules again when all is known.
//!
//! They are few, and mean the same under other rules. What must stay true: a record is judged by
//! its text alone, as if it were read again, and by where it was read.

use std::io;

use crate::engine::plan::Range;
use crate::engine::store::texts::{TextAt, Texts};

/// Why a record is kept.
pub mod why {
    /// It says something of tags.
    pub const TAGS: u8 = 1;
    /// Rules over many records look at it.
    pub const RULES: u8 = 2;
    /// It names a key and what that is for.
    pub const PAIRS: u8 = 4;
    /// It is a use too, of which the row tells a part.
    pub const IS_USE: u8 = 8;
    /// An earlier run has read what it says of tags.
    pub const OLD: u8 = 16;
}

/// Where a kept record was read, and what was known of it then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// Keyed hash of event id and account, as in a fact.
    pub identity: [u64; 2],
    /// Keyed hash of the record's text.
    pub content: u64,
    /// The blob's number.
    pub blob: u64,
    /// The record's number in the blob.
    pub record: u64,
    /// Where the record lies.
    pub range: Range,
    /// [`why`] it is kept.
    pub why: u8,
}

const RANGES: [Range; 5] =
    [Range::Reported, Range::Recalled, Range::Before, Range::Outside, Range::Again];
/// Bytes of a label.
const LABEL: usize = 42;

impl Label {
    fn write(&self) -> [u8; LABEL] {
        let mut bytes = [0; LABEL];
        let words = [self.identity[0], self.identity[1], self.content, self.blob, self.record];
        for (to, word) in bytes.chunks_exact_mut(8).zip(words) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        let range = RANGES.iter().position(|range| *range == self.range).unwrap_or_default();
        bytes[40] = u8::try_from(range).unwrap_or_default();
        bytes[41] = self.why;
        bytes
    }

    /// The label and the text of an entry.
    ///
    /// # Errors
    /// When the entry is cut.
    pub fn read(entry: &[u8]) -> io::Result<(Label, &[u8])> {
        let (head, text) =
            entry.split_first_chunk::<LABEL>().ok_or(io::ErrorKind::UnexpectedEof)?;
        let (words, rest) = head.as_chunks::<8>();
        let word = |at: usize| u64::from_le_bytes(words[at]);
        let label = Label {
            identity: [word(0), word(1)],
            content: word(2),
            blob: word(3),
            record: word(4),
            range: RANGES[usize::from(rest[0]) % RANGES.len()],
            why: rest[1],
        };
        Ok((label, text))
    }
}

/// Kept records: of one worker at first, of all at the end.
#[derive(Debug)]
pub struct Kept {
    /// Labels and texts.
    pub texts: Vec<Texts>,
}

impl Kept {
    /// No records.
    pub fn new(worker: u32) -> Kept {
        Kept { texts: vec![Texts::new(worker)] }
    }

    /// Keeps a record.
    ///
    /// # Errors
    /// When a temporary file cannot be written.
    pub fn add(&mut self, label: &Label, text: &[u8]) -> io::Result<TextAt> {
        self.texts[0].add(&[&label.write(), text])
    }

    /// Keeps an entry of another worker whose blob has another number here.
    ///
    /// # Errors
    /// When the entry is cut, the blob is not known, or a temporary file cannot be written.
    pub fn add_entry(
        &mut self,
        entry: &[u8],
        blob: impl FnOnce(u64) -> io::Result<u64>,
    ) -> io::Result<()> {
        let (label, text) = Label::read(entry)?;
        let label = Label { blob: blob(label.blob)?, ..label };
        self.add(&label, text).map(|_| ())
    }

    /// Adds another worker's.
    pub fn merge(&mut self, other: Kept) {
        self.texts.extend(other.texts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::store::texts::{AllTexts, LastBlocks};

    #[test]
    fn a_record_comes_back_with_its_label() {
        for range in RANGES {
            let label = Label {
                identity: [1, u64::MAX],
                content: 3,
                blob: 4,
                record: 5,
                range,
                why: why::TAGS | why::PAIRS,
            };
            let mut kept = Kept::new(0);
            let at = kept.add(&label, b"{}").unwrap();
            let mut all = AllTexts::default();
            kept.texts.into_iter().for_each(|texts| all.add(texts));
            let entry = all.get(at, &mut LastBlocks::default()).unwrap();
            assert_eq!(Label::read(&entry).unwrap(), (label, &b"{}"[..]));
            assert!(Label::read(&entry[..9]).is_err());
        }
    }
}
