//! Finds a principal of ours that encrypts under a key of another account.
//!
//! It is code because the account of a key is in an array or inside an ARN. What must stay true:
//! only the record in the caller's account counts, so that a call across accounts gives one
//! finding. All that one principal does with keys of one other account is one finding.

use std::collections::BTreeSet;

use crate::detect::native::shared::request_fields;
use crate::detect::native::{Detector, Found};
use crate::detect::stateful::Scope;
use crate::model::actor_kind::is_service_linked;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::{Actor, View};

/// See `rules/use/foreign-key-used.md`.
#[derive(Debug)]
pub struct ForeignKeyUsed;

impl Detector for ForeignKeyUsed {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        if view.actor() == Actor::Service || view.crosses_accounts() != Some(false) {
            return None;
        }
        let caller = request_fields::text(event, &["recipientAccountId"])?;
        let mut owners = BTreeSet::new();
        request_fields::each_key_account(event, |account| {
            if account != caller {
                owners.insert(account.to_owned());
            }
        });
        if owners.is_empty() || !view.is_kms() {
            return None;
        }
        let (level, why) = if view.name().is_some_and(|name| name == "Decrypt") {
            (Level::Low, "data was decrypted with a key of another account")
        } else if request_fields::s3_arn(event).is_some() {
            (Level::Critical, "S3 data was encrypted under a key of another account")
        } else {
            (Level::High, "a key of another account was used to encrypt, or a grant made on it")
        };
        // A service copies for its customer, to where the customer told it to.
        let for_service = view.principal_arn().is_some_and(|arn| is_service_linked(&arn));
        let level = if for_service { level.min(Level::Medium) } else { level };
        let named: Vec<&str> = owners.iter().map(String::as_str).collect();
        let by = named.join(" ");
        let found = Found::at(level).with("key_accounts", named).with("why", why);
        let found = found.together(Scope::Principal, by);
        Some(found.if_foreign(owners))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::detector::{changed, found};

    #[test]
    fn only_the_callers_copy_and_only_other_accounts() {
        let record = json!({"eventSource": "kms.amazonaws.com", "eventName": "GenerateDataKey",
            "userIdentity": {"type": "IAMUser", "accountId": "111122223333"},
            "recipientAccountId": "111122223333",
            "resources": [{"ARN": "arn:aws:kms:eu-central-1:777788889999:key/1234abcd"}]});
        let level = |changes: serde_json::Value| {
            found(&ForeignKeyUsed, &changed(&record, &changes)).map(|found| found.level)
        };
        assert_eq!(level(json!({})), Some(Level::High));
        assert_eq!(level(json!({"eventName": "Decrypt"})), Some(Level::Low));
        let s3 = json!({"encryptionContext": {"aws:s3:arn": "arn:aws:s3:::b/o"}});
        assert_eq!(level(json!({"requestParameters": s3})), Some(Level::Critical));
        let linked = json!({"userIdentity": {"sessionContext": {"sessionIssuer": {"arn":
            "arn:aws:iam::111122223333:role/aws-service-role/backup.amazonaws.com/AWSServiceRoleForBackup"}}, "type": "AssumedRole"}});
        assert_eq!(level(linked), Some(Level::Medium));
        let own = json!([{"ARN": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd"}]);
        assert_eq!(level(json!({"resources": own})), None);
        assert_eq!(level(json!({"recipientAccountId": "777788889999"})), None);
        assert_eq!(level(json!({"userIdentity": {"type": "AWSService"}})), None);
        assert_eq!(level(json!({"userIdentity": {"accountId": null}})), None);
        let foreign = found(&ForeignKeyUsed, &record).unwrap().foreign.unwrap();
        assert_eq!(foreign.accounts, BTreeSet::from(["777788889999".to_owned()]));
        assert_eq!(foreign.otherwise, None);
    }
}
