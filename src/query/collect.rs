//! Reads every blob once, in parallel, and keeps the records that are asked for.
//!
//! Each record that may match goes to a shelf, under its time. A shelf is bounded: beyond some
//! mebibytes a worker it goes on in a temporary file. What must stay true: nothing is decided by the
//! order of reading, and what cannot be read is a problem.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use super::filter::{Pending, Query};
use super::lineage::Lineage;
use super::needles::Needles;
use super::row;
use crate::engine::store::hash::{HashKey, compact};
use crate::engine::store::shelf::{Shelf, Stow};
use crate::engine::store::stacks::StackKey;
use crate::engine::{Problems, Progress};
use crate::model::occurrence::{Occurrence, Place};
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::model::time::Time;
use crate::record::container::{Reader, Sink};
use crate::record::event::{Header, Marked, Raw};
use crate::record::kms::View;
use crate::record::scan::{self, tape::Fill, tape::Tape};
use crate::source::{At, Source, Taken, Text, Visitor, Workers, pool, read_all};

/// What a shelf holds in memory, in bytes; one a worker.
const HELD: usize = 8 << 20;

/// A record over this is not held (32 MiB).
const RECORD_MAX: usize = 32 << 20;

/// Problems that are kept of one blob, and of all.
const PROBLEMS: (u64, usize) = (10, 1_000);

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
        serde_json::to_vec(self).unwrap_or_default()
    }

    fn unpack(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// Everything that was read.
#[derive(Debug)]
pub struct Collected {
    /// The records that may be asked for.
    pub(super) records: Shelf<Candidate>,
    /// To which keys the aliases pointed.
    pub(super) targets: BTreeSet<String>,
    /// Which credentials came out of which.
    pub(super) lineage: Lineage,
    /// What could not be read.
    pub(super) problems: Problems,
    /// Whether any file with records was met.
    pub any: bool,
    /// Whether a signal ended the reading.
    pub interrupted: bool,
}

impl Collected {
    fn new() -> Collected {
        Collected {
            records: Shelf::new(HELD),
            targets: BTreeSet::new(),
            lineage: Lineage::default(),
            problems: Problems::new(PROBLEMS.1),
            any: false,
            interrupted: false,
        }
    }

    fn merge(mut self, other: Collected) -> Collected {
        self.records.merge(other.records);
        self.targets.extend(other.targets);
        self.lineage.merge(other.lineage);
        self.problems.merge(other.problems);
        self.any |= other.any;
        self
    }
}

/// How records are looked at, the same for every worker.
struct Looking<'a> {
    query: &'a Query,
    needles: Needles,
    telling: Option<Needles>,
    /// Whether the text of each record is kept.
    texts: bool,
    key: HashKey,
    fill: Fill,
    progress: &'a Progress,
    stop: &'a AtomicBool,
}

/// Reads everything that `source` gives. With `texts`, whole records are kept.
///
/// # Errors
/// Threads that cannot be started.
pub fn collect(
    source: &mut dyn Source,
    (query, texts): (&Query, bool),
    threads: usize,
    progress: &Progress,
    stop: &AtomicBool,
) -> io::Result<Collected> {
    let looking = Looking {
        query,
        needles: query.needles(),
        telling: query.telling(),
        texts,
        key: HashKey::random(0x6b65_7974),
        fill: scan::fastest_fill(),
        progress,
        stop,
    };
    let beat = |bytes| progress.blob_read(bytes);
    let workers = Workers { pool: &pool(threads)?, stop, beat: &beat };
    let all = read_all(source, workers, |_| Collector {
        looking: &looking,
        reader: Reader::new(scan::fastest(), RECORD_MAX),
        tape: Tape::default(),
        found: Collected::new(),
    });
    let mut all = all.found.into_iter().fold(Collected::new(), Collected::merge);
    all.interrupted = stop.load(Ordering::Relaxed);
    Ok(all)
}

/// Collects what one worker reads.
struct Collector<'a> {
    looking: &'a Looking<'a>,
    reader: Reader,
    tape: Tape,
    found: Collected,
}

impl Visitor for Collector<'_> {
    type Found = Collected;

    fn problem(&mut self, problem: Problem) {
        self.found.any = true;
        self.found.problems.add(problem);
    }

    // Names of known blobs come only if they were asked for.
    fn known(&mut self, _: &Arc<str>) {}

    fn blob(&mut self, At { blob, .. }: At<'_>, text: Result<&mut Text<'_>, Problem>) -> Taken {
        let Collector { looking, reader, tape, found } = self;
        match text {
            Ok(text) => {
                let mut sink = BlobSink {
                    looking,
                    tape,
                    found,
                    blob: &blob.name,
                    records: 0,
                    others: 0,
                    problems: 0,
                };
                reader.read(text, &mut sink);
                sink.finish();
            }
            Err(problem) => self.problem(problem),
        }
        Taken::Whole
    }

    fn finish(self) -> Collected {
        self.found
    }
}

/// One blob on its way through a worker.
struct BlobSink<'a, 'b> {
    looking: &'a Looking<'b>,
    tape: &'a mut Tape,
    found: &'a mut Collected,
    blob: &'a Arc<str>,
    records: u64,
    others: u64,
    problems: u64,
}

impl Sink for BlobSink<'_, '_> {
    fn record(&mut self, number: u64, record: Marked<'_>) {
        self.records += 1;
        let Looking { needles, telling, query, .. } = self.looking;
        let tells = telling.as_ref().is_some_and(|needles| needles.may_match(record.bytes()));
        if !tells && !needles.may_match(record.bytes()) {
            return;
        }
        let header = record.header();
        let time = header.time.and_then(Raw::time);
        let in_range = query.range.has_record(time, &header);
        if tells || in_range {
            self.examine(number, record, (&header, time), tells, in_range);
        }
    }

    fn bad(&mut self, number: u64, message: String) {
        self.report(Some(number), Stage::Parse, message);
    }

    fn problem(&mut self, stage: Stage, message: String) {
        self.report(None, stage, message);
    }

    fn other(&mut self) {
        self.others += 1;
    }

    fn ready(&mut self) -> bool {
        !self.looking.stop.load(Ordering::Relaxed)
    }
}

impl BlobSink<'_, '_> {
    /// Looks closely at a record.
    fn examine(
        &mut self,
        number: u64,
        record: Marked<'_>,
        (header, time): (&Header<'_>, Option<Time>),
        tells: bool,
        in_range: bool,
    ) {
        let Some(event) = record.event() else { return };
        let mut tape = std::mem::take(self.tape);
        (self.looking.fill)(record.bytes(), &mut tape);
        let view = View::new(&event.with_tape(&tape));
        if tells {
            self.learn(&view);
        }
        let Looking { query, key, texts, .. } = self.looking;
        if in_range && let Some(pending) = query.look(&view, *key) {
            let place = Place { blob: self.blob.to_string(), record: number };
            let whole = compact(record.bytes());
            let at = stack_key(time, header, &whole, &place);
            let content = key.short(&whole);
            let text = texts.then(|| String::from_utf8_lossy(&whole).into_owned());
            let shown = row::of(&view, time, place, text);
            self.found.records.push(at, Candidate { shown, pending, content });
        }
        drop(view);
        *self.tape = tape;
    }

    /// Notes what a record tells of aliases and credentials.
    fn learn(&mut self, view: &View<'_>) {
        let Looking { query, key, .. } = self.looking;
        for alias in query.aliases() {
            let targets = alias.targets(view);
            if self.found.targets.len() < TARGETS_MAX {
                self.found.targets.extend(targets);
            }
        }
        if query.derived {
            self.found.lineage.note(view, query.is_by_asked(view), *key);
        }
    }

    /// Notes a problem; of one blob only the first ones are listed.
    fn report(&mut self, record: Option<u64>, stage: Stage, message: String) {
        self.problems += 1;
        if self.problems <= PROBLEMS.0 {
            let origin = Origin { blob: Arc::clone(self.blob), record };
            self.found.problems.add(Problem::new(origin, stage, message));
        }
    }

    /// Adds the blob to those that were read.
    fn finish(self) {
        if self.problems > PROBLEMS.0 {
            let more = self.problems - PROBLEMS.0;
            let message = format!("{more} more problems in this file, not listed");
            let origin = Origin::blob(Arc::clone(self.blob));
            self.found.problems.add(Problem::new(origin, Stage::Parse, message));
        }
        self.found.any |= self.records > 0 || self.problems > 0 || self.others == 0;
        self.looking.progress.records.fetch_add(self.records, Ordering::Relaxed);
    }
}

/// By what a record is sorted: its time, its id, its content, and where it was read. Copies are
/// neighbours. Without a random key, so that the order is the same in every run.
fn stack_key(time: Option<Time>, header: &Header<'_>, text: &[u8], place: &Place) -> StackKey {
    let hash = HashKey::of_seed(0);
    // The sign bit turned, so that the order of numbers is that of times.
    let time = time.map_or(0, |time| (time.0 as u64) ^ (1 << 63));
    let id = header.id.and_then(Raw::text).unwrap_or_default();
    let mut first = [0; 8];
    first.iter_mut().zip(id.bytes()).for_each(|(slot, byte)| *slot = byte);
    let origin = hash.short(place.to_string().as_bytes());
    [time, u64::from_be_bytes(first), hash.short(text), origin]
}
