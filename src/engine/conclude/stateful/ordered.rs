//! Steps made one after the other, by records of their own: the way to each step that started
//! latest is kept, since it stays longest within the timespan.
//!
//! Of records of the same second nobody knows the order, so that a step may follow one of its own
//! second: within a second, any steps in a row are made if each finds a record of its own. What
//! must stay true: a way is found if there is one, and no record makes two steps of it.

use std::collections::BTreeSet;
use std::io;

use super::correlation::Burst;
use super::decide::{Desk, Part};
use super::unit::Unit;
use crate::detect::Stateful;
use crate::detect::stateful::Correlation;

/// The records that made the steps so far, one a step, in the order of the steps.
#[derive(Debug, Clone)]
struct Way {
    start: i64,
    units: Vec<Unit>,
}

/// Records that are part of the finding, as far back as a way can reach.
type Taken = BTreeSet<(i64, [u64; 2], u64)>;

impl Desk<'_> {
    /// Follows the steps of a correlation through one part.
    pub(super) fn ordered(
        &mut self,
        rule: &Stateful<'_>,
        correlation: &Correlation,
        part: &mut Part<'_>,
    ) -> io::Result<()> {
        let steps = correlation.steps.len();
        let limit = self.bench.context.plan.limits.window;
        let mut ways: Vec<Option<Way>> = vec![None; steps];
        let mut burst = Burst::default();
        let mut taken = Taken::new();
        loop {
            let mut units = self.second(part)?;
            let Some(now) = units.first().map(|unit| unit.note.time) else { break };
            // What began too long ago will not end in time.
            let from = now.saturating_sub(correlation.span);
            for way in &mut ways {
                way.take_if(|way| way.start < from);
            }
            // Nothing goes on from a step that was never made, whatever the order.
            if !units.iter().any(|unit| goes_on(&ways, unit)) {
                continue;
            }
            if units.len() > limit || taken.len() > limit {
                self.overflow(rule);
                taken.clear();
            }
            self.by_id(&mut units)?;
            let Some(way) = advance(&mut ways, &units, now) else { continue };
            // What another rule looks at may have begun before the range that is reported.
            let reported = way.units.iter().any(|unit| unit.note.reported);
            if let Some(last) = way.units.last() {
                self.pass_on(rule, last, (reported, true))?;
            }
            if !reported {
                continue;
            }
            taken = taken.split_off(&(from, [0, 0], 0));
            for unit in &way.units {
                let note = &unit.note;
                if taken.insert((note.time, note.identity, note.content)) {
                    burst.take(unit);
                }
            }
            burst.peak = steps as u64;
        }
        self.found(rule, correlation, burst)
    }
}

/// Whether a record makes a first step, or one that a way leads up to.
fn goes_on(ways: &[Option<Way>], unit: &Unit) -> bool {
    unit.steps().any(|step| match step.checked_sub(1) {
        None => true,
        Some(before) => ways.get(before as usize).is_some_and(Option::is_some),
    })
}

/// Takes in the records of a second: the way to the last step that ends now, if there is one.
fn advance(ways: &mut [Option<Way>], units: &[Unit], now: i64) -> Option<Way> {
    let candidates = candidates(ways.len(), units);
    let mut ending: Vec<Option<Way>> = vec![None; ways.len()];
    for first in 0..ways.len() {
        let before = match first.checked_sub(1) {
            None => Way { start: now, units: Vec::new() },
            Some(before) => match ways.get(before) {
                Some(Some(way)) => way.clone(),
                _ => continue,
            },
        };
        let mut makers = Makers::default();
        for (step, ending) in ending.iter_mut().enumerate().skip(first) {
            if !makers.add(step, &candidates) {
                break;
            }
            if ending.as_ref().is_none_or(|known| known.start < before.start) {
                let made = (first..=step).filter_map(|step| units.get(makers.of(step)?));
                let units = before.units.iter().chain(made).cloned().collect();
                *ending = Some(Way { start: before.start, units });
            }
        }
    }
    let done = ending.last().cloned().flatten();
    for (known, new) in ways.iter_mut().zip(ending) {
        // Of equals, the one that was there stays.
        if let Some(new) = new
            && known.as_ref().is_none_or(|known| known.start < new.start)
        {
            *known = Some(new);
        }
    }
    done
}

/// The records that could make each step; of many the first ones, no more than there are steps,
/// since then one of them is free.
fn candidates(steps: usize, units: &[Unit]) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new(); steps];
    for (at, unit) in units.iter().enumerate() {
        for step in unit.steps() {
            if let Some(makers) = all.get_mut(step as usize).filter(|known| known.len() < steps) {
                makers.push(at);
            }
        }
    }
    all
}

/// Which record makes which step: a matching, made larger step by step along augmenting paths.
#[derive(Debug, Default)]
struct Makers(Vec<(usize, usize)>);

impl Makers {
    fn of(&self, step: usize) -> Option<usize> {
        self.0.iter().find(|(known, _)| *known == step).map(|(_, unit)| *unit)
    }

    /// Finds a record for one more step, moving others where it must; whether it could.
    fn add(&mut self, step: usize, candidates: &[Vec<usize>]) -> bool {
        self.give(step, candidates, &mut BTreeSet::new())
    }

    fn give(
        &mut self,
        step: usize,
        candidates: &[Vec<usize>],
        tried: &mut BTreeSet<usize>,
    ) -> bool {
        for &unit in candidates.get(step).into_iter().flatten() {
            if !tried.insert(unit) {
                continue;
            }
            let holder = self.0.iter().find(|(_, known)| *known == unit).map(|(step, _)| *step);
            if holder.is_none_or(|other| self.give(other, candidates, tried)) {
                self.0.retain(|(known, _)| *known != step);
                self.0.push((step, unit));
                return true;
            }
        }
        false
    }
}
