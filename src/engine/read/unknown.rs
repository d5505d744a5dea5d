//! What is said of records of which an export has left something out.
//!
//! What must stay true: a match that was not told, and a call of which nobody knows whether it
//! succeeded, are always noted.

use std::collections::BTreeSet;

use super::blob::BlobSink;
use super::uses;
use crate::engine::context::Context;
use crate::engine::evaluate::Record;
use crate::engine::evaluate::ask::Answers;
use crate::record::unknown::Unknown;

/// Notes what of a record is unknown, and the rules that could not decide because of it.
pub fn note(sink: &mut BlobSink<'_, '_>, record: &Record<'_>, answers: &Answers) {
    let Some(unknown) = Unknown::of(record.view.event().text()) else { return };
    let number = Some(record.number);
    let names: Vec<&str> = unknown.names().collect();
    let message = format!(
        "Rules that ask for one of these members do not decide, because an export left them out: {}.",
        names.join(", ")
    );
    sink.note(number, 1, &message);
    if unknown.has("errorCode") {
        let message = "An export does not tell whether calls failed. They are judged as if they had \
                       succeeded.";
        sink.note(number, 1, message);
    }
    let context = sink.context;
    let ungrouped = ungrouped(context, answers).into_iter();
    let ungrouped = ungrouped.filter_map(|number| Some(context.over(number)?.rule));
    let undecided: BTreeSet<usize> = answers.undecided.iter().copied().chain(ungrouped).collect();
    for rule in undecided {
        let id = context.plan.rules.metas().get(rule).map_or("?", |meta| meta.id.as_str());
        let message = format!("Rule {id} could not decide: an export left out what it asks for.");
        sink.note(number, 1, &message);
    }
}

/// The correlations in which some match does not count.
fn ungrouped(context: &Context<'_>, answers: &Answers) -> BTreeSet<u32> {
    let mut all: BTreeSet<u32> = answers.ungrouped.iter().map(|(_, number)| *number).collect();
    // A match that one correlation over rows cannot group counts in none of them.
    for hit in &answers.hits {
        let mut by_row = uses::by_row(context, hit);
        if by_row.any(|number| answers.ungrouped.contains(&(hit.rule, number))) {
            all.extend(uses::by_row(context, hit));
        }
    }
    all
}
