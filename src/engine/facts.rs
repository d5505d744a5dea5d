//! Which record was read where: the exact, order-free count behind every finding.
//!
//! CloudTrail delivers records twice and in any order, and a copy may be in any file. So nothing
//! is counted while reading: each worker notes one [`Fact`] a record and group, and at the end the
//! facts are sorted and the copies fall together. What does not fit in memory goes to a temporary
//! file as sorted runs. Merging is concatenation, and concluding does not depend on the order.
//!
//! What must stay true: a record is a copy when its event id, account *and content* are those of
//! another. Same ids with other content are two records, and a problem says so, since a forged
//! copy must not hide the real one.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

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

const FACT_BYTES: usize = 56;

impl Fact {
    fn to_bytes(self) -> [u8; FACT_BYTES] {
        let mut bytes = [0; FACT_BYTES];
        let [id, id2] = self.identity;
        let [group, group2] = self.group;
        let words = [id, id2, self.content, group, group2, self.blob, self.record];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(words) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8; FACT_BYTES]) -> Fact {
        let (words, _) = bytes.as_chunks::<8>();
        let word = |i: usize| u64::from_le_bytes(words[i]);
        Fact {
            identity: [word(0), word(1)],
            content: word(2),
            group: [word(3), word(4)],
            blob: word(5),
            record: word(6),
        }
    }
}

/// Facts in any order, in memory and in sorted runs on disk.
#[derive(Debug)]
pub struct Facts {
    held: Vec<Fact>,
    limit: usize,
    runs: Vec<File>,
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
}

impl Facts {
    /// No facts; at most `limit` are held in memory.
    pub fn new(limit: usize) -> Self {
        Facts { held: Vec::new(), limit: limit.max(1), runs: Vec::new() }
    }

    /// Notes a fact. When memory is full and the temporary file cannot be written, memory grows:
    /// being exact comes first.
    pub fn push(&mut self, fact: Fact) {
        if self.held.len() >= self.limit {
            match self.spill() {
                Ok(()) => self.held.clear(),
                Err(_) => self.limit *= 2,
            }
        }
        self.held.push(fact);
    }

    /// Sorts what is held, so that concluding finds it nearly done: workers do this side by side.
    pub fn sort(&mut self) {
        self.held.sort_unstable();
    }

    /// Adds another worker's facts.
    pub fn merge(&mut self, mut other: Facts) {
        self.runs.append(&mut other.runs);
        if self.held.len() < other.held.len() {
            // The smaller list moves to the larger one, not the other way round.
            std::mem::swap(&mut self.held, &mut other.held);
        }
        if self.held.len() + other.held.len() > self.limit.max(other.limit) {
            for fact in other.held {
                self.push(fact);
            }
        } else {
            self.held.append(&mut other.held);
        }
    }

    fn spill(&mut self) -> io::Result<()> {
        self.held.sort_unstable();
        let mut writer = BufWriter::new(tempfile::tempfile()?);
        for fact in &self.held {
            writer.write_all(&fact.to_bytes())?;
        }
        let mut file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        self.runs.push(file);
        Ok(())
    }

    /// Sorts everything and counts.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn conclude(mut self) -> io::Result<Counts> {
        // Stable, since this sort merges runs that are in order, which the workers leave.
        self.held.sort();
        let mut tally = Tally::default();
        if self.runs.is_empty() {
            self.held.iter().for_each(|fact| tally.add(*fact));
            return Ok(tally.finish());
        }
        let mut sources: Vec<Run> =
            self.runs.into_iter().map(|file| Run::File(BufReader::new(file))).collect();
        sources.push(Run::Held(self.held.into_iter()));
        let mut heap = BinaryHeap::new();
        for (i, source) in sources.iter_mut().enumerate() {
            heap.extend(source.next()?.map(|fact| Reverse((fact, i))));
        }
        while let Some(Reverse((fact, i))) = heap.pop() {
            tally.add(fact);
            heap.extend(sources[i].next()?.map(|fact| Reverse((fact, i))));
        }
        Ok(tally.finish())
    }
}

/// A sorted run.
enum Run {
    Held(std::vec::IntoIter<Fact>),
    File(BufReader<File>),
}

impl Run {
    fn next(&mut self) -> io::Result<Option<Fact>> {
        match self {
            Run::Held(facts) => Ok(facts.next()),
            Run::File(reader) => {
                let mut bytes = [0; FACT_BYTES];
                match reader.read_exact(&mut bytes) {
                    Ok(()) => Ok(Some(Fact::from_bytes(&bytes))),
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
                    Err(error) => Err(error),
                }
            }
        }
    }
}

/// Counts facts that come sorted.
#[derive(Default)]
struct Tally {
    counts: Counts,
    last: Option<Fact>,
    /// The places of each content of the current identity, in its first group.
    contents: Vec<Vec<(u64, u64)>>,
    first_group: [u64; 2],
}

impl Tally {
    fn add(&mut self, fact: Fact) {
        let same_identity = self.last.is_some_and(|last| last.identity == fact.identity);
        let same_content = same_identity && self.last.is_some_and(|l| l.content == fact.content);
        let same_group = same_content && self.last.is_some_and(|l| l.group == fact.group);
        if !same_identity {
            self.close_identity();
        }
        if !same_content {
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
        self.last = Some(fact);
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
            let mut parts: Vec<Facts> = (0..workers).map(|_| Facts::new(limit)).collect();
            let mut shuffled = facts.clone();
            shuffled.extend(facts.iter().take(again));
            shuffled.sort_by_key(|f| (f.record ^ f.identity[0]).wrapping_mul(seed | 1));
            for (i, fact) in shuffled.into_iter().enumerate() {
                parts[(i as u64 ^ seed) as usize % workers].push(fact);
            }
            let merged = parts.into_iter().reduce(|mut a, b| { a.merge(b); a }).unwrap();
            let counts = merged.conclude().unwrap();
            prop_assert_eq!(counts.groups, groups);
            prop_assert_eq!(counts.duplicates, duplicates);
            prop_assert_eq!(counts.conflicts.into_iter().collect::<BTreeSet<_>>(), conflicts);
        }
    }
}
