//! Finds key policies that leave out the key's own account.
//!
//! If such a policy is wrong, only AWS Support can repair it.

use crate::detect::native::shared::policy_document::{KeyPolicy, list};
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::policy::Principal;
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/policy/policy-no-iam-delegation.md`.
#[derive(Debug)]
pub struct PolicyNoIamDelegation;

impl Detector for PolicyNoIamDelegation {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        // Of a policy that was not read whole, nobody knows what is not in it.
        let given = KeyPolicy::of(event, view).filter(|given| given.policy.is_whole())?;
        let root = Principal::Account(given.account.clone());
        if given.allows().any(|statement| statement.who.covers(&root)) {
            return None;
        }
        let named = given.policy.allowed_principals().into_iter().map(Principal::to_string);
        let (level, why) = if KeyPolicy::check_bypassed(event) {
            (
                Level::High,
                "no statement allows the key's account, and the safety check was bypassed",
            )
        } else {
            (
                Level::Low,
                "no statement allows the key's account, so that IAM policies have no effect",
            )
        };
        Some(Found::at(level).with("why", why).with("principals", list(named)))
    }
}
