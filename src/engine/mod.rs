//! Blobs to an outcome, in parallel.
//!
//! ```text
//! plan       what to scan for, and how
//! context    what holds for a whole run
//! store      rows and texts, put away in bounded memory
//! partial    what was found: tables that can be added up
//! part       what was found as a file
//! evaluate   one record, and what the rules say of it
//! read       blobs to what was found
//! conclude   what was found to an outcome
//! inventory  what was found to an inventory of keys
//! facts      what was found to a list of all uses of keys, and of records that were kept
//! finding    the finding that a group becomes
//! ```
//!
//! Workers take blobs from the listing, read their records, ask the rules, and put away what they
//! find; at the end it is added up, decided over and sorted. Nothing depends on the order of files,
//! records or workers.

mod conclude;
mod context;
mod evaluate;
mod facts;
mod finding;
mod inventory;
mod part;
mod partial;
mod plan;
mod read;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::model::keys::facts::Inventory;
use crate::model::origin::Origin;
use crate::model::outcome::Outcome;
use crate::model::problem::{Problem, Stage};
use crate::source::{Source, pool};
use crate::tags::book::Book;

use context::Context;
pub use facts::{KeptRecord, Records, Uses};
pub use inventory::quiet;
pub use part::{Differs, Head, Part, id_of_decided};
use part::{Given, Then};
use partial::Partial;
use partial::kept::Kept;
pub use partial::problems::Problems;
use partial::touch::Touches;
pub use plan::{Admit, Filter, Limits, Past, Phase, Plan, Progress, ToMeet};
pub use read::gather::Gather;
pub use read::live::Write as Live;
use store::hash::HashKey;

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
    let (all, _) = run(source, plan, live, (progress, stop), || ())?;
    Ok((all.outcome, all.book))
}

/// The same, and the inventory of keys that the plan asks for.
///
/// # Errors
/// As [`scan`].
pub fn scan_and_list_keys(
    source: &mut dyn Source,
    plan: &Plan,
    progress: &Progress,
    stop: &AtomicBool,
) -> io::Result<(Outcome, Book, Inventory)> {
    let (all, _) = run(source, plan, None, (progress, stop), || ())?;
    Ok((all.outcome, all.book, all.inventory))
}

/// The same, and what was gathered of the records beside, one part a worker. `part` makes such a part.
///
/// # Errors
/// As [`scan`].
pub fn scan_and_gather<G: Gather>(
    source: &mut dyn Source,
    plan: &Plan,
    progress: &Progress,
    stop: &AtomicBool,
    part: impl Fn() -> G + Sync,
) -> io::Result<(Outcome, Vec<G>)> {
    let (all, gathered) = run(source, plan, None, (progress, stop), part)?;
    Ok((all.outcome, gathered))
}

/// Reads everything, and writes what was found to `out` to be concluded later. Also all uses of keys, for
/// which the plan asks. The outcome tells what was read and what went wrong; no finding is in it.
///
/// # Errors
/// As [`scan`]; when `out` cannot be written or a temporary file cannot be read back.
pub fn scan_to_facts(
    source: &mut dyn Source,
    plan: &Plan,
    (progress, stop): (&Progress, &AtomicBool),
    (head, out): (Head, &mut dyn io::Write),
) -> io::Result<(Outcome, Uses)> {
    let mut context = Context::new(plan, progress);
    let pool = pool(plan.threads)?;
    let read = read::read(&context, source, None, (stop, &pool), || ())?;
    let mut given = Given::of(source, read.names);
    let mut partial = read.partial;
    given.stopped = stop.load(Ordering::Relaxed);
    let head = Head { seed: context.key.seed(), ..head };
    part::write(out, (&head, &context), &mut partial, (&given, Then::TakenOut))?;
    let uses = Uses::taken(&context, &mut partial)?;
    context.stop = (!given.stopped).then_some(stop);
    // What is left tells totals and problems, and which records are not what their copies are.
    partial.kept = Kept::new(0);
    let mut outcome = concluded(&context, partial, (given, false), &pool).outcome;
    outcome.interrupted = stop.load(Ordering::Relaxed);
    Ok((outcome, uses.with_names(context.names)))
}

/// What makes the key of hashes of a dataset, for [`Plan::seed`]: random, or made of `or` where the system
/// has no randomness to give.
pub fn fresh_seed(or: u64) -> u64 {
    HashKey::random(or).seed()
}

/// Puts together what [`scan_to_facts`] wrote, as one file, and decides what the records of its accounts alone
/// decide, which is another file. `head` is what each of them has to say of itself, with the id that the one is
/// to have.
///
/// # Errors
/// As [`conclude_facts`], and when a file cannot be written; if a signal came.
pub fn join_facts(
    (parts, head): (&[Part], &Head),
    plan: &Plan,
    (progress, stop): (&Progress, &AtomicBool),
    (out, decided): (&mut dyn io::Write, &mut dyn io::Write),
) -> io::Result<()> {
    let mut context = Context::new(plan, progress);
    let pool = pool(plan.threads)?;
    let all = part::read_all((parts, head), &|_| true, (&context, &pool), stop)?;
    let (mut partial, given) = (all.partial, all.given);
    if stop.load(Ordering::Relaxed) {
        return Err(io::Error::other("a signal came before all was read"));
    }
    context.stop = Some(stop);
    part::write(out, (head, &context), &mut partial, (&given, Then::Kept))?;
    pool.install(|| conclude::bucket::decide(&context, &mut partial))?;
    part::write(decided, (&head.of_decided(), &context), &mut partial, (&given, Then::TakenOut))
}

/// Concludes what [`scan_to_facts`] wrote, on whatever machines: an outcome, all that was learnt of tags,
/// and the inventory of keys if the plan asks for it. It is what one scan of all their sources would have
/// given. `head` is what each of them has to say of itself; the plan has its seed. `unlisted` is what could not
/// be listed when they were planned.
///
/// # Errors
/// When a file cannot be read, is not as it was written or does not belong to the others: the message names
/// it. When threads cannot be started.
pub fn conclude_facts(
    (parts, head, unlisted): (&[Part], &Head, &[Problem]),
    plan: &Plan,
    progress: &Progress,
    stop: &AtomicBool,
) -> io::Result<(Outcome, Book, Inventory)> {
    let pool = pool(plan.threads)?;
    // Whoever asks for more than findings needs all records.
    let all = plan.keys.is_some() || plan.lists_uses || plan.past.is_some();
    let mut whole: BTreeSet<usize> = if all { (0..parts.len()).collect() } else { BTreeSet::new() };
    let mut again = false;
    loop {
        let mut context = Context::new(plan, progress);
        let is_whole = |file: usize| whole.contains(&file);
        let read = part::read_all((parts, head), &is_whole, (&context, &pool), stop)?;
        let (mut partial, given) = (read.partial, read.given);
        let mut refuted = read.refuted;
        refuted.extend(conclude::bucket::contested(&partial)?);
        if !refuted.is_subset(&whole) && !stop.load(Ordering::Relaxed) {
            whole.extend(refuted);
            continue;
        }
        unlisted.iter().for_each(|problem| partial.add_unlisted(problem.clone()));
        context.stop = (!given.stopped).then_some(stop);
        let (interrupted, done) = (given.stopped, partial.done.clone());
        let Concluded { mut outcome, book, inventory } =
            concluded(&context, partial, (given, false), &pool);
        let refuted = context.refuted();
        if !refuted.is_empty() && whole.len() < parts.len() {
            let before = whole.len();
            whole.extend(done.files_of(&refuted));
            // Whoever does not hold twice, or for no known key, may be any.
            if again || whole.len() == before {
                whole.extend(0..parts.len());
            }
            again = true;
            continue;
        }
        outcome.interrupted = interrupted || stop.load(Ordering::Relaxed);
        return Ok((outcome, book, inventory));
    }
}

/// The records that [`scan_to_facts`] left, on whatever machines: uses of keys, and those that were kept. The
/// outcome tells what was read and what went wrong; no finding is in it.
///
/// # Errors
/// As [`conclude_facts`].
pub fn records_of_facts(
    (parts, head, unlisted): (&[Part], &Head, &[Problem]),
    plan: &Plan,
    progress: &Progress,
    stop: &AtomicBool,
) -> io::Result<(Outcome, Records)> {
    let mut context = Context::new(plan, progress);
    let pool = pool(plan.threads)?;
    // What was decided is no record any more.
    let read = part::read_all((parts, head), &|_| true, (&context, &pool), stop)?;
    let part::All { mut partial, given, .. } = read;
    unlisted.iter().for_each(|problem| partial.add_unlisted(problem.clone()));
    let records = Records::taken(&context, &mut partial)?;
    context.stop = (!given.stopped).then_some(stop);
    let interrupted = given.stopped;
    let mut outcome = concluded(&context, partial, (given, false), &pool).outcome;
    outcome.interrupted = interrupted || stop.load(Ordering::Relaxed);
    Ok((outcome, records.with_names(context.names)))
}

/// Reads once; all that is told is made of the one partial result.
fn run<G: Gather>(
    source: &mut dyn Source,
    plan: &Plan,
    live: Option<Live<'_>>,
    (progress, stop): (&Progress, &AtomicBool),
    part: impl Fn() -> G + Sync,
) -> io::Result<(Concluded, Vec<G>)> {
    let mut context = Context::new(plan, progress);
    let live = live.map(|write| read::live::Live::new(plan, write));
    let pool = pool(plan.threads)?;
    let report = live.as_ref().map(|live| live as &dyn read::live::Report);
    let read::Read { partial, gathered, tokens, names } =
        read::read(&context, source, report, (stop, &pool), part)?;
    let mut given = Given::of(source, names);
    given.stopped = stop.load(Ordering::Relaxed) || report.is_some_and(|report| report.failed());
    context.stop = (!given.stopped).then_some(stop);
    let mut all = concluded(&context, partial, (given, live.is_some()), &pool);
    let outcome = &mut all.outcome;
    outcome.interrupted = stop.load(Ordering::Relaxed);
    outcome.read = tokens;
    if let Some(live) = live {
        let late = std::mem::take(&mut outcome.findings);
        outcome.summary.merge(live.finish(&late)?);
    }
    Ok((all, gathered))
}

/// What a partial result became.
struct Concluded {
    outcome: Outcome,
    book: Book,
    inventory: Inventory,
}

/// Makes all that is told of a partial result. `live`: whether findings of single records were written
/// at once.
fn concluded(
    context: &Context<'_>,
    mut partial: Partial,
    (given, live): (Given, bool),
    pool: &rayon::ThreadPool,
) -> Concluded {
    let ended = conclude::Ended { live, stopped: given.stopped };
    let touches = std::mem::replace(&mut partial.touches, Touches::new(1, context.key));
    let (mut outcome, book) = pool.install(|| conclude::conclude(context, partial, ended));
    let inventory = match context.plan.keys {
        Some(_) => pool.install(|| inventory::take(context, touches, &outcome)),
        None => Ok(Inventory::default()),
    };
    let inventory = inventory.unwrap_or_else(|error| {
        let lost = vec![format!("the inventory of keys is missing: {error}")];
        Inventory { lost, ..Inventory::default() }
    });
    let lost = inventory.lost.iter();
    let lost = lost.map(|message| Problem::new(Origin::blob("*"), Stage::Read, message.clone()));
    outcome.problems.extend(lost);
    outcome.problems.sort();
    outcome.passed = given.passed;
    outcome.names = given.names;
    Concluded { outcome, book, inventory }
}
