//! What rules over many records decide, once all is read.
//!
//! Notes come sorted by rule, part and time. Copies of one record are one [`Unit`]; each part goes
//! through its rule, and what the rule finds becomes findings, or changes those of another rule,
//! or is a note for the next rule.
//!
//! What must stay true: the verdict does not depend on the order of reading. Records of the same
//! second have no order among them. What does not fit is a problem.

mod found;
mod history;
mod ordered;
#[cfg(test)]
mod tests;
mod window;

pub(super) use found::blank;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;

use super::group::{Group, GroupKey};
use super::keys::HashKey;
use super::notes::{EventText, NOWHERE, Note};
use super::sorted::Rows;
use super::spool::{Place, Spool};
use super::worker::{Shared, Worker};
use crate::detect::stateful::{About, Kind};
use crate::detect::{ADJUSTS, Over, RuleSet, Stateful};
use crate::model::level::Level;
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::model::time::Time;

/// One record as a rule over many sees it, copies and several values taken together.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    /// The first of its notes.
    pub note: Note,
    /// The steps it makes, ascending.
    pub steps: Vec<u32>,
    /// The values it adds.
    pub values: Vec<[u64; 2]>,
    /// The findings of single records that it is, as far as the rule may change them.
    pub groups: BTreeSet<[u64; 2]>,
    /// Where its copies were read.
    pub places: BTreeSet<(u64, u64)>,
}

/// What was decided.
#[derive(Debug, Default)]
pub(super) struct Decisions {
    /// Findings, and how many records each rests on.
    pub findings: Vec<(GroupKey, Group, u64)>,
    /// New levels of other findings, by the hash of their groups, with the reasons.
    pub changes: HashMap<[u64; 2], Vec<(Level, String)>>,
    /// What went wrong.
    pub problems: Vec<Problem>,
}

/// What is at hand while deciding.
pub(super) struct Bench<'a, 's> {
    pub shared: &'a Shared<'s>,
    /// The texts of the notes, by worker.
    pub spools: Vec<(u32, Spool)>,
    /// How many records each group has.
    pub counts: &'a HashMap<[u64; 2], u64>,
    /// Every account that receives records.
    pub accounts: &'a BTreeSet<String>,
    /// The times of the first record and the last.
    pub range: (Time, Time),
    pub decisions: Decisions,
    /// Notes that a rule leaves for a later one, by the later one.
    pub left: BTreeMap<u32, Vec<Note>>,
}

/// Decides over everything that was noted.
///
/// # Errors
/// When a temporary file cannot be read back.
pub(super) fn decide(mut bench: Bench<'_, '_>, rows: Rows<Note>) -> io::Result<Decisions> {
    let mut rows = Ahead::new(rows)?;
    for (number, rule) in (0..).zip(bench.shared.over.clone()) {
        let mut left = bench.left.remove(&number).unwrap_or_default();
        left.sort_unstable();
        let mut left = left.into_iter().peekable();
        let rest = |rows: &Ahead| rows.next.filter(|note| note.rule == number);
        loop {
            // Parts in order, whether their notes are old or new.
            let parts = [rest(&rows), left.peek().copied()].into_iter().flatten();
            let Some(part) = parts.map(|note| note.part).min() else { break };
            let mut part_rows = Part { rows: &mut rows, left: &mut left, rule: number, part };
            bench.part(&rule, &mut part_rows)?;
            // What a rule did not want to see.
            while part_rows.next()?.is_some() {}
        }
    }
    Ok(bench.decisions)
}

impl Bench<'_, '_> {
    fn part(&mut self, rule: &Stateful<'_>, part: &mut Part<'_>) -> io::Result<()> {
        match rule.code {
            Over::History(history) => self.history(rule, history, part),
            Over::Correlation(correlation) => match correlation.kind {
                Kind::TemporalOrdered => self.ordered(rule, correlation, part),
                _ => self.windowed(rule, correlation, part),
            },
        }
    }

    /// The records of the next second of a part; empty at its end.
    fn second(&mut self, part: &mut Part<'_>) -> io::Result<Vec<Unit>> {
        let mut units: Vec<Unit> = Vec::new();
        while let Some(note) = part.peek() {
            let Some(first) = units.first() else {
                part.next()?;
                if self.counts_note(&note)? {
                    units.push(Unit::new(note));
                }
                continue;
            };
            if note.time != first.note.time || units.len() > self.shared.plan.limits.window {
                break;
            }
            part.next()?;
            if !self.counts_note(&note)? {
                continue;
            }
            match units.last_mut() {
                Some(last) if last.is(&note) => last.add(note),
                _ => units.push(Unit::new(note)),
            }
        }
        Ok(units)
    }

    /// Records of one second in the order of their ids: nobody knows the true one, and hashes are
    /// not the same from run to run.
    fn by_id(&mut self, units: &mut [Unit]) -> io::Result<()> {
        if units.len() > 1 {
            let mut failed = None;
            units.sort_by_cached_key(|unit| {
                let text: io::Result<EventText> = self.text_of(&unit.note, unit.note.event);
                let about = self.text(&unit.note, unit.note.about);
                let places: Vec<_> = unit.places.iter().map(|place| self.name_of(place)).collect();
                match (text, about) {
                    (Ok(text), Ok(about)) => (text.id, text.name, about, places),
                    (Err(error), _) | (_, Err(error)) => {
                        failed = Some(error);
                        (None, String::new(), String::new(), places)
                    }
                }
            });
            failed.map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    /// Where a record was read, as it does not differ from run to run.
    fn name_of(&self, (blob, record): &(u64, u64)) -> (String, u64) {
        (self.shared.names.get(*blob).map(|name| name.to_string()).unwrap_or_default(), *record)
    }

    /// Whether a note counts, now that all accounts are known.
    fn counts_note(&mut self, note: &Note) -> io::Result<bool> {
        if note.foreign == NOWHERE {
            return Ok(true);
        }
        let text = self.text(note, note.foreign)?;
        let accounts: BTreeSet<String> = serde_json::from_str(&text)?;
        Ok(!self.shared.plan.estate.outside(&accounts, self.accounts).is_empty())
    }

    /// A text of a note.
    fn text(&mut self, note: &Note, place: Place) -> io::Result<String> {
        let spool = self.spools.iter_mut().find(|(number, _)| *number == note.spool);
        let (_, spool) = spool.ok_or(io::ErrorKind::NotFound)?;
        spool.get(place)
    }

    fn text_of<T: serde::de::DeserializeOwned>(
        &mut self,
        note: &Note,
        place: Place,
    ) -> io::Result<T> {
        Ok(serde_json::from_str(&self.text(note, place)?)?)
    }

    /// Says that a rule could not see everything.
    fn overflow(&mut self, rule: &Stateful<'_>) {
        let metas = self.shared.plan.rules.metas();
        let message = format!(
            "rule {} has more than {} records of one group to look at together, and left some out",
            metas[rule.rule].id, self.shared.plan.limits.window
        );
        let problem = Problem::new(Origin::blob("*"), Stage::Rule, message);
        if !self.decisions.problems.contains(&problem) {
            self.decisions.problems.push(problem);
        }
    }

    /// Notes for the rules that look at what this one finds, resting on one record. What goes on
    /// without a break counts `once`; whether something happened before or after it, each time.
    fn pass_on(&mut self, rule: &Stateful<'_>, note: &Note, once: bool) -> io::Result<()> {
        let shared = self.shared;
        for feed in shared.plan.rules.feeds(rule.about) {
            if feed.step == ADJUSTS {
                continue;
            }
            let Some(Over::Correlation(correlation)) = shared.over(feed.stateful) else {
                continue;
            };
            if !once && matches!(correlation.kind, Kind::EventCount(_) | Kind::ValueCount(..)) {
                continue;
            }
            let about: About = self.text_of(note, note.about)?;
            let by: Vec<Option<String>> =
                correlation.by.iter().map(|by| found::known(&about, &by.name)).collect();
            let bytes: Vec<&[u8]> = by
                .iter()
                .flat_map(|value| {
                    let mark: &[u8] = if value.is_some() { b"+" } else { b"" };
                    [mark, value.as_deref().unwrap_or_default().as_bytes()]
                })
                .collect();
            let part = self.shared.key.long(&bytes);
            let text = serde_json::to_string(&by)?;
            let spool = self.spools.iter_mut().find(|(number, _)| *number == note.spool);
            let (_, spool) = spool.ok_or(io::ErrorKind::NotFound)?;
            let place = spool.add_once(part, || text)?;
            let left = self.left.entry(feed.stateful).or_default();
            if left.len() >= self.shared.plan.limits.notes {
                self.overflow(rule);
                return Ok(());
            }
            left.push(Note {
                rule: feed.stateful,
                part,
                kind: feed.step,
                value: [0, 0],
                group: [0, 0],
                by: place,
                foreign: NOWHERE,
                ..*note
            });
        }
        Ok(())
    }
}

impl Unit {
    fn new(note: Note) -> Unit {
        Unit {
            note,
            steps: vec![note.kind],
            values: vec![note.value],
            groups: Some(note.group).filter(|group| *group != [0, 0]).into_iter().collect(),
            places: BTreeSet::from([note.place]),
        }
    }

    /// Whether a note is of the same record.
    fn is(&self, note: &Note) -> bool {
        self.note.identity == note.identity && self.note.content == note.content
    }

    fn add(&mut self, note: Note) {
        if !self.steps.contains(&note.kind) {
            self.steps.push(note.kind);
        }
        if !self.values.contains(&note.value) {
            self.values.push(note.value);
        }
        self.groups.extend(Some(note.group).filter(|group| *group != [0, 0]));
        self.note.reported |= note.reported;
        self.note.recalled |= note.recalled;
        self.places.insert(note.place);
    }
}

/// The notes of one part, old and new.
pub(super) struct Part<'a> {
    rows: &'a mut Ahead,
    left: &'a mut std::iter::Peekable<std::vec::IntoIter<Note>>,
    rule: u32,
    part: [u64; 2],
}

impl Part<'_> {
    fn sources(&mut self) -> [Option<Note>; 2] {
        let here = |note: &Note| note.rule == self.rule && note.part == self.part;
        [self.rows.next.filter(here), self.left.peek().copied().filter(here)]
    }

    /// The next note.
    pub fn peek(&mut self) -> Option<Note> {
        self.sources().into_iter().flatten().min()
    }

    /// Takes the next note.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn next(&mut self) -> io::Result<Option<Note>> {
        let [row, left] = self.sources();
        match (row, left) {
            (Some(row), Some(left)) if left < row => Ok(self.left.next()),
            (None, Some(_)) => Ok(self.left.next()),
            (Some(_), _) => self.rows.take(),
            (None, None) => Ok(None),
        }
    }
}

/// Sorted notes with the next one in sight.
struct Ahead {
    rows: Rows<Note>,
    next: Option<Note>,
}

impl Ahead {
    fn new(mut rows: Rows<Note>) -> io::Result<Ahead> {
        let next = rows.next()?;
        Ok(Ahead { rows, next })
    }

    fn take(&mut self) -> io::Result<Option<Note>> {
        let next = self.rows.next()?;
        Ok(std::mem::replace(&mut self.next, next))
    }
}

/// Turns the uses that a worker remembers into notes for every history.
///
/// # Errors
/// When the temporary file cannot be written.
pub(super) fn note_uses(worker: &mut Worker, rules: &RuleSet, key: HashKey) -> io::Result<()> {
    worker.uses.lasts().for_each(|(used, last)| worker.carry.note_last(used, last));
    let uses: Vec<_> = worker.uses.drain().collect();
    for (number, rule) in (0..).zip(rules.stateful()) {
        let Over::History(history) = rule.code else { continue };
        for (hash, kept) in &uses {
            let mut marks = Vec::new();
            history.note_use(&kept.told(), &mut marks);
            for mark in &marks {
                let note = kept.note(&mut worker.notes, key, (number, *hash), mark)?;
                worker.notes.rows.push(note);
            }
        }
    }
    Ok(())
}
