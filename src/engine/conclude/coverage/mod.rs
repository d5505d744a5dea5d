//! Coverage and silence: which hours of each account and Region are in the logs, which are not, and
//! which of those should be.
//!
//! ```text
//! judge      gaps, and which of them are no quiet hours
//! expected   what the configuration expects and never was there
//! finding    what becomes a finding
//! ```
//!
//! What must stay true: findings rest on what records say of themselves, so that the same records
//! give the same findings whatever their files are called; what is told of files rests on their
//! names.

mod expected;
mod finding;
mod judge;
#[cfg(test)]
mod tests;

use crate::engine::conclude::stateful::evidence::Found;
use crate::engine::context::Context;
use crate::engine::partial::problems::Problems;
use crate::model::aftermath::Aftermath;
use crate::model::coverage::{Coverage, Covered, DAYS_MAX, PLACES_MAX};
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};

/// What the hours of a log tell.
pub(super) struct LogHours {
    pub covered: Vec<Covered>,
    pub found: Vec<Found>,
    /// What earlier runs told to be missing and is delivered by now.
    pub ended: Vec<Aftermath>,
    /// Whether the log is long enough to tell that something is missing,
    long: bool,
    /// and the configuration expects something of it.
    expects: bool,
}

impl LogHours {
    /// How many records rules were shown that look at hours, or at what is `expected`: all of the accounts
    /// and Regions that have hours in the range, or none.
    pub fn shown(&self, expected: bool) -> u64 {
        let looked = if expected { self.expects } else { self.long };
        let records = self.covered.iter().map(|covered| covered.counts.records);
        if looked { records.fold(0, u64::saturating_add) } else { 0 }
    }
}

/// Which hours there are, and findings about those that should be there too. `unread` is whether
/// some input could not be read, so that nobody knows what is missing.
pub(super) fn covered(
    context: &Context<'_>,
    coverage: &mut Coverage,
    (problems, unread): (&mut Problems, bool),
) -> LogHours {
    let plan = context.plan;
    let gap_hours = plan.estate.thresholds.gap_hours;
    let look = judge::Look { filter: &plan.filter, gap_hours, now: plan.now, unread };
    let (covered, judged) = judge::judge(coverage, &plan.coverage, &look);
    if coverage.is_cut() {
        let message = format!(
            "more than {PLACES_MAX} accounts and Regions, or {DAYS_MAX} days of one: the hours of \
             some are not looked at"
        );
        problems.add(Problem::new(Origin::blob("*"), Stage::Read, message));
    }
    let mut found = finding::of_hours(context, &judged);
    let of = |coverage: &Coverage| expected::undelivered(coverage, &plan.estate, &plan.filter);
    let long = expected::is_long(coverage, &plan.estate);
    // What is delivered is there, whatever could not be read.
    let ended = match long {
        true => expected::delivered(&of(&plan.coverage), &of(coverage), (coverage, &plan.coverage)),
        false => Vec::new(),
    };
    if !unread {
        // Whoever expects something else wants to know of all of it.
        let same = plan.past.as_ref().is_some_and(|past| past.memory.expects == expects(context));
        let before = if same { of(&plan.coverage) } else { Vec::new() };
        found.extend(finding::of_expected(context, &of(coverage), &before));
    }
    let ended = finding::of_delivered(context, &ended);
    let long = long && !unread;
    let expects = long && expected::expects(&plan.estate);
    LogHours { covered, found, ended, long, expects }
}

/// Keyed hash of what the configuration expects.
pub(super) fn expects(context: &Context<'_>) -> u64 {
    let estate = &context.plan.estate;
    let what = format!("{:?} {:?}", estate.own_accounts, estate.expected_regions);
    context.key.short(what.as_bytes())
}
