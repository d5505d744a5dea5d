//! A worker takes blobs from the listing, one after the other, until there are none.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::blob::BlobSink;
use super::carry::{Carry, FOREVER};
use super::coverage::Gather;
use super::facts::Fact;
use super::gated;
use super::group::{GroupKey, Groups};
use super::keys::HashKey;
use super::live::Live;
use super::names::Names;
use super::network::Network;
use super::notes::Notes;
use super::problems::Problems;
use super::sorted::Sorted;
use super::tagging::Tagging;
use super::uses::Uses;
use super::{Plan, Progress};
use crate::detect::{ADJUSTS, Asked, Hit, Over, Stateful};
use crate::model::coverage::Coverage;
use crate::model::outcome::Totals;
use crate::model::window::Whole;
use crate::record::container::Reader;
use crate::record::event::Raw;
use crate::record::scan;
use crate::source::hashed::{Hash, hex};
use crate::source::{Blob, Entry, Inflater, Listing, layout};

/// What is known of a blob that was read: its size as stored, and the hash of its text if it was
/// hashed to its end.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stored {
    pub size: Option<u64>,
    pub hash: Option<Hash>,
}

/// What every worker sees.
pub(super) struct Shared<'a> {
    pub plan: &'a Plan,
    /// The stateful rules.
    pub over: Vec<Stateful<'a>>,
    /// Whether any of them is a history.
    pub uses: bool,
    /// Whether any rule compares tags.
    pub compares: bool,
    pub key: HashKey,
    pub names: Names,
    pub live: Option<Live<'a>>,
    /// How much later than a record one may come that needs it, by stateful rule; microseconds.
    pub reaches: Vec<i64>,
    /// How many records of earlier runs were taken up again.
    pub recalled: AtomicUsize,
    pub progress: &'a Progress,
    pub stop: &'a AtomicBool,
    pub listing: Mutex<(u64, Listing)>,
}

/// What a worker has found so far. Additive: merging two is adding them up.
pub(super) struct Worker {
    pub groups: Groups,
    pub facts: Sorted<Fact>,
    pub network: Network,
    pub notes: Notes,
    pub uses: Uses,
    pub tagging: Tagging,
    pub carry: Carry,
    /// Hours while they are gathered,
    pub gather: Gather,
    /// and when the worker is done.
    pub coverage: Coverage,
    pub problems: Problems,
    pub totals: Totals,
    pub accounts: Values,
    pub regions: Values,
    pub manifest: Manifest,
    /// Reused from record to record.
    pub hits: Vec<Hit>,
    /// What rules asked of the record at hand.
    pub asked: Asked,
}

impl Shared<'_> {
    /// Whether any rule looks at many records.
    pub fn stateful(&self) -> bool {
        !self.over.is_empty()
    }

    /// Whether any rule wants to know who used which key.
    pub fn wants_uses(&self) -> bool {
        self.uses
    }

    /// What a stateful rule asks.
    pub fn over(&self, number: u32) -> Option<Over<'_>> {
        self.over.get(number as usize).map(|rule| rule.code)
    }

    /// The rule whose findings a stateful rule makes or changes.
    pub fn about(&self, number: u32) -> Option<usize> {
        self.over.get(number as usize).map(|rule| rule.about)
    }

    /// Whether to stop reading: a signal, or a live report that cannot be written.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.live.as_ref().is_some_and(Live::failed)
    }

    /// The hash by which facts name a group.
    pub fn group_hash(&self, key: &GroupKey) -> [u64; 2] {
        let field = |text: &Option<String>| match text {
            Some(text) => format!("+{text}").into_bytes(),
            None => Vec::new(),
        };
        let event = key.event.as_ref().map(|event| format!("{event:?}"));
        let foreign = key.foreign.as_ref().map(|foreign| format!("{foreign:?}"));
        self.key.long(&[
            &key.rule.to_le_bytes(),
            &[u8::from(key.attempt)],
            &field(&key.account),
            &field(&key.region),
            &field(&key.principal),
            &field(&key.key),
            &field(&key.resource),
            &field(&event),
            &field(&foreign),
            &field(&key.apart.map(|apart| format!("{apart:?}"))),
            &field(&key.by),
        ])
    }

    fn next(&self) -> Option<(u64, Entry)> {
        let mut listing = self.listing.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = listing.1.next()?;
        let sequence = listing.0;
        listing.0 += u64::from(matches!(entry, Entry::Blob(_)));
        Some((sequence, entry))
    }
}

/// How far each stateful rule's notes reach: over its window, and the windows of the rules that look
/// at what it finds. A history's reach as far as there is room.
pub(super) fn reaches(plan: &Plan) -> Vec<i64> {
    let over: Vec<Stateful<'_>> = plan.rules.stateful().collect();
    let mut reaches = vec![0; over.len()];
    // Rules come before those that look at them, so that from the end all of these are known.
    for (number, rule) in over.iter().enumerate().rev() {
        let feeds = plan.rules.feeds(rule.about).iter().filter(|feed| feed.step != ADJUSTS);
        let further = feeds.filter_map(|feed| reaches.get(feed.stateful as usize)).max();
        let further: i64 = further.copied().unwrap_or_default();
        reaches[number] = match rule.code {
            Over::History(_) => FOREVER,
            Over::Correlation(correlation) => correlation.span.saturating_add(further),
        };
    }
    reaches
}

impl Worker {
    pub fn new(plan: &Plan, number: u32) -> Worker {
        Worker {
            groups: Groups::default(),
            facts: Sorted::new(plan.limits.facts),
            network: Network::default(),
            notes: Notes::new(plan.limits.notes, number),
            uses: Uses::default(),
            tagging: Tagging::new(&plan.limits, number),
            carry: Carry::new(plan.past.as_ref().map(|past| past.late), number),
            gather: Gather::new(&plan.filter),
            coverage: Coverage::default(),
            problems: Problems::new(plan.limits.problems),
            totals: Totals::default(),
            accounts: Values::default(),
            regions: Values::default(),
            manifest: Manifest::default(),
            hits: Vec::new(),
            asked: Asked::default(),
        }
    }

    /// Reads blobs until the listing ends or the scan is stopped.
    pub fn run(mut self, shared: &Shared<'_>) -> Worker {
        let mut inflater = Inflater::new(crate::source::Limits::default());
        let mut reader = Reader::new(scan::fastest(), shared.plan.limits.max_record);
        self.recall(shared, &mut reader);
        while !shared.stopped() {
            match shared.next() {
                None => break,
                Some((_, Entry::Problem(problem))) => {
                    self.totals.blobs += 1;
                    self.totals.blobs_failed += 1;
                    self.problems.add(problem);
                }
                Some((_, Entry::Known(name))) => {
                    if let Some(gate) = &shared.plan.gate {
                        gate.read_earlier(&name);
                    }
                }
                Some((sequence, Entry::Blob(blob))) => {
                    self.blob(shared, sequence, &blob, &mut inflater, &mut reader);
                    if let Some(live) = &shared.live {
                        live.blob_done(sequence);
                    }
                }
            }
        }
        self.facts.sort();
        self.notes.rows.sort();
        self.tagging.rows.sort();
        let gather = std::mem::replace(&mut self.gather, Gather::new(&shared.plan.filter));
        self.coverage.merge(gather.finish());
        self
    }

    /// Takes up records of earlier runs, each worker some of them. Not even a signal ends this: what
    /// is not taken up would not be handed on either.
    fn recall(&mut self, shared: &Shared<'_>, reader: &mut Reader) {
        let Some(past) = &shared.plan.past else { return };
        while let Some(recalled) =
            past.memory.recalled.get(shared.recalled.fetch_add(1, Ordering::Relaxed))
        {
            let mut sink = BlobSink::new(shared, self, &recalled.origin.blob, 0);
            sink.recalled = Some(recalled);
            reader.read(&mut Whole::new(&recalled.text), &mut sink);
        }
    }

    fn blob(
        &mut self,
        shared: &Shared<'_>,
        sequence: u64,
        blob: &Blob,
        inflater: &mut Inflater,
        reader: &mut Reader,
    ) {
        self.gather.begin(layout::log_name(&blob.name));
        let mut sink = BlobSink::new(shared, self, &blob.name, sequence);
        if let Some(gate) = &shared.plan.gate {
            let stored = gated::read(gate.as_ref(), blob, inflater, reader, &mut sink);
            let unread = sink.unread || shared.stopped();
            sink.finish();
            if !unread {
                self.carry.read.extend(blob.id);
            }
            self.manifest.add(&blob.name, stored.size, Some(stored.hash));
            return;
        }
        let mut size = None;
        match inflater.open_until(blob, shared.stop) {
            Ok(mut text) => {
                reader.read(&mut text, &mut sink);
                size = text.size_on_disk().or(Some(text.bytes_read()));
                sink.count_bytes(text.bytes_read(), text.bytes_inflated());
            }
            Err(problem) => sink.report(None, problem.stage, problem.message),
        }
        let unread = sink.unread || shared.stopped();
        sink.finish();
        if !unread {
            self.carry.read.extend(blob.id);
        }
        self.manifest.add(&blob.name, size, None);
    }

    /// Adds what another worker has found.
    pub fn merge(&mut self, other: Worker) {
        self.groups.merge(other.groups);
        self.facts.merge(other.facts);
        self.network.merge(other.network);
        self.notes.merge(other.notes);
        self.uses.merge(other.uses);
        self.tagging.merge(other.tagging);
        self.carry.merge(other.carry);
        self.coverage.merge(other.coverage);
        self.problems.merge(other.problems);
        self.accounts.merge(other.accounts);
        self.regions.merge(other.regions);
        self.manifest.merge(&other.manifest);
        let (mine, theirs) = (&mut self.totals, other.totals);
        mine.blobs += theirs.blobs;
        mine.blobs_failed += theirs.blobs_failed;
        mine.blobs_other += theirs.blobs_other;
        mine.bytes_read += theirs.bytes_read;
        mine.bytes_inflated += theirs.bytes_inflated;
        mine.records += theirs.records;
        mine.records_bad += theirs.records_bad;
        mine.kms_records += theirs.kms_records;
        mine.first_event = [mine.first_event, theirs.first_event].into_iter().flatten().min();
        mine.last_event = mine.last_event.max(theirs.last_event);
    }
}

/// Whether two texts are the same; those of 8 to 16 bytes, as accounts and most Regions are,
/// without a call.
fn same(a: &[u8], b: &[u8]) -> bool {
    match a.len() {
        8..=16 => {
            a.len() == b.len()
                && a.first_chunk::<8>() == b.first_chunk::<8>()
                && a.last_chunk::<8>() == b.last_chunk::<8>()
        }
        _ => a == b,
    }
}

/// The different values of a member that has few: accounts, Regions.
#[derive(Debug, Default)]
pub(super) struct Values {
    all: BTreeSet<String>,
    last: Vec<u8>,
}

impl Values {
    /// More different values than any organisation has accounts: beyond, the text is made up.
    const LIMIT: usize = 100_000;

    /// Adds the value of one record; nearly always the one of the record before. Whether it is.
    pub fn add(&mut self, value: Option<Raw<'_>>) -> bool {
        let plain = value.and_then(Raw::plain).unwrap_or_default();
        if !plain.is_empty() && same(plain, &self.last) {
            return true;
        }
        self.last.clear();
        self.last.extend_from_slice(plain);
        let Some(value) = value else { return false };
        if let Some(text) = value.text()
            && self.all.len() < Self::LIMIT
            && !self.all.contains(text.as_ref())
        {
            self.all.insert(text.into_owned());
        }
        false
    }

    fn merge(&mut self, other: Values) {
        self.all.extend(other.all);
        while self.all.len() > Self::LIMIT {
            self.all.pop_last();
        }
    }

    pub fn into_all(self) -> BTreeSet<String> {
        self.all
    }
}

/// A digest of the names and sizes of the input that does not depend on the order of reading: the
/// sum, modulo 2^256, of the SHA-256 of each `NAME NUL SIZE` (decimal; `-` when it was not opened).
/// Where texts are hashed, `NUL HASH` follows (hex; `-` of what could not be read to its end).
#[derive(Debug, Default)]
pub(super) struct Manifest([u64; 4]);

impl Manifest {
    /// `hash` is the text's, if texts are hashed at all.
    fn add(&mut self, name: &str, size: Option<u64>, hash: Option<Option<Hash>>) {
        let mut line = format!("{name}\0");
        line += &size.map_or("-".into(), |size| size.to_string());
        if let Some(hash) = hash {
            line.push('\0');
            line += &hash.map_or("-".into(), |hash| hex(&hash));
        }
        let digest = Sha256::digest(line.as_bytes());
        let (words, _) = digest.as_slice().as_chunks::<8>();
        let word = |i: usize| u64::from_be_bytes(words[3 - i]);
        self.merge(&Manifest([word(0), word(1), word(2), word(3)]));
    }

    /// Adds two numbers of four words, the lowest first.
    fn merge(&mut self, other: &Manifest) {
        let mut carry = false;
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            let (sum, over) = mine.overflowing_add(theirs);
            let (sum, over_again) = sum.overflowing_add(u64::from(carry));
            (*mine, carry) = (sum, over | over_again);
        }
    }

    pub fn to_hex(&self) -> String {
        let [a, b, c, d] = self.0;
        format!("sha256:{d:016x}{c:016x}{b:016x}{a:016x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_does_not_depend_on_order_and_tells_sizes_apart() {
        let manifest = |files: &[(&str, Option<u64>)]| {
            let mut manifest = Manifest::default();
            files.iter().for_each(|(name, size)| manifest.add(name, *size, None));
            manifest.to_hex()
        };
        let (a, b, c) = (("a", Some(1)), ("b", Some(2)), ("c", None));
        assert_eq!(manifest(&[a, b, c]), manifest(&[c, a, b]));
        assert_ne!(manifest(&[a, b]), manifest(&[a, ("b", Some(3))]));
        let hashed = |hash| {
            let mut manifest = Manifest::default();
            manifest.add("a", Some(1), Some(hash));
            manifest.to_hex()
        };
        assert_ne!(hashed(None), manifest(&[a]));
        assert_ne!(hashed(Some([1; 32])), hashed(Some([2; 32])));
        assert_eq!(
            manifest(&[a]),
            // printf 'a\0001' | sha256sum
            format!(
                "sha256:{}",
                Sha256::digest(b"a\x001").iter().map(|b| format!("{b:02x}")).collect::<String>()
            )
        );
    }
}
