//! Finds new keys without a tag for their business category.
//!
//! It is code because these tags are settings, and because tags may be set after the creation. What
//! must stay true: one governed tag is enough, in any spelling. A key is reported only if the log
//! covers the time in which its tags should be set.

use crate::detect::native::shared::timeline::{MINUTE, between, mark_key, of_kind};
use crate::detect::stateful::{Context, Decided, History, Mark, Noted};
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::json::Json;
use crate::record::kms::{Actor, View};

/// A key was created, perhaps with tags.
const CREATED: u32 = 0;
/// A key was tagged.
const TAGGED: u32 = 1;

/// How long after the creation the tags may be set.
const GRACE: i64 = 15 * MINUTE;

/// Separates the tag keys in the value of a mark. KMS allows no control characters in tag keys.
const SEPARATOR: char = '\u{1f}';

/// See `rules/tags/key-untagged.md`.
#[derive(Debug)]
pub struct KeyUntagged;

impl History for KeyUntagged {
    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        if !view.is_kms() || view.attempt() {
            return;
        }
        let kind = match view.name().as_deref() {
            Some("CreateKey") if view.actor() != Actor::Service && !is_of_aws(event) => CREATED,
            Some("TagResource") => TAGGED,
            _ => return,
        };
        let tags = event.path(&["requestParameters", "tags"]);
        let tags = tags.into_iter().flat_map(Json::elements);
        let names = tags.filter_map(|tag| tag.get_any_case("tagKey").and_then(Json::scalar));
        let names: Vec<_> = names.collect();
        mark_key(view, kind, names.join(&SEPARATOR.to_string()), marks);
    }

    fn conclude(&self, notes: &[Noted], context: &Context<'_>) -> Vec<Decided> {
        let Some(created) = of_kind(notes, CREATED).first().copied() else { return Vec::new() };
        let time = notes[created].time;
        if context.estate.governed_tags.is_empty()
            || between(time, context.range.1) < GRACE
            || governs(context.estate, &notes[created])
        {
            return Vec::new();
        }
        let tagged = of_kind(notes, TAGGED);
        let mut governed = tagged.into_iter().filter(|at| governs(context.estate, &notes[*at]));
        let Some(tagged) = governed.next() else {
            let why = "the key was created with none of the governed tags, and given none";
            return vec![Decided::new([created], Level::Low).with("why", why)];
        };
        if between(time, notes[tagged].time) <= GRACE {
            return Vec::new();
        }
        let why = "the key was created with none of the governed tags, and tagged only later";
        let found = Decided::new([created, tagged], Level::Low).with("why", why);
        vec![found.with("tagged", notes[tagged].time.to_string())]
    }
}

/// Whether the record of a note sets any governed tag.
fn governs(estate: &Estate, noted: &Noted) -> bool {
    noted.value.split(SEPARATOR).any(|name| estate.governed_tag(name).is_some())
}

/// Whether AWS created the key for one of its services. Nobody can tag such a key.
fn is_of_aws(event: &Event<'_>) -> bool {
    let manager = event.text_at(&["responseElements", "keyMetadata", "keyManager"]);
    manager.is_some_and(|manager| manager == "AWS")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::recorded::{KEY, call, decide, refused};

    fn tag(name: &str) -> Value {
        json!({"tags": [{"tagKey": "Name", "tagValue": "x"}, {"tagKey": name, "tagValue": "y"}]})
    }

    fn at(time: &str, name: &str, request: &Value) -> Value {
        call(time, "alice", name, KEY, request)
    }

    fn count(records: &[Value], end: &str) -> usize {
        decide(&KeyUntagged, records, end).len()
    }

    #[test]
    fn one_governed_tag_in_time_is_enough() {
        let end = "2026-12-01T00:00:00Z";
        let made = |request: &Value| at("2026-11-01T10:00:00Z", "CreateKey", request);
        let bare =
            || made(&json!({"tags": [{"tagKey": "Name", "tagValue": "x"}, 7, {"tagKey": {}}]}));
        assert_eq!(count(&[bare()], end), 1);
        assert_eq!(count(&[made(&json!(null))], end), 1);
        assert_eq!(count(&[made(&tag("cost-center"))], end), 0);
        assert_eq!(count(&[bare()], "2026-11-01T10:14:59Z"), 0, "the log ends too early");
        let later = |time: &str| at(time, "TagResource", &tag("Owner"));
        assert_eq!(count(&[bare(), later("2026-11-01T10:15:00Z")], end), 0);
        assert_eq!(count(&[bare(), refused(later("2026-11-01T10:15:00Z"))], end), 1);
        let late = decide(&KeyUntagged, &[bare(), later("2026-11-01T10:15:01Z")], end);
        assert_eq!(late[0].1.details["tagged"], "2026-11-01T10:15:01Z");
    }
}
