//! What is said of records of which an export has left something out.
//!
//! What must stay true: a match that was not told, and a call of which nobody knows whether it
//! succeeded, are always noted.

use super::blob::BlobSink;
use crate::engine::evaluate::Record;
use crate::record::unknown::Unknown;

/// Notes what of a record is unknown, and the rules that could not decide because of it.
pub fn note(sink: &mut BlobSink<'_, '_>, record: &Record<'_>, undecided: &[usize]) {
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
    let rules = &sink.context.plan.rules;
    for rule in undecided {
        let id = rules.metas().get(*rule).map_or("?", |meta| meta.id.as_str());
        let message = format!("Rule {id} could not decide: an export left out what it asks for.");
        sink.note(number, 1, &message);
    }
}
