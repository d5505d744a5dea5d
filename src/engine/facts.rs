//! Which record was read where: the exact, order-free count behind every finding.
//!
//! CloudTrail delivers records twice and in any order, and a copy may be in any file. So nothing
//! is counted while reading: each worker notes one [`Fact`] a record and group, and at the end the
//! facts are sorted and the copies fall together. Merging is concatenation, and concluding does not
//! depend on the order.
//!
//! What must stay true: a record is a copy when its event id, account *and content* are those of
//! another. Same ids with other content are two records, and a problem says so, since a forged
//! copy must not hide the real one.

use std::collections::HashMap;
use std::io;

use super::sorted::{Row, Sorted};

/// One record that was read, and a group it belongs to.
///
/// Ordered by identity, content, group and place, so that copies are neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    /// Keyed hash of event id and account; of the place when the record has no id.
    pub identity: [u64; 2],
    /// Keyed hash of the record's text.
    pub content: u64,
    /// Keyed hash of the group's key; [`NO_GROUP`] for a KMS record that no rule matched.
    pub group: [u64; 2],
    /// The blob's number in [`super::names::Names`].
    pub blob: u64,
    /// The record's number in the blob.
    pub record: u64,
}

/// The group of records that no rule matched.
pub const NO_GROUP: [u64; 2] = [0, 0];

impl Row for Fact {
    const WORDS: usize = 7;

    fn write(&self, words: &mut [u64]) {
        let [id, id2] = self.identity;
        let [group, group2] = self.group;
        words.copy_from_slice(&[id, id2, self.content, group, group2, self.blob, self.record]);
    }

    fn read(words: &[u64]) -> Fact {
        Fact {
            identity: [words[0], words[1]],
            content: words[2],
            group: [words[3], words[4]],
            blob: words[5],
            record: words[6],
        }
    }
}

/// What stands for a record and its copies from run to run.
pub fn known((identity, content): ([u64; 2], u64)) -> [u64; 2] {
    [identity[0] ^ content, identity[1].wrapping_add(content.rotate_left(32))]
}

/// What the facts add up to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many different records each group has.
    pub groups: HashMap<[u64; 2], u64>,
    /// How many records were copies of another.
    pub duplicates: u64,
    /// Records that share their ids and not their content: the places of all of them, `(blob,
    /// record)`.
    pub conflicts: Vec<Vec<(u64, u64)>>,
    /// What stands for each record; empty if nobody asked.
    pub known: Known,
}

/// The records of a run: those that a rule matched, and as many others as there is room for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// How many are remembered of each kind; 0 for none.
    most: usize,
    /// Those that are in a group.
    pub grouped: Vec<[u64; 2]>,
    /// The others.
    pub others: Vec<[u64; 2]>,
    /// How many had no room.
    pub dropped: u64,
}

impl Known {
    /// To remember up to so many of each kind.
    pub fn most(most: usize) -> Known {
        Known { most, ..Known::default() }
    }

    fn add(&mut self, fact: &Fact, grouped: bool) {
        let list = if grouped { &mut self.grouped } else { &mut self.others };
        match list.len() < self.most {
            true => list.push(known((fact.identity, fact.content))),
            false => self.dropped += 1,
        }
    }
}

/// Sorts everything and counts.
///
/// # Errors
/// When a temporary file cannot be read back.
pub fn conclude(
    facts: Sorted<Fact>,
    known: Known,
    is_finding: impl Fn([u64; 2]) -> bool,
) -> io::Result<Counts> {
    let mut rows = facts.read()?;
    let mut tally = Tally::default();
    tally.counts.known = known;
    while let Some(fact) = rows.next()? {
        tally.add(fact, is_finding(fact.group));
    }
    Ok(tally.finish())
}

/// Counts facts that come sorted.
#[derive(Default)]
struct Tally {
    counts: Counts,
    last: Option<Fact>,
    /// The places of each content of the current identity, in its first group.
    contents: Vec<Vec<(u64, u64)>>,
    first_group: [u64; 2],
    /// Whether the current content is in the group of a finding.
    found: bool,
}

impl Tally {
    fn add(&mut self, fact: Fact, found: bool) {
        let same_identity = self.last.is_some_and(|last| last.identity == fact.identity);
        let same_content = same_identity && self.last.is_some_and(|l| l.content == fact.content);
        let same_group = same_content && self.last.is_some_and(|l| l.group == fact.group);
        if !same_identity {
            self.close_identity();
        }
        if !same_content {
            self.close_content();
            self.first_group = fact.group;
            self.contents.push(Vec::new());
        }
        if !same_group && fact.group != NO_GROUP {
            *self.counts.groups.entry(fact.group).or_default() += 1;
        }
        // Every group of a content has the same places, so those of the first one are enough; a
        // record that matches twice in one group, one fact each, is in one place.
        if self.first_group == fact.group
            && let Some(places) = self.contents.last_mut()
            && places.last() != Some(&(fact.blob, fact.record))
        {
            places.push((fact.blob, fact.record));
        }
        self.found |= found;
        self.last = Some(fact);
    }

    fn close_content(&mut self) {
        let found = std::mem::take(&mut self.found);
        if let Some(last) = &self.last {
            self.counts.known.add(last, found);
        }
    }

    fn close_identity(&mut self) {
        self.counts.duplicates +=
            self.contents.iter().map(|places| places.len() as u64 - 1).sum::<u64>();
        if self.contents.len() > 1 {
            self.counts.conflicts.push(self.contents.concat());
        }
        self.contents.clear();
    }

    fn finish(mut self) -> Counts {
        self.close_content();
        self.close_identity();
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    fn fact((identity, content, group, record): (u64, u64, u64, u64)) -> Fact {
        Fact { identity: [identity, 0], content, group: [group, 0], blob: 1, record }
    }

    type Places = Vec<(u64, u64)>;

    /// The slow, obvious twin.
    fn plain(facts: &[Fact]) -> (HashMap<[u64; 2], u64>, u64, BTreeSet<Places>) {
        let mut records: BTreeMap<[u64; 2], BTreeMap<u64, Vec<Fact>>> = BTreeMap::new();
        for fact in facts {
            records.entry(fact.identity).or_default().entry(fact.content).or_default().push(*fact);
        }
        let (mut groups, mut duplicates, mut conflicts) = (HashMap::new(), 0, BTreeSet::new());
        for contents in records.values() {
            let mut all = Vec::new();
            for facts in contents.values() {
                for group in facts.iter().map(|f| f.group).collect::<BTreeSet<_>>() {
                    if group != NO_GROUP {
                        *groups.entry(group).or_insert(0) += 1;
                    }
                }
                let places: BTreeSet<_> = facts.iter().map(|f| (f.blob, f.record)).collect();
                duplicates += places.len() as u64 - 1;
                all.extend(places);
            }
            if contents.len() > 1 {
                conflicts.insert(all);
            }
        }
        (groups, duplicates, conflicts)
    }

    /// Records as a scan meets them: each content matches the same groups wherever it lies.
    fn facts() -> impl Strategy<Value = Vec<Fact>> {
        prop::collection::vec((0..6u64, 0..3u64, 0..40u64), 0..40).prop_map(|records| {
            records
                .into_iter()
                .flat_map(|(identity, content, record)| {
                    let groups = (identity + content) % 3;
                    let groups = if groups == 0 { 0..1 } else { 1..groups + 1 };
                    groups.map(move |group| fact((identity, content, group, record)))
                })
                .collect()
        })
    }

    proptest! {
        /// Any order, any split among workers, any part delivered again, any spilling.
        #[test]
        fn counts_do_not_depend_on_order_split_or_memory(
            facts in facts(), seed in any::<u64>(), workers in 1..5usize, limit in 1..20usize, again in 0..40usize,
        ) {
            let (groups, duplicates, conflicts) = plain(&facts);
            let mut parts: Vec<Sorted<Fact>> = (0..workers).map(|_| Sorted::new(limit)).collect();
            let mut shuffled = facts.clone();
            shuffled.extend(facts.iter().take(again));
            shuffled.sort_by_key(|f| (f.record ^ f.identity[0]).wrapping_mul(seed | 1));
            for (i, fact) in shuffled.into_iter().enumerate() {
                parts[(i as u64 ^ seed) as usize % workers].push(fact);
            }
            let merged = parts.into_iter().reduce(|mut a, b| { a.merge(b); a }).unwrap();
            let counts = conclude(merged, Known::most(usize::MAX), |group| group != NO_GROUP).unwrap();
            let all = counts.known.grouped.len() + counts.known.others.len();
            let records: BTreeSet<_> = facts.iter().map(|f| (f.identity, f.content)).collect();
            prop_assert_eq!(all, records.len());
            prop_assert_eq!(counts.groups, groups);
            prop_assert_eq!(counts.duplicates, duplicates);
            prop_assert_eq!(counts.conflicts.into_iter().collect::<BTreeSet<_>>(), conflicts);
        }
    }
}
