//! Finds key policies that let a principal create any grant.
//!
//! The key's own account is left out. Services are left out too: other rules check for whom they
//! act. What must stay true: a principal counts as one that may change the policy only if nothing
//! limits that more than its grants.

use crate::detect::native::shared::policy_document::KeyPolicy;
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::policy::condition::GRANT_FENCES;
use crate::policy::{Actions, Principal, Statement};
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/policy/policy-unrestricted-grants.md`.
#[derive(Debug)]
pub struct PolicyUnrestrictedGrants;

impl Detector for PolicyUnrestrictedGrants {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let given = KeyPolicy::of(event, view)?;
        let place = given.place();
        let fenced = given.policy.denied_but_for(GRANT_FENCES, place);
        let open = |statement: &Statement| !statement.is_fenced(GRANT_FENCES);
        let asked = |principal: &Principal| {
            let exempt = principal.is_service() || given.is_own_root(principal);
            !exempt && !fenced.of_principal(principal).meets(Actions::GRANT)
        };
        let allowed = given.policy.allowed(place);
        let always = given.policy.allowed_where(place, |statement| {
            if statement.conditions.is_empty() { statement.kms() } else { Actions::NONE }
        });
        let changes_policy = |statement: &Statement, principal: &Principal| {
            let of = |calls: Option<&Actions>| calls.is_some_and(|one| one.meets(Actions::POLICY));
            let here = statement.kms().meets(Actions::POLICY) && of(allowed.get(principal));
            *principal != Principal::Everyone && (here || of(always.get(principal)))
        };
        let worst = given.told(Actions::GRANT, open, |statement, principal| {
            asked(principal) && !changes_policy(statement, principal)
        });
        let why = "no condition limits the grants: to whom, for what, by which service";
        worst.found(Level::Medium, why).or_else(|| {
            let others = given.told(Actions::GRANT, open, |_, principal| asked(principal));
            let why =
                "no condition limits the grants, but whom it allows may change the policy too";
            others.found(Level::Low, why)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::detector::found;
    use crate::detect::native::testing::recorded::{KEY, call};

    const BOB: &str = "arn:aws:iam::111122223333:role/bob";

    fn allow(action: &Value, condition: &Value) -> Value {
        json!({"Effect": "Allow", "Principal": {"AWS": BOB}, "Action": action, "Resource": "*",
            "Condition": condition})
    }

    fn deny(condition: &Value) -> Value {
        json!({"Effect": "Deny", "Principal": "*", "Action": "kms:CreateGrant", "Resource": "*",
            "Condition": condition})
    }

    fn level(statements: &[Value]) -> Option<Level> {
        let request = json!({"keyId": KEY, "policy": {"Statement": statements}});
        let record = call("2026-11-02T10:00:00Z", "alice", "PutKeyPolicy", KEY, &request);
        found(&PolicyUnrestrictedGrants, &record).map(|found| found.level)
    }

    #[test]
    fn fences_of_the_statement_and_of_a_deny() {
        let grant = |condition: Value| allow(&json!("kms:CreateGrant"), &condition);
        assert_eq!(level(&[grant(json!({}))]), Some(Level::Medium));
        for condition in [
            json!({"StringEquals": {"kms:GranteeServicePrincipal": "rds.amazonaws.com"}}),
            json!({"ArnLike": {"kms:GrantConstraintSourceArn": "arn:aws:rds:*:111122223333:*"}}),
            json!({"StringEquals": {"kms:RetiringServicePrincipal": "rds.amazonaws.com"}}),
            json!({"StringEquals": {"kms:EncryptionContext:app": "orders"}}),
            json!({"ForAnyValue:StringEquals": {"aws:CalledVia": "rds.amazonaws.com"}}),
            json!({"Bool": {"aws:ViaAWSService": "true"}}),
        ] {
            assert_eq!(level(&[grant(condition.clone())]), None, "{condition}");
        }
        for condition in [
            json!({"StringLike": {"kms:GranteeServicePrincipal": "*"}}),
            json!({"StringEqualsIfExists": {"kms:GranteeServicePrincipal": "rds.amazonaws.com"}}),
            json!({"StringEquals": {"kms:RetiringPrincipal": BOB}}),
            json!({"Bool": {"aws:ViaAWSService": "false"}}),
        ] {
            assert_eq!(level(&[grant(condition.clone())]), Some(Level::Medium), "{condition}");
        }
        for (condition, expected) in [
            (json!({"Bool": {"kms:GrantIsForAWSResource": "false"}}), None),
            (json!({"StringNotEquals": {"kms:GranteePrincipal": BOB}}), None),
            (json!({"StringNotLike": {"kms:GranteePrincipal": "*"}}), Some(Level::Medium)),
            (json!({"Bool": {"kms:GrantIsForAWSResource": "true"}}), Some(Level::Medium)),
            (json!({"StringNotEquals": {"aws:PrincipalArn": BOB}}), Some(Level::Medium)),
        ] {
            let statements = [grant(json!({})), deny(&condition)];
            assert_eq!(level(&statements), expected, "{condition}");
        }
    }

    #[test]
    fn low_for_whom_may_change_the_policy_anyway() {
        let mfa = json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}});
        let (both, grant) = (json!(["kms:Create*", "kms:Put*"]), json!("kms:CreateGrant"));
        let (none, change) = (json!({}), json!("kms:PutKeyPolicy"));
        assert_eq!(level(&[allow(&both, &none)]), Some(Level::Low));
        assert_eq!(level(&[allow(&both, &mfa)]), Some(Level::Low));
        assert_eq!(level(&[allow(&grant, &none), allow(&change, &none)]), Some(Level::Low));
        assert_eq!(level(&[allow(&grant, &none), allow(&change, &mfa)]), Some(Level::Medium));
        let mut other = allow(&grant, &none);
        other["Principal"]["AWS"] = json!("arn:aws:iam::111122223333:role/carol");
        assert_eq!(level(&[allow(&both, &none), other]), Some(Level::Medium));
        let denied = json!({"Effect": "Deny", "Principal": {"AWS": BOB}, "Resource": "*",
            "Action": "kms:PutKeyPolicy"});
        assert_eq!(level(&[allow(&both, &none), denied]), Some(Level::Medium));
        let mut all =
            allow(&both, &json!({"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}));
        all["Principal"] = json!("*");
        assert_eq!(level(&[all]), Some(Level::Medium));
    }
}
