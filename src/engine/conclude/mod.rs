//! From what was found to an outcome.
//!
//! ```text
//! bucket     what the records of a few accounts alone decide
//! count      how many different records each group has; copies, conflicts
//! over_keys  what rules decide over all uses of one key
//! records    kept records go through the rules again
//! survey     a first look at all uses
//! before     what earlier runs have seen of principals
//! by_names   what rows that share their names have in common
//! calls      what single uses mean to histories
//! key_pass   all uses, key by key
//! kinds      the kinds of use of one key
//! habits     where principals read on which days
//! adds       what each row adds to its kind of use
//! sums       marks of one day that say the same
//! stateful   what rules over many records decide
//! tags       keys, resources and their tags
//! told       kinds of use as rules are told of them
//! watched    principals whose reads may be judged, and what is learnt of them
//! coverage   which hours there are, and which should be
//! settle     groups of single records, once everything is known
//! admitted   which findings are told at all
//! fold       many findings of one rule by one actor become one
//! links      which findings are about one call
//! listed     findings as the report lists them, each naming the other record of its call
//! sort       findings in the order of the report
//! rank       what decides it
//! reported   groups to the findings of the report, by way of all these
//! cases      findings to cases
//! undone     what was undone later
//! noted      what was noted of findings, listed or not
//! aftermath  what of that earlier runs told of
//! memory     what the next run needs to know
//! notices    what is told of texts and tags that had no room or do not fit
//! heirs      which uses it may get
//! hand_on    what it gets of uses and records
//! shares     who gets how much of a room that is too small for all
//! crowded    keys of which it gets fewer uses
//! lookup     the texts behind rows
//! ```

mod adds;
mod admitted;
mod aftermath;
mod before;
pub mod bucket;
mod by_names;
mod calls;
mod cases;
mod count;
mod coverage;
mod crowded;
mod fold;
mod habits;
mod hand_on;
mod heirs;
mod key_pass;
mod kinds;
mod links;
mod listed;
pub mod lookup;
mod memory;
mod noted;
pub mod notices;
mod over_keys;
mod rank;
mod records;
mod reported;
mod settle;
mod shares;
mod sort;
mod stateful;
mod sums;
mod survey;
mod tags;
mod told;
mod undone;
mod waiting;
mod watched;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::mem::take;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::context::Context;
use super::finding::finding_of_files;
use super::partial::Partial;
use super::partial::done::Done;
use super::partial::endpoint::Network;
use super::partial::groups::Groups;
use super::partial::handed::HandedUse;
use super::partial::looked;
use super::partial::objects::Objects;
use super::partial::problems::Problems;
use super::partial::retained::Retained;
use super::partial::uses::KeyUses;
use super::partial::values::Values;
use super::plan::{Phase, Plan};
use super::store::dictionary::Dictionary;
use super::store::runs::{Rows, SHARDS};
use super::store::shelf::Shelf;
use super::store::texts::AllTexts;
use crate::detect::whole_log::{LooksAt, Piece};
use crate::model::finding::Finding;
use crate::model::origin::Origin;
use crate::model::outcome::Outcome;
use crate::model::problem::{Problem, Stage};
use crate::model::time::Time;
use crate::tags::book::Book;
use crate::tags::enriched::EnrichedTags;
use before::Before;
use cases::cases_of;
use count::{Counts, Known};
use hand_on::{HandedOn, Shelves};
use memory::{KNOWN, Seen, remember, seen};
use notices::{
    collision, conflict, too_many_enriched, too_many_names, too_many_tags, too_many_undoings,
};
use reported::reported;
use settle::{Settled, Settling};
use stateful::decide::{Bench, Decisions, Desk};
use stateful::evidence::{Finds, Found};
use stateful::note::Notes;
use stateful::presence::Presence;
use stateful::stages::Stages;
use tags::compare::{Compared, Comparing, PairRecord};
use tags::ledger::{Ledger, Tags};
use undone::Undoings;
use waiting::Waiting;

/// How the run went.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// Whether findings of single records were written at once.
    pub live: bool,
    /// Whether the reading was stopped.
    pub stopped: bool,
}

/// Makes an outcome of what all workers found; and all that was learnt of tags.
pub fn conclude(context: &Context<'_>, mut partial: Partial, ended: Ended) -> (Outcome, Book) {
    let plan = context.plan;
    release(&mut partial);
    let counts = count(context, &mut partial);
    let (mut read, taken) = sum(plan, &mut partial);
    read.totals.duplicates = counts.duplicates;
    let (accounts, regions) = (take(&mut partial.accounts), take(&mut partial.regions));
    (read.totals.accounts, read.totals.regions) = places(accounts, regions, &mut partial.problems);
    let seen = seen(plan, &read.totals, take(&mut partial.deliveries));
    let finds = Mutex::new(Finds::new(partial.found.take_all()));
    let decided = decide(context, &mut partial, &finds, (&seen, ended));
    if !context.refuted().is_empty() {
        // All of it begins anew: nobody may be asked about findings twice.
        return Default::default();
    }
    let decided = partial.problems.or_missing(decided, "rules over many records are missing");
    context.progress.begin(Phase::Sorting, 0);
    let Decided { mut decisions, compared, book, mut handed, mut undone } = decided;
    // A time that has not come yet must not make all others old.
    let last = seen.last.min(plan.now);
    let before = aftermath::Before::look_back(plan, undone.as_mut(), last);
    partial.problems.extend(take(&mut handed.problems));
    take(&mut decisions.problems).into_iter().for_each(|problem| partial.problems.add(problem));
    let all_of_it = (&mut partial.problems, read.totals.blobs_failed > 0 || ended.stopped);
    let mut hours = coverage::covered(context, &mut partial.coverage, all_of_it);
    let settling = Settling {
        plan,
        hash_key: context.key,
        recipients: &seen.accounts,
        counts: &counts.groups,
        changes: &decisions.changes,
        evasions: &compared.evasions,
    };
    let (mut findings, summary, noted) = reported(
        context,
        (&settling, (partial.groups, groups(finds, take(&mut hours.found)))),
        (unverified(plan, ended), &Tags::new(&plan.estate, &book), undone),
        &mut partial.problems,
    );
    let learnt = before.learn(context, (&findings, noted), last);
    let mut learnt = partial.problems.or_missing(learnt, "what was undone is missing");
    learnt.add(take(&mut hours.ended));
    let made = cases_of(context, &mut findings, &mut partial.issued, last);
    let mut made = partial.problems.or_missing(made, "cases are missing");
    let left_out = (handed.left_out, &mut partial.problems);
    let memory = remember(context, handed, (counts, seen, decisions.habits), left_out);
    let memory = memory.map(|memory| learnt.hand_on(made.hand_on(memory)));
    let outcome = Outcome {
        examined: examined(plan, &taken, (&hours, compared.coverage.compared(), &read)),
        findings,
        cases: made.cases,
        aftermath: learnt.aftermath,
        summary,
        problems: partial.problems.into_sorted(),
        notes: partial.notes.into_sorted(),
        tags: Some(compared.coverage).filter(|_| context.compares),
        covered: hours.covered,
        coverage: partial.coverage,
        memory,
        unmet: partial.unmet.into_names(&plan.to_meet),
        ..read
    };
    (outcome, book)
}

/// Lets go of what was held until it was known whether a service logs the call of an endpoint as well.
fn release(partial: &mut Partial) {
    let network = std::mem::replace(&mut partial.network, Network::new(0));
    let released = network.release(&mut partial.facts, &mut partial.groups);
    partial.problems.or_missing(released, "calls that VPC endpoints logged are missing");
}

/// The groups of many records, and those of hours.
fn groups(finds: Mutex<Finds>, gaps: Vec<Found>) -> Groups {
    let finds = finds.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut groups = finds.into_groups();
    for Found { key, group, count, .. } in gaps {
        groups.add_counted(key, group, count);
    }
    groups
}

/// An outcome that tells what was read, and nothing else yet; and how many records each list of rules
/// looked at.
fn sum(plan: &Plan, partial: &mut Partial) -> (Outcome, Vec<u64>) {
    let mut objects = std::mem::replace(&mut partial.objects, Objects::new(1, false));
    let files = objects.take_files();
    let (totals, manifest) = objects.sum().unwrap_or_else(|error| {
        let message =
            format!("a temporary file cannot be read back, so totals are missing: {error}");
        partial.problems.lose(Problem::new(Origin::blob("*"), Stage::Read, message));
        Default::default()
    });
    let looked = std::mem::replace(&mut partial.looked, Rows::new(1));
    let taken = looked::sizes(looked, plan.rules.lists());
    let taken = partial.problems.or_missing(taken, "how many records rules looked at is missing");
    partial.counted.add(0, &taken);
    let taken = take(&mut partial.counted.looked);
    (Outcome { totals, manifest, files, ..Outcome::default() }, taken)
}

/// How many records each rule looked at.
fn examined(
    plan: &Plan,
    taken: &[u64],
    (hours, compared, read): (&coverage::LogHours, u64, &Outcome),
) -> BTreeMap<String, u64> {
    plan.rules.examined(taken, |what| match what {
        LooksAt::Pairs(..) | LooksAt::Aliases | LooksAt::Classes => compared,
        // They come to light in records that the rule is about anyway.
        LooksAt::Evasions => 0,
        LooksAt::Hours => hours.shown(false),
        LooksAt::Expected => hours.shown(true),
        LooksAt::Files => plan.gate.as_ref().map_or(0, |_| read.totals.records),
    })
}

/// The different accounts and Regions.
fn places(
    accounts: Values,
    regions: Values,
    problems: &mut Problems,
) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut all = |values: Values, what: &str| {
        let (values, cut) = values.into_all();
        if cut {
            let message = format!("more than {} {what}", Values::LIMIT);
            problems.add(Problem::new(Origin::blob("*"), Stage::Read, message));
        }
        values
    };
    let accounts = all(accounts, "accounts: the others are not listed, and count as foreign");
    (accounts, all(regions, "Regions: the others are not listed"))
}

/// Counts the records of every group, and says which are not what they seem.
fn count(context: &Context<'_>, partial: &mut Partial) -> Counts {
    let known = Known::most(context.plan.past.as_ref().map_or(0, |_| KNOWN));
    let rows = std::mem::replace(&mut partial.facts, Rows::new(1));
    context.progress.begin(Phase::Counting, SHARDS);
    let go_on = || context.go_on();
    let counts = count::count(rows, &known, context.progress, go_on);
    let mut counts = partial.problems.or_missing(counts, "nothing is counted");
    let before = std::mem::replace(&mut partial.counted.groups, Rows::new(1));
    let added = counts.add_counted(&before, partial.counted.duplicates);
    partial.problems.or_missing(added, "not all is counted");
    // What earlier runs have said is not said again.
    let is_new = |place: &(u64, u64)| !partial.retained.recalled.contains(place);
    for places in counts.conflicts.iter().filter(|places| places.iter().any(is_new)) {
        partial.problems.add(conflict(&context.names, places));
    }
    counts
}

/// What rules over many records and tags gave.
#[derive(Default)]
struct Decided {
    decisions: Decisions,
    compared: Compared,
    book: Book,
    /// What the next run gets.
    handed: HandedOn,
    /// What was undone; `None` if nothing was decided.
    undone: Option<Undoings>,
}

/// Says what is wrong with names: two that have one hash, and more of them than have room.
fn say_of_names(partial: &mut Partial, dictionary: &Dictionary, joins_lost: bool) {
    partial.problems.extend(collision(dictionary.collisions));
    partial.problems.extend(joins_lost.then(too_many_names));
}

/// What buckets have decided. A key that a record marks elsewhere is refuted.
fn decided_before(context: &Context<'_>, partial: &mut Partial, marked: &records::Marked) -> Done {
    let done = take(&mut partial.done);
    done.of(marked.iter().map(|(_, key)| *key)).iter().for_each(|key| context.refute(*key));
    done
}

/// Decides what rests on many records.
fn decide(
    context: &Context<'_>,
    partial: &mut Partial,
    finds: &Mutex<Finds>,
    (seen, ended): (&Seen, Ended),
) -> io::Result<Decided> {
    let plan = context.plan;
    let uses = std::mem::replace(&mut partial.uses, KeyUses::new(1, context.key, 0));
    let presence = Presence::new(seen.records.saturating_add(uses.rows.len()));
    let (rows, heap) = (uses.rows.sharded(), AllTexts::of(uses.heap));
    let kept = AllTexts::of(take(&mut partial.kept.texts));
    let dictionary = Dictionary::new(uses.words)?;
    say_of_names(partial, &dictionary, uses.joins_lost);
    let matched = survey::survey(context, &rows, &dictionary, &presence)?;
    let stages = Stages::new(context, &matched.into_iter().collect());
    let known = records::Known {
        context,
        stages: &stages,
        presence: &presence,
        accounts: &seen.accounts,
        live: ended.live,
    };
    let said = records::pass(&known, &kept)?;
    let done = decided_before(context, partial, &said.marked);
    context.go_on()?;
    let book = book(plan, (said.book, partial), uses.joins, uses.unplaced);
    let mut bench = Bench {
        context,
        stages: &stages,
        presence: &presence,
        accounts: &seen.accounts,
        range: (seen.first.unwrap_or(Time(0)), seen.last),
        deliveries: &seen.deliveries,
        book: &book,
        uses: &rows,
        dictionary: &dictionary,
        heap: &heap,
        kept: &kept,
        texts: AllTexts::default(),
        habits: said.habits,
        before: Before::of_plan(plan),
        found: finds,
    };
    context.progress.begin(Phase::Deciding, SHARDS);
    bench.habits.add_known(&done.habits, done.days);
    let mut waiting = Waiting::new(&stages, plan);
    waiting.take(&mut bench, said.notes);
    let mut decisions = waiting.decide_early(&mut bench)?;
    let tags = Tags::new(&plan.estate, &book);
    let passed = key_pass::pass(&key_pass::Known {
        bench: &bench,
        marked: &said.marked,
        stand_for: &uses.stand_for,
        tags: &tags,
        free: kept.next().max(bench.texts.next()),
    })?;
    let mut compared = compared(&bench, &tags, (passed.compared, &said.pairs))?;
    decisions.merge(passed.decisions);
    bench.habits.merge(passed.habits);
    waiting.decide_late(passed.notes, &mut bench, &mut decisions)?;
    tagged(&bench, (&mut compared, (said.aliases, seen.last)), &tags)?;
    partial.problems.extend(too_many_tags(plan, &book));
    let shelves = Shelves { context, dictionary: &dictionary, heap: &heap };
    let handed = handed_on(&shelves, &mut partial.retained, (passed.handed, passed.aged))?;
    let undone = Some(undone(context, partial, &dictionary)?);
    Ok(Decided { decisions, compared, book, handed, undone })
}

/// What was undone.
fn undone(
    context: &Context<'_>,
    partial: &mut Partial,
    dictionary: &Dictionary,
) -> io::Result<Undoings> {
    let undoing = std::mem::replace(&mut partial.undoing, Rows::new(1));
    let past = context.plan.past.as_ref();
    let earlier = past.map_or(&[][..], |past| &past.memory.undoing);
    let undone = Undoings::of(undoing, dictionary, (context.key, earlier))?;
    partial.problems.extend(undone.cut.then(too_many_undoings));
    Ok(undone)
}

fn lock(finds: &Mutex<Finds>) -> MutexGuard<'_, Finds> {
    finds.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the next run gets, if there is to be one.
fn handed_on(
    shelves: &Shelves<'_>,
    retained: &mut Retained,
    (uses, aged): (Rows<HandedUse>, u64),
) -> io::Result<HandedOn> {
    let mut handed = HandedOn { aged, ..HandedOn::default() };
    if shelves.context.plan.past.is_some() {
        let retained = std::mem::replace(retained, Retained::new((None, 0), 1, 0));
        handed.left_out = retained.left_out;
        handed.add_uses(shelves, uses)?;
        handed.add_records(shelves, retained.into_kept())?;
    }
    Ok(handed)
}

/// All that is known of tags.
fn book(
    plan: &Plan,
    (mut book, partial): (Book, &mut Partial),
    joins: BTreeSet<(String, String)>,
    unplaced: u64,
) -> Book {
    book.unplaced += unplaced;
    let enriched = std::mem::replace(&mut partial.enriched, EnrichedTags::new(0));
    partial.problems.extend(too_many_enriched(&enriched));
    enriched.into_changes().for_each(|(arn, change)| book.see(arn, change));
    joins.into_iter().for_each(|(name, arn)| book.join(name, arn));
    book.merge(plan.tags.clone());
    book.place_requests();
    book.fit();
    book
}

/// Adds the records that are no plain uses to what was compared of uses.
fn compared<'a>(
    bench: &'a Bench<'a>,
    tags: &'a Tags<'a>,
    (of_uses, pairs): (Vec<Compared>, &[PairRecord]),
) -> io::Result<Compared> {
    let mut compared = Compared::default();
    of_uses.into_iter().for_each(|more| compared.merge(more));
    if bench.context.compares {
        let mut comparing = Comparing::new(bench, Ledger::new(tags));
        comparing.take_records(pairs, &mut Desk::new(bench, Notes::new(0, 1, 0)))?;
        compared.merge(comparing.finish().0);
    }
    Ok(compared)
}

/// Hands on findings about tags.
fn tagged(
    bench: &Bench<'_>,
    (compared, (aliases, last)): (&mut Compared, (Shelf<Settled>, Time)),
    tags: &Tags<'_>,
) -> io::Result<()> {
    let Bench { context, heap, found: finds, .. } = *bench;
    let mut found = |found| lock(finds).add(vec![found], heap);
    tags::finding::findings(context, take(&mut compared.founds), &mut found)?;
    let mut ledger = Ledger::new(tags);
    tags::settled::aliases(context, &mut ledger, (aliases, last), &mut found)?;
    tags::settled::classes(context, &mut ledger, last)?.into_iter().try_for_each(found)?;
    lock(finds).fill(heap)?;
    compared.coverage.resources = tags.book.arns().len() as u64;
    compared.coverage.unplaced = tags.book.unplaced;
    Ok(())
}

/// Findings about files that do not verify.
fn unverified(plan: &Plan, ended: Ended) -> Vec<Finding> {
    let Some(gate) = &plan.gate else { return Vec::new() };
    // Whoever stopped the scan knows that files are unread; that they are missing nobody knows.
    gate.conclude(!ended.stopped);
    let rules: Vec<_> = plan.rules.looking_at(LooksAt::Files).collect();
    if rules.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for files in gate.unverified(plan.each) {
        for rule in &rules {
            let told = rule.judge(&plan.estate, Piece::Files(&files));
            let meta = &plan.rules.metas()[rule.about];
            found.extend(told.map(|told| finding_of_files(meta, &files, told)));
        }
    }
    found
}
