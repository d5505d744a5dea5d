//! Finds new keys for which automatic rotation is not turned on.
//!
//! It is code because it depends on a call that did not happen. What must stay true: a key is
//! reported only if the log covers a day after its creation, and only if nothing made rotation
//! unnecessary.

use crate::detect::native::shared::timeline::{DAY, between, mark_key, of_kind, text};
use crate::detect::stateful::{Context, Decided, History, Mark, Noted};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::json::Json;
use crate::record::kms::{Actor, View};

/// A key was created that KMS can rotate by itself.
const CREATED: u32 = 0;
/// Its rotation was turned on.
const ENABLED: u32 = 1;
/// Its deletion was scheduled.
const SCHEDULED: u32 = 2;
/// Its deletion was cancelled.
const CANCELLED: u32 = 3;

/// See `rules/lifecycle/rotation-never-enabled.md`.
#[derive(Debug)]
pub struct RotationNeverEnabled;

impl History for RotationNeverEnabled {
    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        if !view.is_kms() || view.attempt() {
            return;
        }
        let kind = match view.name().as_deref() {
            Some("CreateKey") if can_rotate(event) && view.actor() != Actor::Service => CREATED,
            Some("EnableKeyRotation") => ENABLED,
            Some("ScheduleKeyDeletion") => SCHEDULED,
            Some("CancelKeyDeletion") => CANCELLED,
            _ => return,
        };
        mark_key(view, kind, "", marks);
    }

    fn conclude(&self, notes: &[Noted], context: &Context<'_>) -> Vec<Decided> {
        let last = |kind| of_kind(notes, kind).last().map(|at| notes[*at].time);
        // A key is created once. Further records of its creation are forged or duplicates.
        let Some(created) = of_kind(notes, CREATED).first().copied() else { return Vec::new() };
        let going = last(SCHEDULED) > last(CANCELLED);
        let waited = between(notes[created].time, context.range.1) >= DAY;
        if going || !waited || last(ENABLED).is_some() {
            return Vec::new();
        }
        let why = "automatic rotation was not turned on, and the log goes on for more than a day";
        vec![Decided::new([created], Level::Low).with("why", why)]
    }
}

/// Whether KMS can rotate a new key automatically. The key must be for symmetric encryption, have
/// material from KMS, and not be a replica, which is rotated with its primary key.
fn can_rotate(event: &Event<'_>) -> bool {
    let member = |name: &str| {
        text(event, &["responseElements", "keyMetadata", name])
            .or_else(|| text(event, &["requestParameters", name]))
    };
    let is = |name: &str, wanted: &str| member(name).is_none_or(|value| value == wanted);
    let spec = member("keySpec").or_else(|| member("customerMasterKeySpec"));
    let metadata = event.path(&["responseElements", "keyMetadata"]);
    let replica = metadata
        .and_then(|metadata| metadata.path(&["multiRegionConfiguration", "multiRegionKeyType"]))
        .and_then(Json::scalar)
        .is_some_and(|kind| kind == "REPLICA");
    spec.is_none_or(|spec| spec == "SYMMETRIC_DEFAULT")
        && is("keyUsage", "ENCRYPT_DECRYPT")
        && is("origin", "AWS_KMS")
        && is("keyManager", "CUSTOMER")
        && !replica
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::recorded::{KEY, call, decide, refused};

    fn made(request: &Value) -> Value {
        call("2026-11-01T10:00:00Z", "alice", "CreateKey", KEY, request)
    }

    fn count(records: &[Value], end: &str) -> usize {
        decide(&RotationNeverEnabled, records, end).len()
    }

    #[test]
    fn reported_once_the_log_goes_on_for_a_day() {
        let end = "2026-11-02T10:00:00Z";
        assert_eq!(count(&[made(&json!(null))], end), 1);
        assert_eq!(count(&[made(&json!(null))], "2026-11-02T09:59:59Z"), 0);
        let enable = call("2026-11-05T10:00:00Z", "bob", "EnableKeyRotation", KEY, &json!({}));
        assert_eq!(count(&[made(&json!(null)), enable.clone()], end), 0, "late is not never");
        assert_eq!(count(&[made(&json!(null)), refused(enable)], end), 1);
        let on = |time: &str, name: &str| call(time, "bob", name, KEY, &json!({}));
        let gone = on("2026-11-01T11:00:00Z", "ScheduleKeyDeletion");
        assert_eq!(count(&[made(&json!(null)), gone.clone()], end), 0);
        let back = on("2026-11-01T12:00:00Z", "CancelKeyDeletion");
        assert_eq!(count(&[made(&json!(null)), gone, back], end), 1);
    }

    #[test]
    fn keys_that_kms_does_not_rotate_are_left_out() {
        for request in [
            json!({"keySpec": "RSA_2048"}),
            json!({"customerMasterKeySpec": "ECC_NIST_P256"}),
            json!({"keyUsage": "GENERATE_VERIFY_MAC"}),
            json!({"origin": "EXTERNAL"}),
        ] {
            assert_eq!(count(&[made(&request)], "2026-12-01T00:00:00Z"), 0, "{request}");
        }
        let spec = json!({"keySpec": "SYMMETRIC_DEFAULT", "origin": "AWS_KMS"});
        assert_eq!(count(&[made(&spec)], "2026-12-01T00:00:00Z"), 1);
    }
}
