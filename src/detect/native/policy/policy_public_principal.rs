//! Finds key policies that admit any AWS account.
//!
//! What must stay true: the policy that AWS writes for the key of a trail is not reported. It names
//! `*`, but a condition restricts the caller's account.

use crate::detect::native::shared::policy_document::{KeyPolicy, Told};
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::policy::Principal;
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/policy/policy-public-principal.md`.
#[derive(Debug)]
pub struct PolicyPublicPrincipal;

impl Detector for PolicyPublicPrincipal {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let given = KeyPolicy::of(event, view)?;
        let mut told = Told::default();
        for statement in given.policy.public(given.place()) {
            told.add(statement, Some(&Principal::Everyone), statement.kms());
        }
        told.found(Level::Critical, "allows \"*\", and no condition says whose calls it means")
    }
}
