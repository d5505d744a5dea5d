//! Finds key policies that admit another account as a whole.
//!
//! Whether an account is foreign is known only at the end of a run.

use crate::detect::native::shared::foreign_principals::{Extent, found};
use crate::detect::native::shared::policy_document::KeyPolicy;
use crate::detect::native::{Detector, Found};
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/policy/policy-external-account-root.md`.
#[derive(Debug)]
pub struct PolicyExternalAccountRoot;

impl Detector for PolicyExternalAccountRoot {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let given = KeyPolicy::of(event, view)?;
        found(
            &given,
            Extent::Whole,
            "whoever administers the other account decides who uses the key",
        )
    }
}
