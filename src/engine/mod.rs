//! Blobs to an outcome, in parallel.
//!
//! Workers take blobs from the listing, read their records, ask the rules, and note what they
//! find; at the end their notes are added up, counted and sorted. Nothing depends on the order of
//! files, records or workers.

mod blob;
mod carry;
mod conclude;
mod coverage;
mod decide;
mod facts;
mod gated;
mod group;
mod keys;
mod limits;
mod live;
mod matched;
mod names;
mod network;
mod notes;
mod noting;
mod problems;
mod recall;
mod seen;
mod sorted;
mod spool;
mod tagging;
mod uses;
mod worker;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::detect::{Over, RuleSet};
use crate::model::coverage::{Coverage, Place};
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::model::memory::Memory;
use crate::model::outcome::Outcome;
use crate::model::time::Time;
use crate::record::event::{Header, Raw};
use crate::source::Listing;
use crate::source::gate::Gate;
use crate::tags::book::Book;

pub use limits::Limits;
pub use live::Write as Live;
use worker::{Shared, Worker};

/// Which records are reported. Those outside are read and counted all the same.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// `eventTime` at or after.
    pub since: Option<Time>,
    /// `eventTime` before.
    pub until: Option<Time>,
    /// `recipientAccountId` one of these, when there are any.
    pub accounts: Vec<String>,
    /// `awsRegion` one of these, when there are any.
    pub regions: Vec<String>,
}

impl Filter {
    /// Where a record lies. One without a readable time is reported, since nobody can say that it
    /// lies outside.
    fn range(&self, time: Option<Time>, header: &Header<'_>) -> Range {
        let one_of = |wanted: &[String], value: Option<Raw<'_>>| {
            wanted.is_empty()
                || value.and_then(Raw::text).is_some_and(|text| wanted.iter().any(|w| *w == text))
        };
        let until = self.until.zip(time).is_none_or(|(until, time)| time < until);
        if !until
            || !one_of(&self.accounts, header.account)
            || !one_of(&self.regions, header.region)
        {
            return Range::Outside;
        }
        let since = self.since.zip(time).is_none_or(|(since, time)| time >= since);
        if since { Range::Reported } else { Range::Before }
    }

    /// Whether what is said of an account and Region is reported.
    fn has_place(&self, place: &Place) -> bool {
        let one_of = |wanted: &[String], value| wanted.is_empty() || wanted.contains(value);
        one_of(&self.accounts, &place.account) && one_of(&self.regions, &place.region)
    }
}

/// Where a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Range {
    /// In what is reported.
    Reported,
    /// In what an earlier run has reported: it feeds what needs history, and what is decided only
    /// now may rest on it.
    Recalled,
    /// Before it: it feeds what needs history.
    Before,
    /// After it, or of another account or Region.
    Outside,
}

/// What to scan for, and how.
#[derive(Debug)]
pub struct Plan {
    /// The rules to ask.
    pub rules: RuleSet,
    /// What the organisation tells about itself.
    pub estate: Arc<Estate>,
    /// Which records are reported.
    pub filter: Filter,
    /// How many workers; at least 1.
    pub threads: usize,
    /// One finding an event instead of one a group.
    pub each: bool,
    /// Findings below are counted, not listed.
    pub min_level: Level,
    /// What bounds memory.
    pub limits: Limits,
    /// Tags that are known from elsewhere.
    pub tags: Book,
    /// What earlier runs have left, if this one is to leave something too.
    pub past: Option<Past>,
    /// The hours that earlier runs knew. They tell what is usual, and where a gap began that this
    /// run ends or finds still open.
    pub coverage: Coverage,
    /// When the scan runs: no log tells of later.
    pub now: Time,
    /// Who decides which blobs count, if not all do.
    pub gate: Option<Arc<dyn Gate>>,
}

/// What earlier runs have left.
#[derive(Debug, Default)]
pub struct Past {
    /// The first run has an empty one.
    pub memory: Memory,
    /// How late records may be delivered; microseconds.
    pub late: i64,
}

/// How far a scan is; for a progress display.
#[derive(Debug, Default)]
pub struct Progress {
    /// Blobs read.
    pub blobs: AtomicU64,
    /// Bytes as stored, of blobs read.
    pub bytes_read: AtomicU64,
    /// Records, to within some thousands.
    pub records: AtomicU64,
    /// Matches, copies included.
    pub findings: AtomicU64,
}

/// Reads everything that `listing` names and evaluates the rules of `plan`.
///
/// With `live`, findings go there in the order of the listing and not into the outcome. `stop`
/// ends the reading early: what was found so far is concluded, and the outcome says so.
///
/// # Errors
/// What `live` returned, and threads that cannot be started. Everything else is a problem in the
/// outcome.
pub fn scan(
    listing: Listing,
    plan: &Plan,
    live: Option<Live<'_>>,
    progress: &Progress,
    stop: &AtomicBool,
) -> io::Result<Outcome> {
    Ok(scan_and_learn(listing, plan, live, progress, stop)?.0)
}

/// The same, and all that was learnt of tags.
///
/// # Errors
/// As [`scan`].
pub fn scan_and_learn(
    listing: Listing,
    plan: &Plan,
    live: Option<Live<'_>>,
    progress: &Progress,
    stop: &AtomicBool,
) -> io::Result<(Outcome, Book)> {
    let over: Vec<_> = plan.rules.stateful().collect();
    let shared = Shared {
        plan,
        uses: over.iter().any(|rule| matches!(rule.code, Over::History(_))),
        over,
        compares: plan.rules.compares_tags(),
        key: match &plan.past {
            Some(past) if past.memory.seed != 0 => keys::HashKey::of_seed(past.memory.seed),
            _ => keys::HashKey::random(),
        },
        reaches: worker::reaches(plan),
        recalled: AtomicUsize::new(0),
        names: names::Names::default(),
        live: live.map(|write| live::Live::new(plan, write)),
        progress,
        stop,
        listing: Mutex::new((0, listing)),
    };
    let threads = plan.threads.max(1);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| io::Error::other(error.to_string()))?;
    let number = |index| u32::try_from(index).unwrap_or(u32::MAX);
    let workers = pool.broadcast(|worker| Worker::new(plan, number(worker.index())).run(&shared));
    let merged = workers.into_iter().reduce(|mut all, worker| {
        all.merge(worker);
        all
    });
    let (mut outcome, book) =
        conclude::conclude(&shared, merged.unwrap_or_else(|| Worker::new(plan, 0)));
    outcome.interrupted = stop.load(Ordering::Relaxed);
    outcome.passed = shared.listing.lock().unwrap_or_else(PoisonError::into_inner).1.passed();
    if let Some(live) = shared.live {
        let late = std::mem::take(&mut outcome.findings);
        outcome.summary.merge(live.finish(late)?);
    }
    Ok((outcome, book))
}
