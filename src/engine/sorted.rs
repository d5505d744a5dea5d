//! Rows of fixed size, sorted, of any number: what does not fit in memory goes to temporary files
//! as sorted runs.
//!
//! What must stay true: the order in which rows come out does not depend on the order in which
//! they went in, nor on how they were split among workers or between memory and disk.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::marker::PhantomData;

/// What can be sorted: plain words.
pub trait Row: Ord + Copy {
    /// How many words a row is.
    const WORDS: usize;
    /// The words, `WORDS` of them.
    fn write(&self, words: &mut [u64]);
    /// The row that was written so.
    fn read(words: &[u64]) -> Self;
}

/// Rows in any order, in memory and in sorted runs on disk.
#[derive(Debug)]
pub struct Sorted<T> {
    held: Vec<T>,
    limit: usize,
    runs: Vec<File>,
}

impl<T: Row> Sorted<T> {
    /// No rows; at most `limit` are held in memory.
    pub fn new(limit: usize) -> Self {
        Sorted { held: Vec::new(), limit: limit.max(1), runs: Vec::new() }
    }

    /// Takes in a row. When memory is full and the temporary file cannot be written, memory grows:
    /// being exact comes first.
    pub fn push(&mut self, row: T) {
        if self.held.len() >= self.limit {
            match self.spill() {
                Ok(()) => self.held.clear(),
                Err(_) => self.limit *= 2,
            }
        }
        self.held.push(row);
    }

    /// Sorts what is held, so that reading finds it nearly done: workers do this side by side.
    pub fn sort(&mut self) {
        self.held.sort_unstable();
    }

    /// Adds another worker's rows.
    pub fn merge(&mut self, mut other: Sorted<T>) {
        self.runs.append(&mut other.runs);
        if self.held.len() < other.held.len() {
            // The smaller list moves to the larger one, not the other way round.
            std::mem::swap(&mut self.held, &mut other.held);
        }
        if self.held.len() + other.held.len() > self.limit.max(other.limit) {
            for row in other.held {
                self.push(row);
            }
        } else {
            self.held.append(&mut other.held);
        }
    }

    fn spill(&mut self) -> io::Result<()> {
        self.held.sort_unstable();
        let mut writer = BufWriter::new(tempfile::tempfile()?);
        let mut words = vec![0; T::WORDS];
        for row in &self.held {
            row.write(&mut words);
            for word in &words {
                writer.write_all(&word.to_le_bytes())?;
            }
        }
        let mut file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        self.runs.push(file);
        Ok(())
    }

    /// The rows in order.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn read(mut self) -> io::Result<Rows<T>> {
        // Stable, since this sort merges runs that are in order, which the workers leave.
        self.held.sort();
        if self.runs.is_empty() {
            return Ok(Rows { runs: vec![Run::Held(self.held.into_iter())], next: None });
        }
        let file = |file| Run::File(BufReader::new(file), PhantomData);
        let mut runs: Vec<Run<T>> = self.runs.into_iter().map(file).collect();
        runs.push(Run::Held(self.held.into_iter()));
        let mut heap = BinaryHeap::new();
        for (i, run) in runs.iter_mut().enumerate() {
            heap.extend(run.next()?.map(|row| Reverse((row, i))));
        }
        Ok(Rows { runs, next: Some(heap) })
    }
}

/// Rows in order.
pub struct Rows<T> {
    runs: Vec<Run<T>>,
    /// The next row of each run; `None` when there is but one run.
    next: Option<BinaryHeap<Reverse<(T, usize)>>>,
}

impl<T: Row> Rows<T> {
    /// The next row.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn next(&mut self) -> io::Result<Option<T>> {
        let Some(heap) = &mut self.next else { return self.runs[0].next() };
        let Some(Reverse((row, i))) = heap.pop() else { return Ok(None) };
        heap.extend(self.runs[i].next()?.map(|row| Reverse((row, i))));
        Ok(Some(row))
    }
}

/// A sorted run.
enum Run<T> {
    Held(std::vec::IntoIter<T>),
    File(BufReader<File>, PhantomData<T>),
}

impl<T: Row> Run<T> {
    fn next(&mut self) -> io::Result<Option<T>> {
        match self {
            Run::Held(rows) => Ok(rows.next()),
            Run::File(reader, _) => {
                let mut bytes = vec![0; T::WORDS * 8];
                match reader.read_exact(&mut bytes) {
                    Ok(()) => {
                        let (words, _) = bytes.as_chunks::<8>();
                        let words: Vec<u64> =
                            words.iter().map(|w| u64::from_le_bytes(*w)).collect();
                        Ok(Some(T::read(&words)))
                    }
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
                    Err(error) => Err(error),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Row for [u64; 2] {
        const WORDS: usize = 2;
        fn write(&self, words: &mut [u64]) {
            words.copy_from_slice(self);
        }
        fn read(words: &[u64]) -> Self {
            [words[0], words[1]]
        }
    }

    proptest! {
        /// The slow, obvious twin: a vector that is sorted.
        #[test]
        fn rows_come_out_in_order_however_they_went_in(
            rows in prop::collection::vec((0..50u64, 0..5u64), 0..60), workers in 1..4usize, limit in 1..20usize,
        ) {
            let mut parts: Vec<Sorted<[u64; 2]>> = (0..workers).map(|_| Sorted::new(limit)).collect();
            let mut expected: Vec<[u64; 2]> = rows.iter().map(|(a, b)| [*a, *b]).collect();
            for (i, row) in expected.iter().enumerate() {
                parts[i % workers].push(*row);
            }
            parts[0].sort();
            let merged = parts.into_iter().reduce(|mut a, b| { a.merge(b); a }).unwrap();
            let mut read = merged.read().unwrap();
            let mut found = Vec::new();
            while let Some(row) = read.next().unwrap() {
                found.push(row);
            }
            expected.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}
