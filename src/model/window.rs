//! The interface between bytes and records: a window over the text of one blob.
//!
//! A whole blob is one window. A stream is a window that moves. The reader of records sees no
//! difference, so both give the same records.

use std::fmt;

/// Why the text of a blob ends before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The step that failed.
    pub stage: super::problem::Stage,
    /// What happened, at which byte, and what was expected.
    pub message: String,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

// So that a reader of bytes can hand it on.
impl std::error::Error for Cut {}

/// A window over a blob's inflated text.
pub trait Window {
    /// The text in view that has not been consumed.
    fn text(&self) -> &[u8];

    /// Gives up the first `n` bytes of [`text`](Window::text).
    fn consume(&mut self, n: usize);

    /// Brings more text into view behind what is there; `false` at the end of the blob.
    ///
    /// Blocks only until *some* text has come, so that a live stream is read as it is written.
    ///
    /// # Errors
    /// When the rest cannot be read. What is in view stays; every later call gives the end.
    fn fill(&mut self) -> Result<bool, Cut>;

    /// How many bytes of text were consumed: the offset of [`text`](Window::text) in the blob.
    fn offset(&self) -> u64;
}

/// A window over text that is all there.
#[derive(Debug)]
pub struct Whole<'a> {
    text: &'a [u8],
    offset: usize,
}

impl<'a> Whole<'a> {
    /// All of `text`.
    pub fn new(text: &'a [u8]) -> Self {
        Whole { text, offset: 0 }
    }
}

impl Window for Whole<'_> {
    fn text(&self) -> &[u8] {
        &self.text[self.offset..]
    }

    fn consume(&mut self, n: usize) {
        self.offset += n;
    }

    fn fill(&mut self) -> Result<bool, Cut> {
        Ok(false)
    }

    fn offset(&self) -> u64 {
        self.offset as u64
    }
}
