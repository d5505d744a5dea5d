//! Problems that are found while concluding: what had no room, and what does not fit together.
//!
//! What must stay true: each says what was left out, and what that means for the report.

use crate::engine::partial::uses::JOINS;
use crate::engine::plan::Plan;
use crate::engine::store::names::Names;
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::tags::book::Book;
use crate::tags::enriched::EnrichedTags;

/// Tag changes for which there was no room.
pub fn too_many_tags(plan: &Plan, book: &Book) -> Vec<Problem> {
    let most = plan.limits.tags;
    let cut = book.cut_short();
    let of_records = cut.first().map(|first| {
        let others = match cut.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} others"),
        };
        format!(
            "more tag changes than the {most} that have room: of those by {first}{others} the oldest \
             are left out, and the tags that they changed are taken to be unknown"
        )
    });
    let of_files = (book.unfiled() > 0).then(|| {
        format!(
            "more tags in files than the {most} that have room: {} resources are left out",
            book.unfiled()
        )
    });
    let problem = |message| Problem::new(Origin::blob("*"), Stage::Tags, message);
    of_records.into_iter().chain(of_files).map(problem).collect()
}

/// Tags in enriched events for which there was no room.
pub fn too_many_enriched(enriched: &EnrichedTags) -> Option<Problem> {
    let message = format!(
        "enriched events tell the tags of more resources than have room: those from {} on, in the \
         order of ARNs, are taken to be unknown",
        enriched.bound()?
    );
    Some(Problem::new(Origin::blob("*"), Stage::Tags, message))
}

/// Aliases and ids of which some stand for nothing that is known.
pub fn too_many_names() -> Problem {
    let message = format!(
        "more than {JOINS} aliases and ids that stand for ARNs: the tags behind some are taken to be \
         unknown"
    );
    Problem::new(Origin::blob("*"), Stage::Tags, message)
}

/// Different texts that share their hash: one in billions of runs has any.
pub fn collision(count: u64) -> Option<Problem> {
    let message = format!(
        "{count} names share the hash of another one, so that uses may be taken together that are \
         not: expected none; scan again"
    );
    (count > 0).then(|| Problem::new(Origin::blob("*"), Stage::Read, message))
}

/// Records that share their ids and not their content.
pub fn conflict(names: &Names, places: &[(u64, u64)]) -> Problem {
    let origin = |&(blob, record): &(u64, u64)| {
        let name = names.get(blob).unwrap_or_else(|_| "?".into());
        Origin::record(name, record)
    };
    let smallest = places.iter().map(origin).min().unwrap_or_else(|| Origin::blob("?"));
    let message = "records with the same eventID and recipientAccountId have different content: \
                   expected copies; all were evaluated, all but one may be forged";
    Problem::new(smallest, Stage::Parse, message)
}

/// That nothing is said of what was undone.
pub fn too_many_undoings() -> Problem {
    let message =
        "there are too many calls that may undo others, so nothing is said of what was undone";
    Problem::new(Origin::blob("*"), Stage::Rule, message)
}
