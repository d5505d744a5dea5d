//! Records that were kept go through the rules again, now that all is known: what they mean to rules
//! over many records becomes notes, what they say of tags goes into the book.
//!
//! What must stay true: a record says the same as when it was read, since its text is the same and
//! it is asked by the same code.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::io;
use std::sync::Arc;

use rayon::prelude::*;

use super::habits::Habits;
use super::settle::Settled;
use super::stateful::evidence::{RecordEvent, origin};
use super::stateful::note::{Behind, Note, NoteText, Notes, part_of};
use super::stateful::presence::Presence;
use super::stateful::stages::Stages;
use super::sums::Sums;
use super::tags::compare::PairRecord;
use super::tags::settled::given;
use crate::detect::stateful::{About, By, Correlation, Kind, Mark, Verdict};
use crate::detect::{ADJUSTS, Feed, Hit, field};
use crate::engine::context::Context;
use crate::engine::evaluate::ask::{Answers, marks};
use crate::engine::evaluate::identity::Identity;
use crate::engine::evaluate::matched::{Matching, group_hash};
use crate::engine::evaluate::{Parser, Record};
use crate::engine::partial::kept::{Label, why};
use crate::engine::partial::uuid::uuid;
use crate::engine::plan::Range;
use crate::engine::store::dictionary::{NONE, Sym, sym};
use crate::engine::store::shelf::Shelf;
use crate::engine::store::texts::{AllTexts, NOWHERE, TextAt, Texts};
use crate::model::container::container;
use crate::model::days::{Day, Days};
use crate::tags::book::Book;
use crate::tags::change::{Evidence, Source};
use crate::tags::extract::extract;

/// Keys under which a history marked a record, by the number of its stateful rule.
pub type Marked = HashSet<(u32, Sym)>;

/// What the kept records say.
pub struct Said {
    pub notes: Vec<Notes>,
    pub marked: Marked,
    pub book: Book,
    pub pairs: Vec<PairRecord>,
    /// Aliases that were given to keys.
    pub aliases: Shelf<Settled>,
    /// What principals read that no row tells.
    pub habits: Habits,
}

/// What is known before the kept records are gone through.
pub struct Known<'a> {
    pub context: &'a Context<'a>,
    pub stages: &'a Stages,
    pub presence: &'a Presence,
    /// Every account that receives records.
    pub accounts: &'a BTreeSet<String>,
    /// Whether findings of single records are written at once.
    pub live: bool,
}

/// Goes through all kept records.
///
/// # Errors
/// When a temporary file cannot be used.
pub fn pass(known: &Known<'_>, kept: &AllTexts) -> io::Result<Said> {
    let parts = kept.parts().par_iter().map(|texts| {
        let mut pass = Pass::new(known, texts.number());
        texts.each(|at, entry| pass.take(at, entry))?;
        pass.leave_sums()?;
        Ok(pass.said)
    });
    let parts: Vec<io::Result<Said>> = parts.collect();
    let mut all = Said {
        notes: Vec::new(),
        marked: Marked::new(),
        book: book(known.context),
        pairs: Vec::new(),
        aliases: Shelf::new(known.context.plan.limits.groups),
        habits: Habits::default(),
    };
    for said in parts {
        let said = said?;
        all.notes.extend(said.notes);
        all.marked.extend(said.marked);
        all.book.merge(said.book);
        all.pairs.extend(said.pairs);
        all.aliases.merge(said.aliases);
        all.habits.merge(said.habits);
    }
    all.pairs.sort_unstable();
    Ok(all)
}

/// An empty book. It knows what earlier runs have lost.
fn book(context: &Context<'_>) -> Book {
    let book = Book::new(context.plan.limits.tags);
    match &context.plan.past {
        Some(past) => book.going_on(context.key.seed(), &past.memory.lost_tags),
        None => book,
    }
}

struct Pass<'a> {
    known: &'a Known<'a>,
    parser: Option<Parser>,
    answers: Answers,
    sums: Sums,
    said: Said,
}

/// A kept record, and where it is.
struct One<'o, 'r> {
    label: Label,
    at: TextAt,
    record: &'o Record<'r>,
}

impl Pass<'_> {
    fn new<'a>(known: &'a Known<'a>, number: u32) -> Pass<'a> {
        let limits = &known.context.plan.limits;
        let notes = Notes::new(known.stages.count, limits.notes, number);
        Pass {
            known,
            parser: Some(Parser::default()),
            answers: Answers::default(),
            sums: Sums::default(),
            said: Said {
                notes: vec![notes],
                marked: Marked::new(),
                book: book(known.context),
                pairs: Vec::new(),
                aliases: Shelf::new(known.context.plan.limits.groups),
                habits: Habits::default(),
            },
        }
    }

    fn take(&mut self, at: TextAt, entry: &[u8]) -> io::Result<()> {
        self.known.context.go_on()?;
        let (label, text) = Label::read(entry)?;
        let mut parser = self.parser.take().unwrap_or_default();
        let done = parser.read(label.record, text, |record| self.one(&One { label, at, record }));
        self.parser = Some(parser);
        done.unwrap_or_else(|| Err(io::ErrorKind::InvalidData.into()))
    }

    fn one(&mut self, one: &One<'_, '_>) -> io::Result<()> {
        if one.label.why & why::TAGS != 0 {
            self.learn(one);
        }
        if one.label.why & why::RULES != 0 {
            let rules = &self.known.context.plan.rules;
            let candidates = rules.candidates_of(&one.record.basics.header);
            let mut answers = std::mem::take(&mut self.answers);
            answers.ask(rules, one.record, candidates, one.label.range);
            let noted = self.note(one, &answers);
            self.answers = answers;
            noted?;
        }
        if one.label.why & why::PAIRS != 0 {
            self.pair(one);
        }
        Ok(())
    }

    /// Learns what a record says of tags.
    fn learn(&mut self, one: &One<'_, '_>) {
        let Some(time) = one.record.basics.time else { return };
        let view = &one.record.view;
        let evidence = Arc::new(Evidence {
            time,
            source: Source::Record {
                id: view.event().text_at(&["eventID"]).map(Cow::into_owned),
                name: view.name().unwrap_or_default().into_owned(),
                principal: view.principal_arn().map(Cow::into_owned),
                origin: origin(self.known.context, (one.label.blob, one.label.record)),
            },
        });
        let fresh = one.label.why & why::OLD == 0;
        self.said.book.record(&evidence, extract(view).changes, fresh);
    }

    /// Remembers which key it names for what.
    fn pair(&mut self, one: &One<'_, '_>) {
        let view = &one.record.view;
        let Label { identity, content, blob, record, range, .. } = one.label;
        let name = view.name().unwrap_or_default();
        let sets_alias = matches!(&*name, "CreateAlias" | "UpdateAlias");
        let Some(time) = one.record.basics.time.filter(|_| view.is_kms() && sets_alias) else {
            self.said.pairs.push(PairRecord { identity, content, at: one.at });
            return;
        };
        let id = view.event().text_at(&["eventID"]).filter(|id| !id.is_empty());
        let (id, name) = (id.map(Cow::into_owned), name.into_owned());
        let context = self.known.context;
        let event = RecordEvent { id, name, content, place: (blob, record) };
        let of = (time, origin(context, (blob, record)), !range.is_recalled());
        let (at, set) = given(context.key, &event, &About::of(view), of);
        self.said.aliases.push(at, set);
    }

    /// Notes what a record means to rules over many.
    fn note(&mut self, one: &One<'_, '_>, answers: &Answers) -> io::Result<()> {
        let context = self.known.context;
        let rules = &context.plan.rules;
        let is_use = one.label.why & why::IS_USE != 0;
        for hit in answers.hits.iter().filter(|hit| !hit.attempt) {
            // What counts only of others' accounts is decided now that all accounts are known.
            let foreign = hit.foreign.as_ref().filter(|foreign| foreign.otherwise.is_none());
            let own =
                |accounts| context.plan.estate.outside(accounts, self.known.accounts).is_empty();
            if foreign.is_some_and(|foreign| own(&foreign.accounts)) {
                continue;
            }
            for feed in rules.feeds(hit.rule).iter().filter(|feed| feed.step != ADJUSTS) {
                let Some(correlation) = context.correlation(feed.stateful) else { continue };
                let is_unknown = answers.ungrouped.contains(&(hit.rule, feed.stateful));
                let is_row = is_use && context.is_by_row(feed.stateful);
                if hit.level >= correlation.from && !is_row && !is_unknown {
                    self.note_feed(one, hit, (*feed, correlation))?;
                }
            }
        }
        answers.histories.iter().try_for_each(|rule| self.note_history(one, answers, *rule))
    }

    fn note_feed(
        &mut self,
        one: &One<'_, '_>,
        hit: &Hit,
        (feed, correlation): (Feed, &Correlation),
    ) -> io::Result<()> {
        let context = self.known.context;
        let record = one.record;
        let by: Vec<Option<Cow<'_, str>>> =
            correlation.by.iter().map(|by| self.value(record, hit, by)).collect();
        let values = match &correlation.kind {
            Kind::ValueCount(_, fields) => field::values(record.view.event(), &record.view, fields),
            _ => vec![None],
        };
        let named = |text: &Option<Cow<'_, str>>| {
            text.as_ref().map_or(NONE, |text| sym(context.key, text.as_bytes()))
        };
        let syms: Vec<Sym> = by.iter().map(named).collect();
        let part = part_of(context.key, &syms);
        let by = by.into_iter().map(|value| value.map(Cow::into_owned)).collect();
        let text = NoteText { by, ..NoteText::default() };
        let text = match correlation.by.is_empty() {
            true => NOWHERE,
            false => text.add(self.texts())?,
        };
        // A correlation that raises a rule's findings leaves those of its other rules alone.
        let group = match &correlation.verdict {
            Verdict::Raises(id) if context.plan.rules.is_named(hit.rule, id) => {
                self.group(one, hit)
            }
            _ => [0, 0],
        };
        for value in values {
            let container = match correlation.usual {
                Some(_) => self.read(one, part, value.as_deref()),
                None => 0,
            };
            let value = value.map_or(0, |value| sym(context.key, value.as_bytes()));
            let (rule, kind) = (feed.stateful, feed.step);
            let note = Note { rule, part, kind, value, container, group, text, ..note_of(one) };
            self.known.presence.add((feed.stateful, feed.step), part, 1);
            self.push(note);
        }
        Ok(())
    }

    /// Remembers that a principal read something, and returns the container.
    fn read(&mut self, one: &One<'_, '_>, part: [u64; 2], thing: Option<&str>) -> Sym {
        let container = thing.and_then(container);
        let container = container.map_or(0, |name| sym(self.known.context.key, name.as_bytes()));
        if let Some(time) = one.record.basics.time.filter(|_| container != 0) {
            self.said.habits.add(part, container, Days::of(Day::of(time)));
        }
        container
    }

    /// The record's value of a field that a correlation groups by.
    fn value<'r>(&self, record: &Record<'r>, hit: &Hit, by: &By) -> Option<Cow<'r, str>> {
        let rules = &self.known.context.plan.rules;
        let name = by.name_of(|rule| rules.is_named(hit.rule, rule));
        let view = &record.view;
        match field::is_virtual(name) {
            true => field::of_view(view, name),
            false => field::texts(view.event(), view, name).into_iter().next().map(Cow::Owned),
        }
    }

    fn note_history(&mut self, one: &One<'_, '_>, answers: &Answers, rule: u32) -> io::Result<()> {
        let context = self.known.context;
        let Some((number, history)) = context.plan.rules.history(rule as usize) else {
            return Ok(());
        };
        // That a rule failed on the record was told when it was read.
        let Some(marks) = marks(history, one.record).filter(|marks| !marks.is_empty()) else {
            return Ok(());
        };
        let adjusted = context.over(number).map(|over| over.about);
        let adjusted = adjusted.filter(|about| *about != rule as usize);
        let hit = answers.hits.iter().find(|hit| Some(hit.rule) == adjusted);
        let group = hit.map_or([0, 0], |hit| self.group(one, hit));
        let asks = |mark: &Mark| history.asks_for_uses(mark.kind);
        if let Some(key) = one.record.view.first_key().filter(|_| marks.iter().any(asks)) {
            self.said.marked.insert((number, sym(context.key, key.arn.as_bytes())));
        }
        for mark in marks {
            let asks = asks(&mark);
            let Mark { part, kind, value } = mark;
            if asks {
                // A part may be a key that the record names in another place.
                self.said.marked.insert((number, sym(context.key, part.as_bytes())));
            }
            let part = context.key.long(&[part.as_bytes()]);
            let note = Note { rule: number, part, kind, group, ..note_of(one) };
            if history.sums_days() {
                self.sums.add(context.key, note, &value, note.time);
                continue;
            }
            let text = NoteText { value, ..NoteText::default() };
            let text = text.add(self.texts())?;
            self.push(Note { text, ..note });
        }
        if self.sums.is_full() { self.leave_sums() } else { Ok(()) }
    }

    /// The hash of the group that a hit belongs to; zero of one that is not reported.
    fn group(&self, one: &One<'_, '_>, hit: &Hit) -> [u64; 2] {
        let context = self.known.context;
        if !one.label.range.is_found() || !context.plan.rules.is_reported(hit.rule) {
            return [0, 0];
        }
        let id = one.record.view.event().text_at(&["eventID"]).filter(|id| !id.is_empty());
        let identity = Identity { hash: one.label.identity, content: one.label.content, id };
        let origin = origin(context, (one.label.blob, one.label.record));
        let matching = Matching::new(one.record, &identity, origin, self.known.live);
        group_hash(context, &matching.key(context, hit))
    }

    /// Makes notes of what was added up.
    fn leave_sums(&mut self) -> io::Result<()> {
        let stages = self.known.stages;
        self.sums.leave(&mut self.said.notes[0], |rule| stages.of(rule))
    }

    fn texts(&mut self) -> &mut Texts {
        &mut self.said.notes[0].texts
    }

    fn push(&mut self, note: Note) {
        let stage = self.known.stages.of(note.rule);
        self.said.notes[0].push(stage, note);
    }
}

/// A note of a record, for no rule yet.
fn note_of(one: &One<'_, '_>) -> Note {
    let Label { content, blob, record, range, .. } = one.label;
    // The same as that of the row of a use, since one record may be noted by both.
    let id = one.record.view.event().text_at(&["eventID"]);
    let identity = id.and_then(|id| uuid(&id)).unwrap_or(one.label.identity);
    Note {
        rule: 0,
        part: [0, 0],
        time: one.record.basics.time.map_or(0, |time| time.0),
        identity,
        content,
        kind: 0,
        value: 0,
        container: 0,
        reported: range == Range::Reported,
        recalled: range.is_recalled(),
        group: [0, 0],
        place: (blob, record),
        behind: Behind::Text(one.at),
        text: NOWHERE,
    }
}
