//! Keeps the records that may be asked for.
//!
//! Each record that may match goes to a shelf, under its time. A shelf is bounded: beyond some
//! mebibytes a worker it goes on in a temporary file. What must stay true: nothing is decided by the
//! order of reading.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use super::close::Close;
use super::filter::{Pending, Query};
use super::lineage::Lineage;
use super::needles::Needles;
use super::row;
use crate::engine::store::hash::{HashKey, compact};
use crate::engine::store::shelf::{Shelf, Stow};
use crate::engine::store::stacks::StackKey;
use crate::engine::{Gather, Plan, Progress, scan_and_gather};
use crate::model::occurrence::{Occurrence, Place};
use crate::model::outcome::Outcome;
use crate::model::time::Time;
use crate::model::use_fact::UseFact;
use crate::record::event::{Header, Marked, Raw};
use crate::record::kms::View;
use crate::source::Source;

/// What a shelf holds in memory, in bytes; one a worker.
const HELD: usize = 8 << 20;

/// Keys to which the aliases that are asked for pointed.
const TARGETS_MAX: usize = 100_000;

/// A record that may be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// What is shown of it.
    pub shown: Occurrence,
    /// What decides it.
    pub pending: Pending,
    /// What tells its copies.
    pub content: u64,
}

impl Stow for Candidate {
    fn weight(&self) -> usize {
        let text = self.shown.text.as_ref().map_or(0, String::len);
        let ids = self.pending.keys.as_ref().map_or(0, BTreeSet::len);
        1_500 + text + 80 * ids
    }

    fn pack(&self) -> Vec<u8> {
        postcard::to_allocvec(self).unwrap_or_default()
    }

    fn unpack(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

/// Everything that was read.
#[derive(Debug)]
pub struct Collected {
    /// The records that may be asked for.
    pub(super) records: Shelf<Candidate>,
    /// To which keys the aliases pointed.
    pub(super) targets: BTreeSet<String>,
    /// Whether there are more of these than have room.
    pub(super) more_targets: bool,
    /// Which credentials came out of which.
    pub(super) lineage: Lineage,
}

/// How records are looked at, the same for every worker.
pub(super) struct Looking<'a> {
    query: &'a Query,
    needles: Needles,
    telling: Option<Needles>,
    /// Whether the text of each record is kept.
    texts: bool,
    key: HashKey,
}

/// What facts tell of a record.
pub(super) struct Known<'a> {
    /// What tells its copies.
    pub content: u64,
    /// The row of a use, if it is one and its text is not there.
    pub used: Option<&'a UseFact<'a>>,
}

impl<'a> Looking<'a> {
    /// What `query` asks for; with `texts` whole records are kept.
    pub fn new(query: &'a Query, texts: bool, key: HashKey) -> Looking<'a> {
        let (needles, telling) = (query.needles(), query.telling());
        Looking { query, needles, telling, texts, key }
    }
}

/// Reads everything that `source` gives. With `texts`, whole records are kept. What could not be read is
/// in the outcome.
///
/// # Errors
/// Threads that cannot be started.
pub fn collect(
    source: &mut dyn Source,
    (query, texts): (&Query, bool),
    threads: usize,
    progress: &Progress,
    stop: &AtomicBool,
) -> io::Result<(Collected, Outcome)> {
    let looking = Looking::new(query, texts, HashKey::random(0x6b65_7974));
    let plan = Plan::only_gathering(query.range.clone(), threads);
    let (outcome, parts) = scan_and_gather(source, &plan, progress, stop, || Part::new(&looking))?;
    let mut whole = Part::new(&looking);
    parts.into_iter().for_each(|part| whole.merge(part));
    Ok((whole.collected(), outcome))
}

/// What one worker collects.
pub(super) struct Part<'a> {
    looking: &'a Looking<'a>,
    close: Close,
    records: Shelf<Candidate>,
    targets: BTreeSet<String>,
    more_targets: bool,
    lineage: Lineage,
}

impl Gather for Part<'_> {
    fn record(&mut self, blob: &str, number: u64, record: Marked<'_>) {
        self.take(record, || Place { blob: blob.to_owned(), record: number }, None);
    }
}

impl<'a> Part<'a> {
    /// Nothing yet.
    pub fn new(looking: &'a Looking<'a>) -> Part<'a> {
        Part {
            looking,
            close: Close::default(),
            records: Shelf::new(HELD),
            targets: BTreeSet::new(),
            more_targets: false,
            lineage: Lineage::default(),
        }
    }

    /// All that was collected.
    pub fn collected(self) -> Collected {
        let Part { records, targets, more_targets, lineage, .. } = self;
        Collected { records, targets, more_targets, lineage }
    }

    /// Takes in a record, with what facts tell of it if it comes from there.
    pub fn take(
        &mut self,
        record: Marked<'_>,
        place: impl FnOnce() -> Place,
        known: Option<&Known<'_>>,
    ) {
        let Looking { needles, telling, query, .. } = self.looking;
        let tells = telling.as_ref().is_some_and(|needles| needles.may_match(record.bytes()));
        if !tells && !needles.may_match(record.bytes()) {
            return;
        }
        let header = record.header();
        let time = header.time.and_then(Raw::time);
        let in_range = query.range.has_record(time, &header);
        if !tells && !in_range {
            return;
        }
        let mut close = std::mem::take(&mut self.close);
        close.look(record, |view| {
            if tells {
                self.learn(view);
            }
            if in_range {
                self.keep(record, view, (&header, time), (place(), known));
            }
        });
        self.close = close;
    }

    fn merge(&mut self, other: Part<'_>) {
        self.records.merge(other.records);
        self.targets.extend(other.targets);
        self.more_targets |= other.more_targets;
        self.lineage.merge(other.lineage);
    }

    /// Keeps a record that may be asked for.
    fn keep(
        &mut self,
        record: Marked<'_>,
        view: &View<'_>,
        (header, time): (&Header<'_>, Option<Time>),
        (place, known): (Place, Option<&Known<'_>>),
    ) {
        let Looking { query, key, texts, .. } = self.looking;
        let Some(pending) = query.look(view, *key) else { return };
        if let Some(Known { content, used }) = known {
            let at = stack_key(time, header, *content, &place);
            let shown = match used {
                Some(used) => row::of_use(used, place),
                None => row::of(view, time, place, None),
            };
            self.records.push(at, Candidate { shown, pending, content: *content });
            return;
        }
        let whole = compact(record.bytes());
        let at = stack_key(time, header, HashKey::of_seed(0).short(&whole), &place);
        let content = key.short(&whole);
        let text = texts.then(|| String::from_utf8_lossy(&whole).into_owned());
        let shown = row::of(view, time, place, text);
        self.records.push(at, Candidate { shown, pending, content });
    }

    /// Notes what a record tells of aliases and credentials.
    fn learn(&mut self, view: &View<'_>) {
        let Looking { query, key, .. } = self.looking;
        for alias in query.aliases() {
            let targets = alias.targets(view);
            if self.targets.len() < TARGETS_MAX {
                self.targets.extend(targets);
            } else {
                self.more_targets |= targets.iter().any(|target| !self.targets.contains(target));
            }
        }
        if query.derived {
            self.lineage.note(view, query.is_by_asked(view), *key);
        }
    }
}

/// By what a record is sorted: its time, its id, its content, and where it was read. Copies are
/// neighbours. Without a random key, so that the order is the same in every run.
fn stack_key(time: Option<Time>, header: &Header<'_>, content: u64, place: &Place) -> StackKey {
    let hash = HashKey::of_seed(0);
    // The sign bit turned, so that the order of numbers is that of times.
    let time = time.map_or(0, |time| (time.0 as u64) ^ (1 << 63));
    let id = header.id.and_then(Raw::text).unwrap_or_default();
    let mut first = [0; 8];
    first.iter_mut().zip(id.bytes()).for_each(|(slot, byte)| *slot = byte);
    let origin = hash.short(place.to_string().as_bytes());
    [time, u64::from_be_bytes(first), content, origin]
}
