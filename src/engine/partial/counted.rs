//! What was counted before all is read: by whoever has all copies of the records.
//!
//! A bucket of accounts has each of their records as often as it was delivered, so it counts them once and
//! leaves the counts in place of a row each.
//!
//! What must stay true: a record counts here or has its rows, never both; counts are added up in any order.

use crate::engine::store::runs::{Row, Rows};

/// How many different records a group has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OfGroup {
    /// Keyed hash of the group's key.
    pub group: [u64; 2],
    /// How many.
    pub count: u64,
}

impl Row for OfGroup {
    const WORDS: usize = 3;

    fn write(&self, words: &mut [u64]) {
        words.copy_from_slice(&[self.group[0], self.group[1], self.count]);
    }

    fn read(words: &[u64]) -> OfGroup {
        OfGroup { group: [words[0], words[1]], count: words[2] }
    }

    fn shard(&self) -> u64 {
        self.group[0]
    }
}

/// What was counted before.
#[derive(Debug)]
pub struct Counted {
    /// Of each group how many records; a group may come several times.
    pub groups: Rows<OfGroup>,
    /// How many records were copies of another.
    pub duplicates: u64,
    /// How many records each list of rules looked at, by its number.
    pub looked: Vec<u64>,
}

impl Counted {
    /// Nothing yet; at most `limit` rows are held in memory.
    pub fn new(limit: usize) -> Counted {
        Counted { groups: Rows::new(limit), duplicates: 0, looked: Vec::new() }
    }

    /// Adds what others have counted.
    pub fn merge(&mut self, other: Counted) {
        self.groups.merge(other.groups);
        self.add(other.duplicates, &other.looked);
    }

    /// Adds copies, and records that lists of rules looked at.
    pub fn add(&mut self, duplicates: u64, looked: &[u64]) {
        self.duplicates = self.duplicates.saturating_add(duplicates);
        if self.looked.len() < looked.len() {
            self.looked.resize(looked.len(), 0);
        }
        for (mine, theirs) in self.looked.iter_mut().zip(looked) {
            *mine = mine.saturating_add(*theirs);
        }
    }
}
