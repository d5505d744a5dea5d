//! Finds a key of ours that another account uses.
//!
//! It is code because the account of a key is in an array or inside an ARN. What must stay true:
//! only the record in the key owner's account counts, so that a call across accounts gives one
//! finding; and one key and one other account give one finding, on however many volumes it is used.

use crate::detect::native::shared::request_fields;
use crate::detect::native::{Detector, Found};
use crate::detect::stateful::Scope;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::{Actor, View};

/// See `rules/use/key-used-by-foreign-account.md`.
#[derive(Debug)]
pub struct KeyUsedByForeignAccount;

impl Detector for KeyUsedByForeignAccount {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        if view.crosses_accounts() != Some(true) || view.actor() == Actor::Service {
            return None;
        }
        let caller = view.caller_account()?;
        let owner = request_fields::text(event, &["recipientAccountId"])?;
        let mut ours = false;
        request_fields::each_key_account(event, |account| ours |= account == owner);
        if !ours || !view.is_kms() {
            return None;
        }
        let found = Found::at(Level::Medium)
            .with("caller_account", caller.as_str())
            .with("why", "the caller belongs to an account that is neither own nor trusted")
            .together(Scope::Key, caller.as_str());
        Some(found.if_foreign([caller]))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::detector::{changed, found};

    #[test]
    fn only_the_owners_copy() {
        let record = json!({"eventSource": "kms.amazonaws.com", "eventName": "Decrypt",
            "userIdentity": {"type": "AWSAccount", "accountId": "777788889999"},
            "recipientAccountId": "111122223333",
            "resources": [{"ARN": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd"}]});
        let hit = found(&KeyUsedByForeignAccount, &record).unwrap();
        assert_eq!(hit.level, Level::Medium);
        assert!(hit.foreign.unwrap().accounts.contains("777788889999"));
        for changes in [
            json!({"userIdentity": {"accountId": "111122223333"}}),
            json!({"userIdentity": {"type": "AWSService"}}),
            json!({"userIdentity": {"accountId": null}}),
            json!({"recipientAccountId": "777788889999"}),
            json!({"resources": null}),
            json!({"eventSource": "payment-cryptography.amazonaws.com"}),
        ] {
            let quiet = changed(&record, &changes);
            assert_eq!(found(&KeyUsedByForeignAccount, &quiet), None, "{changes}");
        }
    }
}
