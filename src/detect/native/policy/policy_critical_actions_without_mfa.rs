//! Finds key policies that allow critical calls without MFA.
//!
//! The statement for the key's own account lets IAM policies decide. It counts only if other
//! statements of the policy require MFA, because then it bypasses them. A role has no MFA of its own:
//! whoever assumes it may have used MFA, and the provider knows. So roles alone are low.

use std::sync::Arc;

use crate::detect::native::shared::policy_document::{KeyPolicy, Told};
use crate::detect::native::{Detector, Found};
use crate::model::arn::Arn;
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::policy::{Actions, Principal};
use crate::record::event::Event;
use crate::record::kms::View;

/// Whether the principal is a role or a session of one, by ARN or by unique id.
fn is_role(principal: &Principal) -> bool {
    match principal {
        Principal::Arn(text) => Arn::parse(text).is_some_and(|arn| {
            arn.resource.starts_with("role/") || arn.resource.starts_with("assumed-role/")
        }),
        Principal::UniqueId(id) => id.starts_with("AROA"),
        _ => false,
    }
}

/// See `rules/policy/policy-critical-actions-without-mfa.md`.
#[derive(Debug)]
pub struct PolicyCriticalActionsWithoutMfa(pub Arc<Estate>);

impl Detector for PolicyCriticalActionsWithoutMfa {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let given = KeyPolicy::of(event, view)?;
        let demanded = given.policy.mentions_mfa();
        let mut told = Told::default();
        let (mut round, mut others) = (false, false);
        for open in given.policy.open_without_mfa(Actions::CRITICAL, given.place()) {
            let own = given.is_own_root(open.principal);
            let asked = match open.principal {
                Principal::Account(_) => !own || demanded,
                Principal::Arn(arn) => {
                    !open.principal.is_service() && !self.0.automation_roles.match_arn(arn)
                }
                Principal::Everyone | Principal::UniqueId(_) => true,
                _ => false,
            };
            if asked {
                round |= own;
                others |= !is_role(open.principal);
                told.add(open.statement, Some(open.principal), open.calls);
            }
        }
        let (level, why) = if round {
            (
                Level::Medium,
                "the policy demands MFA, and its statement for the whole account does not",
            )
        } else if others {
            let why =
                "critical calls are allowed to whoever has no MFA, and no Deny takes them away";
            (Level::Medium, why)
        } else {
            (
                Level::Low,
                "critical calls are allowed to roles, and whoever assumes them needs no MFA",
            )
        };
        told.found(level, why)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::detector::found;
    use crate::detect::native::testing::recorded::{KEY, call};

    fn level(principals: &[&str]) -> Option<Level> {
        let policy = json!({"Statement": [{"Effect": "Allow", "Principal": {"AWS": principals},
            "Action": "kms:PutKeyPolicy", "Resource": "*"}]});
        let request = json!({"keyId": KEY, "policy": policy});
        let record = call("2026-11-02T10:00:00Z", "alice", "PutKeyPolicy", KEY, &request);
        found(&PolicyCriticalActionsWithoutMfa(Arc::default()), &record).map(|found| found.level)
    }

    #[test]
    fn roles_alone_are_low() {
        let (role, user) = ("arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333:user/b");
        let session = "arn:aws:sts::111122223333:assumed-role/a/b";
        assert_eq!(level(&[role, session, "AROAEXAMPLEEXAMPLE12"]), Some(Level::Low));
        for other in [user, "AIDAEXAMPLEEXAMPLE12", "*", "444455556666"] {
            assert_eq!(level(&[role, other]), Some(Level::Medium), "{other}");
        }
        assert_eq!(level(&["arn:aws:iam::111122223333:root"]), None);
    }
}
