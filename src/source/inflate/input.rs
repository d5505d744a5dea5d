//! The bytes of a blob as a stream decoder takes them: peeked at, consumed, counted.
//!
//! A read is not repeated to fill the buffer: what a live writer has sent is decoded before the next
//! read waits. A read that a signal interrupts is repeated.

use std::fmt;
use std::io::{self, Read};

use crate::model::problem::Stage;
use crate::model::window::Cut;

/// How much is read at once for a decoder. Large enough for system calls not to matter, small
/// enough to stay in the processor's cache until it is inflated.
const CHUNK: usize = 64 << 10;

/// A reader and the bytes that were read ahead.
pub(super) struct Input<'a> {
    reader: Box<dyn Read + 'a>,
    chunk: Vec<u8>,
    start: usize,
    end: usize,
    /// The offset in the blob of `chunk[start]`.
    position: u64,
    size: Option<u64>,
    ended: bool,
}

impl<'a> Input<'a> {
    /// The bytes of `reader`, `size` of them if that is known.
    pub(super) fn new(reader: Box<dyn Read + 'a>, size: Option<u64>) -> Self {
        Input { reader, chunk: vec![0; CHUNK], start: 0, end: 0, position: 0, size, ended: false }
    }

    /// What was read and not consumed.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.chunk[self.start..self.end]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(super) fn consume(&mut self, n: usize) {
        self.start += n;
        self.position += n as u64;
    }

    /// How many bytes were consumed.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// How many bytes were taken from the reader.
    pub(super) fn read(&self) -> u64 {
        self.position + (self.end - self.start) as u64
    }

    /// How many bytes are left, if the size of the blob is known.
    pub(super) fn left(&self) -> Option<u64> {
        self.size.map(|size| size.max(self.read()) - self.position)
    }

    /// Reads once; `false` at the end.
    pub(super) fn more(&mut self) -> Result<bool, Cut> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.chunk.len() {
            self.chunk.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        debug_assert!(self.end < self.chunk.len(), "nothing peeks at a whole chunk");
        if self.ended {
            return Ok(false);
        }
        let read = retry(|| self.reader.read(&mut self.chunk[self.end..]));
        let n = self.noted(read)?;
        self.end += n;
        Ok(n > 0)
    }

    /// Reads until `n` bytes (few) are there; `false` if the end comes before.
    pub(super) fn need(&mut self, n: usize) -> Result<bool, Cut> {
        while self.end - self.start < n {
            if !self.more()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Moves bytes out as they are, past the chunk where it is empty; 0 at the end.
    pub(super) fn take(&mut self, out: &mut [u8]) -> Result<usize, Cut> {
        if self.is_empty() {
            if self.ended {
                return Ok(0);
            }
            let read = retry(|| self.reader.read(out));
            let n = self.noted(read)?;
            self.position += n as u64;
            return Ok(n);
        }
        let n = out.len().min(self.end - self.start);
        out[..n].copy_from_slice(&self.bytes()[..n]);
        self.consume(n);
        Ok(n)
    }

    /// Remembers the end, since a terminal would be asked again, and tells where an error struck.
    fn noted(&mut self, read: io::Result<usize>) -> Result<usize, Cut> {
        match read {
            Ok(n) => {
                self.ended = n == 0;
                Ok(n)
            }
            // The layer that holds this one has said why it ends.
            Err(error) => Err(error.downcast().unwrap_or_else(|error| {
                let at = self.read();
                let message = format!("read failed at byte {at}: {error}; expected more data");
                Cut { stage: Stage::Read, message }
            })),
        }
    }
}

impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("position", &self.position).finish_non_exhaustive()
    }
}

fn retry(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
