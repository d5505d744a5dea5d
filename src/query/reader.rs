//! Reads every blob once, in parallel, and hands its records to whoever gathers something of them.
//!
//! What must stay true: what cannot be read is a problem, whatever is gathered. Each worker gathers by
//! itself, so that what is found does not depend on which worker reads what.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::engine::{Problems, Progress};
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::record::container::{Reader, Sink};
use crate::record::event::{Marked, Raw};
use crate::record::kms::View;
use crate::record::scan::{self, tape::Fill, tape::Tape};
use crate::source::{At, Source, Taken, Text, Visitor, Workers, pool, read_all};

/// A record over this is not held (32 MiB).
pub const RECORD_MAX: usize = 32 << 20;

/// Problems that are kept of one blob, and of all.
const PROBLEMS: (u64, usize) = (10, 1_000);

/// Gathers something of records: one worker's part of it.
pub trait Gather: Send {
    /// Takes in record number `number` of a blob.
    fn record(&mut self, blob: &str, number: u64, record: Marked<'_>);
}

/// Everything that was read.
#[derive(Debug)]
pub struct AllOf<G> {
    /// What each worker gathered.
    pub parts: Vec<G>,
    /// What could not be read.
    pub problems: Problems,
    /// Whether any file with records was met.
    pub any: bool,
    /// Whether a signal ended the reading.
    pub interrupted: bool,
}

/// Reads everything that `source` gives; `gather` makes a worker's part.
///
/// # Errors
/// Threads that cannot be started.
pub fn read<G: Gather>(
    source: &mut dyn Source,
    threads: usize,
    progress: &Progress,
    stop: &AtomicBool,
    gather: impl Fn() -> G + Sync,
) -> io::Result<AllOf<G>> {
    let beat = |bytes| progress.blob_read(bytes);
    let workers = Workers { pool: &pool(threads)?, stop, beat: &beat };
    let all = read_all(source, workers, |_| Worker {
        reader: Reader::new(scan::fastest(), RECORD_MAX),
        run: (progress, stop),
        part: Part { gathered: gather(), problems: Problems::new(PROBLEMS.1), any: false },
    });
    let mut whole = AllOf {
        parts: Vec::new(),
        problems: Problems::new(PROBLEMS.1),
        any: false,
        interrupted: stop.load(Ordering::Relaxed),
    };
    for Part { gathered, problems, any } in all.found {
        whole.parts.push(gathered);
        whole.problems.merge(problems);
        whole.any |= any;
    }
    Ok(whole)
}

/// Looks closely at records, in reused memory.
pub struct Close {
    tape: Tape,
    fill: Fill,
}

impl Default for Close {
    fn default() -> Close {
        Close { tape: Tape::default(), fill: scan::fastest_fill() }
    }
}

impl Close {
    /// Hands on the view of a record.
    pub fn look(&mut self, record: Marked<'_>, at: impl FnOnce(&View<'_>)) {
        let Some(event) = record.event() else { return };
        (self.fill)(record.bytes(), &mut self.tape);
        at(&View::new(&event.with_tape(&self.tape)));
    }
}

struct Worker<'a, G> {
    reader: Reader,
    run: (&'a Progress, &'a AtomicBool),
    part: Part<G>,
}

struct Part<G> {
    gathered: G,
    problems: Problems,
    any: bool,
}

impl<G: Gather> Visitor for Worker<'_, G> {
    type Found = Part<G>;

    fn problem(&mut self, problem: Problem) {
        self.part.any = true;
        self.part.problems.add(problem);
    }

    // Names of known blobs come only if they were asked for.
    fn known(&mut self, _: &Arc<str>) {}

    fn blob(&mut self, At { blob, .. }: At<'_>, text: Result<&mut Text<'_>, Problem>) -> Taken {
        let Worker { reader, run, part } = self;
        match text {
            Ok(text) => {
                let blob = &blob.name;
                let mut sink =
                    BlobSink { run: *run, part, blob, records: 0, others: 0, problems: 0 };
                reader.read(text, &mut sink);
                sink.finish();
            }
            Err(problem) => self.problem(problem),
        }
        Taken::Whole
    }

    fn finish(self) -> Part<G> {
        self.part
    }
}

/// One blob on its way through a worker.
struct BlobSink<'a, G> {
    run: (&'a Progress, &'a AtomicBool),
    part: &'a mut Part<G>,
    blob: &'a Arc<str>,
    records: u64,
    others: u64,
    problems: u64,
}

impl<G: Gather> Sink for BlobSink<'_, G> {
    fn record(&mut self, number: u64, record: Marked<'_>) {
        self.records += 1;
        let header = record.header();
        if let Some(message) = record.lack(&header, header.time.and_then(Raw::time)) {
            self.report(Some(number), Stage::Parse, message);
        }
        self.part.gathered.record(self.blob, number, record);
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
        !self.run.1.load(Ordering::Relaxed)
    }
}

impl<G> BlobSink<'_, G> {
    /// Notes a problem; of one blob only the first ones are listed.
    fn report(&mut self, record: Option<u64>, stage: Stage, message: String) {
        self.problems += 1;
        if self.problems <= PROBLEMS.0 {
            let origin = Origin { blob: Arc::clone(self.blob), record };
            self.part.problems.add(Problem::new(origin, stage, message));
        }
    }

    /// Adds the blob to those that were read.
    fn finish(self) {
        if self.problems > PROBLEMS.0 {
            let more = self.problems - PROBLEMS.0;
            let message = format!("{more} more problems in this file, not listed");
            let origin = Origin::blob(Arc::clone(self.blob));
            self.part.problems.add(Problem::new(origin, Stage::Parse, message));
        }
        self.part.any |= self.records > 0 || self.problems > 0 || self.others == 0;
        self.run.0.records.fetch_add(self.records, Ordering::Relaxed);
    }
}
