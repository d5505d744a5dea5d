//! How many different records each group has, which records are copies, and which are not what they
//! seem.
//!
//! Facts come sorted, so that all that is known of one identity comes together. What must stay true:
//! a shard is counted by itself, and the counts of all shards add up to what one count gives.

use std::collections::HashMap;
use std::io;

use rayon::prelude::*;

use crate::engine::partial::counted::OfGroup;
use crate::engine::partial::fact::{Fact, LEFT_OUT, is_group, known};
use crate::engine::plan::Progress;
use crate::engine::store::runs::{Rows, Shard};
use crate::model::memory::{judged, left_out};

/// What the facts add up to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many different records each group has.
    pub groups: Sizes,
    /// How many records were copies of another.
    pub duplicates: u64,
    /// Records that share their ids and not their content: the places of all of them, `(blob,
    /// record)`.
    pub conflicts: Vec<Vec<(u64, u64)>>,
    /// What stands for each record; empty if nobody asked.
    pub known: Known,
}

/// How many different records each group has. A log may have a million groups of one record each, so
/// those of all shards are a list, which takes half as much as a map.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Of the shard at hand.
    open: HashMap<[u64; 2], u64>,
    /// Of all shards before: first those that are in order, each group once.
    rows: Vec<([u64; 2], u64)>,
    ordered: usize,
}

impl Sizes {
    fn add(&mut self, group: [u64; 2]) {
        *self.open.entry(group).or_default() += 1;
    }

    /// Ends the shard at hand.
    fn close(&mut self) {
        self.rows.extend(std::mem::take(&mut self.open));
        self.put_in_order();
    }

    fn put_in_order(&mut self) {
        self.rows.sort_unstable();
        self.rows.dedup_by(|again, kept| {
            let same = again.0 == kept.0;
            if same {
                kept.1 = kept.1.saturating_add(again.1);
            }
            same
        });
        self.ordered = self.rows.len();
    }

    /// Adds those of other shards.
    fn merge(&mut self, other: Sizes) {
        self.rows.extend(other.rows);
        if self.rows.len() > 2 * self.ordered.max(1 << 16) {
            self.put_in_order();
        }
    }

    /// All of them, in order.
    pub fn each(&self, mut take: impl FnMut([u64; 2], u64)) {
        self.rows.iter().for_each(|(group, count)| take(*group, *count));
    }

    /// How many a group has, if any are known. All must be in order.
    pub fn get(&self, group: [u64; 2]) -> Option<u64> {
        let at = self.rows.binary_search_by_key(&group, |(known, _)| *known).ok()?;
        self.rows.get(at).map(|(_, count)| *count)
    }
}

/// The records of a run: those that a rule matched, and as many others as there is room for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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

    fn push(&mut self, id: [u64; 2], grouped: bool) {
        let list = if grouped { &mut self.grouped } else { &mut self.others };
        match list.len() < self.most {
            true => list.push(id),
            false => self.dropped += 1,
        }
    }

    fn merge(&mut self, other: Known) {
        other.grouped.into_iter().for_each(|id| self.push(id, true));
        other.others.into_iter().for_each(|id| self.push(id, false));
        self.dropped += other.dropped;
    }
}

impl Counts {
    /// Adds what was counted before: records of groups, and copies.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn add_counted(&mut self, groups: &Rows<OfGroup>, duplicates: u64) -> io::Result<()> {
        self.duplicates = self.duplicates.saturating_add(duplicates);
        let added = groups.each(|one| {
            self.groups.rows.push((one.group, one.count));
            Ok(())
        });
        self.groups.put_in_order();
        added
    }

    fn merge(mut self, other: Counts) -> Counts {
        self.groups.merge(other.groups);
        self.duplicates += other.duplicates;
        self.conflicts.extend(other.conflicts);
        self.known.merge(other.known);
        self
    }
}

/// Counts everything.
///
/// # Errors
/// When a temporary file cannot be read back; and what `go_on` says, which is asked now and then.
pub fn count(
    facts: Rows<Fact>,
    known: &Known,
    progress: &Progress,
    go_on: impl Fn() -> io::Result<()> + Sync,
) -> io::Result<Counts> {
    let shards = facts.into_shards().into_par_iter();
    let none = || Counts { known: known.clone(), ..Counts::default() };
    let counted = shards.map(|shard| {
        let counts = count_shard(shard, none(), &go_on);
        progress.step();
        counts
    });
    let mut counts = counted.try_reduce(none, |one, other| Ok(one.merge(other)))?;
    counts.groups.put_in_order();
    Ok(counts)
}

fn count_shard(
    shard: Shard<Fact>,
    mut counts: Counts,
    go_on: impl Fn() -> io::Result<()>,
) -> io::Result<Counts> {
    let mut rows = shard.rows()?;
    let mut same: Vec<Fact> = Vec::new();
    while let Some((fact, _)) = rows.next()? {
        go_on()?;
        if same.first().is_some_and(|first| first.identity != fact.identity) {
            counts.add(&same);
            same.clear();
        }
        same.push(fact);
    }
    counts.add(&same);
    counts.groups.close();
    Ok(counts)
}

impl Counts {
    /// Adds all facts of one identity.
    fn add(&mut self, same: &[Fact]) {
        let contents = || same.chunk_by(|a, b| a.content == b.content);
        for facts in contents() {
            let Some(first) = facts.first() else { continue };
            for group in facts.chunk_by(|a, b| a.group == b.group).filter_map(<[_]>::first) {
                if is_group(group.group) {
                    self.groups.add(group.group);
                }
            }
            self.duplicates += places(facts).count() as u64 - 1;
            if self.known.most > 0 {
                let grouped = facts.iter().any(|fact| is_group(fact.group));
                let id = known((first.identity, first.content));
                let is_judged = facts.iter().any(|fact| fact.group != LEFT_OUT);
                self.known.push(if is_judged { judged(id) } else { left_out(id) }, grouped);
            }
        }
        if same.first().map(|fact| fact.content) != same.last().map(|fact| fact.content) {
            self.conflicts.push(contents().flat_map(places).collect());
        }
    }
}

/// Where the copies of one record were read.
///
/// Every group of a content has the same places, so those of the first one are enough; a record that
/// matches twice in one group, one fact each, is in one place.
fn places(facts: &[Fact]) -> impl Iterator<Item = (u64, u64)> {
    let first = facts.first().map(|fact| fact.group);
    // A copy without a group is in a place of its own.
    let of_first =
        facts.iter().filter(move |fact| Some(fact.group) == first || !is_group(fact.group));
    let mut last = None;
    of_first
        .map(|fact| (fact.blob, fact.record))
        .filter(move |place| last.replace(*place) != Some(*place))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::engine::partial::fact::NO_GROUP;

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
            let mut parts: Vec<Rows<Fact>> = (0..workers).map(|_| Rows::new(limit)).collect();
            let mut shuffled = facts.clone();
            shuffled.extend(facts.iter().take(again));
            shuffled.sort_by_key(|f| (f.record ^ f.identity[0]).wrapping_mul(seed | 1));
            for (i, fact) in shuffled.into_iter().enumerate() {
                parts[(i as u64 ^ seed) as usize % workers].push(fact);
            }
            let merged = parts.into_iter().reduce(|mut a, b| { a.merge(b); a }).unwrap();
            let counts = count(merged, &Known::most(usize::MAX), &Progress::default(), || Ok(())).unwrap();
            let all = counts.known.grouped.len() + counts.known.others.len();
            let records: BTreeSet<_> = facts.iter().map(|f| (f.identity, f.content)).collect();
            prop_assert_eq!(all, records.len());
            let known = groups.keys().map(|group| (*group, counts.groups.get(*group).unwrap())).collect();
            prop_assert_eq!(&groups, &known);
            prop_assert_eq!(counts.groups.rows.len(), groups.len());
            prop_assert_eq!(counts.duplicates, duplicates);
            prop_assert_eq!(counts.conflicts.into_iter().collect::<BTreeSet<_>>(), conflicts);
        }
    }
}
