//! How many matches each part of a correlation has, at least: most parts have too few to give
//! anything, and are left alone.
//!
//! What must stay true: a part that could give a finding is never left alone. Counts are kept by
//! hash in a table of bounded size, so that a count may be too high, never too low; copies count.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::detect::stateful::{Correlation, Kind, least};
use crate::detect::usual::Reads;

/// Counters, at most; two million of them take 8 MiB. A few records need few.
const COUNTERS: usize = 1 << 21;
const COUNTERS_MIN: usize = 1 << 12;

/// Counters for each record: several rules count it, each in a part of its own.
const FOR_EACH: u64 = 8;

/// Stands for all steps together.
const ALL_STEPS: u32 = u32::MAX;

/// Counts matches by rule, step and part.
pub struct Presence(Box<[AtomicU32]>);

impl Presence {
    /// No matches yet, of so many records.
    pub fn new(records: u64) -> Presence {
        let counters = usize::try_from(records.saturating_mul(FOR_EACH)).unwrap_or(COUNTERS);
        let counters = counters.clamp(COUNTERS_MIN, COUNTERS);
        Presence((0..counters).map(|_| AtomicU32::new(0)).collect())
    }

    fn counter(&self, rule: u32, step: u32, part: [u64; 2]) -> Option<&AtomicU32> {
        let what = u64::from(rule) << 32 | u64::from(step);
        let spread = (part[0] ^ what.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(part[1] | 1);
        let at = usize::try_from(spread >> 40).unwrap_or_default() % self.0.len();
        self.0.get(at)
    }

    /// Counts matches that make a step, or add a value.
    pub fn add(&self, (rule, step): (u32, u32), part: [u64; 2], matches: u32) {
        for step in [step, ALL_STEPS] {
            if let Some(counter) = self.counter(rule, step, part) {
                let more = |count: u32| Some(count.saturating_add(matches));
                let _ = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
            }
        }
    }

    fn count(&self, rule: u32, step: u32, part: [u64; 2]) -> u64 {
        self.counter(rule, step, part).map_or(0, |count| count.load(Ordering::Relaxed).into())
    }

    /// Whether a step has any matches.
    pub fn has(&self, rule: u32, step: u32, part: [u64; 2]) -> bool {
        self.count(rule, step, part) > 0
    }

    /// Whether a part could give anything, if `comes` says which steps may still be made by what
    /// other rules find.
    pub fn could_hold(
        &self,
        rule: u32,
        correlation: &Correlation,
        part: [u64; 2],
        comes: impl Fn(u32) -> bool,
    ) -> bool {
        let mut steps = 0..u32::try_from(correlation.steps.len()).unwrap_or(u32::MAX);
        let may_be_made = |step: u32| comes(step) || self.count(rule, step, part) > 0;
        match &correlation.kind {
            Kind::EventCount(limits) | Kind::ValueCount(limits, _) => {
                let usual = correlation.usual.map_or(u64::MAX, Reads::least);
                let least = least(limits).min(usual);
                self.count(rule, ALL_STEPS, part) >= least || comes(0)
            }
            Kind::Temporal(limits) => {
                let made = steps.filter(|step| may_be_made(*step)).count();
                made as u64 >= least(limits)
            }
            Kind::TemporalOrdered => steps.all(may_be_made),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::stateful::{Compare, Limit, Verdict};
    use crate::model::level::Level;

    fn asking(kind: Kind, steps: usize) -> Correlation {
        Correlation {
            kind,
            steps: vec![Vec::new(); steps],
            by: Vec::new(),
            span: 1,
            from: Level::Informational,
            verdict: Verdict::Finding,
            usual: None,
        }
    }

    #[test]
    fn parts_with_too_few_matches_are_left_alone() {
        let presence = Presence::new(10);
        let three =
            asking(Kind::EventCount(vec![Limit { than: Compare::MoreOrEqual, number: 3 }]), 1);
        let few = asking(Kind::EventCount(vec![Limit { than: Compare::Less, number: 3 }]), 1);
        let chain = asking(Kind::TemporalOrdered, 2);
        let (part, other) = ([1, 2], [3, 4]);
        for _ in 0..2 {
            presence.add((0, 0), part, 1);
        }
        let none = |_| false;
        assert!(!presence.could_hold(0, &three, part, none));
        assert!(presence.could_hold(0, &few, part, none));
        presence.add((0, 0), part, 1);
        assert!(presence.could_hold(0, &three, part, none));
        assert!(!presence.could_hold(0, &three, other, none));
        presence.add((1, 1), part, 1);
        assert!(!presence.could_hold(1, &chain, part, none));
        assert!(presence.could_hold(1, &chain, part, |step| step == 0));
        presence.add((1, 0), part, 1);
        assert!(presence.could_hold(1, &chain, part, none));
        let at_least =
            |number| asking(Kind::Temporal(vec![Limit { than: Compare::MoreOrEqual, number }]), 3);
        assert!(presence.could_hold(1, &at_least(2), part, none));
        assert!(!presence.could_hold(1, &at_least(3), part, none));
        assert!(presence.could_hold(1, &at_least(3), part, |step| step == 2));
        assert!(!presence.could_hold(1, &at_least(1), other, none));
    }
}
