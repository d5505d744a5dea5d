//! Finds principals that call `Decrypt` or `ReEncrypt` themselves.
//!
//! It is code because the principals that may do so are a setting. What must stay true: of the two
//! records of a call across accounts, that in the caller's account counts if there is one.

use std::sync::Arc;

use crate::detect::native::{Detector, Found};
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::json::Json;
use crate::record::kms::View;

/// See `rules/use/direct-decrypt.md`.
#[derive(Debug)]
pub struct DirectDecrypt(pub Arc<Estate>);

impl Detector for DirectDecrypt {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let expected = &self.0.direct_use_roles;
        if !expected.is_empty() && view.principal_arn().is_some_and(|arn| expected.match_arn(&arn))
        {
            return None;
        }
        let kind = event.text_at(&["userIdentity", "type"]);
        let long_term = matches!(kind.as_deref(), Some("Root" | "IAMUser"));
        let console = event
            .get("sessionCredentialFromConsole")
            .and_then(Json::scalar)
            .is_some_and(|value| value == "true");
        let level = if long_term || console { Level::High } else { Level::Medium };
        let found = Found::at(level);
        match view.caller_account().filter(|_| view.crosses_accounts() == Some(true)) {
            // An own account has the caller's record too.
            Some(caller) => Some(found.if_foreign_else([caller], Level::Low)),
            None => Some(found),
        }
    }

    fn is_selective(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::detector::{changed, found};
    use crate::model::pattern::Patterns;

    #[test]
    fn people_are_high_and_expected_principals_nothing() {
        let record = json!({"eventSource": "kms.amazonaws.com", "eventName": "Decrypt",
            "recipientAccountId": "111122223333", "userIdentity": {"type": "AssumedRole",
                "accountId": "111122223333", "sessionContext":
                {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/app"}}}});
        let rule = DirectDecrypt(Arc::default());
        let level = |changes: serde_json::Value| {
            found(&rule, &changed(&record, &changes)).map(|found| found.level)
        };
        assert_eq!(level(json!({})), Some(Level::Medium));
        assert_eq!(level(json!({"sessionCredentialFromConsole": "true"})), Some(Level::High));
        assert_eq!(level(json!({"sessionCredentialFromConsole": true})), Some(Level::High));
        assert_eq!(level(json!({"userIdentity": {"type": "IAMUser"}})), Some(Level::High));
        let estate =
            Estate { direct_use_roles: Patterns::new(["*:role/app"]), ..Estate::default() };
        assert_eq!(found(&DirectDecrypt(Arc::new(estate)), &record), None);
    }

    #[test]
    fn the_owners_record_is_low_where_the_callers_account_is_ours() {
        let record = json!({"eventSource": "kms.amazonaws.com", "eventName": "Decrypt",
            "recipientAccountId": "444455556666", "userIdentity": {"type": "AssumedRole",
                "arn": "arn:aws:sts::111122223333:assumed-role/app/x", "accountId": "111122223333"}});
        let foreign = found(&DirectDecrypt(Arc::default()), &record).unwrap().foreign.unwrap();
        assert_eq!(foreign.otherwise, Some(Level::Low));
        assert!(foreign.accounts.contains("111122223333"));
    }
}
