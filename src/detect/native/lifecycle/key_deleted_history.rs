//! Lowers the level of a deleted key if the deletion was announced: scheduled, not cancelled, and
//! due. Where the log begins too late to have the announcement, it is lowered less.
//!
//! What must stay true: in doubt the finding keeps its level. This is so if the announcement should
//! be in the log and is not, was cancelled, or named a later time, and if key material was left
//! behind.

use serde_json::Value;

use crate::detect::native::shared::timeline::{
    DAY, between, last_until, mark_key, of_kind, text, who,
};
use crate::detect::stateful::{Context, Decided, History, Mark, Noted};
use crate::model::date_text;
use crate::model::level::Level;
use crate::model::time::Time;
use crate::record::event::{Event, event_time};
use crate::record::kms::View;

/// A key was deleted.
const DELETED: u32 = 0;
/// Its deletion was scheduled.
const SCHEDULED: u32 = 1;
/// Its deletion was cancelled.
const CANCELLED: u32 = 2;

/// The value of a mark for a deletion that left material behind.
const ORPHANED: &str = "orphaned";

/// The waiting period if the request names none, and the longest that KMS accepts.
const DEFAULT_DAYS: i64 = 30;

/// See `rules/lifecycle/key-deleted.md`.
#[derive(Debug)]
pub struct KeyDeletedHistory;

impl History for KeyDeletedHistory {
    fn adjusts(&self) -> Option<&'static str> {
        Some("key-deleted")
    }

    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        if !view.is_kms() || view.attempt() {
            return;
        }
        match view.name().as_deref() {
            Some("DeleteKey") => {
                let value = if leaves_orphans(event) { ORPHANED } else { "" };
                mark_key(view, DELETED, value, marks);
            }
            Some("ScheduleKeyDeletion") => {
                let due = due(event).map(|time| time.0.to_string());
                mark_key(view, SCHEDULED, due.unwrap_or_default(), marks);
            }
            Some("CancelKeyDeletion") => mark_key(view, CANCELLED, "", marks),
            _ => {}
        }
    }

    fn conclude(&self, notes: &[Noted], context: &Context<'_>) -> Vec<Decided> {
        let (scheduled, cancelled) = (of_kind(notes, SCHEDULED), of_kind(notes, CANCELLED));
        let lowered = |deleted: usize| {
            let time = notes[deleted].time;
            let cancelled = last_until(notes, &cancelled, time);
            let Some(by) = last_until(notes, &scheduled, time).map(|at| &notes[at]) else {
                return cancelled.is_none().then(|| unannounced(context.range.0, time)).flatten();
            };
            if cancelled.is_some_and(|at| notes[at].time >= by.time) {
                return None;
            }
            let due = Time(by.value.parse().ok()?);
            (due <= time).then(|| {
                let why = format!("scheduled at {} by {} for {due}", by.time, who(&by.about));
                (Level::Informational, why)
            })
        };
        let decided = |deleted: usize| {
            let (level, why) = lowered(deleted)?;
            Some(Decided::new([deleted], level).with("why", why))
        };
        let whole = |at: &usize| notes[*at].found && notes[*at].value != ORPHANED;
        of_kind(notes, DELETED).into_iter().filter(whole).filter_map(decided).collect()
    }
}

/// The level and the reason, if the log begins so late that it need not have the announcement.
fn unannounced(begin: Time, deleted: Time) -> Option<(Level, String)> {
    (between(begin, deleted) < DEFAULT_DAYS * DAY).then(|| {
        let why = format!("the log begins at {begin}, and the deletion may be announced before");
        (Level::Medium, why)
    })
}

/// When a scheduled deletion is due: at the announced time, or at the end of the waiting period.
fn due(event: &Event<'_>) -> Option<Time> {
    let announced = text(event, &["responseElements", "deletionDate"]);
    if let Some(time) = announced.and_then(|text| date_text::read(&text)) {
        return Some(time);
    }
    let days = |place: &str| text(event, &[place, "pendingWindowInDays"])?.parse::<i64>().ok();
    let days = days("responseElements").or_else(|| days("requestParameters"));
    let window = days.unwrap_or(DEFAULT_DAYS).max(0).saturating_mul(DAY);
    let time = event.get("eventTime").and_then(event_time)?;
    Some(Time(time.0.saturating_add(window)))
}

/// Whether the record says that the deletion of a backing key failed. The list is JSON in a string.
/// If it cannot be parsed, it counts as a failure.
fn leaves_orphans(event: &Event<'_>) -> bool {
    let path = ["additionalEventData", "backingKeysDeletionStatus"];
    let Some(list) = event.path(&path).filter(|list| !list.is_null()) else { return false };
    let list = match list.as_str() {
        Some(text) => serde_json::from_str(&text).unwrap_or_default(),
        None => list.to_value(),
    };
    let succeeded =
        |key: &Value| key.get("deletionStatus").and_then(Value::as_str) == Some("SUCCESS");
    !list.as_array().is_some_and(|keys| keys.iter().all(succeeded))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::recorded::{KEY, OTHER, call, decide, refused};

    fn deleted(time: &str) -> Value {
        let mut record = call(time, "-", "DeleteKey", KEY, &json!(null));
        record["userIdentity"] = json!({"accountId": "111122223333", "invokedBy": "AWS Internal"});
        record
    }

    fn scheduled(response: Value) -> Value {
        let request = json!({"keyId": KEY, "pendingWindowInDays": 7});
        let mut record =
            call("2026-11-01T10:00:00Z", "alice", "ScheduleKeyDeletion", KEY, &request);
        record["responseElements"] = response;
        record
    }

    fn levels(records: &[Value]) -> Vec<Level> {
        let found = decide(&KeyDeletedHistory, records, "2026-12-31T00:00:00Z");
        found.into_iter().map(|(_, decided)| decided.level).collect()
    }

    fn lowered(records: &[Value]) -> usize {
        levels(records).iter().filter(|level| **level == Level::Informational).count()
    }

    #[test]
    fn a_log_that_begins_late_need_not_have_the_announcement() {
        let begins = |time: &str| call(time, "bob", "ScheduleKeyDeletion", OTHER, &json!({}));
        let gone = deleted("2026-11-30T10:00:00Z");
        let late = begins("2026-10-31T10:00:01Z");
        assert_eq!(levels(&[late.clone(), gone.clone()]), [Level::Medium]);
        assert_eq!(levels(&[begins("2026-10-31T10:00:00Z"), gone.clone()]), []);
        let cancel = call("2026-11-02T10:00:00Z", "bob", "CancelKeyDeletion", KEY, &json!({}));
        assert_eq!(levels(&[late.clone(), cancel, gone.clone()]), []);
        let mut orphaned = gone;
        orphaned["additionalEventData"] = json!({"backingKeysDeletionStatus": "odd"});
        assert_eq!(levels(&[late, orphaned]), []);
    }

    #[test]
    fn lowered_when_due_and_not_cancelled() {
        let due = "2026-11-08T10:00:00Z";
        for response in [
            json!({"deletionDate": "Nov 8, 2026, 10:00:00\u{202f}AM", "pendingWindowInDays": 7}),
            json!({"deletionDate": "soon"}),
            json!(null),
        ] {
            assert_eq!(lowered(&[scheduled(response.clone()), deleted(due)]), 1, "{response}");
            let early = deleted("2026-11-08T09:59:59Z");
            assert_eq!(lowered(&[scheduled(response), early]), 0);
        }
        assert_eq!(lowered(&[deleted(due)]), 0);
        assert_eq!(lowered(&[refused(scheduled(json!(null))), deleted(due)]), 0);
        let cancel = call("2026-11-02T10:00:00Z", "bob", "CancelKeyDeletion", KEY, &json!({}));
        assert_eq!(lowered(&[scheduled(json!(null)), cancel, deleted(due)]), 0);
        let far = json!({"pendingWindowInDays": i64::MAX});
        assert_eq!(lowered(&[scheduled(far), deleted(due)]), 0);
    }

    #[test]
    fn material_left_behind_is_never_lowered() {
        let status = |text: Value| {
            let mut record = deleted("2026-11-20T10:00:00Z");
            record["additionalEventData"] = json!({"backingKeysDeletionStatus": text});
            lowered(&[scheduled(json!(null)), record])
        };
        assert_eq!(status(json!(r#"[{"keyHandle":"16","deletionStatus":"SUCCESS"}]"#)), 1);
        assert_eq!(status(json!(r#"[{"keyHandle":"16","deletionStatus":"FAILED"}]"#)), 0);
        assert_eq!(status(json!("odd")), 0);
        assert_eq!(status(json!(null)), 1);
    }
}
