//! Finds key policies that name users or roles of other accounts.
//!
//! Whether an account is foreign is known only at the end of a run.

use crate::detect::native::shared::foreign_principals::{Extent, found};
use crate::detect::native::shared::policy_document::KeyPolicy;
use crate::detect::native::{Detector, Found};
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/policy/policy-external-account.md`.
#[derive(Debug)]
pub struct PolicyExternalAccount;

impl Detector for PolicyExternalAccount {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let given = KeyPolicy::of(event, view)?;
        found(&given, Extent::Named, "names principals of other accounts than the key's")
    }
}
