//! Texts that come again and again, such as ARNs: each is kept once, and named by its hash.
//!
//! The name of a text does not depend on who met it first, so that rows of several workers, or of
//! several machines with one key, can be compared and put together without translating anything.
//!
//! What must stay true: memory is bounded by the names at hand, not by how many there are. Two
//! texts of one name are noticed: their number is told when the dictionary is made.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::hash::{BuildHasherDefault, Hasher};
use std::io::{self, Read, Seek, Write};

use super::bytes::Bytes;
use super::hash::HashKey;
use super::spill::Spill;

/// The name of a text: its keyed hash. 0 is no text.
pub type Sym = u64;

/// No text.
pub const NONE: Sym = 0;

/// Names that a worker recognises; beyond, texts are written down again.
const KNOWN: usize = 1 << 19;
/// Bytes of texts in memory; beyond, they go to a temporary file (16 MiB).
const IN_MEMORY: usize = 16 << 20;

/// The same while texts are looked up, which happens in any order (64 MiB).
const LOOKED_UP: usize = 64 << 20;

/// A hasher for what is a hash already.
#[derive(Debug, Default, Clone, Copy)]
pub struct Same(u64);

impl Hasher for Same {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = word;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A map by names.
pub type BySym<T> = HashMap<Sym, T, BuildHasherDefault<Same>>;

/// The texts that one worker has met.
#[derive(Debug)]
pub struct Words {
    key: HashKey,
    known: HashSet<Sym, BuildHasherDefault<Same>>,
    /// Name, length in four bytes, text.
    held: Vec<u8>,
    files: Vec<File>,
    spill: Spill,
    /// Reused from text to text.
    buffer: Vec<u8>,
}

impl Words {
    /// No texts; names are hashes under `key`.
    pub fn new(key: HashKey) -> Words {
        Words {
            key,
            known: HashSet::default(),
            held: Vec::new(),
            files: Vec::new(),
            spill: Spill::default(),
            buffer: Vec::new(),
        }
    }

    /// The name of what `write` writes, which is kept if it is new.
    ///
    /// # Errors
    /// When a temporary file cannot be written and memory is full too.
    pub fn name(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> io::Result<Sym> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        write(&mut buffer);
        let sym = sym(self.key, &buffer);
        let kept = if self.known.contains(&sym) { Ok(()) } else { self.keep(sym, &buffer) };
        self.buffer = buffer;
        kept.map(|()| sym)
    }

    /// The name of what `write` writes, which is not kept.
    pub fn sym(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Sym {
        self.buffer.clear();
        write(&mut self.buffer);
        sym(self.key, &self.buffer)
    }

    fn keep(&mut self, sym: Sym, text: &[u8]) -> io::Result<()> {
        if self.held.len() + text.len() > IN_MEMORY {
            let written = self.spill.attempt(|| {
                let mut file = tempfile::tempfile()?;
                file.write_all(&self.held)?;
                Ok(file)
            });
            match written {
                Some(file) => {
                    self.files.push(file);
                    self.held.clear();
                }
                None => self.spill.room(self.held.len() + text.len())?,
            }
        }
        let len = u32::try_from(text.len()).map_err(io::Error::other)?;
        self.held.extend_from_slice(&sym.to_le_bytes());
        self.held.extend_from_slice(&len.to_le_bytes());
        self.held.extend_from_slice(text);
        // Only now: what could not be kept must be tried again when it comes again.
        if self.known.len() >= KNOWN {
            self.known.clear();
        }
        self.known.insert(sym);
        Ok(())
    }

    /// Why memory holds what a temporary file should.
    pub fn trouble(&self) -> Option<&io::Error> {
        self.spill.trouble()
    }

    /// Hands every text with its name to `take`, some more than once, and leaves them here.
    ///
    /// # Errors
    /// What `take` returns, or when a temporary file cannot be read back.
    pub fn each(&self, mut take: impl FnMut(Sym, &[u8]) -> io::Result<()>) -> io::Result<()> {
        for mut file in &self.files {
            let mut bytes = Vec::new();
            file.rewind()?;
            file.read_to_end(&mut bytes)?;
            each_word(&bytes, |sym, _, text| take(sym, text))?;
        }
        each_word(&self.held, |sym, _, text| take(sym, text))
    }

    /// How many bytes the texts take, with their names.
    fn len(&self) -> io::Result<u64> {
        let written = self.files.iter().map(|file| Ok(file.metadata()?.len()));
        Ok(written.sum::<io::Result<u64>>()? + self.held.len() as u64)
    }
}

/// Hands each text of a list to `take`: its name, its length in four bytes, the text.
fn each_word(
    mut words: &[u8],
    mut take: impl FnMut(Sym, &[u8], &[u8]) -> io::Result<()>,
) -> io::Result<()> {
    while let Some((head, rest)) = words.split_first_chunk::<12>() {
        let (sym, len) = head.split_at(8);
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b));
        let count = usize::try_from(number(len)).map_err(io::Error::other)?;
        let (text, rest) = rest.split_at_checked(count).ok_or(io::ErrorKind::UnexpectedEof)?;
        take(number(sym), len, text)?;
        words = rest;
    }
    Ok(())
}

/// The name of a text under a key; never [`NONE`].
pub fn sym(key: HashKey, text: &[u8]) -> Sym {
    key.short(text).max(1)
}

/// Every text by its name.
#[derive(Debug)]
pub struct Dictionary {
    /// Names in order, each with the place of its text.
    index: Vec<(Sym, u64)>,
    /// Each text behind its length, in four bytes.
    bytes: Bytes,
    /// How many texts have the name of another one.
    pub collisions: u64,
}

impl Dictionary {
    /// All that the workers have met.
    ///
    /// # Errors
    /// When a temporary file cannot be used.
    pub fn new(all: Vec<Words>) -> io::Result<Dictionary> {
        let mut dictionary =
            Dictionary { index: Vec::new(), bytes: Bytes::default(), collisions: 0 };
        let lens = all.iter().map(Words::len).collect::<io::Result<Vec<u64>>>()?;
        let len = usize::try_from(lens.into_iter().sum::<u64>()).unwrap_or(LOOKED_UP);
        dictionary.bytes.make_room(len.min(LOOKED_UP + IN_MEMORY));
        for words in all {
            for mut file in words.files {
                let mut bytes = Vec::new();
                file.rewind()?;
                file.read_to_end(&mut bytes)?;
                dictionary.add(&bytes)?;
            }
            dictionary.add(&words.held)?;
        }
        dictionary.bytes.fit();
        dictionary.index.sort_unstable();
        dictionary.dedup()?;
        Ok(dictionary)
    }

    fn add(&mut self, words: &[u8]) -> io::Result<()> {
        each_word(words, |sym, len, text| {
            self.index.push((sym, self.bytes.len()));
            self.bytes.add(len);
            self.bytes.add(text);
            if self.bytes.held() > LOOKED_UP {
                self.bytes.put_away();
            }
            Ok(())
        })
    }

    /// Leaves one place for each name, and counts texts that share one.
    fn dedup(&mut self) -> io::Result<()> {
        let mut index = std::mem::take(&mut self.index);
        let mut failed = None;
        index.dedup_by(|(sym, place), (last, first)| {
            let same = sym == last;
            if same && failed.is_none() {
                match self.at(*first).and_then(|text| Ok(text != self.at(*place)?)) {
                    Ok(differs) => self.collisions += u64::from(differs),
                    Err(error) => failed = Some(error),
                }
            }
            same
        });
        index.shrink_to_fit();
        self.index = index;
        failed.map_or(Ok(()), Err)
    }

    /// The text of a name.
    ///
    /// # Errors
    /// When there is none, or the temporary file cannot be read.
    pub fn text(&self, sym: Sym) -> io::Result<Vec<u8>> {
        self.at(self.place(sym)?)
    }

    /// Hands every text to `take`, in the order of names.
    ///
    /// # Errors
    /// What `take` returns, or when the temporary file cannot be read.
    pub fn each(&self, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        self.index.iter().try_for_each(|(_, place)| take(&self.at(*place)?))
    }

    /// How long the text of a name is, in bytes.
    ///
    /// # Errors
    /// As [`text`](Dictionary::text).
    pub fn length(&self, sym: Sym) -> io::Result<u64> {
        Ok(u64::from(self.length_at(self.place(sym)?)?))
    }

    fn place(&self, sym: Sym) -> io::Result<u64> {
        let found = self.index.binary_search_by_key(&sym, |(sym, _)| *sym);
        let found = found.ok().and_then(|at| self.index.get(at));
        found.map(|(_, place)| *place).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn length_at(&self, place: u64) -> io::Result<u32> {
        let mut len = [0; 4];
        self.bytes.read(place, &mut len)?;
        Ok(u32::from_le_bytes(len))
    }

    fn at(&self, place: u64) -> io::Result<Vec<u8>> {
        let mut text = vec![0; self.length_at(place)? as usize];
        self.bytes.read(place + 4, &mut text)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_by_its_name_whoever_met_it() {
        let key = HashKey::of_seed(7);
        let (mut one, mut two) = (Words::new(key), Words::new(key));
        let name = |words: &mut Words, text: &str| {
            words.name(|bytes| bytes.extend_from_slice(text.as_bytes())).unwrap()
        };
        let a = name(&mut one, "a");
        let long = "x".repeat(IN_MEMORY);
        let names: Vec<Sym> = ["", &long, "b"].map(|text| name(&mut one, text)).into();
        assert_eq!(name(&mut two, "a"), a);
        assert_eq!(name(&mut one, "a"), a);
        let dictionary = Dictionary::new(vec![one, two]).unwrap();
        assert_eq!(dictionary.text(a).unwrap(), b"a");
        assert_eq!(dictionary.text(names[1]).unwrap(), long.as_bytes());
        assert_eq!(dictionary.text(names[2]).unwrap(), b"b");
        assert!(dictionary.text(1).is_err());
        assert_eq!(dictionary.index.len(), 4);
        assert_eq!(dictionary.collisions, 0);
    }

    #[test]
    fn without_a_file_memory_holds_every_text() {
        let mut words = Words::new(HashKey::of_seed(7));
        assert!(words.spill.attempt(|| Err::<(), _>(io::ErrorKind::StorageFull.into())).is_none());
        let texts: Vec<Vec<u8>> = (0..5).map(|n| vec![n; IN_MEMORY / 2]).collect();
        let name = |text: &Vec<u8>| words.name(|bytes| bytes.extend_from_slice(text)).unwrap();
        let names: Vec<Sym> = texts.iter().map(name).collect();
        assert!(words.files.is_empty() && words.trouble().is_some());
        let dictionary = Dictionary::new(vec![words]).unwrap();
        for (name, text) in names.iter().zip(&texts) {
            assert!(dictionary.text(*name).unwrap() == *text);
        }
    }

    #[test]
    fn two_texts_of_one_name_are_counted() {
        let key = HashKey::of_seed(7);
        let (mut one, mut two) = (Words::new(key), Words::new(key));
        one.keep(9, b"this").unwrap();
        two.keep(9, b"that").unwrap();
        assert_eq!(Dictionary::new(vec![one, two]).unwrap().collisions, 1);
    }
}
