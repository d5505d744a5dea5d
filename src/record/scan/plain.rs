//! The slow and obvious twin of the block scan: one byte at a time, grammar by `serde_json`.
//!
//! It says what the fast scan must say. Kept simple on purpose; the tests, the fuzz target and
//! records that the fast scan is unsure of use it.

use serde::de::IgnoredAny;

use super::{Flags, Index, Verdict};

/// [`super::Scan`], byte by byte.
pub fn scan(text: &[u8], index: &mut Index) -> Option<(usize, Verdict)> {
    index.buffer.clear();
    index.flags = Flags::default();
    let len = balanced(text)?;
    let record = &text[..len];
    index.flags.high = !record.is_ascii();
    let mut machine = Balance::default();
    for (at, &byte) in record.iter().enumerate() {
        let top = machine.depth == 1;
        let outside = !machine.string;
        index.flags.escaped_keys |= top && byte == b'\\';
        if top && outside && byte == b':' {
            index.buffer.push(u32::try_from(at).unwrap_or(u32::MAX));
        }
        machine.step(byte);
    }
    index.marked = index.buffer.len();
    let verdict = if valid(record) { Verdict::Sound } else { Verdict::Unsure };
    Some((len, verdict))
}

/// Follows brackets and strings from one byte to the next.
#[derive(Debug, Default)]
pub struct Balance {
    /// How many brackets are open.
    pub depth: u64,
    /// Whether the next byte is inside a string.
    pub string: bool,
    escape: bool,
}

impl Balance {
    /// Takes in one byte; whether the outermost bracket closes with it.
    ///
    /// A backslash keeps the next quote or backslash from counting, wherever it stands: outside a
    /// string it is an error anyway, which is for the grammar to find.
    pub fn step(&mut self, byte: u8) -> bool {
        let escaped = std::mem::take(&mut self.escape);
        match byte {
            b'\\' => self.escape = !escaped,
            b'"' if !escaped => self.string = !self.string,
            b'{' | b'[' if !self.string => self.depth += 1,
            b'}' | b']' if !self.string => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

/// Length of the value at the start of `text`, which starts with a bracket: up to where its
/// brackets balance outside strings. `None` when `text` ends before.
pub fn balanced(text: &[u8]) -> Option<usize> {
    let mut machine = Balance::default();
    text.iter().position(|&byte| machine.step(byte)).map(|at| at + 1)
}

/// Whether `text` is one JSON value; UTF-8 is not asked for.
pub fn valid(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

/// Why `text` is not one JSON value.
pub fn fault(text: &[u8]) -> Option<serde_json::Error> {
    serde_json::from_slice::<IgnoredAny>(text).err()
}
