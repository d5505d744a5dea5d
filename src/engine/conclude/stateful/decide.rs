//! Notes in order, part by part, through their rule.
//!
//! Shards of notes are decided side by side, stage by stage: what a rule finds may be a note for a
//! rule of a later stage.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::evidence::{EventId, Finds, Found, RecordEvent, event_id};
use super::note::{Behind, Note, NotePool, NoteText, Notes};
use super::presence::Presence;
use super::stages::Stages;
use super::unit::Unit;
use crate::detect::stateful::{About, Correlation, Kind};
use crate::detect::{Over, Stateful};
use crate::engine::conclude::before::Before;
use crate::engine::conclude::habits::Habits;
use crate::engine::conclude::lookup::Lookup;
use crate::engine::context::Context;
use crate::engine::evaluate::{Parser, Record};
use crate::engine::partial::kept::Label;
use crate::engine::partial::key_use::KeyUse;
use crate::engine::store::dictionary::Dictionary;
use crate::engine::store::runs::{Rows, SHARDS, Shard, Sharded};
use crate::engine::store::sorted::Sorted;
use crate::engine::store::texts::{AllTexts, LastBlocks, NOWHERE, TextAt};
use crate::model::delivery::Deliveries;
use crate::model::level::Level;
use crate::model::memory::Habit;
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::model::time::Time;
use crate::record::kms::View;
use crate::tags::book::Book;
use crate::tags::uses::Pair;

/// Findings that a desk hands on at once.
const AT_ONCE: usize = 1 << 10;

/// What was decided.
#[derive(Debug, Default)]
pub struct Decisions {
    /// New levels of other findings, by the hash of their groups, with the reasons.
    pub changes: HashMap<[u64; 2], Vec<(Level, String)>>,
    /// What went wrong.
    pub problems: BTreeSet<Problem>,
    /// What the next run gets to know of principals.
    pub habits: Vec<Habit>,
}

impl Decisions {
    /// Adds what was decided elsewhere.
    pub fn merge(&mut self, other: Decisions) {
        for (group, changes) in other.changes {
            self.changes.entry(group).or_default().extend(changes);
        }
        self.problems.extend(other.problems);
        self.habits.extend(other.habits);
    }
}

/// What every thread may look up while rules decide.
pub struct Bench<'a> {
    pub context: &'a Context<'a>,
    pub stages: &'a Stages,
    pub presence: &'a Presence,
    /// Every account that receives records.
    pub accounts: &'a BTreeSet<String>,
    /// The times of the first record and the last.
    pub range: (Time, Time),
    /// Where trails deliver their log files.
    pub deliveries: &'a Deliveries,
    /// What is known of tags.
    pub book: &'a Book,
    /// The uses, and the texts behind them.
    pub uses: &'a Sharded<KeyUse>,
    pub dictionary: &'a Dictionary,
    pub heap: &'a AllTexts,
    /// The records that were kept.
    pub kept: &'a AllTexts,
    /// The texts of notes.
    pub texts: AllTexts,
    /// Where principals read on which days; complete once the uses were gone through.
    pub habits: Habits,
    /// What earlier runs have seen of principals.
    pub before: Before,
    /// Findings.
    pub found: &'a Mutex<Finds>,
}

impl Bench<'_> {
    /// Whether a correlation, by its number, could hold in a part.
    pub fn could_hold(&self, (number, rule): (u32, &Correlation), part: [u64; 2]) -> bool {
        let comes = |step| self.stages.comes_late(number, step);
        self.presence.could_hold(number, rule, part, comes)
    }

    /// Decides over all notes of a stage. What was decided, and notes for later stages.
    ///
    /// # Errors
    /// When a temporary file cannot be used.
    pub fn decide(&self, stage: usize, notes: Rows<Note>) -> io::Result<(Decisions, Vec<Notes>)> {
        if notes.len() == 0 {
            return Ok(Default::default());
        }
        self.context.progress.more(SHARDS);
        let rules: Vec<(u32, Stateful<'_>)> = (0..)
            .zip(self.context.over.iter().copied())
            .filter(|(number, _)| self.stages.of(*number) == stage)
            .collect();
        let limit = self.context.plan.limits.notes;
        let pool = NotePool::new(self.stages.count, limit, self.texts.next());
        let shards = notes.into_shards().into_par_iter();
        let decided = shards.map(|shard| {
            let mut desk = Desk::new(self, pool.take());
            let done = desk.shard(&rules, shard);
            let done = done.and_then(|()| desk.tell_all());
            let Desk { decisions, left, .. } = desk;
            pool.give(left);
            self.context.progress.step();
            done.map(|()| decisions)
        });
        let decisions = decided.try_reduce(Decisions::default, |mut one, other| {
            one.merge(other);
            Ok(one)
        })?;
        Ok((decisions, pool.into_all()))
    }
}

/// What a kept record names as key and what that is for.
pub struct PairsOf {
    pub pairs: Vec<Pair>,
    pub about: About,
    /// Microseconds since 1970.
    pub time: i64,
    pub event: RecordEvent,
}

/// What one thread has at hand while rules decide.
pub struct Desk<'a> {
    pub bench: &'a Bench<'a>,
    pub lookup: Lookup<'a>,
    parser: Parser,
    /// The blocks that were read last: of the heap, of kept records, of notes.
    heap: LastBlocks,
    kept: LastBlocks,
    texts: LastBlocks,
    pub decisions: Decisions,
    /// Findings that are still to be handed on.
    found: Vec<Found>,
    /// Notes for later stages.
    pub left: Notes,
}

impl<'a> Desk<'a> {
    /// A desk; notes for later stages go to `left`.
    pub fn new(bench: &'a Bench<'a>, left: Notes) -> Desk<'a> {
        Desk {
            bench,
            lookup: Lookup::new(bench.dictionary, bench.context.key),
            parser: Parser::default(),
            heap: LastBlocks::default(),
            kept: LastBlocks::default(),
            texts: LastBlocks::default(),
            decisions: Decisions::default(),
            found: Vec::new(),
            left,
        }
    }

    /// Takes in a finding.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn tell(&mut self, found: Found) -> io::Result<()> {
        self.found.push(found);
        if self.found.len() < AT_ONCE { Ok(()) } else { self.tell_all() }
    }

    /// Hands on the findings that were taken in.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn tell_all(&mut self) -> io::Result<()> {
        let all = std::mem::take(&mut self.found);
        let mut finds = self.bench.found.lock().unwrap_or_else(PoisonError::into_inner);
        finds.add(all, self.bench.heap)
    }

    fn shard(&mut self, rules: &[(u32, Stateful<'_>)], shard: Shard<Note>) -> io::Result<()> {
        let mut rows = Ahead::new(shard.rows()?)?;
        for (number, rule) in rules {
            while let Some(first) = rows.next.filter(|note| note.rule == *number) {
                let context = self.bench.context;
                let mut part = Part { context, rows: &mut rows, rule: *number, part: first.part };
                self.part(rule, &mut part)?;
                // What a rule did not want to see.
                while part.next()?.is_some() {}
            }
        }
        Ok(())
    }

    fn part(&mut self, rule: &Stateful<'_>, part: &mut Part<'_>) -> io::Result<()> {
        match rule.code {
            Over::History(history) => self.history(rule, history, part),
            Over::Correlation(correlation) => match correlation.kind {
                Kind::ValueCount(..) if let Some(reads) = correlation.usual => {
                    self.reads(rule, (correlation, reads), part)
                }
                Kind::TemporalOrdered => self.ordered(rule, correlation, part),
                _ => self.windowed(rule, correlation, part),
            },
        }
    }

    /// The records of the next second of a part; empty at its end.
    pub fn second(&mut self, part: &mut Part<'_>) -> io::Result<Vec<Unit>> {
        let mut units: Vec<Unit> = Vec::new();
        while let Some(note) = part.peek() {
            let most = self.bench.context.plan.limits.window;
            if let Some(first) = units.first()
                && (note.time != first.note.time || units.len() > most)
            {
                break;
            }
            part.next()?;
            match units.last_mut() {
                Some(last) if last.is(&note) => last.add(&note),
                _ => units.push(Unit::new(note)),
            }
        }
        Ok(units)
    }

    /// Records of one second in the order of their ids: nobody knows the true one, and hashes are
    /// not the same from run to run.
    pub fn by_id(&mut self, units: &mut [Unit]) -> io::Result<()> {
        if units.len() > 1 {
            let mut failed = None;
            units.sort_by_cached_key(|unit| match self.about(&unit.note) {
                Ok((id, name, about)) => {
                    let places: BTreeSet<Origin> =
                        unit.places().map(|place| self.origin(place)).collect();
                    (id, name, Some(about), places)
                }
                Err(error) => {
                    failed = Some(error);
                    (None, String::new(), None, BTreeSet::new())
                }
            });
            failed.map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    /// Where a record was read.
    pub fn origin(&self, place: (u64, u64)) -> Origin {
        super::evidence::origin(self.bench.context, place)
    }

    /// The row of a use.
    pub fn row(&self, note: &Note) -> io::Result<Option<KeyUse>> {
        match note.behind {
            Behind::Use(at) => self.bench.uses.row(at).map(Some),
            Behind::Text(_) => Ok(None),
        }
    }

    /// The event id, the name of the call, and who acted on what, where.
    pub fn about(&mut self, note: &Note) -> io::Result<(Option<String>, String, About)> {
        match note.behind {
            Behind::Use(at) => {
                let row = self.bench.uses.row(at)?;
                self.about_row(&row)
            }
            Behind::Text(at) => {
                let entry = self.bench.kept.get(at, &mut self.kept)?;
                let (label, text) = Label::read(&entry)?;
                let about = self.parser.read(label.record, text, |record| {
                    let id = record.view.event().text_at(&["eventID"]);
                    let id = id.filter(|id| !id.is_empty()).map(|id| id.into_owned());
                    let name = record.view.name().unwrap_or_default().into_owned();
                    (id, name, About::of(&record.view))
                });
                about.ok_or_else(|| io::ErrorKind::InvalidData.into())
            }
        }
    }

    /// What a kept record names as key and what that is for, by `of`; and whether an earlier run has
    /// judged it.
    pub fn pairs(
        &mut self,
        at: TextAt,
        of: impl FnOnce(&View<'_>) -> Vec<Pair>,
    ) -> io::Result<(PairsOf, bool)> {
        let entry = self.bench.kept.get(at, &mut self.kept)?;
        let (label, text) = Label::read(&entry)?;
        let found = self.parser.read(label.record, text, |record| {
            let id = record.view.event().text_at(&["eventID"]);
            PairsOf {
                pairs: of(&record.view),
                about: About::of(&record.view),
                time: record.basics.time.map_or(0, |time| time.0),
                event: RecordEvent {
                    id: id.filter(|id| !id.is_empty()).map(|id| id.into_owned()),
                    name: record.view.name().unwrap_or_default().into_owned(),
                    content: label.content,
                    place: (label.blob, label.record),
                },
            }
        });
        let found = found.ok_or(io::ErrorKind::InvalidData)?;
        Ok((found, label.range.is_recalled()))
    }

    /// What a kept record says, by `of`.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn of_record<T>(&mut self, at: TextAt, of: impl FnOnce(&Record<'_>) -> T) -> io::Result<T> {
        let entry = self.bench.kept.get(at, &mut self.kept)?;
        let (label, text) = Label::read(&entry)?;
        let said = self.parser.read(label.record, text, of);
        said.ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// The same of a use. The session is left out: it lies in the heap, and no rule asks for it.
    pub fn about_row(&mut self, row: &KeyUse) -> io::Result<(Option<String>, String, About)> {
        let id = event_id(row, self.bench.heap, &mut self.heap)?;
        let call = self.lookup.call(row.call)?;
        let client = self.lookup.client(row.client)?;
        let who = self.lookup.who(row.who)?;
        let target = self.lookup.target(row)?;
        let about = About {
            account: call.entry.account.clone(),
            region: call.entry.region.clone(),
            principal: who.entry.principal.clone(),
            source_ip: client.source_ip.clone(),
            user_agent: client.user_agent.clone(),
            key: target.key.clone(),
            resource: target.resource.clone(),
            provider: None,
            service: None,
            access_key: None,
            error: None,
            reversible: None,
        };
        Ok((id, call.entry.name.clone(), about))
    }

    /// The id of the event behind the row of a use.
    pub fn id_of_row(&mut self, row: &KeyUse) -> io::Result<Option<String>> {
        event_id(row, self.bench.heap, &mut self.heap)
    }

    /// The same, in the order of ids.
    pub fn event_id(&mut self, row: &KeyUse) -> io::Result<EventId> {
        EventId::of(row, self.bench.heap, &mut self.heap)
    }

    /// The texts of a note.
    pub fn text(&mut self, note: &Note) -> io::Result<NoteText> {
        match note.text {
            NOWHERE => Ok(NoteText::default()),
            at => Ok(NoteText::read(&self.bench.texts.get(at, &mut self.texts)?)),
        }
    }

    /// Says that a rule could not see everything.
    pub fn overflow(&mut self, rule: &Stateful<'_>) {
        let plan = self.bench.context.plan;
        let message = format!(
            "rule {} has more than {} records of one group to look at together, and left some out",
            plan.rules.metas()[rule.rule].id,
            plan.limits.window
        );
        let problem = Problem::new(Origin::blob("*"), Stage::Rule, message);
        self.decisions.problems.insert(problem);
    }
}

/// The notes of one part.
pub struct Part<'a> {
    context: &'a Context<'a>,
    rows: &'a mut Ahead,
    rule: u32,
    part: [u64; 2],
}

impl Part<'_> {
    /// The next note.
    pub fn peek(&self) -> Option<Note> {
        self.rows.next.filter(|note| note.rule == self.rule && note.part == self.part)
    }

    /// Takes the next note.
    ///
    /// # Errors
    /// When a temporary file cannot be read back, and when the run is to stop.
    pub fn next(&mut self) -> io::Result<Option<Note>> {
        self.context.go_on()?;
        match self.peek() {
            Some(_) => self.rows.take(),
            None => Ok(None),
        }
    }
}

/// Sorted notes with the next one in sight.
struct Ahead {
    rows: Sorted<Note>,
    next: Option<Note>,
}

impl Ahead {
    fn new(mut rows: Sorted<Note>) -> io::Result<Ahead> {
        let next = rows.next()?.map(|(note, _)| note);
        Ok(Ahead { rows, next })
    }

    fn take(&mut self) -> io::Result<Option<Note>> {
        let next = self.rows.next()?.map(|(note, _)| note);
        Ok(std::mem::replace(&mut self.next, next))
    }
}
