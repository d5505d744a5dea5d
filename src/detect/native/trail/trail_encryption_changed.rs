//! Finds calls that remove or replace the key of a trail.
//!
//! It is code because the level depends on who owns the new key. What must stay true: a request
//! without the member does not change the key and gives no finding.

use crate::detect::native::shared::accounts::{is_recipient, key_account};
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::json::Kind;
use crate::record::kms::View;
use crate::record::shape::is_call;

/// The service that keeps the trail of a landing zone. Nobody else can act in its name.
const CONTROL_TOWER: &str = "controltower.amazonaws.com";

/// See `rules/trail/trail-encryption-changed.md`.
#[derive(Debug)]
pub struct TrailEncryptionChanged;

impl Detector for TrailEncryptionChanged {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        if !is_call(view, "cloudtrail.amazonaws.com", &["UpdateTrail"]) {
            return None;
        }
        let asked = event.path(&["requestParameters", "kmsKeyId"])?;
        if asked.kind() != Kind::String {
            return None;
        }
        let asked = asked.as_str()?;
        if asked.is_empty() {
            let found = Found::at(Level::High).with("change", "removed");
            return Some(
                found.with("why", "new log files are no longer encrypted under a KMS key"),
            );
        }
        // An alias or a bare id has no account. The response has the ARN.
        let given = event.text_at(&["responseElements", "kmsKeyId"]);
        let account = key_account(&asked).or_else(|| key_account(&given?));
        let found = Found::at(Level::High).with("change", "replaced").with("kmsKeyId", &*asked);
        let Some(account) = account else { return Some(found) };
        let found = found.with("key_account", account.as_str());
        // Whoever sets up a landing zone names the key of its log archive, which is an account of
        // the organisation. A single account's logs do not show that.
        if is_recipient(view, &account) || view.invoked_by() == Some(CONTROL_TOWER) {
            return Some(found);
        }
        Some(Found { level: Level::Critical, ..found }.if_foreign_else([account], Level::High))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::detector::{changed, found};

    #[test]
    fn control_tower_names_a_key_of_the_organisation() {
        let record = json!({"eventSource": "cloudtrail.amazonaws.com", "eventName": "UpdateTrail",
            "userIdentity": {"type": "AssumedRole"}, "recipientAccountId": "111122223333",
            "requestParameters":
                {"kmsKeyId": "arn:aws:kms:eu-central-1:777788889999:key/1234abcd"}});
        let level = |changes: serde_json::Value| {
            found(&TrailEncryptionChanged, &changed(&record, &changes)).map(|found| found.level)
        };
        assert_eq!(level(json!({})), Some(Level::Critical));
        let by = |service: &str| json!({"userIdentity": {"invokedBy": service}});
        assert_eq!(level(by("controltower.amazonaws.com")), Some(Level::High));
        assert_eq!(level(by("cloudformation.amazonaws.com")), Some(Level::Critical));
        let agent = json!({"userAgent": "controltower.amazonaws.com"});
        assert_eq!(level(agent), Some(Level::Critical), "anybody may call itself so");
    }
}
