//! Steps made one after the other: the latest way to each step is kept, since what starts latest
//! stays longest within the timespan.
//!
//! Of records of the same second nobody knows the order, so that a step may follow one of its own
//! second. One record makes one step of a way, never two.

use std::io;

use super::found::Burst;
use super::{Bench, Part, Unit};
use crate::detect::Stateful;
use crate::detect::stateful::Correlation;

/// A way to a step: the records that made it, one a step.
type Way = Vec<Unit>;

/// The latest ways to each step, the latest start first. Two that end in different records, so
/// that a record that ends the one can go on from the other.
#[derive(Debug, Clone, Default)]
struct Ways(Vec<Way>);

impl Ways {
    fn offer(&mut self, way: Way) {
        let same = |a: &Way, b: &Way| match (a.last(), b.last()) {
            (Some(a), Some(b)) => a.is(&b.note),
            _ => false,
        };
        let start = |way: &Way| way.first().map(|unit| unit.note.time);
        if let Some(known) = self.0.iter_mut().find(|known| same(known, &way)) {
            if start(&way) > start(known) {
                *known = way;
            }
        } else {
            self.0.push(way);
        }
        // Of equals, the one that was there stays.
        self.0.sort_by_key(|way| std::cmp::Reverse(start(way)));
        self.0.truncate(2);
    }

    /// The latest way that a record can go on from: one that it is not part of.
    fn before(&self, unit: &Unit) -> Option<&Way> {
        self.0.iter().find(|way| !way.iter().any(|other| other.is(&unit.note)))
    }
}

impl Bench<'_, '_> {
    /// Follows the steps of a correlation through one part.
    pub(super) fn ordered(
        &mut self,
        rule: &Stateful<'_>,
        correlation: &Correlation,
        part: &mut Part<'_>,
    ) -> io::Result<()> {
        let steps = correlation.steps.len();
        let mut ways: Vec<Ways> = vec![Ways::default(); steps];
        let mut burst = Burst::default();
        loop {
            let mut units = self.second(part)?;
            let Some(now) = units.first().map(|unit| unit.note.time) else { break };
            // Nothing goes on from a step that was never made, whatever the order.
            if !units.iter().any(|unit| goes_on(&ways, unit)) {
                continue;
            }
            self.by_id(&mut units)?;
            for unit in &mut units {
                unit.steps.sort_unstable();
            }
            // As often as a way could grow within one second.
            let rounds = if units.len() > 1 { steps } else { 1 };
            for _ in 0..rounds {
                for unit in &units {
                    step(&mut ways, unit);
                }
            }
            let reported = units.iter().any(|unit| unit.note.reported);
            let Some(done) = ways.last() else { break };
            let ends_now = |way: &&Way| way.last().is_some_and(|unit| unit.note.time == now);
            let within = |way: &&Way| {
                way.first().is_some_and(|unit| now - unit.note.time <= correlation.span)
            };
            let done: Vec<Way> = done.0.iter().filter(ends_now).filter(within).cloned().collect();
            if reported && let Some(way) = done.first() {
                let last = way.last().map(|unit| unit.note);
                for unit in done.iter().flatten() {
                    burst.take_once(unit);
                }
                burst.peak = steps as u64;
                if let Some(last) = last {
                    self.pass_on(rule, &last)?;
                }
            }
        }
        self.found(rule, correlation, burst)
    }
}

/// Whether a record makes a first step, or one that a way leads up to.
fn goes_on(ways: &[Ways], unit: &Unit) -> bool {
    unit.steps.iter().any(|step| match step.checked_sub(1) {
        None => true,
        Some(before) => ways.get(before as usize).is_some_and(|ways| !ways.0.is_empty()),
    })
}

/// Makes every step that a record makes.
fn step(ways: &mut [Ways], unit: &Unit) {
    // From the last step to the first, so that what is offered here is not gone on from here.
    for &at in unit.steps.iter().rev() {
        let at = at as usize;
        let way = match at.checked_sub(1) {
            None => Some(vec![unit.clone()]),
            Some(before) => ways.get(before).and_then(|ways| ways.before(unit)).map(|way| {
                let mut way = way.clone();
                way.push(unit.clone());
                way
            }),
        };
        if let (Some(way), Some(ways)) = (way, ways.get_mut(at)) {
            ways.offer(way);
        }
    }
}
