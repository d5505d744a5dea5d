//! Finds data that is moved from a key of one account to a key of another.
//!
//! It is code because it compares two elements of an array. What must stay true: source and
//! destination are distinguished, because data that returns to its own account is not lost.

use crate::detect::native::shared::request_fields;
use crate::detect::native::{Detector, Found};
use crate::detect::stateful::Scope;
use crate::model::actor_kind::is_service_linked;
use crate::model::arn::Arn;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/use/reencrypt-to-foreign-key.md`.
#[derive(Debug)]
pub struct ReencryptToForeignKey;

impl Detector for ReencryptToForeignKey {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        if !view.is_kms() || view.name()? != "ReEncrypt" {
            return None;
        }
        // The source comes first, then the destination, both in `resources` and in `keys`.
        let keys = view.keys();
        let named = |index: usize| keys.get(index)?.account.clone();
        let requested = |member: &str| {
            let text = request_fields::text(event, &["requestParameters", member])?;
            let arn = Arn::parse(&text).filter(|arn| arn.service == "kms")?;
            (!arn.account.is_empty()).then(|| arn.account.to_owned())
        };
        let (source, destination) = if keys.len() == 2 {
            (named(0)?, named(1)?)
        } else {
            // With one key, only the request says whether it is the source or the destination.
            let home = || view.account();
            let source = requested("sourceKeyId").or_else(home)?;
            (source, requested("destinationKeyId")?)
        };
        if source == destination {
            return None;
        }
        // A service copies for its customer, to where the customer told it to.
        let for_service = view.principal_arn().is_some_and(|arn| is_service_linked(&arn));
        let level = if for_service { Level::Medium } else { Level::Critical };
        let found = Found::at(level)
            .with("source_account", source)
            .with("destination_account", destination.as_str())
            .with("why", "from now on the destination's account decides who can decrypt the data")
            .together(Scope::Principal, destination.as_str());
        Some(found.if_foreign_else([destination], Level::Low))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::detector::{changed, found};

    fn key(account: &str, id: &str) -> serde_json::Value {
        json!({"ARN": format!("arn:aws:kms:eu-central-1:{account}:key/{id}"), "type": "AWS::KMS::Key"})
    }

    #[test]
    fn two_accounts_in_this_order() {
        let record = json!({"eventSource": "kms.amazonaws.com", "eventName": "ReEncrypt",
            "recipientAccountId": "111122223333", "awsRegion": "eu-central-1",
            "resources": [key("111122223333", "1234abcd"), key("777788889999", "5678dcba")]});
        let hit = found(&ReencryptToForeignKey, &record).unwrap();
        let foreign = hit.foreign.unwrap();
        assert_eq!(hit.level, Level::Critical);
        assert!(foreign.accounts.contains("777788889999") && foreign.accounts.len() == 1);
        assert_eq!(foreign.otherwise, Some(Level::Low));

        let same = [key("111122223333", "1234abcd"), key("111122223333", "5678dcba")];
        assert_eq!(
            found(&ReencryptToForeignKey, &changed(&record, &json!({"resources": same}))),
            None
        );
        let other = changed(&record, &json!({"eventName": "Decrypt"}));
        assert_eq!(found(&ReencryptToForeignKey, &other), None);
    }

    #[test]
    fn without_resources_the_request_tells() {
        let record = json!({"eventSource": "kms.amazonaws.com", "eventName": "ReEncrypt",
            "recipientAccountId": "111122223333", "awsRegion": "eu-central-1",
            "requestParameters": {"destinationKeyId": "arn:aws:kms:eu-central-1:777788889999:alias/a"}});
        let hit = found(&ReencryptToForeignKey, &record).unwrap();
        assert_eq!(hit.details["source_account"], "111122223333");
        let bare =
            changed(&record, &json!({"requestParameters": {"destinationKeyId": "1234abcd"}}));
        assert_eq!(found(&ReencryptToForeignKey, &bare), None);
    }
}
