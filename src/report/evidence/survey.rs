//! One pass over the findings, for what the page tells of all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use crate::model::findings::Findings;
use crate::model::level::Level;
use crate::model::rule_meta::RuleMeta;
use crate::model::time::Time;
use crate::model::undo::Fate;

/// So many microseconds has a day.
const DAY: i64 = 86_400 * 1_000_000;

/// So many findings are told; a page with more than that is read by nobody.
pub const TOLD: usize = 2_000;

/// Rules that are counted beside those of the run; a report that is read back may name any number.
const OTHERS: usize = 10_000;

/// What the findings of a rule add up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RuleSum {
    /// By level, the lowest first.
    pub levels: [u64; 5],
    /// Those that are serious and still hold.
    pub open: u64,
}

/// What the findings add up to.
#[derive(Debug, Default)]
pub struct Survey {
    /// Findings of each level by the day on which they were first seen, counted from 1970.
    days: BTreeMap<i64, [u64; 5]>,
    /// Findings of each rule.
    pub rules: BTreeMap<String, RuleSum>,
    /// The fingerprints of those that are told, so that links lead to nothing else.
    pub told: BTreeSet<String>,
    /// How many findings of each case are about what was undone, refused or failed.
    pub ended: BTreeMap<Arc<str>, u64>,
    /// Findings without a time.
    pub timeless: u64,
    /// All of them.
    pub all: u64,
    /// Findings of rules that are not counted one by one.
    pub uncounted: u64,
}

impl Survey {
    /// Counts the findings: those of the rules of the run one by one, and of some others.
    ///
    /// # Errors
    /// Those of the file that findings wait in.
    pub fn of(findings: &Findings, rules: &[RuleMeta]) -> io::Result<Survey> {
        let rules = rules.iter().map(|rule| (rule.id.clone(), RuleSum::default()));
        let mut survey = Survey { rules: rules.collect(), ..Survey::default() };
        let most = survey.rules.len().saturating_add(OTHERS);
        for finding in findings.read()? {
            let finding = finding?;
            let level = finding.level as usize;
            if survey.all < TOLD as u64 {
                survey.told.insert(finding.fingerprint.clone());
            }
            survey.all += 1;
            let has_ended = finding.effect.as_ref().is_some_and(|effect| effect.fate != Fate::Open);
            if let Some(case) = finding.case.clone().filter(|_| has_ended) {
                *survey.ended.entry(case).or_default() += 1;
            }
            match finding.first_seen {
                Some(Time(at)) => survey.days.entry(at.div_euclid(DAY)).or_default()[level] += 1,
                None => survey.timeless += 1,
            }
            if survey.rules.len() >= most && !survey.rules.contains_key(&finding.rule) {
                survey.uncounted += 1;
                continue;
            }
            let sum = survey.rules.entry(finding.rule.clone()).or_default();
            sum.levels[level] += 1;
            sum.open += u64::from(finding.level >= Level::SERIOUS && finding.holds());
        }
        Ok(survey)
    }

    /// The spans of time from the first to the last finding, each with its findings by level: days, or
    /// as many days together as make no more than `most` spans.
    pub fn spans(&self, most: usize) -> (i64, Vec<(String, [u64; 5])>) {
        let (Some((&first, _)), Some((&last, _))) =
            (self.days.first_key_value(), self.days.last_key_value())
        else {
            return (1, Vec::new());
        };
        let most = i64::try_from(most).unwrap_or(i64::MAX).max(1);
        // Times may be centuries apart, if somebody wrote them.
        let each = (last - first + 1).div_euclid(most) + i64::from((last - first + 1) % most != 0);
        let mut spans: Vec<(String, [u64; 5])> = Vec::new();
        for start in (0..).map(|n| first + n * each).take_while(|start| *start <= last) {
            let mut sum = [0; 5];
            for (_, levels) in self.days.range(start..start + each) {
                sum.iter_mut().zip(levels).for_each(|(sum, level)| *sum += level);
            }
            spans.push((day(start), sum));
        }
        (each, spans)
    }
}

/// `2026-11-23`
fn day(number: i64) -> String {
    Time(number.saturating_mul(DAY)).to_string().chars().take(10).collect()
}

/// The levels that there are, the highest first, with their numbers.
pub fn levels(numbers: &[u64; 5]) -> impl Iterator<Item = (Level, u64)> + '_ {
    let all = Level::ALL.into_iter();
    all.map(|level| (level, numbers[level as usize])).filter(|(_, number)| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_no_more_than_asked_and_lose_nothing() {
        let days = [0, 1, 9, 400, 2_932_896].map(|day| (day, [1, 0, 0, 0, 2]));
        for until in 1..=days.len() {
            let survey =
                Survey { days: days.into_iter().take(until).collect(), ..Survey::default() };
            for most in [1, 2, 7, 62] {
                let (each, spans) = survey.spans(most);
                assert!(spans.len() <= most && each >= 1, "{until} {most} {each}");
                let sum: u64 = spans.iter().flat_map(|(_, levels)| levels).sum();
                assert_eq!(sum, 3 * until as u64);
            }
        }
        assert_eq!(Survey::default().spans(9).1, []);
        let survey = Survey { days: [(20_780, [0; 5])].into(), ..Survey::default() };
        assert_eq!(survey.spans(9).1[0].0, "2026-11-23");
    }
}
