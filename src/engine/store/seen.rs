//! Whether a record was seen before, for a live report that cannot wait for the end.
//!
//! Exact over any number of records in bounded memory: what does not fit goes to a temporary file
//! as sorted runs, of which memory holds every 128th key.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

/// A record's identity and content, as keyed hashes.
pub type Mark = ([u64; 2], u64);

const MARK_BYTES: usize = 24;
/// Marks in one page of a run, which is read at once.
const PAGE: usize = 128;
/// Runs are made one when there are more than this many.
const RUNS: usize = 8;

/// The records seen so far.
#[derive(Debug)]
pub struct Seen {
    held: HashSet<Mark>,
    limit: usize,
    runs: Vec<Run>,
}

/// Sorted marks in a file.
#[derive(Debug)]
struct Run {
    file: File,
    /// The first mark of every page.
    fences: Vec<Mark>,
    len: usize,
}

impl Seen {
    /// Nothing seen; at most `limit` marks are held in memory.
    pub fn new(limit: usize) -> Self {
        Seen { held: HashSet::new(), limit: limit.max(1), runs: Vec::new() }
    }

    /// Notes a record; whether it is new.
    ///
    /// # Errors
    /// When a temporary file cannot be read back. A file that cannot be written only costs memory.
    pub fn insert(&mut self, mark: Mark) -> io::Result<bool> {
        if self.held.contains(&mark) {
            return Ok(false);
        }
        for run in &mut self.runs {
            if run.contains(&mark)? {
                return Ok(false);
            }
        }
        if self.held.len() >= self.limit && self.spill().is_err() {
            self.limit *= 2;
        }
        Ok(self.held.insert(mark))
    }

    fn spill(&mut self) -> io::Result<()> {
        let mut marks: Vec<Mark> = self.held.iter().copied().collect();
        marks.sort_unstable();
        let run = Run::write(marks.into_iter().map(Ok))?;
        self.held.clear();
        self.runs.push(run);
        if self.runs.len() > RUNS {
            let merged = Merge::new(&mut self.runs)?;
            let run = Run::write(merged)?;
            self.runs = vec![run];
        }
        Ok(())
    }
}

impl Run {
    fn write(marks: impl Iterator<Item = io::Result<Mark>>) -> io::Result<Run> {
        let mut writer = BufWriter::new(tempfile::tempfile()?);
        let (mut fences, mut len) = (Vec::new(), 0);
        for mark in marks {
            let mark = mark?;
            if len % PAGE == 0 {
                fences.push(mark);
            }
            len += 1;
            for word in [mark.0[0], mark.0[1], mark.1] {
                writer.write_all(&word.to_le_bytes())?;
            }
        }
        let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(Run { file, fences, len })
    }

    fn contains(&mut self, mark: &Mark) -> io::Result<bool> {
        let Some(page) = self.fences.partition_point(|fence| fence <= mark).checked_sub(1) else {
            return Ok(false);
        };
        let mut bytes = [0; PAGE * MARK_BYTES];
        let marks = PAGE.min(self.len - page * PAGE);
        let bytes = &mut bytes[..marks * MARK_BYTES];
        self.file.seek(SeekFrom::Start((page * PAGE * MARK_BYTES) as u64))?;
        self.file.read_exact(bytes)?;
        let (entries, _) = bytes.as_chunks::<MARK_BYTES>();
        Ok(entries.binary_search_by(|entry| from_bytes(entry).cmp(mark)).is_ok())
    }
}

fn from_bytes(bytes: &[u8; MARK_BYTES]) -> Mark {
    let (words, _) = bytes.as_chunks::<8>();
    let word = |i: usize| u64::from_le_bytes(words[i]);
    ([word(0), word(1)], word(2))
}

/// The marks of several runs in order. No two runs share one.
struct Merge<'a> {
    heads: Vec<(Option<Mark>, BufReader<&'a File>)>,
}

impl<'a> Merge<'a> {
    fn new(runs: &'a mut [Run]) -> io::Result<Self> {
        let mut heads = Vec::new();
        for run in runs {
            run.file.rewind()?;
            let mut reader = BufReader::new(&run.file);
            heads.push((Self::read(&mut reader)?, reader));
        }
        Ok(Merge { heads })
    }

    fn read(reader: &mut BufReader<&File>) -> io::Result<Option<Mark>> {
        let mut bytes = [0; MARK_BYTES];
        match reader.read_exact(&mut bytes) {
            Ok(()) => Ok(Some(from_bytes(&bytes))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Iterator for Merge<'_> {
    type Item = io::Result<Mark>;

    fn next(&mut self) -> Option<Self::Item> {
        let (head, reader) = self
            .heads
            .iter_mut()
            .filter(|(head, _)| head.is_some())
            .min_by_key(|(head, _)| *head)?;
        let mark = head.take()?;
        match Self::read(reader) {
            Ok(next) => *head = next,
            Err(error) => return Some(Err(error)),
        }
        Some(Ok(mark))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_small_memory_remembers_what_a_plain_set_remembers(
            marks in prop::collection::vec((0..40u64, 0..3u64), 0..600), limit in 1..9usize,
        ) {
            let (mut seen, mut plain) = (Seen::new(limit), HashSet::new());
            for (a, b) in marks {
                let mark = ([a.wrapping_mul(0x9e37_79b9_7f4a_7c15), a], b);
                prop_assert_eq!(seen.insert(mark).unwrap(), plain.insert(mark));
            }
        }
    }

    #[test]
    fn pages_are_found_again() {
        let mut seen = Seen::new(1000);
        let mark = |n: u64| ([n.wrapping_mul(0x9e37_79b9_7f4a_7c15), n], n);
        assert!((0..20_000).all(|n| seen.insert(mark(n)).unwrap()));
        assert!((0..20_000).all(|n| !seen.insert(mark(n)).unwrap()));
    }
}
