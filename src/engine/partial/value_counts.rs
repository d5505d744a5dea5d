//! The different values of what a rule is about, over all records of a group: accounts that a key was
//! shared with, snapshots.
//!
//! While records are read, only the values are gathered; how many records have each is counted like the
//! records of a group, by facts, so that copies change nothing. What must stay true: adding up is the
//! same in any order, and of too many values the smallest are named.

use crate::engine::store::hash::HashKey;

/// So many values are named.
pub const NAMED: usize = 100;

/// Values, ascending, each once, with the number of records; 0 while those are not counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValueCounts {
    /// The smallest.
    pub named: Vec<(String, u64)>,
    /// Whether there are more.
    pub more: bool,
}

impl ValueCounts {
    /// Values of one record.
    pub fn new(values: impl IntoIterator<Item = String>) -> ValueCounts {
        // A record may name a million.
        let mut named: Vec<(String, u64)> = values.into_iter().map(|value| (value, 0)).collect();
        named.sort_unstable();
        named.dedup();
        let mut counts = ValueCounts { named, more: false };
        counts.cut();
        counts
    }

    fn add(&mut self, value: String, count: u64) {
        match self.named.binary_search_by(|(known, _)| known.cmp(&value)) {
            Ok(at) => self.named[at].1 += count,
            Err(at) => self.named.insert(at, (value, count)),
        }
    }

    fn cut(&mut self) {
        self.more |= self.named.len() > NAMED;
        self.named.truncate(NAMED);
    }

    /// Adds what was gathered, or counted, elsewhere.
    pub fn merge(&mut self, other: ValueCounts) {
        self.more |= other.more;
        other.named.into_iter().for_each(|(value, count)| self.add(value, count));
        self.cut();
    }

    /// About how many bytes of memory they take.
    pub fn weight(&self) -> usize {
        self.named.iter().map(|(value, _)| size_of::<(String, u64)>() + value.len()).sum()
    }
}

/// What stands for the records of a group that have a value.
pub fn value_hash(key: HashKey, group: [u64; 2], value: &str) -> [u64; 2] {
    key.long(&[b"value", &group[0].to_le_bytes(), &group[1].to_le_bytes(), value.as_bytes()])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn adding_up_is_the_same_in_any_order_and_as_a_plain_list_has_it(
            parts in prop::collection::vec(prop::collection::vec(0..300u32, 0..60), 1..8),
            turn in 0..8usize,
        ) {
            let text = |n: &u32| format!("{n:04}");
            let of = |part: &Vec<u32>| ValueCounts::new(part.iter().map(text));
            let all = |parts: &[Vec<u32>]| {
                let mut all = ValueCounts::default();
                parts.iter().for_each(|part| all.merge(of(part)));
                all
            };
            let mut turned = parts.clone();
            turned.rotate_left(turn % parts.len());
            prop_assert_eq!(all(&turned), all(&parts));
            let mut plain: Vec<String> = parts.iter().flatten().map(text).collect();
            plain.sort();
            plain.dedup();
            let found = all(&parts);
            prop_assert_eq!(found.more, plain.len() > NAMED);
            plain.truncate(NAMED);
            prop_assert_eq!(found.named.into_iter().map(|(v, _)| v).collect::<Vec<_>>(), plain);
        }
    }
}
