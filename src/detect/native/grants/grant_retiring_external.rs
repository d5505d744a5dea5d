//! Finds grants that a principal of another account may end.
//!
//! Whether an account is foreign is known only at the end of a run.

use crate::detect::native::shared::grant::Grant;
use crate::detect::native::shared::policy_document::list;
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/grants/grant-retiring-external.md`.
#[derive(Debug)]
pub struct GrantRetiringExternal;

impl Detector for GrantRetiringExternal {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let grant = Grant::of(event, view)?;
        let account = grant.retiring_account()?;
        if view.key_account().or_else(|| view.account())? == account {
            return None;
        }
        let (level, why) = if grant.grantee_account().as_ref() == Some(&account) {
            (Level::Low, "the grantee's own account may end the grant")
        } else {
            (Level::Medium, "a principal of another account may end the grant")
        };
        let found = Found::at(level)
            .with("why", why)
            .with("operations", list(grant.operations()))
            .with("retiring", grant.retiring().unwrap_or_default().into_owned())
            .with("grantee", grant.grantee_name().unwrap_or_default().into_owned());
        Some(found.if_foreign([account]))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::detector::found;
    use crate::detect::native::testing::recorded::{KEY, call};

    #[test]
    fn whose_the_retiring_principal_is() {
        let own = "arn:aws:iam::111122223333:role/app";
        let other = "arn:aws:iam::444455556666:role/app";
        for (grantee, retiring, expected) in [
            (own, json!(other), Some(Level::Medium)),
            (own, json!("444455556666"), Some(Level::Medium)),
            (other, json!("arn:aws:iam::444455556666:root"), Some(Level::Low)),
            ("arn:aws:iam::777788889999:root", json!(other), Some(Level::Medium)),
            (own, json!(own), None),
            (other, json!(own), None),
            (own, json!("rds.amazonaws.com"), None),
            (own, json!("AROAEXAMPLEEXAMPLE12"), None),
            (own, json!(null), None),
            (own, json!([other]), None),
        ] {
            let request = json!({"keyId": KEY, "granteePrincipal": grantee,
                "retiringPrincipal": retiring, "operations": ["Decrypt"]});
            let record = call("2026-11-02T10:00:00Z", "alice", "CreateGrant", KEY, &request);
            let level = found(&GrantRetiringExternal, &record).map(|found| found.level);
            assert_eq!(level, expected, "{grantee} {retiring}");
        }
    }
}
