//! All uses, key by key: what they mean to rules over many records, and to tags.
//!
//! Rows of a key come together, in them rows of one use, and in these copies of one record. Shards
//! are gone through side by side. What must stay true: each record is told once, whatever its
//! copies; a rule that needs to know of few uses is not told of all.

mod alone;

use std::collections::HashMap;
use std::io;

use rayon::prelude::*;

use self::alone::Alone;
use super::adds::{Adds, Met};
use super::by_names::ByNames;
use super::calls::Calls;
use super::habits::Habits;
use super::heirs::Heirs;
use super::kinds::{Closed, Kind, Kinds};
use super::lookup::Lookup;
use super::records::Marked;
use super::stateful::decide::{Bench, Decisions, Desk};
use super::stateful::note::{Note, NotePool, NoteText, Notes, part_of};
use super::tags::compare::{Compared, Comparing};
use super::tags::ledger::{Ledger, Tags};
use super::told::{Texts, told};
use super::watched::Watched;
use crate::detect::Over;
use crate::detect::stateful::{Correlation, History, Use, Uses};
use crate::engine::partial::handed::{HandedUse, HandedUses};
use crate::engine::partial::key_use::{KeyUse, flag};
use crate::engine::partial::uses::RecordId;
use crate::engine::store::dictionary::{NONE, Sym};
use crate::engine::store::runs::{RowAt, Rows, SHARDS};
use crate::model::time::Time;

/// What the uses gave.
pub struct Passed {
    pub decisions: Decisions,
    pub notes: Vec<Notes>,
    pub compared: Vec<Compared>,
    /// The uses that the next run may get, if there is to be one.
    pub handed: Rows<HandedUse>,
    /// Uses of earlier runs that are older than any rule looks back.
    pub aged: u64,
    /// Where principals read with keys.
    pub habits: Habits,
}

/// What is known before the uses are gone through.
pub struct Known<'a> {
    pub bench: &'a Bench<'a>,
    pub marked: &'a Marked,
    /// Records that stand for several uses of earlier runs.
    pub stand_for: &'a HashMap<RecordId, (Time, u64)>,
    pub tags: &'a Tags<'a>,
    /// The first number of texts that nobody has yet.
    pub free: u32,
}

/// Goes through all uses.
///
/// # Errors
/// When a temporary file cannot be used.
pub fn pass(known: &Known<'_>) -> io::Result<Passed> {
    let bench = known.bench;
    let limits = &bench.context.plan.limits;
    let pool = NotePool::new(bench.stages.count, limits.notes, known.free);
    let handed = HandedUses::new(limits.uses);
    let alone = Alone::of(bench, known.marked)?;
    let shards: Vec<io::Result<Shard>> = (0..SHARDS)
        .into_par_iter()
        .map_init(AtHand::default, |at_hand, shard| {
            let heirs = Heirs::new(bench, handed.take());
            let mut pass =
                Pass::new((known, &alone), (pool.take(), heirs), std::mem::take(at_hand));
            let done = pass.shard(shard).and_then(|()| pass.calls.leave(&mut pass.desk));
            let done = done.and_then(|()| pass.desk.tell_all());
            let Pass { desk, comparing, heirs, fed, watched, habits, .. } = pass;
            pool.give(desk.left);
            handed.give(heirs.rows);
            let (compared, ledger) = comparing.map(Comparing::finish).unzip();
            *at_hand = AtHand { lookup: Some(desk.lookup), ledger, fed, watched };
            bench.context.progress.step();
            let (decisions, aged) = (desk.decisions, heirs.aged);
            done.map(|()| Shard { decisions, compared, aged, habits })
        })
        .collect();
    let mut all = Passed {
        decisions: Decisions::default(),
        notes: pool.into_all(),
        compared: Vec::new(),
        handed: handed.into_all(),
        aged: 0,
        habits: Habits::default(),
    };
    for passed in shards {
        let passed = passed?;
        all.decisions.merge(passed.decisions);
        all.compared.extend(passed.compared);
        all.aged += passed.aged;
        all.habits.merge(passed.habits);
    }
    Ok(all)
}

/// What the keys of one shard gave.
struct Shard {
    decisions: Decisions,
    compared: Option<Compared>,
    aged: u64,
    habits: Habits,
}

/// What a thread keeps at hand from shard to shard.
#[derive(Default)]
struct AtHand<'a> {
    lookup: Option<Lookup<'a>>,
    ledger: Option<Ledger<'a>>,
    fed: ByNames<Vec<Fed>>,
    watched: Watched,
}

struct Pass<'a> {
    known: &'a Known<'a>,
    /// Resources that know one key only.
    alone: &'a Alone,
    desk: Desk<'a>,
    comparing: Option<Comparing<'a>>,
    /// The kinds of use of the key at hand.
    kinds: Kinds,
    heirs: Heirs,
    /// What was met of the record at hand, of which copies may follow.
    met: Met,
    /// What matches mean to correlations.
    fed: ByNames<Vec<Fed>>,
    watched: Watched,
    /// What single uses mean to histories.
    calls: Calls,
    /// Where they read.
    habits: Habits,
}

/// A match as a correlation looks at it.
struct Fed {
    rule: u32,
    step: u32,
    part: [u64; 2],
    /// Whether it counts different values.
    counts: bool,
    /// Whether it judges reads.
    judged: bool,
}

impl<'a> Pass<'a> {
    fn new(
        (known, alone): (&'a Known<'a>, &'a Alone),
        (notes, heirs): (Notes, Heirs),
        at_hand: AtHand<'a>,
    ) -> Pass<'a> {
        let bench = known.bench;
        let mut desk = Desk::new(bench, notes);
        desk.lookup = at_hand.lookup.unwrap_or(desk.lookup);
        let ledger = at_hand.ledger.unwrap_or_else(|| Ledger::new(known.tags));
        Pass {
            known,
            alone,
            desk,
            comparing: bench.context.compares.then(|| Comparing::new(bench, ledger)),
            kinds: Kinds::new(bench.context.plan.limits.window),
            heirs,
            met: Met::default(),
            fed: at_hand.fed,
            watched: at_hand.watched,
            calls: Calls::new(bench.context),
            habits: Habits::default(),
        }
    }

    fn shard(&mut self, shard: usize) -> io::Result<()> {
        let mut rows = self.known.bench.uses.shard(shard).rows()?;
        let mut before: Option<KeyUse> = None;
        while let Some((row, at)) = rows.next()? {
            self.known.bench.context.go_on()?;
            if let Some(before) = before.filter(|before| before.key != row.key) {
                self.close_key(before.key)?;
            }
            let is_copy = before.is_some_and(|before| row.is_copy_of(&before));
            let same_use = before.is_some_and(|before| row.is_same_use(&before));
            match row.is(flag::LEFT) {
                true => self.count_left(&row, at, same_use)?,
                false => self.count(&row, at, is_copy, same_use)?,
            }
            if let Some(comparing) = self.comparing.as_mut().filter(|_| row.serves(flag::OF_PAIR)) {
                comparing.take(&row, is_copy, &mut self.desk)?;
            }
            if row.looked_at() != NONE {
                self.heirs.wait(&row, &mut self.desk)?;
                self.correlate(&row, at)?;
            }
            before = Some(row);
        }
        if let Some(before) = before {
            self.close_key(before.key)?;
        }
        Ok(())
    }

    /// Counts a use among those of its kind.
    fn count(&mut self, row: &KeyUse, at: RowAt, is_copy: bool, same: bool) -> io::Result<()> {
        let Some(adds) = self.met.adds(row, is_copy, self.known.stand_for) else { return Ok(()) };
        if !is_copy {
            self.calls.take((row, at), adds.last, &mut self.desk)?;
        }
        let left_out = self.kinds.add((row, at), adds, same, &mut self.desk)?;
        let left_out = left_out.iter().map(|kind| (kind.first, kind.counted));
        self.heirs.add_all(left_out, &mut self.desk)
    }

    /// Counts what a bucket has left that has decided, and which has no copies.
    fn count_left(&mut self, row: &KeyUse, at: RowAt, same: bool) -> io::Result<()> {
        if row.is(flag::OF_CALL) {
            self.calls.take((row, at), Time(row.stands_for().1), &mut self.desk)?;
        }
        if row.is(flag::OF_KIND) {
            self.kinds.add((row, at), Adds::left(row), same, &mut self.desk)?;
        }
        Ok(())
    }

    /// Tells correlations of the matches of a use, where they could come to anything.
    fn correlate(&mut self, row: &KeyUse, at: RowAt) -> io::Result<()> {
        let bench = self.known.bench;
        let make = |lookup: &mut Lookup<'_>| fed(bench, lookup, row);
        let all = self.fed.of((bench.context, row), &mut self.desk.lookup, make, |_| ())?;
        for fed in all.iter().filter(|fed| !fed.counts || row.subject != 0) {
            let container = if fed.judged { self.desk.lookup.container(row)? } else { 0 };
            let note = Note {
                rule: fed.rule,
                part: fed.part,
                kind: fed.step,
                value: if fed.counts { row.subject } else { 0 },
                container,
                ..Note::of_row(row, at)
            };
            self.desk.left.push(bench.stages.of(fed.rule), note);
        }
        Ok(())
    }

    /// Decides over the uses of one key, and makes notes of those that matter beside other records.
    fn close_key(&mut self, key: Sym) -> io::Result<()> {
        if let Some(comparing) = &mut self.comparing {
            comparing.close_key(&mut self.desk)?;
        }
        let Closed { kinds, left_out } = self.kinds.close(&self.desk);
        let all = kinds.iter().chain(&left_out).map(|kind| (kind.first, kind.counted));
        self.heirs.add_all(all, &mut self.desk)?;
        let bench = self.known.bench;
        for kind in kinds.iter().chain(&left_out) {
            let could_hold = |rule: (u32, &Correlation), part| bench.could_hold(rule, part);
            self.watched.learn(kind, &mut self.desk, &mut self.habits, could_hold)?;
        }
        let crowded = self.kinds.were_left_out();
        // What a bucket has left of such a key is for those that look at uses one by one.
        let done = kinds.iter().any(|kind| kind.first.is(flag::KEY_DONE));
        let mut texts = Vec::with_capacity(kinds.len());
        for kind in &kinds {
            let resource = self.desk.lookup.purpose(kind.first.purpose)?.first;
            texts.push(Texts::of(kind, self.alone.is(resource, key), &mut self.desk)?);
        }
        let uses: Vec<Use<'_>> = kinds.iter().zip(&texts).map(told).collect();
        for (number, rule) in (0..).zip(self.known.bench.context.over.clone()) {
            let Over::History(history) = rule.code else { continue };
            if kinds.is_empty() || (done && !matches!(history.uses(), Uses::With(_))) {
                continue;
            }
            if crowded && !matches!(history.uses(), Uses::None | Uses::OneByOne) {
                self.desk.overflow(&rule);
            }
            let all = |_: &Use<'_>| true;
            let marked = || self.known.marked.contains(&(number, key));
            match history.uses() {
                Uses::None | Uses::OneByOne => continue,
                Uses::OverKeys(_) if key == NONE => continue,
                Uses::OverKeys(over) => self.desk.over_key(&rule, over, (&kinds, &uses))?,
                Uses::OfMarkedKeys if marked() => self.mark(number, history, &kinds, &uses, all)?,
                Uses::OfKeysWith(test) if marked() || uses.iter().any(test) => {
                    self.mark(number, history, &kinds, &uses, all)?;
                }
                Uses::With(test) => self.mark(number, history, &kinds, &uses, test)?,
                Uses::OfMarkedKeys | Uses::OfKeysWith(_) => continue,
            }
        }
        Ok(())
    }

    /// Notes what uses mean to a history.
    fn mark(
        &mut self,
        number: u32,
        history: &dyn History,
        kinds: &[Kind],
        uses: &[Use<'_>],
        test: impl Fn(&Use<'_>) -> bool,
    ) -> io::Result<()> {
        let bench = self.known.bench;
        let mut marks = Vec::new();
        for (kind, used) in kinds.iter().zip(uses).filter(|(_, used)| test(used)) {
            history.note_use(used, &mut marks);
            for mark in marks.drain(..) {
                let uses = Some((kind.last, kind.count));
                let text = NoteText { value: mark.value, uses, by: Vec::new() };
                let note = Note {
                    rule: number,
                    part: bench.context.key.long(&[mark.part.as_bytes()]),
                    kind: mark.kind,
                    reported: kind.reported,
                    recalled: kind.recalled,
                    text: text.add(&mut self.desk.left.texts)?,
                    ..Note::of_row(&kind.first, kind.at)
                };
                self.desk.left.push(bench.stages.of(number), note);
            }
        }
        Ok(())
    }
}

/// The correlations that look at the matches of a row, where they could come to anything.
fn fed(bench: &Bench<'_>, lookup: &mut Lookup<'_>, row: &KeyUse) -> io::Result<Vec<Fed>> {
    let context = bench.context;
    let names = lookup.names(row)?;
    let (mut all, mut by) = (Vec::new(), Vec::new());
    for matched in lookup.matches(row.matches)?.iter() {
        let accounts = matched.foreign.iter().cloned().collect();
        if !matched.foreign.is_empty()
            && context.plan.estate.outside(&accounts, bench.accounts).is_empty()
        {
            continue;
        }
        for (feed, correlation) in context.feeds_by_row(matched.rule) {
            if matched.level < correlation.from {
                continue;
            }
            names.by(correlation, &mut by);
            let part = part_of(context.key, &by);
            if bench.could_hold((feed.stateful, correlation), part) {
                let counts =
                    matches!(correlation.kind, crate::detect::stateful::Kind::ValueCount(..));
                let judged = correlation.usual.is_some();
                all.push(Fed { rule: feed.stateful, step: feed.step, part, counts, judged });
            }
        }
    }
    Ok(all)
}
