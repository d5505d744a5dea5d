//! What this run learnt of findings that earlier ones told of, and what later runs get to know of all.
//!
//! What must stay true: a finding of which not all is known is forgotten, so that no later run tells it
//! to be undone while a part of it is in force; one that was told to be undone is told to be open then; and
//! what is known is bounded, whatever the number of runs.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::noted::Noted;
use super::undone::{Doings, Now, Undoings};
use crate::engine::context::Context;
use crate::engine::plan::Plan;
use crate::model::aftermath::{Aftermath, Doing, KnownUndoing};
use crate::model::findings::Findings;
use crate::model::memory::Memory;
use crate::model::time::Time;
use crate::model::undo::{Effect, Fate};

/// Later runs know so many findings, those of which they know the latest,
const KNOWN: usize = 1 << 16;
/// and so many deeds of all of them together,
const DEEDS: usize = 1 << 18;
/// for so long after the last deed: 400 days in microseconds, as they know what was reported.
const KNOWN_FOR: i64 = 400 * 86_400_000_000;

/// What became of what earlier runs told of.
#[derive(Debug, Default)]
pub struct Before {
    doings: Arc<Doings>,
    /// Of those of which this run learnt something.
    changed: BTreeMap<[u64; 2], Aftermath>,
    undoing: Vec<KnownUndoing>,
    /// Of so many not all is known any more.
    forgotten: u64,
}

/// What a run learnt, and what later ones get to know.
#[derive(Debug, Default)]
pub struct Learnt {
    pub aftermath: Vec<Aftermath>,
    doings: Vec<Doing>,
    doings_forgotten: u64,
    undoing: Vec<KnownUndoing>,
}

impl Before {
    /// Asks what was undone of what earlier runs told of, and tells it to whoever tells of findings.
    /// `last` is the time of the latest event of all runs.
    pub fn look_back(plan: &Plan, undoings: Option<&mut Undoings>, last: Time) -> Before {
        let mut before = Before::default();
        let (Some(past), Some(undoings)) = (&plan.past, undoings) else { return before };
        let known = past.memory.doings.iter();
        let known = known.filter_map(|doing| before.now(undoings, doing.clone()));
        let known: Doings = known.collect();
        before.doings = Arc::new(known);
        if !undoings.cut {
            before.undoing = undoings.hand_on(last);
        }
        undoings.before = Some(Arc::clone(&before.doings));
        before
    }

    /// What is known of a finding by now; `None` if that is not all any more.
    fn now(&mut self, undoings: &Undoings, mut doing: Doing) -> Option<([u64; 2], Doing)> {
        let was_undone = doing.undone().is_some();
        let mut is_known = !undoings.cut;
        for at in 0..doing.deeds.len() {
            doing.deeds[at].undone = match undoings.now(&doing.deeds[at]) {
                Now::Undone(undone) => Some(undone),
                Now::Open => None,
                Now::Unknown => {
                    is_known = false;
                    None
                }
            };
        }
        if !is_known {
            self.forgotten += 1;
            self.changed.extend(was_undone.then(|| (doing.number, in_doubt(&doing))));
            return None;
        }
        if doing.undone().is_some() != was_undone {
            self.changed.insert(doing.number, doing.aftermath());
        }
        Some((doing.number, doing))
    }

    /// Takes in what this run tells of, and what it found and did not list. What it lists itself needs no
    /// other word.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn learn(
        self,
        context: &Context<'_>,
        (findings, noted): (&Findings, Noted),
        last: Time,
    ) -> io::Result<Learnt> {
        let Before { doings, mut changed, undoing, mut forgotten } = self;
        if context.plan.past.is_none() {
            return Ok(Learnt::default());
        }
        let mut doings = Arc::unwrap_or_clone(doings);
        let Noted { known, lost } = noted;
        for (number, both) in known {
            let Some(known) = doings.remove(&number) else { continue };
            let told = changed.remove(&number);
            // As it was before this run.
            let was_undone = match &told {
                Some(told) => told.effect.fate == Fate::Open,
                None => known.undone().is_some(),
            };
            let told = match &both {
                Some(both) => (both.undone().is_some() != was_undone).then(|| both.aftermath()),
                None => was_undone.then(|| in_doubt(&known)),
            };
            forgotten += u64::from(both.is_none());
            changed.extend(told.map(|told| (number, told)));
            doings.extend(both.map(|both| (number, both)));
        }
        // What no earlier run has told. Each finding is listed once.
        let mut new = Doings::new();
        for finding in findings.read()? {
            context.go_on()?;
            let finding = finding?;
            let Some(number) = finding.number() else { continue };
            if finding.effect.is_some() || changed.get(&number).is_some_and(is_over) {
                changed.remove(&number);
            }
            let doing = Undoings::doing(context.key, &finding);
            if let Some(known) = doings.remove(&number) {
                let both = doing.and_then(|doing| known.with(doing));
                forgotten += u64::from(both.is_none());
                doings.extend(both.map(|both| (number, both)));
            } else if !lost.has(&finding) {
                new.extend(doing.map(|doing| (number, doing)));
            }
            if new.len() >= 2 * KNOWN {
                let (latest, others) = bounded(new, last, (KNOWN, DEEDS));
                forgotten += others;
                new = latest.into_iter().map(|doing| (doing.number, doing)).collect();
            }
        }
        doings.append(&mut new);
        let (doings, others) = bounded(doings, last, (KNOWN, DEEDS));
        let doings_forgotten = forgotten + others;
        let mut learnt = Learnt { doings, doings_forgotten, undoing, ..Learnt::default() };
        learnt.add(changed.into_values().collect());
        Ok(learnt)
    }
}

/// What is told of a finding that was undone, and may hold again for all that anybody knows.
fn in_doubt(doing: &Doing) -> Aftermath {
    let effect = Effect { fate: Fate::Open, undone: None, due: None };
    Aftermath { effect, ..doing.aftermath() }
}

fn is_over(told: &Aftermath) -> bool {
    told.effect.fate != Fate::Open
}

impl Learnt {
    /// Adds what else was learnt: the gravest comes first.
    pub fn add(&mut self, more: Vec<Aftermath>) {
        self.aftermath.extend(more);
        self.aftermath.sort_by(|a, b| {
            (Reverse(a.level), &a.fingerprint).cmp(&(Reverse(b.level), &b.fingerprint))
        });
    }

    /// Hands on to later runs what they get to know.
    pub fn hand_on(&mut self, memory: Memory) -> Memory {
        Memory {
            doings: std::mem::take(&mut self.doings),
            doings_forgotten: self.doings_forgotten,
            undoing: std::mem::take(&mut self.undoing),
            ..memory
        }
    }
}

/// The latest that have room, sorted, and how many have none. What is too old is over.
fn bounded(doings: Doings, last: Time, (most, deeds): (usize, usize)) -> (Vec<Doing>, u64) {
    let oldest = Time(last.0.saturating_sub(KNOWN_FOR));
    let mut all: Vec<Doing> = doings.into_values().collect();
    all.retain(|doing| doing.last() >= Some(oldest));
    all.sort_by_key(|doing| (Reverse(doing.last()), doing.number));
    let mut room = deeds;
    let fit = all.iter().take(most).take_while(|doing| {
        let left = room.checked_sub(doing.deeds.len());
        room = left.unwrap_or(0);
        left.is_some()
    });
    let fit = fit.count();
    let forgotten = (all.len() - fit) as u64;
    all.truncate(fit);
    all.sort();
    (all, forgotten)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::aftermath::Deed;
    use crate::model::level::Level;

    #[test]
    fn what_later_runs_know_is_bounded_and_the_oldest_goes_first() {
        let doing = |day: i64, deeds: u64| {
            let time = Time(day * 86_400_000_000);
            let deed = |what| Deed { time, what, parts: 0, undone: None };
            let (rule, target) = ("key-disabled".to_owned(), None);
            let deeds = (0..deeds).map(deed).collect();
            Doing { number: [day.cast_unsigned(), 0], rule, level: Level::High, target, deeds }
        };
        let days = |most, deeds| {
            let all = [doing(1, 1), doing(402, 1), doing(403, 3), doing(404, 2)];
            let all = all.into_iter().map(|doing| (doing.number, doing)).collect();
            let (known, forgotten) = bounded(all, Time(404 * 86_400_000_000), (most, deeds));
            (known.iter().map(|doing| doing.number[0]).collect::<Vec<_>>(), forgotten)
        };
        assert_eq!(days(9, 99), (vec![402, 403, 404], 0));
        assert_eq!(days(2, 99), (vec![403, 404], 1));
        assert_eq!(days(9, 4), (vec![404], 2));
    }
}
