//! Finds IAM policies that allow dangerous KMS calls on every key.
//!
//! A caller who writes the policy of its own user or role gives itself the keys, so that is high.
//! Configured automation writes such policies for others all day. What must stay true: a policy
//! version that is not the default is not in force, so it is low.

use std::sync::Arc;

use crate::detect::native::shared::policy_document::{Told, iam_policy};
use crate::detect::native::{Detector, Found};
use crate::model::arn::Arn;
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::policy::condition::{KEY_FENCES, is_every_key};
use crate::policy::{Actions, Policy, Scope, Statement};
use crate::record::event::Event;
use crate::record::json::Json;
use crate::record::kms::View;

/// See `rules/policy/iam-policy-kms-wide.md`.
#[derive(Debug)]
pub struct IamPolicyKmsWide(pub Arc<Estate>);

/// Members of the requests that name the owner of the policy.
const HOLDERS: [&str; 5] = ["roleName", "userName", "groupName", "policyArn", "policyName"];

fn is_for_every_key(statement: &Statement) -> bool {
    match &statement.resources {
        Scope::Only(patterns) => patterns.iter().any(|pattern| is_every_key(pattern)),
        Scope::AllBut(patterns) => !patterns.iter().any(|pattern| is_every_key(pattern)),
        Scope::Unsaid => false,
    }
}

/// The calls that the document denies on every resource without conditions.
fn denied(policy: &Policy) -> Actions {
    let flat = policy.denies().filter(|one| one.conditions.is_empty() && one.applies_to(None));
    flat.fold(Actions::NONE, |all, denial| all.with(denial.kms()))
}

/// Whether the call writes the policy of its own caller: of the user, or of the role of the session.
fn is_for_caller(request: Json<'_>, view: &View<'_>) -> bool {
    let (member, kinds): (&str, &[&str]) = match view.name().as_deref() {
        Some("PutUserPolicy") => ("userName", &["user/"]),
        Some("PutRolePolicy") => ("roleName", &["role/", "assumed-role/"]),
        _ => return false,
    };
    let (Some(caller), Some(holder)) = (view.principal_arn(), request.get(member)) else {
        return false;
    };
    // A path stands before the name.
    let own = Arn::parse(&caller)
        .and_then(|arn| kinds.iter().find_map(|kind| arn.resource.strip_prefix(kind)))
        .and_then(|path| path.rsplit('/').next());
    // No two names of an account differ by case alone.
    own.zip(holder.scalar()).is_some_and(|(own, holder)| own.eq_ignore_ascii_case(&holder))
}

impl IamPolicyKmsWide {
    /// The level, and why.
    fn judge(&self, request: Json<'_>, view: &View<'_>) -> (Level, &'static str) {
        let default = request.get("setAsDefault").and_then(Json::as_bool);
        let version = view.name().is_some_and(|name| name == "CreatePolicyVersion");
        let automated = || {
            let caller = view.principal_arn();
            caller.is_some_and(|arn| self.0.automation_roles.match_arn(&arn))
        };
        if version && default != Some(true) {
            (Level::Low, "on every key, once this version is made the default")
        } else if is_for_caller(request, view) {
            (Level::High, "the caller lets itself use every key whose key policy asks IAM")
        } else if automated() {
            (Level::Low, "on every key whose key policy leaves the decision to IAM, by automation")
        } else {
            (Level::Medium, "on every key whose key policy leaves the decision to IAM")
        }
    }
}

impl Detector for IamPolicyKmsWide {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let policy = iam_policy(event, view)?;
        let denied = denied(&policy);
        let mut told = Told::default();
        for statement in policy.allows() {
            let calls = statement.kms().without(denied);
            let wide = is_for_every_key(statement) && !statement.is_fenced(KEY_FENCES);
            if wide && calls.meets(Actions::PERILOUS) {
                told.add(statement, None, calls);
            }
        }
        let request = event.get("requestParameters")?;
        let (level, why) = self.judge(request, view);
        let found = told.found(level, why)?;
        let holder = HOLDERS.iter().find_map(|name| request.get(name)?.scalar());
        Some(match holder {
            Some(holder) => found.with("policy_of", holder.into_owned()),
            None => found,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::detector::found;
    use crate::model::pattern::Patterns;

    fn level(caller: &str, name: &str, request: &Value) -> Level {
        let document = json!({"Statement": [{"Effect": "Allow", "Action": "kms:Decrypt",
            "Resource": "*"}]});
        let mut record = json!({"eventSource": "iam.amazonaws.com", "eventName": name,
            "recipientAccountId": "111122223333", "requestParameters": request,
            "userIdentity": {"type": "IAMUser", "arn": caller, "accountId": "111122223333"}});
        if caller.contains(":role/") {
            let issuer = json!({"sessionContext": {"sessionIssuer": {"arn": caller}}});
            record["userIdentity"] = json!({"type": "AssumedRole", "accountId": "111122223333",
                "sessionContext": issuer["sessionContext"]});
        }
        record["requestParameters"]["policyDocument"] = document;
        let automation_roles = Patterns::new(["*:role/ci/deploy"]);
        let estate = Estate { automation_roles, ..Estate::default() };
        found(&IamPolicyKmsWide(Arc::new(estate)), &record).unwrap().level
    }

    #[test]
    fn who_writes_the_policy_of_whom() {
        let (user, role) = ("arn:aws:iam::111122223333:user/ana", "arn:aws:iam::111122223333:role");
        let (admin, deploy) = (format!("{role}/people/admin"), format!("{role}/ci/deploy"));
        for (caller, name, request, expected) in [
            (user, "PutUserPolicy", json!({"userName": "Ana"}), Level::High),
            (user, "PutUserPolicy", json!({"userName": "bob"}), Level::Medium),
            (user, "PutRolePolicy", json!({"roleName": "ana"}), Level::Medium),
            (user, "PutGroupPolicy", json!({"groupName": "ana"}), Level::Medium),
            (user, "PutUserPolicy", json!({}), Level::Medium),
            (&admin, "PutRolePolicy", json!({"roleName": "admin"}), Level::High),
            (&admin, "PutRolePolicy", json!({"roleName": "people/admin"}), Level::Medium),
            (&admin, "PutUserPolicy", json!({"userName": "admin"}), Level::Medium),
            (&deploy, "PutRolePolicy", json!({"roleName": "app"}), Level::Low),
            (&deploy, "CreatePolicy", json!({"policyName": "deploy"}), Level::Low),
            (&deploy, "PutRolePolicy", json!({"roleName": "deploy"}), Level::High),
            (user, "CreatePolicyVersion", json!({"setAsDefault": false}), Level::Low),
            (user, "CreatePolicyVersion", json!({"setAsDefault": true}), Level::Medium),
        ] {
            assert_eq!(level(caller, name, &request), expected, "{caller} {name} {request}");
        }
    }
}
