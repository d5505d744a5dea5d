//! Finds key policies that allow critical calls without MFA.
//!
//! The statement for the key's own account lets IAM policies decide. It counts only if other
//! statements of the policy require MFA, because then it bypasses them.

use std::sync::Arc;

use crate::detect::native::shared::policy_document::{KeyPolicy, Told};
use crate::detect::native::{Detector, Found};
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::policy::{Actions, Principal};
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/policy/policy-critical-actions-without-mfa.md`.
#[derive(Debug)]
pub struct PolicyCriticalActionsWithoutMfa(pub Arc<Estate>);

impl Detector for PolicyCriticalActionsWithoutMfa {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let given = KeyPolicy::of(event, view)?;
        let demanded = given.policy.mentions_mfa();
        let mut told = Told::default();
        let mut round = false;
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
                told.add(open.statement, Some(open.principal), open.calls);
            }
        }
        let why = if round {
            "the policy demands MFA, and its statement for the whole account does not"
        } else {
            "critical calls are allowed to whoever has no MFA, and no Deny takes them away"
        };
        told.found(Level::Medium, why)
    }
}
