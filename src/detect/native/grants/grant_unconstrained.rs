//! Finds grants to decrypt or sign that no constraint limits.
//!
//! Grants on asymmetric and HMAC keys cannot have constraints, so a grant for signing alone is low.

use crate::detect::native::shared::grant::Grant;
use crate::detect::native::shared::policy_document::list;
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// Operations that an encryption context can constrain.
const BINDABLE: [&str; 4] = ["Decrypt", "GenerateDataKey", "GenerateDataKeyPair", "ReEncryptFrom"];

/// See `rules/grants/grant-unconstrained.md`.
#[derive(Debug)]
pub struct GrantUnconstrained;

impl Detector for GrantUnconstrained {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let grant = Grant::of(event, view)?;
        if grant.is_to_service() || grant.is_constrained() || grant.hides_constraints() {
            return None;
        }
        let operations = grant.operations();
        let (level, why) = if operations.iter().any(|name| BINDABLE.contains(&name.as_str())) {
            (Level::Medium, "good for all data under the key: no encryption context is asked for")
        } else if operations.iter().any(|name| name == "Sign") {
            (Level::Low, "a signing key's grant cannot have constraints")
        } else {
            return None;
        };
        let found = Found::at(level).with("why", why).with("operations", list(operations));
        Some(found.with("grantee", grant.grantee_name().unwrap_or_default().into_owned()))
    }
}
