//! Finds IAM policies that allow dangerous KMS calls on every key.
//!
//! What must stay true: a policy version that is not the default is not in force, so it is low.

use crate::detect::native::shared::policy_document::{Told, iam_policy};
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::policy::condition::{KEY_FENCES, is_every_key};
use crate::policy::{Actions, Policy, Scope, Statement};
use crate::record::event::Event;
use crate::record::json::Json;
use crate::record::kms::View;

/// See `rules/policy/iam-policy-kms-wide.md`.
#[derive(Debug)]
pub struct IamPolicyKmsWide;

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
        let default = request.get("setAsDefault").and_then(Json::as_bool);
        let version = view.name().is_some_and(|name| name == "CreatePolicyVersion");
        let found = if version && default != Some(true) {
            told.found(Level::Low, "on every key, once this version is made the default")?
        } else {
            told.found(Level::Medium, "on every key whose key policy leaves the decision to IAM")?
        };
        let holder = HOLDERS.iter().find_map(|name| request.get(name)?.scalar());
        Some(match holder {
            Some(holder) => found.with("policy_of", holder.into_owned()),
            None => found,
        })
    }
}
