//! Which records rules looked at, so that each can be counted once.
//!
//! CloudTrail delivers records twice, and a copy may be in any file. So each worker notes one row a
//! record that lies in the range that is reported and that some rule is about; at the end the rows are
//! sorted, which brings copies together.
//!
//! What must stay true: a row is the same for every copy of a record, and differs from that of any
//! other record. What is counted does not depend on who read what.

use std::io;

use rayon::prelude::*;

use crate::engine::store::runs::{Row, Rows, Shard};

/// One record that rules looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Looked {
    /// What stands for the record and its copies.
    pub record: [u64; 2],
    /// The list of the rules that looked at it, by its number.
    pub list: u64,
}

impl Row for Looked {
    const WORDS: usize = 3;

    fn write(&self, words: &mut [u64]) {
        let [record, record2] = self.record;
        words.copy_from_slice(&[record, record2, self.list]);
    }

    fn read(words: &[u64]) -> Looked {
        Looked { record: [words[0], words[1]], list: words[2] }
    }

    fn shard(&self) -> u64 {
        self.record[0]
    }
}

/// How many different records each of so many lists has, by its number.
///
/// # Errors
/// When a temporary file cannot be read back.
pub fn sizes(rows: Rows<Looked>, lists: usize) -> io::Result<Vec<u64>> {
    let none = || vec![0; lists];
    let shards = rows.into_shards().into_par_iter().map(|shard| size(shard, none()));
    shards.try_reduce(none, |mut one, other| {
        one.iter_mut().zip(other).for_each(|(mine, theirs)| *mine += theirs);
        Ok(one)
    })
}

fn size(shard: Shard<Looked>, mut sizes: Vec<u64>) -> io::Result<Vec<u64>> {
    let mut rows = shard.rows()?;
    let mut last = None;
    while let Some((row, _)) = rows.next()? {
        let list = usize::try_from(row.list).ok().and_then(|list| sizes.get_mut(list));
        if let Some(size) = list.filter(|_| last != Some(row)) {
            *size += 1;
        }
        last = Some(row);
    }
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn copies_count_once_whoever_read_them(
            looked in prop::collection::vec((0..40u64, 0..5u64), 0..200),
            workers in 1..4usize, limit in 1..20usize,
        ) {
            let mut parts: Vec<Rows<Looked>> = (0..workers).map(|_| Rows::new(limit)).collect();
            for (at, (record, list)) in looked.iter().enumerate() {
                parts[at % workers].push(Looked { record: [*record, 7], list: *list });
            }
            let merged = parts.into_iter().reduce(|mut a, b| { a.merge(b); a }).unwrap();
            let different: BTreeSet<(u64, u64)> = looked.iter().map(|(r, l)| (*l, *r)).collect();
            let number = |list| different.iter().filter(|(of, _)| *of == list).count() as u64;
            prop_assert_eq!(sizes(merged, 5).unwrap(), (0..5).map(number).collect::<Vec<_>>());
        }
    }
}
