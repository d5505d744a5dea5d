//! All uses, key by key: what they mean to rules over many records, and to tags.
//!
//! Rows of a key come together, in them rows of one use, and in these copies of one record. Shards
//! are gone through side by side. What must stay true: each record is told once, whatever its
//! copies; a rule that needs to know of few uses is not told of all.

use std::collections::HashSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use rayon::prelude::*;

use super::lookup::{Lookup, Named, Target};
use super::records::Marked;
use super::stateful::decide::{Bench, Decisions, Desk};
use super::stateful::evidence::EventId;
use super::stateful::history::texts;
use super::stateful::note::{Behind, Note, NoteText, Notes, part_of};
use super::tags::compare::{Compared, Comparing};
use super::tags::ledger::Tags;
use crate::detect::stateful::{Context as Told, Decided, History, OverKeys, Use, Uses};
use crate::detect::{ADJUSTS, Over, Stateful};
use crate::engine::partial::group::{Group, SHOWN};
use crate::engine::partial::key_use::{Call, KeyUse, Who, flag};
use crate::engine::partial::uses::RecordId;
use crate::engine::store::dictionary::{NONE, Sym};
use crate::engine::store::runs::{RowAt, SHARDS};
use crate::engine::store::texts::{NOWHERE, TextAt};
use crate::model::memory::Id;
use crate::model::time::Time;

/// What the uses gave.
pub struct Passed {
    pub decisions: Decisions,
    pub notes: Vec<Notes>,
    pub compared: Vec<Compared>,
    /// Of each use how many there were and when the last one was, if the next run is to know.
    pub lasts: Vec<(Id, Time, u64)>,
}

/// What is known before the uses are gone through.
pub struct Known<'a> {
    pub bench: &'a Bench<'a>,
    pub marked: &'a Marked,
    /// Records that stand for several uses of earlier runs.
    pub stand_for: &'a std::collections::HashMap<RecordId, (Time, u64)>,
    pub tags: &'a Tags<'a>,
    /// The first number of texts that nobody has yet.
    pub free: u32,
}

/// Goes through all uses.
///
/// # Errors
/// When a temporary file cannot be used.
pub fn pass(known: &Known<'_>) -> io::Result<Passed> {
    let shards: Vec<io::Result<Passed>> = (0..SHARDS)
        .into_par_iter()
        .map(|shard| {
            let passed = Pass::new(known, shard).shard(shard);
            known.bench.context.progress.step();
            passed
        })
        .collect();
    let mut all = Passed {
        decisions: Decisions::default(),
        notes: Vec::new(),
        compared: Vec::new(),
        lasts: Vec::new(),
    };
    for passed in shards {
        let passed = passed?;
        all.decisions.merge(passed.decisions);
        all.notes.extend(passed.notes);
        all.compared.extend(passed.compared);
        all.lasts.extend(passed.lasts);
    }
    Ok(all)
}

/// All uses of one kind: of one key by one principal with one operation on one resource.
struct Kind {
    /// The first record.
    first: KeyUse,
    at: RowAt,
    id: EventId,
    last: i64,
    count: u64,
    reported: bool,
    recalled: bool,
}

/// What is known of a kind of use, as texts.
struct Texts {
    who: Rc<Named<Who>>,
    call: Rc<Named<Call>>,
    target: Rc<Target>,
}

struct Pass<'a> {
    known: &'a Known<'a>,
    desk: Desk<'a>,
    notes: Notes,
    comparing: Option<Comparing<'a>>,
    /// The kinds of use of the key at hand.
    kinds: Vec<Kind>,
    /// Whether there were more than are looked at together.
    crowded: bool,
    lasts: Vec<(Id, Time, u64)>,
    by: Vec<Sym>,
}

impl<'a> Pass<'a> {
    fn new(known: &'a Known<'a>, shard: usize) -> Pass<'a> {
        let bench = known.bench;
        let plan = bench.context.plan;
        let number = known.free + u32::try_from(shard).unwrap_or_default();
        Pass {
            known,
            desk: Desk::new(bench),
            notes: Notes::new(bench.stages.count, plan.limits.notes / SHARDS + 1, number),
            comparing: bench.context.compares.then(|| Comparing::new(bench, known.tags)),
            kinds: Vec::new(),
            crowded: false,
            lasts: Vec::new(),
            by: Vec::new(),
        }
    }

    fn shard(mut self, shard: usize) -> io::Result<Passed> {
        let mut rows = self.known.bench.uses.shard(shard).rows()?;
        let mut before: Option<KeyUse> = None;
        while let Some((row, at)) = rows.next()? {
            if let Some(before) = before.filter(|before| before.key != row.key) {
                self.close_key(before.key)?;
            }
            let is_copy = before.is_some_and(|before| row.is_copy_of(&before));
            let same_use = before.is_some_and(|before| row.is_same_use(&before));
            self.count(&row, at, is_copy, same_use)?;
            if let Some(comparing) = &mut self.comparing {
                comparing.take(&row, is_copy, &mut self.desk)?;
            }
            if row.matches != NONE {
                self.correlate(&row, at)?;
            }
            before = Some(row);
        }
        if let Some(before) = before {
            self.close_key(before.key)?;
        }
        self.desk.left.texts = self.notes.texts;
        let mut notes = self.desk.left;
        for (rows, more) in notes.stages.iter_mut().zip(self.notes.stages) {
            rows.merge(more);
        }
        Ok(Passed {
            decisions: self.desk.decisions,
            notes: vec![notes],
            compared: self.comparing.map(Comparing::finish).into_iter().collect(),
            lasts: self.lasts,
        })
    }

    /// Counts a use among those of its kind.
    fn count(&mut self, row: &KeyUse, at: RowAt, is_copy: bool, same: bool) -> io::Result<()> {
        if row.is(flag::OF_WINDOW) {
            return Ok(());
        }
        let (last, count) = match row.is(flag::STANDS_FOR) {
            true => self.known.stand_for.get(&(row.id, row.content)).copied(),
            false => None,
        }
        .unwrap_or((Time(row.time), 1));
        let count = if is_copy { 0 } else { count };
        let is_full = self.kinds.len() >= self.known.bench.context.plan.limits.window;
        let of_use = |kind: &&mut Kind| kind.first.is_same_use(row);
        match self.kinds.last_mut().filter(|_| same).filter(of_use) {
            Some(kind) => {
                kind.last = kind.last.max(last.0);
                kind.count += count;
                kind.reported |= row.is(flag::REPORTED);
                kind.recalled |= row.is(flag::RECALLED);
            }
            None if is_full => self.crowded = true,
            None => self.kinds.push(Kind {
                first: *row,
                at,
                id: self.desk.event_id(row)?,
                last: last.0,
                count: count.max(1),
                reported: row.is(flag::REPORTED),
                recalled: row.is(flag::RECALLED),
            }),
        }
        Ok(())
    }

    /// Tells correlations of the matches of a use, where they could come to anything.
    fn correlate(&mut self, row: &KeyUse, at: RowAt) -> io::Result<()> {
        let bench = self.known.bench;
        let context = bench.context;
        for matched in self.desk.lookup.matches(row.matches)?.iter() {
            let accounts = matched.foreign.iter().cloned().collect();
            if !matched.foreign.is_empty()
                && context.plan.estate.outside(&accounts, bench.accounts).is_empty()
            {
                continue;
            }
            for feed in context.plan.rules.feeds(matched.rule) {
                let Some(correlation) = context.correlation(feed.stateful) else { continue };
                if feed.step == ADJUSTS
                    || !context.is_by_row(feed.stateful)
                    || matched.level < correlation.from
                {
                    continue;
                }
                by_row(&mut self.desk.lookup, row, correlation, &mut self.by)?;
                let part = part_of(context.key, &self.by);
                let comes = |step| bench.stages.comes_late(feed.stateful, step);
                if !bench.presence.could_hold(feed.stateful, correlation, part, comes) {
                    continue;
                }
                let counts =
                    matches!(correlation.kind, crate::detect::stateful::Kind::ValueCount(..));
                if counts && row.subject == 0 {
                    continue;
                }
                let note = Note {
                    rule: feed.stateful,
                    part,
                    kind: feed.step,
                    value: if counts { row.subject } else { 0 },
                    ..note_of(row, at)
                };
                self.notes.push(bench.stages.of(feed.stateful), note);
            }
        }
        Ok(())
    }

    /// Decides over the uses of one key, and makes notes of those that matter beside other records.
    fn close_key(&mut self, key: Sym) -> io::Result<()> {
        if let Some(comparing) = &mut self.comparing {
            comparing.close_key(&mut self.desk)?;
        }
        let mut kinds = std::mem::take(&mut self.kinds);
        if self.known.bench.context.plan.past.is_some() {
            let last =
                |kind: &Kind| ([kind.first.key, kind.first.used], Time(kind.last), kind.count);
            self.lasts.extend(kinds.iter().map(last));
        }
        kinds.sort_by(|a, b| (a.first.time, &a.id).cmp(&(b.first.time, &b.id)));
        let mut texts = Vec::with_capacity(kinds.len());
        for kind in &kinds {
            texts.push(Texts {
                who: self.desk.lookup.who(kind.first.who)?,
                call: self.desk.lookup.call(kind.first.call)?,
                target: self.desk.lookup.target(&kind.first)?,
            });
        }
        let uses: Vec<Use<'_>> = kinds.iter().zip(&texts).map(told).collect();
        for (number, rule) in (0..).zip(self.known.bench.context.over.clone()) {
            let Over::History(history) = rule.code else { continue };
            let all = |_: &Use<'_>| true;
            let marked = || self.known.marked.contains(&(number, key));
            match history.uses() {
                Uses::None => continue,
                Uses::OverKeys(_) if key == NONE => continue,
                Uses::OverKeys(over) => self.over_key(&rule, over, &kinds, &uses)?,
                Uses::OfMarkedKeys if marked() => self.mark(number, history, &kinds, &uses, all)?,
                Uses::OfKeysWith(test) if marked() || uses.iter().any(test) => {
                    self.mark(number, history, &kinds, &uses, all)?;
                }
                Uses::With(test) => self.mark(number, history, &kinds, &uses, test)?,
                Uses::OfMarkedKeys | Uses::OfKeysWith(_) => continue,
            }
            if self.crowded {
                self.desk.overflow(&rule);
            }
        }
        self.crowded = false;
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
                    text: text.add(&mut self.notes.texts)?,
                    ..note_of(&kind.first, kind.at)
                };
                self.notes.push(bench.stages.of(number), note);
            }
        }
        Ok(())
    }

    /// Lets a rule decide over all uses of the key.
    fn over_key(
        &mut self,
        rule: &Stateful<'_>,
        over: &dyn OverKeys,
        kinds: &[Kind],
        uses: &[Use<'_>],
    ) -> io::Result<()> {
        let bench = self.known.bench;
        let context = Told {
            estate: &bench.context.plan.estate,
            accounts: bench.accounts,
            range: bench.range,
        };
        let decide = || over.decide(uses, &context);
        let Ok(decided) = catch_unwind(AssertUnwindSafe(decide)) else {
            self.desk.fault(rule);
            return Ok(());
        };
        for decided in decided {
            self.found(rule, &decided, kinds)?;
        }
        Ok(())
    }

    fn found(&mut self, rule: &Stateful<'_>, decided: &Decided, kinds: &[Kind]) -> io::Result<()> {
        let of = |at: &usize| kinds.get(*at);
        let Some(first) = decided.notes.first().and_then(of) else { return Ok(()) };
        let mut rests: Vec<&Kind> = decided.notes.iter().filter_map(of).collect();
        let reported = rests.iter().any(|kind| kind.reported);
        let text = NOWHERE;
        self.desk.pass_on(
            rule,
            &Note { reported, text, ..note_of(&first.first, first.at) },
            true,
        )?;
        let known = reported || rests.iter().any(|kind| kind.recalled);
        if !known || !self.known.bench.context.plan.rules.is_reported(rule.about) {
            return Ok(());
        }
        let count = rests.iter().map(|kind| kind.count).sum();
        let last = rests.iter().map(|kind| Time(kind.last)).max();
        rests.sort_by(|a, b| (a.first.time, &a.id).cmp(&(b.first.time, &b.id)));
        rests.truncate(SHOWN);
        let mut groups: Vec<(Group, Option<TextAt>)> = Vec::new();
        for kind in rests {
            groups.push(self.desk.group_of_row(rule, &kind.first, texts(decided))?);
        }
        let named = self.desk.group_of_row(rule, &first.first, texts(decided))?;
        let (_, _, about) = self.desk.about_row(&first.first)?;
        self.desk.history_found(rule, decided, (groups, named), &about, (count, last, reported));
        Ok(())
    }
}

/// A note of a use, for no rule yet.
fn note_of(row: &KeyUse, at: RowAt) -> Note {
    Note {
        rule: 0,
        part: [0, 0],
        time: row.time,
        identity: row.id,
        content: row.content,
        kind: 0,
        value: 0,
        reported: row.is(flag::REPORTED),
        recalled: row.is(flag::RECALLED),
        group: [0, 0],
        place: (row.blob, row.record()),
        behind: Behind::Use(at),
        text: NOWHERE,
    }
}

/// A kind of use as histories are told of it.
fn told<'t>((kind, texts): (&'t Kind, &'t Texts)) -> Use<'t> {
    Use {
        name: &texts.call.entry.name,
        actor: texts.who.entry.actor.as_str(),
        attempt: texts.call.entry.attempt,
        principal: &texts.who.entry.principal,
        own_session: kind.first.is(flag::OWN_SESSION),
        key: texts.target.key.as_ref(),
        resource: texts.target.resource.as_ref(),
        times: (Time(kind.first.time), Time(kind.last)),
        count: kind.count,
    }
}

/// The values of a use that a correlation groups by, as their names.
///
/// # Errors
/// When a temporary file cannot be read back.
pub fn by_row(
    lookup: &mut Lookup<'_>,
    row: &KeyUse,
    correlation: &crate::detect::stateful::Correlation,
    by: &mut Vec<Sym>,
) -> io::Result<()> {
    by.clear();
    for field in &correlation.by {
        by.push(match field.name.as_str() {
            "recipientAccountId" => lookup.call(row.call)?.first,
            "awsRegion" => lookup.call(row.call)?.second,
            "keytrail.principal" => lookup.who(row.who)?.first,
            "keytrail.key" => row.key,
            "keytrail.resource" => lookup.purpose(row.purpose)?.first,
            _ => NONE,
        });
    }
    Ok(())
}

/// Counts the matches of all uses, and which rules matched any.
///
/// # Errors
/// When a temporary file cannot be read back.
pub fn survey(
    context: &crate::engine::context::Context<'_>,
    uses: &crate::engine::store::runs::Sharded<KeyUse>,
    dictionary: &crate::engine::store::dictionary::Dictionary,
    presence: &super::stateful::presence::Presence,
) -> io::Result<HashSet<usize>> {
    let shards = (0..SHARDS).into_par_iter().map(|shard| {
        let mut lookup = Lookup::new(dictionary, context.key);
        let (mut matched, mut by) = (HashSet::new(), Vec::new());
        let mut failed = None;
        uses.shard(shard).each(|row| {
            if row.matches != NONE && failed.is_none() {
                let counted = survey_row(context, &mut lookup, row, presence, &mut by);
                match counted {
                    Ok(rules) => matched.extend(rules),
                    Err(error) => failed = Some(error),
                }
            }
        })?;
        failed.map_or(Ok(matched), Err)
    });
    shards.try_reduce(HashSet::new, |mut one, other| {
        one.extend(other);
        Ok(one)
    })
}

fn survey_row(
    context: &crate::engine::context::Context<'_>,
    lookup: &mut Lookup<'_>,
    row: &KeyUse,
    presence: &super::stateful::presence::Presence,
    by: &mut Vec<Sym>,
) -> io::Result<Vec<usize>> {
    let matches = lookup.matches(row.matches)?;
    for matched in matches.iter() {
        for feed in context.plan.rules.feeds(matched.rule) {
            let Some(correlation) = context.correlation(feed.stateful) else { continue };
            if feed.step != ADJUSTS && context.is_by_row(feed.stateful) {
                by_row(lookup, row, correlation, by)?;
                presence.add(feed.stateful, feed.step, part_of(context.key, by));
            }
        }
    }
    Ok(matches.iter().map(|matched| matched.rule).collect())
}
