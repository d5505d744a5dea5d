//! Blobs to an outcome, in parallel.
//!
//! ```text
//! plan       what to scan for, and how
//! context    what holds for a whole run
//! store      rows and texts, put away in bounded memory
//! partial    what was found: tables that can be added up
//! evaluate   one record, and what the rules say of it
//! read       blobs to what was found
//! conclude   what was found to an outcome
//! finding    the finding that a group becomes
//! ```
//!
//! Workers take blobs from the listing, read their records, ask the rules, and put away what they
//! find; at the end it is added up, decided over and sorted. Nothing depends on the order of files,
//! records or workers.

mod conclude;
mod context;
mod evaluate;
mod finding;
mod partial;
mod plan;
mod read;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::model::outcome::Outcome;
use crate::source::{Source, pool};
use crate::tags::book::Book;

use context::Context;
pub use partial::problems::Problems;
pub use plan::{Admit, Filter, Limits, Past, Phase, Plan, Progress};
pub use read::live::Write as Live;

/// Reads everything that `source` gives and evaluates the rules of `plan`.
///
/// With `live`, findings go there in the order of the listing and not into the outcome. `stop`
/// ends the reading early: what was found so far is concluded, and the outcome says so. If it comes
/// after the reading, it ends the concluding early, and problems say what is missing.
///
/// # Errors
/// What `live` returned, and threads that cannot be started. Everything else is a problem in the
/// outcome.
pub fn scan(
    source: &mut dyn Source,
    plan: &Plan,
    live: Option<Live<'_>>,
    progress: &Progress,
    stop: &AtomicBool,
) -> io::Result<Outcome> {
    Ok(scan_and_learn(source, plan, live, progress, stop)?.0)
}

/// The same, and all that was learnt of tags.
///
/// # Errors
/// As [`scan`].
pub fn scan_and_learn(
    source: &mut dyn Source,
    plan: &Plan,
    live: Option<Live<'_>>,
    progress: &Progress,
    stop: &AtomicBool,
) -> io::Result<(Outcome, Book)> {
    let mut context = Context::new(plan, progress);
    let live = live.map(|write| read::live::Live::new(plan, write));
    let pool = pool(plan.threads)?;
    let report = live.as_ref().map(|live| live as &dyn read::live::Report);
    let (partial, tokens) = read::read(&context, source, report, stop, &pool)?;
    let ended = conclude::Ended {
        live: live.is_some(),
        stopped: stop.load(Ordering::Relaxed) || report.is_some_and(|report| report.failed()),
    };
    context.stop = (!ended.stopped).then_some(stop);
    let (mut outcome, book) = pool.install(|| conclude::conclude(&context, partial, ended));
    outcome.interrupted = stop.load(Ordering::Relaxed);
    outcome.passed = source.passed();
    outcome.read = tokens;
    if let Some(live) = live {
        let late = std::mem::take(&mut outcome.findings);
        outcome.summary.merge(live.finish(&late)?);
    }
    Ok((outcome, book))
}
