//! Which findings a user gets to see: not the suppressed ones, and not those of an earlier report.
//!
//! ```text
//! suppress    decisions of the configuration, each with a reason and a last day
//! baseline    an earlier report
//! open        findings of earlier runs that still hold
//! ```
//!
//! What must stay true: every hidden finding is counted, and a finding is judged the same whether it
//! is written live or at the end. Findings of every level come through here, because one that is too
//! low to be listed is still counted, and may be suppressed or known too.

pub mod baseline;
mod open;
mod suppress;

use std::collections::{BTreeMap, HashSet};
use std::io;

use crate::model::aftermath::Aftermath;
use crate::model::finding::{Finding, Status};
use crate::model::level::Level;
use crate::model::memory::{Dated, Id};
use crate::model::origin::Origin;
use crate::model::outcome::{Outcome, Summary};
use crate::model::problem::{Problem, Stage};
use crate::model::suppression::Suppression;
use crate::model::time::Time;
use crate::model::undo::Fate;

pub use baseline::Baseline;
use open::Open;
use suppress::{Name, Suppressions};

/// Judges findings one by one, and keeps the counts.
#[derive(Debug)]
pub struct Triage {
    suppressions: Suppressions,
    baseline: Option<Baseline>,
    past: Option<Past>,
    min_level: Level,
    summary: Summary,
    /// Findings of the baseline that hold and were found with nothing new to them, by rule.
    known: BTreeMap<String, u64>,
}

/// What earlier runs have found, and this one.
#[derive(Debug, Default)]
pub struct Past {
    /// Fingerprints.
    pub known: Dated,
    /// The rules of this run.
    rules: Vec<String>,
    /// Fingerprints of all that was found, listed or not.
    pub found: Vec<Id>,
    open: Open,
}

impl Triage {
    /// `now` decides which suppressions have expired; findings below `min_level` are counted only.
    pub fn new(
        suppressions: Vec<Suppression>,
        baseline: Option<Baseline>,
        min_level: Level,
        now: Time,
    ) -> Triage {
        let suppressions = Suppressions::new(suppressions, now);
        Triage {
            suppressions,
            baseline,
            past: None,
            min_level,
            summary: Summary::default(),
            known: BTreeMap::new(),
        }
    }

    /// Goes on from earlier runs, which have found `known`, with the rules of this one.
    #[must_use]
    pub fn after(self, known: Dated, rules: Vec<String>) -> Triage {
        Triage { past: Some(Past { known, rules, ..Past::default() }), ..self }
    }

    /// Whether there is anything to judge by, beside the level.
    pub fn is_needed(&self) -> bool {
        !self.suppressions.is_empty() || self.baseline.is_some() || self.past.is_some()
    }

    /// Whether an earlier run has found it, listed or not, at whatever level; or the baseline has, open and
    /// with more to it than this run has read.
    pub fn is_known(&self, finding: &Finding) -> bool {
        let past = self.past.as_ref();
        past.is_some_and(|past| past.has(finding, &[true, false], Level::ALL.into_iter()))
            || self.baseline.as_ref().is_some_and(|baseline| baseline.has_more(finding))
    }

    /// Counts a finding; its status if it is to be listed.
    pub fn admit(&mut self, finding: &Finding) -> Option<Status> {
        let status = self.screen(finding)?;
        self.summary.add(finding.level);
        (finding.level >= self.min_level).then_some(status)
    }

    /// The status of a finding that is told in some form: by itself, folded together with others, or
    /// as a number if it is too low to be listed. The levels of those are counted elsewhere. Of what is
    /// over, and which no event is behind, whether an earlier run has listed it.
    pub fn screen(&mut self, finding: &Finding) -> Option<Status> {
        self.baseline.iter_mut().for_each(|baseline| baseline.meet(&finding.fingerprint));
        if is_over(finding) {
            let past = self.past.as_mut()?;
            past.judge(finding, (false, false));
            return past.has_told(finding).then_some(Status::Ongoing);
        }
        // What rests on earlier runs alone is judged once; what lasts and no event is behind, until it is
        // listed.
        if let Some(past) = self.past.as_mut().filter(|past| !finding.fresh && past.knows(finding))
        {
            past.judge(finding, (finding.holds(), false));
            return None;
        }
        let status = self.status(finding);
        let listed = status.is_some() && finding.level >= self.min_level;
        if let Some(past) = &mut self.past {
            past.note(finding, listed);
        }
        status
    }

    /// The status of a finding that is neither suppressed nor known; counts it if it is.
    fn status(&mut self, finding: &Finding) -> Option<Status> {
        let is_known = self.past.as_ref().is_some_and(|past| past.has_told(finding));
        if let Some(suppression) = self.suppressions.take(finding) {
            self.summary.suppressed += 1;
            self.past.iter_mut().for_each(|past| past.leave_out(finding, suppression));
            return None;
        }
        let status = match &self.baseline {
            Some(baseline) => baseline.status(finding),
            None if is_known => Some(Status::Ongoing),
            None => Some(finding.status),
        };
        self.past.iter_mut().for_each(|past| past.judge(finding, (finding.holds(), true)));
        self.summary.known += u64::from(status.is_none());
        if status.is_none() && finding.level >= Level::SERIOUS && finding.holds() {
            *self.known.entry(finding.rule.clone()).or_default() += 1;
        }
        status
    }

    /// Sums up what was screened: the levels are those of the findings that were made of it.
    /// The fingerprints of all findings, for the next run.
    pub fn finish_screened(mut self, outcome: &mut Outcome) -> Vec<Id> {
        outcome.summary.suppressed = self.summary.suppressed;
        outcome.summary.known = self.summary.known;
        if let Some(past) = &mut self.past {
            outcome.aftermath.iter().for_each(|later| past.look_back(later));
        }
        let (only_known, lost) = self.only_known(outcome);
        for (rule, number) in only_known {
            let is_left_out = self.suppressions.take_known(&rule, number);
            *self.known.entry(rule).or_default() += if is_left_out { 0 } else { number };
        }
        if let Some(error) = lost {
            let message = format!(
                "a temporary file cannot be read back, so that what the baseline alone knows may be \
                 counted wrong: {error}"
            );
            outcome.problems.push(Problem::new(Origin::blob("baseline"), Stage::Read, message));
        }
        outcome.suppressions = self.suppressions.applied();
        outcome.known = self.known;
        outcome.known.retain(|_, number| *number > 0);
        self.past.map(|past| past.found).unwrap_or_default()
    }

    /// How many findings of each rule this run has not found, and earlier runs or the baseline have, as far
    /// as they hold and no suppression leaves them out; and why not all that is listed could be read.
    fn only_known(&mut self, outcome: &Outcome) -> (BTreeMap<String, u64>, Option<io::Error>) {
        let mut all: BTreeMap<String, u64> = BTreeMap::new();
        let mut lost = None;
        let past = self.past.as_ref();
        for (past, rule) in past.iter().flat_map(|past| past.rules.iter().map(|it| (*past, it))) {
            let names = self.suppressions.holding(rule);
            let left_out: HashSet<u64> =
                names.flat_map(|name| open::left_out(&past.known, name)).collect();
            let holding = past.open.holding(&past.known, rule).into_iter();
            let number = holding.filter(|low| !left_out.contains(low)).count();
            *all.entry(rule.clone()).or_default() += number as u64;
        }
        if let Some(baseline) = &mut self.baseline {
            // Those that many were folded into are not asked about one by one.
            lost = meet_listed(baseline, outcome).err();
            // What earlier runs know too, they have judged.
            let is_new = |(rule, [_, low]): &(&str, [u64; 2])| {
                past.is_none_or(|past| !past.open.knows(&past.known, rule, *low))
            };
            for (rule, _) in baseline.not_met().filter(is_new) {
                *all.entry(rule.to_owned()).or_default() += 1;
            }
        }
        (all, lost)
    }

    /// Sums up what was judged while it was written, levels as well.
    /// The fingerprints of all findings, for the next run.
    pub fn finish(self, outcome: &mut Outcome) -> Vec<Id> {
        outcome.summary = self.summary;
        self.finish_screened(outcome)
    }
}

/// Tells a baseline what is listed.
fn meet_listed(baseline: &mut Baseline, outcome: &Outcome) -> io::Result<()> {
    for finding in outcome.findings.read()? {
        baseline.meet(&finding?.fingerprint);
    }
    Ok(())
}

/// Findings that the next run gets to know.
const FOUND_MAX: usize = 1 << 20;

impl Past {
    /// Whether an earlier run has found it at this level or a higher one, listed or not; of what no event
    /// is behind, whether it has listed it. What became more serious since is told again.
    fn knows(&self, finding: &Finding) -> bool {
        let levels = Level::ALL.into_iter().filter(|level| *level >= finding.level);
        let told: &[bool] = if finding.events.is_empty() { &[true] } else { &[true, false] };
        self.has(finding, told, levels)
    }

    /// Whether an earlier run has listed it, at whatever level, with all keys and principals that it is
    /// about: one more of them is something new.
    fn has_told(&self, finding: &Finding) -> bool {
        let all = || finding.members.iter();
        self.has(finding, &[true], Level::ALL.into_iter())
            && all().all(|member| id_of(finding, *member).is_some_and(|id| self.known.has(id)))
    }

    fn has(
        &self,
        finding: &Finding,
        told: &[bool],
        levels: impl Iterator<Item = Level> + Clone,
    ) -> bool {
        told.iter().any(|told| {
            // States of earlier versions do not tell the level.
            let mut ids = levels.clone().map(Some).chain([None]);
            ids.any(|level| id(finding, *told, level).is_some_and(|id| self.known.has(id)))
        })
    }

    /// Notes whether it holds, and whether this run tells it or leaves it out.
    fn judge(&mut self, finding: &Finding, how: (bool, bool)) {
        let ids = self.open.judge(&self.known, finding, how, FOUND_MAX);
        self.found.extend(ids.take(FOUND_MAX.saturating_sub(self.found.len())));
    }

    /// Notes that a suppression of that name leaves it out.
    fn leave_out(&mut self, finding: &Finding, suppression: Name) {
        let ids = self.open.leave_out(&self.known, finding, suppression, FOUND_MAX);
        self.found.extend(ids.take(FOUND_MAX.saturating_sub(self.found.len())));
    }

    /// Notes what this run has learnt of it, beside what it has found.
    fn look_back(&mut self, later: &Aftermath) {
        let ids = self.open.look_back(&self.known, later, FOUND_MAX);
        self.found.extend(ids.take(FOUND_MAX.saturating_sub(self.found.len())));
    }

    /// Remembers that it was found, and whether it was listed.
    fn note(&mut self, finding: &Finding, told: bool) {
        if self.found.len() < FOUND_MAX {
            self.found.extend(id(finding, told, Some(finding.level)));
        }
        let room = FOUND_MAX.saturating_sub(self.found.len());
        if told {
            let members = finding.members.iter().take(room);
            self.found.extend(members.filter_map(|member| id_of(finding, *member)));
        }
    }
}

/// Whether it is of earlier runs alone, and is over: nothing that no event is behind can be undone by one.
fn is_over(finding: &Finding) -> bool {
    let is_reversed = finding.effect.as_ref().is_some_and(|it| it.fate == Fate::Reversed);
    !finding.fresh && finding.events.is_empty() && is_reversed
}

/// The id of a fingerprint at a level. A finding that was not listed has another id.
fn id(finding: &Finding, told: bool, level: Option<Level>) -> Option<Id> {
    let [high, low] = finding.number()?;
    // Odd, so that no two levels have the same.
    let of_level = level.map_or(0, |level| (level as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let high = high ^ of_level;
    Some(if told { [high, low] } else { [!high, low] })
}

/// The id of a key or principal that a finding is about, among others.
fn id_of(finding: &Finding, member: u64) -> Option<Id> {
    let [high, low] = id(finding, true, None)?;
    Some([high ^ member.wrapping_mul(0x9e37_79b9_7f4a_7c15), low.rotate_left(32)])
}

#[cfg(test)]
mod tests;
