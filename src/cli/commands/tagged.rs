//! What is known of the tags of keys and resources, in the form in which it is told.

use crate::model::keys::facts::Inventory;
use crate::model::tag_state::{Presence, TagLine, TagState};
use crate::model::time::Time;
use crate::tags::book::Book;
use crate::tags::change::Source;
use crate::tags::timeline::{State, Why};

/// What is known of the tags of one ARN.
pub(super) fn state(book: &Book, arn: String, at: Time) -> TagState {
    let timeline = book.timeline(&arn);
    let (tags, others) = timeline.index().all_at(at);
    let tags = tags.into_iter().map(|(key, state)| line(key, &state)).collect();
    TagState { arn, tags, complete: !others, evidence: timeline.changes().len() }
}

fn line(key: String, state: &State) -> TagLine {
    let (presence, value, why, by) = match state {
        State::Known(value, by) => (Presence::Known, Some(value.clone()), None, Some(by)),
        State::Absent(by) => (Presence::Absent, None, None, Some(by)),
        State::Unknown(why) => (Presence::Unknown, None, Some(Why::as_str(*why)), None),
    };
    let event = by.and_then(|by| match &by.source {
        Source::Record { id, .. } | Source::Enriched { id, .. } => id.clone(),
        Source::File(_) | Source::Context => None,
    });
    TagLine {
        key,
        state: presence,
        value,
        why,
        since: by.map(|by| by.time),
        by: by.map(|by| by.to_string()),
        event,
    }
}

/// Writes down the tags that keys have at the end.
pub(super) fn tag(inventory: &mut Inventory, book: &Book) {
    for key in &mut inventory.keys {
        let state = state(book, key.arn.clone(), Time(i64::MAX));
        key.tags_complete = state.complete;
        let known = state.tags.into_iter().filter(|tag| tag.state == Presence::Known);
        key.tags = known.map(|tag| (tag.key, tag.value.unwrap_or_default())).collect();
    }
}
