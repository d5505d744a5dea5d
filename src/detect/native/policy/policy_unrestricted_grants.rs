//! Finds key policies that let a principal create any grant.
//!
//! The key's own account is left out. Services are left out too: other rules check for whom they
//! act.

use crate::detect::native::shared::policy_document::KeyPolicy;
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::policy::condition::GRANT_FENCES;
use crate::policy::{Actions, Statement};
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/policy/policy-unrestricted-grants.md`.
#[derive(Debug)]
pub struct PolicyUnrestrictedGrants;

impl Detector for PolicyUnrestrictedGrants {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let given = KeyPolicy::of(event, view)?;
        let open = |statement: &Statement| !statement.is_fenced(GRANT_FENCES);
        let told = given.told(Actions::GRANT, open, |_, principal| {
            !principal.is_service() && !given.is_own_root(principal)
        });
        told.found(
            Level::Medium,
            "no condition limits the grants: to whom, for what, by which service",
        )
    }
}
