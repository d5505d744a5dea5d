//! Finds conditions on MFA that never hold, always hold, or accept MFA from long ago.

use std::sync::Arc;

use crate::detect::native::shared::policy_document::{KeyPolicy, list};
use crate::detect::native::{Detector, Found};
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/policy/policy-mfa-condition-broken.md`.
#[derive(Debug)]
pub struct PolicyMfaConditionBroken(pub Arc<Estate>);

impl Detector for PolicyMfaConditionBroken {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let given = KeyPolicy::of(event, view)?;
        let faults = given.policy.mfa_faults(self.0.mfa_max_age);
        if faults.is_empty() {
            return None;
        }
        let told = faults.iter().map(|fault| format!("{}: {}", fault.statement, fault.why));
        let found = Found::at(Level::High).with("why", list(told));
        Some(found.with("statements", list(faults.iter().map(|fault| fault.statement.clone()))))
    }
}
