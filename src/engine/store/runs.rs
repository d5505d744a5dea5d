//! Rows of fixed size, of any number, read back in order.
//!
//! Rows go to a *shard* by themselves, so that shards can be read one by one and side by side. What
//! does not fit in memory is written to a temporary file, shard by shard, in large blocks. A shard
//! is sorted when it is read: in memory if it fits, else in pieces that are merged.
//!
//! What must stay true: the order in which rows come out of a shard does not depend on the order in
//! which they went in, nor on how they were split among workers or between memory and disk.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

use super::sorted::{Merge, Piece, ROW_BITS, Sorted};
pub use super::sorted::{Row, RowAt};
use super::spill::Spill;

/// How many shards there are: enough that one of them fits in memory.
pub const SHARDS: usize = 64;

/// Rows of a shard that are sorted in memory at once.
const LOADED: usize = 1 << 17;

/// Rows from which room for all that memory may hold is reserved at once. What is not used of it costs
/// addresses only; a vector that grows by doubling copies its rows again and again.
const MANY: usize = 1 << 12;

/// Bytes that are read from a file at once.
const BLOCK: usize = 64 << 10; // 64 KiB

/// The shard of a row.
fn shard_of<T: Row>(row: &T) -> usize {
    // The number may be small or a hash: multiplying spreads both.
    let spread = row.shard().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(spread >> 58).unwrap_or_default()
}

/// Rows in any order, in memory and in temporary files.
#[derive(Debug)]
pub struct Rows<T> {
    held: Vec<T>,
    limit: usize,
    /// What other workers held.
    merged: Vec<Vec<T>>,
    /// Where the next run goes: one file for all of a worker's, since a process may open few.
    file: Option<Arc<Mutex<File>>>,
    spill: Spill,
    /// Rows in it.
    written: u64,
    runs: Vec<Run>,
}

/// Rows in a temporary file.
#[derive(Debug)]
struct Run {
    file: Arc<Mutex<File>>,
    /// Where each shard begins, in rows from the beginning of the file; one more for the end.
    begins: Vec<u64>,
}

impl<T: Row> Rows<T> {
    /// No rows; at most `limit` are held in memory.
    pub fn new(limit: usize) -> Self {
        Rows {
            held: Vec::new(),
            limit: limit.max(1),
            merged: Vec::new(),
            file: None,
            spill: Spill::default(),
            written: 0,
            runs: Vec::new(),
        }
    }

    /// Takes in a row. When memory is full and the temporary file cannot be written, memory grows:
    /// being exact comes first.
    pub fn push(&mut self, row: T) {
        if self.held.len() >= self.limit {
            self.put_away();
        }
        if self.held.len() == MANY {
            self.held.reserve_exact(self.limit.saturating_sub(MANY));
        }
        self.held.push(row);
    }

    fn put_away(&mut self) {
        let Rows { held, file, spill, written, .. } = self;
        let run = spill.attempt(|| {
            let file = match file {
                Some(file) => file,
                None => file.insert(Arc::new(Mutex::new(tempfile::tempfile()?))),
            };
            Run::write(held, file, *written)
        });
        if let Some(run) = run {
            self.runs.push(run);
            self.written += self.held.len() as u64;
            self.held.clear();
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> u64 {
        let held = self.held.len() + self.merged.iter().map(Vec::len).sum::<usize>();
        let written: u64 = self.runs.iter().map(Run::len).sum();
        held as u64 + written
    }

    /// Hands every row to `take`, in no order, and leaves them here.
    ///
    /// # Errors
    /// What `take` returns, or when a temporary file cannot be read back.
    pub fn each(&self, mut take: impl FnMut(&T) -> io::Result<()>) -> io::Result<()> {
        self.held.iter().chain(self.merged.iter().flatten()).try_for_each(&mut take)?;
        for run in &self.runs {
            let mut rows = run.whole();
            while rows.len() > 0 {
                let mut some = Vec::new();
                rows.read(BLOCK / (T::WORDS * 8), &mut some)?;
                some.iter().try_for_each(|(row, _)| take(row))?;
            }
        }
        Ok(())
    }

    /// Adds another worker's rows.
    pub fn merge(&mut self, mut other: Rows<T>) {
        self.runs.append(&mut other.runs);
        self.merged.append(&mut other.merged);
        self.merged.push(other.held);
    }

    /// The rows, shard by shard, to be read as often as it takes.
    pub fn sharded(self) -> Sharded<T> {
        let held = std::iter::once(self.held).chain(self.merged);
        let batches = held.filter(|rows| !rows.is_empty()).map(Batch::new).collect();
        Sharded { batches, runs: self.runs }
    }

    /// The shards, which together hold every row.
    pub fn into_shards(self) -> Vec<Shard<T>> {
        let sharded = self.sharded();
        (0..SHARDS).map(|number| sharded.shard(number)).collect()
    }
}

/// Rows that are all there.
#[derive(Debug)]
pub struct Sharded<T> {
    batches: Vec<Batch<T>>,
    runs: Vec<Run>,
}

impl<T: Row> Sharded<T> {
    /// A shard, by its number below [`SHARDS`].
    pub fn shard(&self, number: usize) -> Shard<T> {
        let batches = self.batches.iter().enumerate();
        let runs = (self.batches.len()..).zip(&self.runs);
        Shard {
            held: batches.map(|(list, batch)| batch.shard(list, number)).collect(),
            runs: runs.map(|(list, run)| run.shard(list, number)).collect(),
        }
    }

    /// The row at a place.
    ///
    /// # Errors
    /// When there is none, or a temporary file cannot be read back.
    pub fn row(&self, at: RowAt) -> io::Result<T> {
        let list = usize::try_from(at.0 >> ROW_BITS).map_err(io::Error::other)?;
        let row = at.0 & ((1 << ROW_BITS) - 1);
        if let Some(batch) = self.batches.get(list) {
            let row = usize::try_from(row).ok().and_then(|row| batch.rows.get(row));
            return row.copied().ok_or_else(|| io::ErrorKind::NotFound.into());
        }
        let run = self.runs.get(list - self.batches.len()).ok_or(io::ErrorKind::NotFound)?;
        let file = Arc::clone(&run.file);
        let mut rows = Vec::new();
        Written { file, list, next: row, end: row + 1 }.read(1, &mut rows)?;
        rows.first().map(|(row, _)| *row).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Rows in memory in the order of their shards.
#[derive(Debug)]
struct Batch<T> {
    rows: Arc<Vec<T>>,
    begins: Vec<usize>,
}

impl<T: Row> Batch<T> {
    fn new(rows: Vec<T>) -> Batch<T> {
        let (order, begins) = by_shard(&rows);
        let rows = order.into_iter().map(|at| rows[at as usize]).collect();
        Batch { rows: Arc::new(rows), begins }
    }

    fn shard(&self, list: usize, number: usize) -> Held<T> {
        let range = self.begins[number]..self.begins[number + 1];
        Held { rows: Arc::clone(&self.rows), list, range }
    }
}

/// The places of rows in the order of their shards, and where each shard begins.
fn by_shard<T: Row>(rows: &[T]) -> (Vec<u32>, Vec<usize>) {
    let mut begins = vec![0; SHARDS + 1];
    for row in rows {
        begins[shard_of(row) + 1] += 1;
    }
    for shard in 0..SHARDS {
        begins[shard + 1] += begins[shard];
    }
    let mut next = begins.clone();
    let mut order = vec![0; rows.len()];
    for (at, row) in (0u32..).zip(rows) {
        let place = &mut next[shard_of(row)];
        order[*place] = at;
        *place += 1;
    }
    (order, begins)
}

impl Run {
    /// Writes rows behind the first `first` ones of a file.
    fn write<T: Row>(rows: &[T], shared: &Arc<Mutex<File>>, first: u64) -> io::Result<Run> {
        let (order, begins) = by_shard(rows);
        let mut file = shared.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(first * T::WORDS as u64 * 8))?;
        let mut words = vec![0; T::WORDS];
        let mut block = Vec::with_capacity(BLOCK + T::WORDS * 8);
        for at in order {
            rows[at as usize].write(&mut words);
            words.iter().for_each(|word| block.extend_from_slice(&word.to_le_bytes()));
            if block.len() >= BLOCK {
                file.write_all(&block)?;
                block.clear();
            }
        }
        file.write_all(&block)?;
        let begins = begins.into_iter().map(|begin| first + begin as u64).collect();
        Ok(Run { file: Arc::clone(shared), begins })
    }

    /// How many rows there are.
    fn len(&self) -> u64 {
        self.begins.last().zip(self.begins.first()).map_or(0, |(end, begin)| end - begin)
    }

    /// All of its rows.
    fn whole(&self) -> Written {
        let next = self.begins.first().copied().unwrap_or_default();
        Written { file: Arc::clone(&self.file), list: 0, next, end: next + self.len() }
    }

    fn shard(&self, list: usize, number: usize) -> Written {
        let range = self.begins[number]..self.begins[number + 1];
        Written { file: Arc::clone(&self.file), list, next: range.start, end: range.end }
    }
}

/// Rows of one shard.
#[derive(Debug, Clone)]
pub struct Shard<T> {
    held: Vec<Held<T>>,
    runs: Vec<Written>,
}

#[derive(Debug, Clone)]
struct Held<T> {
    rows: Arc<Vec<T>>,
    list: usize,
    range: std::ops::Range<usize>,
}

impl<T: Row> Held<T> {
    fn rows(&self) -> impl Iterator<Item = (T, RowAt)> {
        let rows = self.rows.get(self.range.clone()).unwrap_or_default();
        (self.range.start..).zip(rows).map(|(at, row)| (*row, RowAt::new(self.list, at)))
    }
}

/// Rows that are still to be read from a file.
#[derive(Debug, Clone)]
struct Written {
    file: Arc<Mutex<File>>,
    list: usize,
    next: u64,
    end: u64,
}

impl Written {
    fn len(&self) -> usize {
        usize::try_from(self.end - self.next).unwrap_or(usize::MAX)
    }

    /// Reads the next rows, at most `most`.
    fn read<T: Row>(&mut self, most: usize, rows: &mut Vec<(T, RowAt)>) -> io::Result<()> {
        let count = self.len().min(most);
        let mut bytes = vec![0; count * T::WORDS * 8];
        {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(self.next * T::WORDS as u64 * 8))?;
            file.read_exact(&mut bytes)?;
        }
        let mut words = vec![0; T::WORDS];
        let (all, _) = bytes.as_chunks::<8>();
        for row in all.chunks_exact(T::WORDS) {
            words.iter_mut().zip(row).for_each(|(word, bytes)| *word = u64::from_le_bytes(*bytes));
            let at = RowAt((self.list as u64) << ROW_BITS | self.next);
            rows.push((T::read(&words), at));
            self.next += 1;
        }
        Ok(())
    }
}

impl<T: Row> Shard<T> {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        let held: usize = self.held.iter().map(|held| held.range.len()).sum();
        held + self.runs.iter().map(Written::len).sum::<usize>()
    }

    /// Hands every row to `take`, in no order.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn each(mut self, mut take: impl FnMut(&T)) -> io::Result<()> {
        self.held.iter().flat_map(Held::rows).for_each(|(row, _)| take(&row));
        for run in &mut self.runs {
            while run.len() > 0 {
                let mut rows = Vec::new();
                run.read(BLOCK / (T::WORDS * 8), &mut rows)?;
                rows.iter().for_each(|(row, _)| take(row));
            }
        }
        Ok(())
    }

    /// The rows in order.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn rows(self) -> io::Result<Sorted<T>> {
        self.rows_of(LOADED)
    }

    fn rows_of(self, loaded: usize) -> io::Result<Sorted<T>> {
        if self.len() > loaded {
            // Where there is no room for another file, memory grows.
            if let Ok(merge) = self.clone().in_pieces(loaded) {
                return Ok(Sorted::merged(merge));
            }
        }
        let mut rows = Vec::with_capacity(self.len());
        self.held.iter().for_each(|held| rows.extend(held.rows()));
        for mut run in self.runs {
            run.read(usize::MAX, &mut rows)?;
        }
        rows.sort_unstable();
        Ok(Sorted::loaded(rows))
    }

    /// Sorts `loaded` rows at once, and puts them into a file to be read side by side.
    fn in_pieces(self, loaded: usize) -> io::Result<Merge<T>> {
        let mut pieces = Vec::new();
        let file = Arc::new(Mutex::new(tempfile::tempfile()?));
        for held in self.held {
            let mut rows = held.rows();
            loop {
                let part: Vec<_> = rows.by_ref().take(loaded).collect();
                if part.is_empty() {
                    break;
                }
                pieces.push(Piece::write(part, &file)?);
            }
        }
        for mut run in self.runs {
            while run.len() > 0 {
                let mut rows = Vec::new();
                run.read(loaded, &mut rows)?;
                pieces.push(Piece::write(rows, &file)?);
            }
        }
        Merge::new(pieces)
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
        fn shard(&self) -> u64 {
            self[0]
        }
    }

    #[test]
    fn without_a_file_memory_holds_every_row() {
        let mut rows = Rows::new(2);
        rows.push([0, 0]);
        assert!(rows.spill.attempt(|| Err::<(), _>(io::ErrorKind::StorageFull.into())).is_none());
        (1..99).for_each(|n| rows.push([n, n]));
        assert!(rows.runs.is_empty() && rows.spill.trouble().is_some());
        assert_eq!(
            (rows.len(), rows.into_shards().iter().map(Shard::len).sum::<usize>()),
            (99, 99)
        );
    }

    #[test]
    fn a_worker_has_one_file_whatever_it_spills() {
        let mut rows = Rows::new(2);
        (0..99).for_each(|n| rows.push([n, n]));
        assert_eq!(rows.runs.len(), 49);
        assert!(rows.runs.iter().all(|run| Arc::ptr_eq(&run.file, &rows.runs[0].file)));
        assert_eq!(rows.len(), 99);
    }

    proptest! {
        #[test]
        fn shards_hold_every_row_in_order_whatever_was_spilled(
            rows in prop::collection::vec((0..9u64, 0..50u64), 0..300),
            workers in 1..4usize, limit in 1..20usize, loaded in 1..60usize,
        ) {
            let mut parts: Vec<Rows<[u64; 2]>> = (0..workers).map(|_| Rows::new(limit)).collect();
            let mut expected: Vec<[u64; 2]> = rows.iter().map(|(a, b)| [*a, *b]).collect();
            for (i, row) in expected.iter().enumerate() {
                parts[i % workers].push(*row);
            }
            let merged = parts.into_iter().reduce(|mut a, b| { a.merge(b); a }).unwrap();
            prop_assert_eq!(merged.len(), expected.len() as u64);
            let mut all = Vec::new();
            merged.each(|row| { all.push(*row); Ok(()) })?;
            all.sort_unstable();
            let mut sorted = expected.clone();
            sorted.sort_unstable();
            prop_assert_eq!(all, sorted);
            let mut found = Vec::new();
            let sharded = merged.sharded();
            for number in 0..SHARDS {
                let before = found.len();
                let mut rows = sharded.shard(number).rows_of(loaded)?;
                while let Some((row, at)) = rows.next()? {
                    prop_assert_eq!(sharded.row(at)?, row);
                    found.push(row);
                }
                prop_assert!(found[before..].is_sorted());
            }
            // What belongs together is in one shard, so that its rows are neighbours.
            let firsts: Vec<u64> = found.chunk_by(|a, b| a[0] == b[0]).map(|rows| rows[0][0]).collect();
            let mut distinct = firsts.clone();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(firsts.len(), distinct.len());
            found.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}
