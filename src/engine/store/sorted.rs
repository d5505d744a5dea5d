//! Rows of one shard in order: in memory where they fit, else merged out of sorted pieces.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// What can be put away: plain words.
pub trait Row: Ord + Copy + Send + Sync {
    /// How many words a row is.
    const WORDS: usize;
    /// The words, `WORDS` of them.
    fn write(&self, words: &mut [u64]);
    /// The row that was written so.
    fn read(words: &[u64]) -> Self;
    /// A number that is the same for all rows that must be read together.
    fn shard(&self) -> u64;
}

/// Where a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowAt(pub u64);

/// Bits for the number of a row in its batch or run; those above are the number of that.
pub const ROW_BITS: u32 = 40;

impl RowAt {
    pub fn new(list: usize, row: usize) -> RowAt {
        RowAt((list as u64) << ROW_BITS | row as u64)
    }
}

/// Bytes that are read from a file at once.
const BLOCK: usize = 64 << 10; // 64 KiB

/// Sorted rows in a file that they share with others, of which the next ones are in memory.
#[derive(Debug)]
pub struct Piece<T> {
    file: Arc<Mutex<File>>,
    /// The byte at which the rows go on that are not in memory.
    at: u64,
    left: usize,
    ahead: std::vec::IntoIter<(T, RowAt)>,
}

impl<T: Row> Piece<T> {
    /// Bytes of a row with its place.
    const SIZE: usize = T::WORDS * 8 + 8;

    /// Sorts rows and writes them at the end of a file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(mut rows: Vec<(T, RowAt)>, shared: &Arc<Mutex<File>>) -> io::Result<Piece<T>> {
        rows.sort_unstable();
        let mut file = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let at = file.seek(SeekFrom::End(0))?;
        let mut words = vec![0; T::WORDS];
        let mut block = Vec::with_capacity(BLOCK + Self::SIZE);
        for (row, at) in &rows {
            row.write(&mut words);
            words.iter().for_each(|word| block.extend_from_slice(&word.to_le_bytes()));
            block.extend_from_slice(&at.0.to_le_bytes());
            if block.len() >= BLOCK {
                file.write_all(&block)?;
                block.clear();
            }
        }
        file.write_all(&block)?;
        let file = Arc::clone(shared);
        Ok(Piece { file, at, left: rows.len(), ahead: Vec::new().into_iter() })
    }

    fn next(&mut self) -> io::Result<Option<(T, RowAt)>> {
        if let Some(row) = self.ahead.next() {
            return Ok(Some(row));
        }
        let count = self.left.min(BLOCK / Self::SIZE + 1);
        self.left -= count;
        let mut bytes = vec![0; count * Self::SIZE];
        {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(self.at))?;
            file.read_exact(&mut bytes)?;
        }
        self.at += bytes.len() as u64;
        let (words, _) = bytes.as_chunks::<8>();
        let words: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let rows = words.chunks_exact(T::WORDS + 1);
        let rows = rows.map(|row| (T::read(&row[..T::WORDS]), RowAt(row[T::WORDS])));
        self.ahead = rows.collect::<Vec<_>>().into_iter();
        Ok(self.ahead.next())
    }
}

/// The next row of one of several pieces, and which piece.
type Next<T> = Reverse<((T, RowAt), usize)>;

/// Pieces that are read side by side.
pub struct Merge<T> {
    pieces: Vec<Piece<T>>,
    next: BinaryHeap<Next<T>>,
}

impl<T: Row> Merge<T> {
    /// Reads pieces side by side.
    ///
    /// # Errors
    /// When a file cannot be read back.
    pub fn new(mut pieces: Vec<Piece<T>>) -> io::Result<Merge<T>> {
        let mut next = BinaryHeap::new();
        for (at, piece) in pieces.iter_mut().enumerate() {
            next.extend(piece.next()?.map(|row| Reverse((row, at))));
        }
        Ok(Merge { pieces, next })
    }

    fn next(&mut self) -> io::Result<Option<(T, RowAt)>> {
        let Some(Reverse((row, at))) = self.next.pop() else { return Ok(None) };
        self.next.extend(self.pieces[at].next()?.map(|row| Reverse((row, at))));
        Ok(Some(row))
    }
}

/// Rows of one shard in order, each with its place.
pub struct Sorted<T> {
    loaded: std::vec::IntoIter<(T, RowAt)>,
    /// Where the shard did not fit in memory.
    merge: Option<Merge<T>>,
}

impl<T: Row> Sorted<T> {
    /// Rows that are all in memory, in order.
    pub fn loaded(rows: Vec<(T, RowAt)>) -> Sorted<T> {
        Sorted { loaded: rows.into_iter(), merge: None }
    }

    /// Rows of several pieces.
    pub fn merged(merge: Merge<T>) -> Sorted<T> {
        Sorted { loaded: Vec::new().into_iter(), merge: Some(merge) }
    }

    /// The next row.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn next(&mut self) -> io::Result<Option<(T, RowAt)>> {
        match &mut self.merge {
            Some(merge) => merge.next(),
            None => Ok(self.loaded.next()),
        }
    }
}
