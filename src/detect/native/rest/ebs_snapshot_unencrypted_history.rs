//! Raises the level of an unencrypted copy of a snapshot that was encrypted.
//!
//! What must stay true: the order of records does not matter, because the encryption of a snapshot
//! never changes.

use crate::detect::native::shared::timeline::{of_kind, text};
use crate::detect::stateful::{Context, Decided, History, Mark, Noted};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::json::Json;
use crate::record::kms::View;

/// The snapshot is encrypted.
const ENCRYPTED: u32 = 0;
/// It was copied.
const COPIED: u32 = 1;

/// See `rules/rest/ebs-snapshot-unencrypted.md`.
#[derive(Debug)]
pub struct EbsSnapshotUnencryptedHistory;

impl History for EbsSnapshotUnencryptedHistory {
    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        let mut mark = |part: Option<std::borrow::Cow<'_, str>>, kind| {
            let part = part.filter(|id| id.starts_with("snap-"));
            marks.extend(part.map(|id| Mark { part: id.into_owned(), kind, value: String::new() }));
        };
        if text(event, &["eventSource"]).is_none_or(|source| source != "ec2.amazonaws.com") {
            return;
        }
        match view.name().as_deref() {
            Some("CopySnapshot") => {
                mark(text(event, &["requestParameters", "sourceSnapshotId"]), COPIED);
                let asked = text(event, &["requestParameters", "encrypted"]);
                if asked.is_some_and(|flag| flag == "true") && !view.attempt() {
                    mark(text(event, &["responseElements", "snapshotId"]), ENCRYPTED);
                }
            }
            Some("CreateSnapshot") if !view.attempt() => {
                let answer = event.get("responseElements");
                let flag = answer.and_then(|answer| answer.get("encrypted")).and_then(Json::scalar);
                if flag.is_some_and(|flag| flag == "true") {
                    mark(text(event, &["responseElements", "snapshotId"]), ENCRYPTED);
                }
            }
            _ => {}
        }
    }

    fn conclude(&self, notes: &[Noted], _context: &Context<'_>) -> Vec<Decided> {
        let found = |at: usize| {
            let why = "the snapshot that was copied is encrypted";
            Decided::new([at], Level::High).with("why", why)
        };
        match of_kind(notes, ENCRYPTED).is_empty() {
            true => Vec::new(),
            false => of_kind(notes, COPIED).into_iter().map(found).collect(),
        }
    }

    fn adjusts(&self) -> Option<&'static str> {
        Some("ebs-snapshot-unencrypted")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::recorded::decide;

    fn ec2(name: &str, request: &Value, answer: &Value) -> Value {
        json!({"eventSource": "ec2.amazonaws.com", "eventName": name, "eventID": name,
            "eventTime": "2026-11-02T10:00:00Z", "awsRegion": "eu-central-1",
            "requestParameters": request, "responseElements": answer})
    }

    #[test]
    fn copies_of_encrypted_ones() {
        let found = |encrypted: bool| {
            let answer = json!({"snapshotId": "snap-1", "encrypted": encrypted});
            let request = json!({"sourceSnapshotId": "snap-1", "encrypted": false});
            let records = [
                ec2("CopySnapshot", &request, &json!({"snapshotId": "snap-2"})),
                ec2("CreateSnapshot", &json!({}), &answer),
            ];
            decide(&EbsSnapshotUnencryptedHistory, &records, "2026-12-01T00:00:00Z").len()
        };
        assert_eq!((found(true), found(false)), (1, 0));
    }
}
