//! Raises the level of a scheduled deletion if the key was in use.
//!
//! What must stay true: only a use that succeeded before the deletion was scheduled counts.

use serde_json::Value;

use crate::detect::native::shared::timeline::{DAY, mark_key, of_kind, who};
use crate::detect::stateful::{Context, Decided, History, Mark, Noted, Use, Uses};
use crate::model::level::Level;
use crate::model::time::Time;
use crate::record::event::Event;
use crate::record::kms::View;

/// The deletion of a key was scheduled.
const SCHEDULED: u32 = 0;
/// A key was used.
const USED: u32 = 1;

/// How recent a use must be.
const RECENT: i64 = 30 * DAY;

/// See `rules/lifecycle/key-deletion-scheduled.md`.
#[derive(Debug)]
pub struct KeyDeletionScheduledHistory;

impl History for KeyDeletionScheduledHistory {
    fn adjusts(&self) -> Option<&'static str> {
        Some("key-deletion-scheduled")
    }

    fn note(&self, _event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        if view.is_kms() && view.name().is_some_and(|name| name == "ScheduleKeyDeletion") {
            mark_key(view, SCHEDULED, "", marks);
        }
    }

    fn uses(&self) -> Uses<'_> {
        Uses::OfMarkedKeys
    }

    fn needs(&self) -> &[&[u32]] {
        &[&[SCHEDULED, USED]]
    }

    fn note_use(&self, used: &Use<'_>, marks: &mut Vec<Mark>) {
        if let (Some(key), false) = (used.key, used.attempt) {
            marks.push(Mark { part: key.arn.clone(), kind: USED, value: used.name.to_owned() });
        }
    }

    fn conclude(&self, notes: &[Noted], _context: &Context<'_>) -> Vec<Decided> {
        let uses = of_kind(notes, USED);
        // `longest[i]` is the use, of the first `i + 1`, that ended last.
        let mut longest: Vec<usize> = Vec::with_capacity(uses.len());
        for &at in &uses {
            let before = longest.last().copied().unwrap_or(at);
            longest.push(if notes[at].last > notes[before].last { at } else { before });
        }
        let raised = |scheduled: usize| {
            let time = notes[scheduled].time;
            let begun = uses.partition_point(|at| notes[*at].time <= time);
            let used = &notes[*longest.get(begun.checked_sub(1)?)?];
            // A use may begin earlier and continue after a cancelled deletion. It counts even if
            // none of its calls lies within the thirty days.
            let recent = used.last >= Time(time.0.saturating_sub(RECENT));
            recent.then(|| {
                let why = Value::from(reason(used, time));
                Decided::new([scheduled], Level::Critical).with("why", why)
            })
        };
        let found = |at: &usize| notes[*at].found;
        of_kind(notes, SCHEDULED).into_iter().filter(found).filter_map(raised).collect()
    }
}

/// A sentence about who used the key, how and when.
fn reason(used: &Noted, scheduled: Time) -> String {
    let (name, who) = (&used.value, who(&used.about));
    if used.last <= scheduled {
        format!("the key was in use: {name} by {who}, last at {}", used.last)
    } else {
        format!("the key was in use: {name} by {who} from {} to {}", used.time, used.last)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::recorded::{KEY, OTHER, call, decide, refused};

    fn used(first: &str, last: &str, key: &str) -> Value {
        let mut used = call(first, "orders-app", "Decrypt", key, &json!({}));
        used["last"] = json!(last);
        used
    }

    fn raised(uses: &[Value]) -> usize {
        let deletion =
            call("2026-11-23T09:30:00Z", "alice", "ScheduleKeyDeletion", KEY, &json!({}));
        let records: Vec<Value> = uses.iter().cloned().chain([deletion]).collect();
        decide(&KeyDeletionScheduledHistory, &records, "2026-12-23T00:00:00Z").len()
    }

    #[test]
    fn raised_by_a_use_in_the_thirty_days_before() {
        assert_eq!(raised(&[]), 0);
        let (long_ago, edge) = ("2026-01-01T00:00:00Z", "2026-10-24T09:30:00Z");
        assert_eq!(raised(&[used(long_ago, edge, KEY)]), 1);
        assert_eq!(raised(&[used(long_ago, "2026-10-24T09:29:59Z", KEY)]), 0);
        assert_eq!(raised(&[used(long_ago, "2026-11-22T00:00:00Z", OTHER)]), 0);
        let after = used("2026-11-23T09:30:01Z", "2026-11-25T00:00:00Z", KEY);
        assert_eq!(raised(&[after]), 0, "used after a cancelled deletion only");
        assert_eq!(raised(&[refused(used(edge, "2026-11-22T00:00:00Z", KEY))]), 0);
        // A later use that has ended does not hide an earlier one that continues.
        let on = used(long_ago, "2026-11-23T09:29:00Z", KEY);
        assert_eq!(raised(&[on, used("2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z", KEY)]), 1);
    }
}
