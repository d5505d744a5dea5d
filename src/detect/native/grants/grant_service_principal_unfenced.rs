//! Finds grants to AWS services that do not say for whom the service may use the key.
//!
//! It is code because the finding depends on who owns the source. What must stay true: services make
//! grants for their own work, and those give no finding.

use crate::detect::native::shared::grant::Grant;
use crate::detect::native::shared::policy_document::list;
use crate::detect::native::{Detector, Found};
use crate::model::arn::Arn;
use crate::model::level::Level;
use crate::policy::Condition;
use crate::policy::condition::SOURCE_FENCES;
use crate::policy::principal::is_account;
use crate::record::event::Event;
use crate::record::kms::{Actor, View};

/// See `rules/grants/grant-service-principal-unfenced.md`.
#[derive(Debug)]
pub struct GrantServicePrincipalUnfenced;

/// Whether the source leaves anybody out: a constraint works like the condition `aws:SourceArn`.
fn fences(source: &str) -> bool {
    let (operator, key) = ("ArnLike".to_owned(), "aws:SourceArn".to_owned());
    Condition { operator, key, values: vec![source.to_owned()] }.fences(SOURCE_FENCES)
}

impl Detector for GrantServicePrincipalUnfenced {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let grant = Grant::of(event, view).filter(|_| view.actor() != Actor::Service)?;
        let service = grant.grantee_service().filter(|_| !grant.hides_constraints())?;
        let source = grant.source_arn();
        let found = |level, why: &str| {
            let operations = list(grant.operations());
            Found::at(level)
                .with("why", why)
                .with("operations", operations)
                .with("grantee", &*service)
        };
        let Some(source) = source.filter(|source| fences(source)) else {
            let why = "no source says for which resource the service may use the key";
            // A sourceArn that fences nothing is no constraint either.
            let bound = grant.has_context();
            return Some(found(if bound { Level::Low } else { Level::Medium }, why));
        };
        let account = Arn::parse(&source)?.account;
        let own = view.key_account().or_else(|| view.account())?;
        if !is_account(account) || account == own {
            return None;
        }
        let why = "the service may use the key for a resource of another account";
        let account = account.to_owned();
        Some(found(Level::High, why).with("source", &*source).if_foreign([account]))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::detector::found;
    use crate::detect::native::testing::recorded::{KEY, call};

    fn grant(constraints: &Value) -> Value {
        let request = json!({"keyId": KEY, "granteeServicePrincipal": "rds.amazonaws.com",
            "operations": ["Decrypt"], "constraints": constraints});
        call("2026-11-02T10:00:00Z", "alice", "CreateGrant", KEY, &request)
    }

    #[test]
    fn the_source_decides() {
        let context = json!({"app": "orders"});
        for (constraints, expected) in [
            (json!(null), Some(Level::Medium)),
            (json!({"sourceArn": ""}), Some(Level::Medium)),
            (json!({"sourceArn": "*"}), Some(Level::Medium)),
            (json!({"sourceArn": "arn:aws:rds:*:*:db:*"}), Some(Level::Medium)),
            (json!({"encryptionContextSubset": {}}), Some(Level::Medium)),
            (json!({"encryptionContextSubset": context}), Some(Level::Low)),
            (json!({"sourceArn": "*", "encryptionContextEquals": context}), Some(Level::Low)),
            (json!({"sourceArn": "arn:aws:rds:eu-central-1:111122223333:db:a"}), None),
            (json!({"SourceArn": "arn:aws:rds:*:111122223333:*"}), None),
            (json!({"sourceArn": "arn:aws:s3:::exports-of-orders"}), None),
            (json!({"sourceArn": "arn:aws:rds:*:444455556666:db:*"}), Some(Level::High)),
        ] {
            let found = found(&GrantServicePrincipalUnfenced, &grant(&constraints));
            assert_eq!(found.map(|found| found.level), expected, "{constraints}");
        }
    }

    #[test]
    fn only_grants_to_services_that_others_make() {
        let mut by_service = grant(&json!(null));
        by_service["userIdentity"] =
            json!({"type": "AWSService", "invokedBy": "rds.amazonaws.com"});
        assert_eq!(found(&GrantServicePrincipalUnfenced, &by_service), None);
        let mut old = grant(&json!(null));
        old["requestParameters"] = json!({"granteePrincipal": "rds.amazonaws.com"});
        assert_eq!(found(&GrantServicePrincipalUnfenced, &old), None);
    }
}
