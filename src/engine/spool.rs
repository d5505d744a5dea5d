//! Texts kept apart, so that a note of a million holds a number: in memory up to a limit, in a
//! temporary file beyond.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// Texts in memory up to this many bytes.
const IN_MEMORY: usize = 8 << 20; // 8 MiB
/// How many texts are recognised when they come again; beyond, they are kept twice.
const KNOWN: usize = 1 << 14;

/// Where a text is kept.
pub type Place = u64;

/// Texts by place.
#[derive(Debug, Default)]
pub struct Spool {
    /// The texts behind those in the file.
    held: Vec<u8>,
    file: Option<File>,
    /// How many bytes are in the file.
    written: u64,
    known: HashMap<[u64; 2], Place>,
    /// How many more than usual are recognised.
    more: usize,
}

impl Spool {
    /// Texts of which `known` are recognised when they come again.
    pub fn knowing(known: usize) -> Spool {
        Spool { more: known.saturating_sub(KNOWN), ..Spool::default() }
    }

    /// Keeps a text.
    ///
    /// # Errors
    /// When the temporary file cannot be written.
    pub fn add(&mut self, text: &str) -> io::Result<Place> {
        self.add_bytes(text.as_bytes())
    }

    /// Keeps bytes.
    ///
    /// # Errors
    /// When the temporary file cannot be written.
    pub fn add_bytes(&mut self, text: &[u8]) -> io::Result<Place> {
        if self.held.len() + text.len() > IN_MEMORY && !self.held.is_empty() {
            self.flush()?;
        }
        let at = self.written + self.held.len() as u64;
        let len = u32::try_from(text.len()).map_err(io::Error::other)?;
        self.held.extend(len.to_le_bytes());
        self.held.extend_from_slice(text);
        Ok(at)
    }

    fn flush(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile()?),
        };
        file.seek(SeekFrom::Start(self.written))?;
        file.write_all(&self.held)?;
        self.written += self.held.len() as u64;
        self.held.clear();
        Ok(())
    }

    /// Keeps a text that is likely to come again and that `hash` stands for; `text` is asked for
    /// only if it is not there.
    ///
    /// # Errors
    /// When the temporary file cannot be written.
    pub fn add_once(&mut self, hash: [u64; 2], text: impl FnOnce() -> String) -> io::Result<Place> {
        if let Some(place) = self.known.get(&hash) {
            return Ok(*place);
        }
        let place = self.add(&text())?;
        if self.known.len() >= KNOWN + self.more {
            self.known.clear();
        }
        self.known.insert(hash, place);
        Ok(place)
    }

    /// The text at a place.
    ///
    /// # Errors
    /// When the temporary file cannot be read, or there is no such place.
    pub fn get(&mut self, place: Place) -> io::Result<String> {
        String::from_utf8(self.get_bytes(place)?).map_err(io::Error::other)
    }

    /// The bytes at a place.
    ///
    /// # Errors
    /// As [`get`](Spool::get).
    pub fn get_bytes(&mut self, place: Place) -> io::Result<Vec<u8>> {
        let mut len = [0; 4];
        self.read(place, &mut len)?;
        let mut text = vec![0; u32::from_le_bytes(len) as usize];
        self.read(place + 4, &mut text)?;
        Ok(text)
    }

    fn read(&mut self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        match (at.checked_sub(self.written), &mut self.file) {
            (Some(at), _) => {
                let held = usize::try_from(at).ok().and_then(|at| self.held.get(at..));
                let found = held.and_then(|held| held.get(..bytes.len()));
                bytes.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
            (None, Some(file)) => {
                file.seek(SeekFrom::Start(at))?;
                file.read_exact(bytes)
            }
            (None, None) => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_from_memory_and_from_the_file() {
        let mut spool = Spool::default();
        let long = "x".repeat(IN_MEMORY);
        let places = ["a", "", &long, "tr\u{e9}s"].map(|text| spool.add(text).unwrap());
        let long_one = spool.get(places[2]).unwrap();
        assert_eq!(long_one, long);
        let once = spool.add_once([1, 2], || "once".into()).unwrap();
        assert_eq!(spool.add_once([1, 2], || unreachable!()).unwrap(), once);
        assert_eq!(places.map(|place| spool.get(place).unwrap()), ["a", "", &long, "tr\u{e9}s"]);
        assert_eq!(spool.get(once).unwrap(), "once");
    }
}
