//! What a scan leaves behind of one record: the marks of its top-level members, and what is known of
//! its grammar.

use super::lanes::Lanes;

/// What is known of a record's grammar once its end is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Valid JSON.
    Sound,
    /// Valid JSON or not: whoever wants it must ask the plain validator.
    Unsure,
}

/// The marks of one record, reused from record to record.
#[derive(Debug, Default)]
pub struct Index {
    /// What else is known.
    pub flags: Flags,
    /// Where the colons are; those behind `marked` are of earlier records.
    pub(super) buffer: Vec<u32>,
    pub(super) marked: usize,
    /// Where the block scan works; made when it is first needed.
    pub(super) lanes: Option<Box<Lanes>>,
}

impl Index {
    /// Offset of the colon of each top-level member, ascending.
    pub fn colons(&self) -> &[u32] {
        &self.buffer[..self.marked]
    }
}

/// What a scan knows of a record beside its marks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags {
    /// Whether a top-level string holds a backslash, so that a key may be spelt in another way.
    pub escaped_keys: bool,
    /// Whether any byte is above 0x7f.
    pub high: bool,
}
