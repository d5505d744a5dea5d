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
use crate::model::coverage::{Coverage, Covered, DAYS_MAX, PLACES_MAX};
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};

/// Which hours there are, and findings about those that should be there too. `unread` is whether
/// some input could not be read, so that nobody knows what is missing.
pub(super) fn covered(
    context: &Context<'_>,
    coverage: &mut Coverage,
    (problems, unread): (&mut Problems, bool),
) -> (Vec<Covered>, Vec<Found>) {
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
    if !unread {
        let of = |coverage| expected::undelivered(coverage, &plan.estate, &plan.filter);
        // Whoever expects something else wants to know of all of it.
        let same = plan.past.as_ref().is_some_and(|past| past.memory.expects == expects(context));
        let before = if same { of(&plan.coverage) } else { Vec::new() };
        found.extend(finding::of_expected(context, &of(coverage), &before));
    }
    (covered, found)
}

/// Keyed hash of what the configuration expects.
pub(super) fn expects(context: &Context<'_>) -> u64 {
    let estate = &context.plan.estate;
    let what = format!("{:?} {:?}", estate.own_accounts, estate.expected_regions);
    context.key.short(what.as_bytes())
}
