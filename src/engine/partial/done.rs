//! Over which uses buckets have decided, and what the others need to know of these.
//!
//! What must stay true: it says only what the bucket has seen. Whether that holds, whoever has all buckets
//! tells.

use std::collections::{BTreeSet, HashSet};
use std::hash::BuildHasherDefault;

use crate::engine::store::dictionary::{Same, Sym};

/// Stands for a file in which nothing was decided.
pub const NO_FILE: u32 = u32::MAX;

/// What buckets have decided over uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// Keys over all of whose uses the rules have decided, each with the number of the file that says so.
    pub keys: Vec<(Sym, u32)>,
    /// Keys of which uses are left as they are, or summed up for whoever compares tags, likewise.
    pub open: Vec<(Sym, u32)>,
    /// Where principals read on which days: entries, and the days as numbers.
    pub habits: Vec<(u64, u64)>,
    /// The first day and the last of which there are uses, as numbers.
    pub days: Option<(u16, u16)>,
}

impl Done {
    /// Adds what others have decided.
    pub fn merge(&mut self, other: Done) {
        self.keys.extend(other.keys);
        self.open.extend(other.open);
        self.habits.extend(other.habits);
        self.span(other.days);
    }

    /// Adds days of which there are uses.
    pub fn span(&mut self, days: Option<(u16, u16)>) {
        self.days = match (self.days, days) {
            (Some((first, last)), Some((begin, end))) => Some((first.min(begin), last.max(end))),
            (known, new) => known.or(new),
        };
    }

    /// The files, by number, that have decided over a key of which others have uses too: `uses` are the keys of
    /// those.
    pub fn contested(&self, uses: impl Fn(Sym) -> bool) -> Vec<u32> {
        let mut keys = self.keys.clone();
        keys.sort_unstable();
        let of_keys = keys.chunk_by(|(one, _), (other, _)| one == other);
        let several = of_keys.filter(|of| of.len() > 1 || of.iter().any(|(key, _)| uses(*key)));
        several.flatten().map(|(_, file)| *file).collect()
    }

    /// The files, by number, that have said something of some keys.
    pub fn files_of(&self, keys: &BTreeSet<Sym>) -> BTreeSet<usize> {
        let all = self.keys.iter().chain(&self.open);
        let said = all.filter(|(key, file)| keys.contains(key) && *file != NO_FILE);
        said.filter_map(|(_, file)| usize::try_from(*file).ok()).collect()
    }

    /// Those of some keys over which was decided.
    pub fn of(&self, keys: impl IntoIterator<Item = Sym>) -> Vec<Sym> {
        let all: HashSet<Sym, BuildHasherDefault<Same>> =
            self.keys.iter().map(|(key, _)| *key).collect();
        keys.into_iter().filter(|key| all.contains(key)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_contested_where_two_files_have_uses_of_it() {
        let keys = vec![(5, 0), (6, 0), (7, 1), (5, 1), (9, 2)];
        let mut done = Done { keys, ..Done::default() };
        assert_eq!(done.contested(|_| false), [0, 1]);
        assert_eq!(done.contested(|key| key == 9), [0, 1, 2]);
        assert_eq!(done.of([4, 6, 7]), [6, 7]);
        done.open = vec![(4, 3), (5, 1), (8, NO_FILE)];
        let files = |keys: &[Sym]| done.files_of(&keys.iter().copied().collect());
        assert_eq!(Vec::from_iter(files(&[4, 7])), [1, 3]);
        assert!(files(&[8, 10]).is_empty());
        done.merge(Done { days: Some((4, 6)), ..Done::default() });
        done.merge(Done { days: Some((2, 5)), ..Done::default() });
        assert_eq!(done.days, Some((2, 6)));
    }
}
