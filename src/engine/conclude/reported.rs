//! Groups to the findings of a report: settled, admitted, folded, put in order, one after the other.
//!
//! What must stay true: what goes wrong on the way is a problem, and what was found until then is
//! told.

use std::sync::Arc;

use super::admitted::Admitted;
use super::fold::{Fold, Standing};
use super::noted::Noted;
use super::settle::Settling;
use super::sort::Sorting;
use super::tags::ledger::Tags;
use super::undone::Undoings;
use crate::engine::context::Context;
use crate::engine::partial::groups::Groups;
use crate::engine::partial::problems::Problems;
use crate::model::finding::Finding;
use crate::model::findings::Findings;
use crate::model::outcome::Summary;

/// The findings to list, and all of them by level. Of the groups, the first are of single records, the
/// second of many. What was noted of all of them is for the next run.
pub fn reported(
    context: &Context<'_>,
    (settling, groups): (&Settling<'_>, (Groups, Groups)),
    (of_files, tags, undone): (Vec<Finding>, &Tags<'_>, Option<Undoings>),
    problems: &mut Problems,
) -> (Findings, Summary, Noted) {
    let plan = context.plan;
    let mut admitted = Admitted::new(plan, context.key);
    let mut sorting = Sorting::new(context, undone);
    let limits = plan.limits;
    let alike = (plan.rules.alike().collect(), limits.alike);
    let mut fold = Fold::new(context.key, limits.standing, alike, limits.groups);
    let settled =
        settling.settle(groups, |finding| match admitted.of_records(finding, sorting.undone()) {
            // Whoever asks for each event gets each.
            Some(settled) if plan.each => sorting.take(Standing { settled, folded: None }),
            Some(settled) => fold.take(settled),
            None => {}
        });
    problems.or_missing(settled, "findings are missing");
    let folded = fold.finish(|standing| sorting.take(standing));
    problems.or_missing(folded, "findings are missing");
    let of_files = of_files.into_iter().filter_map(|finding| admitted.of_files(finding));
    of_files.for_each(|finding| sorting.take_of_files(finding));
    let noted = admitted.into_noted();
    sorting.lose(Arc::clone(&noted.lost));
    let (listed, summary, lost) = sorting.finish(tags);
    problems.or_missing(lost, "tags of keys and resources are missing");
    (problems.or_missing(listed, "findings are missing"), summary, noted)
}
