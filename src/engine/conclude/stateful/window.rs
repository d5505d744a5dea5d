//! A window that slides over the records of one part: how many there are in it, how many different
//! values, whether every step was made.
//!
//! The window ends with each second in turn and reaches back by the correlation's timespan, both
//! ends included. Where it holds, every record in it belongs to the finding.

use std::collections::{HashMap, VecDeque};
use std::io;

use super::correlation::Burst;
use super::decide::{Desk, Part};
use super::unit::Unit;
use crate::detect::Stateful;
use crate::detect::stateful::{Correlation, Kind};

/// The records in the window.
struct Window<'a> {
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
    fn new(correlation: &'a Correlation) -> Window<'a> {
        Window {
            correlation,
            units: VecDeque::new(),
            taken: 0,
            values: HashMap::new(),
            steps: vec![0; correlation.steps.len()],
            reported: 0,
        }
    }

    fn push(&mut self, unit: Unit) {
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
    fn slide(&mut self, now: i64) {
        let start = now.saturating_sub(self.correlation.span);
        while self.units.front().is_some_and(|unit| unit.note.time < start) {
            self.pop();
        }
    }

    /// What is counted, and whether the window holds.
    fn holds(&self) -> (u64, bool) {
        match &self.correlation.kind {
            Kind::EventCount(limits) => {
                let count = self.units.len() as u64;
                (count, limits.iter().all(|limit| limit.holds(count)))
            }
            Kind::ValueCount(limits, _) => {
                let count = self.values.len() as u64;
                (count, limits.iter().all(|limit| limit.holds(count)))
            }
            Kind::Temporal | Kind::TemporalOrdered => {
                let count = self.steps.iter().filter(|count| **count > 0).count();
                (count as u64, count == self.steps.len())
            }
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
            // A record that comes late makes a window hold that ends with one that was there before.
            if holds && window.reported > 0 {
                for unit in window.units.iter().skip(window.taken) {
                    burst.take(unit);
                }
                window.taken = window.units.len();
                burst.peak = burst.peak.max(count);
            }
            if holds {
                // What another rule looks at may have begun before the range that is reported.
                if feeds {
                    let once = burst.passed_on.is_none_or(|at| now - at > correlation.span);
                    if once {
                        burst.passed_on = Some(now);
                    }
                    let mut new: Vec<Unit> = window.units.iter().rev().take(new).cloned().collect();
                    self.by_id(&mut new)?;
                    if let Some(last) = new.last() {
                        let reported = window.reported > 0;
                        self.pass_on(rule, last, (reported, once))?;
                    }
                }
            }
            if window.units.len() > limit {
                // Those that are part of the finding already are no loss.
                if window.units.len() - limit > window.taken {
                    self.overflow(rule);
                }
                while window.units.len() > limit {
                    window.pop();
                }
            }
        }
        self.found(rule, correlation, burst)
    }
}
