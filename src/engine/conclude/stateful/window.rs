//! A window that slides over the records of one part: how many there are in it, how many different
//! values, whether every step was made.
//!
//! The window ends with each second in turn and reaches back by the correlation's timespan, both
//! ends included. Where it holds, every record in it belongs to the finding.

use std::collections::VecDeque;

use foldhash::{HashMap, HashMapExt};
use std::io;

use super::correlation::Burst;
use super::decide::{Desk, Part};
use super::unit::Unit;
use crate::detect::Stateful;
use crate::detect::stateful::{Correlation, Kind};

/// The records in the window.
pub(super) struct Window<'a> {
    correlation: &'a Correlation,
    units: VecDeque<Unit>,
    /// How many of them are part of the finding already.
    taken: usize,
    /// How many records have each value.
    values: HashMap<u64, u64>,
    /// How many records make each step.
    steps: Vec<u64>,
    /// How many records are of the range that is reported.
    reported: usize,
}

impl<'a> Window<'a> {
    /// An empty window.
    pub fn new(correlation: &'a Correlation) -> Window<'a> {
        Window {
            correlation,
            units: VecDeque::new(),
            taken: 0,
            values: HashMap::new(),
            steps: vec![0; correlation.steps.len()],
            reported: 0,
        }
    }

    /// Takes in a record of the second at which the window ends.
    pub fn push(&mut self, unit: Unit) {
        for value in unit.values() {
            *self.values.entry(value).or_default() += 1;
        }
        for step in unit.steps() {
            if let Some(count) = self.steps.get_mut(step as usize) {
                *count += 1;
            }
        }
        self.reported += usize::from(unit.note.reported);
        self.units.push_back(unit);
    }

    fn pop(&mut self) {
        let Some(unit) = self.units.pop_front() else { return };
        self.taken = self.taken.saturating_sub(1);
        self.reported -= usize::from(unit.note.reported);
        for value in unit.values() {
            if let Some(count) = self.values.get_mut(&value) {
                *count -= 1;
                if *count == 0 {
                    self.values.remove(&value);
                }
            }
        }
        for step in unit.steps() {
            if let Some(count) = self.steps.get_mut(step as usize) {
                *count -= 1;
            }
        }
    }

    /// Forgets what lies too far back.
    pub fn slide(&mut self, now: i64) {
        let start = now.saturating_sub(self.correlation.span);
        while self.units.front().is_some_and(|unit| unit.note.time < start) {
            self.pop();
        }
    }

    /// What is counted, and whether the window holds.
    pub fn holds(&self) -> (u64, bool) {
        match &self.correlation.kind {
            Kind::EventCount(limits) => {
                let count = self.units.len() as u64;
                (count, limits.iter().all(|limit| limit.holds(count)))
            }
            Kind::ValueCount(limits, _) => {
                let count = self.values.len() as u64;
                (count, limits.iter().all(|limit| limit.holds(count)))
            }
            Kind::Temporal(limits) => {
                let count = self.made() as u64;
                (count, limits.iter().all(|limit| limit.holds(count)))
            }
            Kind::TemporalOrdered => (self.made() as u64, self.made() == self.steps.len()),
        }
    }

    /// How many steps were made.
    fn made(&self) -> usize {
        self.steps.iter().filter(|count| **count > 0).count()
    }

    /// Whether any record lies in the range that is reported. A record that comes late makes a window
    /// hold that ends with one that was there before.
    pub fn is_reported(&self) -> bool {
        self.reported > 0
    }

    /// Gives a finding those records that it has not got.
    pub fn hand_over(&mut self, burst: &mut Burst) {
        self.units.iter().skip(self.taken).for_each(|unit| burst.take(unit));
        self.taken = self.units.len();
    }

    /// The records that were taken in last.
    pub fn latest(&self, count: usize) -> Vec<Unit> {
        self.units.iter().rev().take(count).cloned().collect()
    }

    /// Whether records must be left out that are in no finding yet; those that are, are no loss.
    pub fn is_over(&self, limit: usize) -> bool {
        self.units.len().saturating_sub(limit) > self.taken
    }

    /// Leaves out the oldest records above the limit.
    pub fn cut(&mut self, limit: usize) {
        while self.units.len() > limit {
            self.pop();
        }
    }
}

impl Desk<'_> {
    /// Slides the window of a correlation over one part.
    pub(super) fn windowed(
        &mut self,
        rule: &Stateful<'_>,
        correlation: &Correlation,
        part: &mut Part<'_>,
    ) -> io::Result<()> {
        let mut window = Window::new(correlation);
        let mut burst = Burst::default();
        let limit = self.bench.context.plan.limits.window;
        let feeds = !self.bench.context.plan.rules.feeds(rule.about).is_empty();
        loop {
            let units = self.second(part)?;
            let Some(now) = units.first().map(|unit| unit.note.time) else { break };
            let new = units.len();
            window.slide(now);
            for unit in units {
                window.push(unit);
            }
            let (count, holds) = window.holds();
            if holds && window.is_reported() {
                window.hand_over(&mut burst);
                burst.peak = burst.peak.max(count);
            }
            if holds {
                // What another rule looks at may have begun before the range that is reported.
                if feeds {
                    let once = burst.passed_on.is_none_or(|at| now - at > correlation.span);
                    if once {
                        burst.passed_on = Some(now);
                    }
                    if let Some(last) = self.last_of(&window, new)? {
                        self.pass_on(rule, &last, (window.is_reported(), once))?;
                    }
                }
            }
            if window.is_over(limit) {
                self.overflow(rule);
            }
            window.cut(limit);
        }
        self.found(rule, correlation, burst)
    }

    /// The last record of the second at which a window ends, of so many that were taken in.
    pub(super) fn last_of(&mut self, window: &Window<'_>, new: usize) -> io::Result<Option<Unit>> {
        let mut units = window.latest(new);
        self.by_id(&mut units)?;
        Ok(units.pop())
    }
}
