//! Finds where a record ends, proves that it is JSON, and marks its top-level members.
//!
//! This is the hot loop: every byte of every log goes through it once. [`scan`] looks at 64 bytes
//! at a time where the processor can ([`blocks`], fed by `x86`); [`plain`] is the slow and obvious
//! twin that says the same of any bytes, whole or broken, and that a test holds it to.
//!
//! What must stay true: a record ends where its brackets balance outside strings, and nowhere
//! else; a record called [`Verdict::Sound`] is one that `serde_json` accepts; the marks are the
//! colons of the members of the outermost object, in order.

pub mod blocks;
mod lanes;
pub mod plain;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

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
    buffer: Vec<u32>,
    marked: usize,
    /// Where the block scan works; made when it is first needed.
    lanes: Option<Box<lanes::Lanes>>,
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

/// A way to scan one record.
///
/// `text` starts at the record's `{`. Gives the record's length in bytes and what is known of its
/// grammar, or `None` when `text` ends before the record does; the index is filled for the former
/// only. `text` must be shorter than 4 GiB.
pub type Scan = fn(text: &[u8], index: &mut Index) -> Option<(usize, Verdict)>;

/// The fastest scan that this processor has.
pub fn fastest() -> Scan {
    #[cfg(target_arch = "x86_64")]
    if let Some(scan) = x86::detect() {
        return scan;
    }
    blocks::scan_portable
}

/// Every scan that this processor has, with a name: what the tests compare with [`plain::scan`].
pub fn all() -> Vec<(&'static str, Scan)> {
    let mut all: Vec<(&'static str, Scan)> = vec![("portable", blocks::scan_portable)];
    #[cfg(target_arch = "x86_64")]
    all.extend(x86::all());
    all
}
