//! Bytes that are added at the end and read anywhere: the first of them in a temporary file, the last
//! in memory.
//!
//! What must stay true: where a byte is does not change when it goes to the file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, PoisonError};

use super::spill::Spill;

/// Bytes, by their number.
#[derive(Debug, Default)]
pub struct Bytes {
    /// Those that are not in the file.
    held: Vec<u8>,
    file: Option<Mutex<File>>,
    /// How many are in it.
    written: u64,
    pub(super) spill: Spill,
}

impl Bytes {
    /// How many there are.
    pub fn len(&self) -> u64 {
        self.written + self.held.len() as u64
    }

    /// How many of them memory holds.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Whether some are in a file.
    #[cfg(test)]
    pub fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// Makes room for more bytes in memory at once: growing step by step would copy what there is,
    /// and hold it twice meanwhile.
    pub fn make_room(&mut self, bytes: usize) {
        self.held.reserve_exact(bytes);
    }

    /// Gives back the room that nothing is in.
    pub fn fit(&mut self) {
        self.held.shrink_to_fit();
    }

    /// Adds bytes, in memory.
    pub fn add(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// Puts what memory holds into the file. If that cannot be written, memory grows.
    pub fn put_away(&mut self) {
        let Bytes { held, file, written, spill } = self;
        let done = spill.attempt(|| {
            let file = match file {
                Some(file) => file,
                None => file.insert(Mutex::new(tempfile::tempfile()?)),
            };
            let file = file.get_mut().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(*written))?;
            file.write_all(held)
        });
        if done.is_some() {
            *written += held.len() as u64;
            held.clear();
        }
    }

    /// Reads the bytes from number `at` on, all of which went to the same place at once.
    ///
    /// # Errors
    /// When there are none, or the file cannot be read.
    pub fn read(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        match (at.checked_sub(self.written), &self.file) {
            (Some(at), _) => {
                let held = usize::try_from(at).ok().and_then(|at| self.held.get(at..));
                let found = held.and_then(|held| held.get(..bytes.len()));
                bytes.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
            (None, Some(file)) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(at))?;
                file.read_exact(bytes)
            }
            (None, None) => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}
