//! Finds grants to principals of other accounts.
//!
//! Whether an account is foreign is known only at the end of a run.

use crate::detect::native::shared::grant::Grant;
use crate::detect::native::shared::policy_document::list;
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/grants/grant-external-grantee.md`.
#[derive(Debug)]
pub struct GrantExternalGrantee;

impl Detector for GrantExternalGrantee {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let grant = Grant::of(event, view)?;
        let account = grant.grantee_account()?;
        if view.key_account().or_else(|| view.account())? == account {
            return None;
        }
        let found = Found::at(Level::High)
            .with("why", "the grantee is of another account than the key")
            .with("operations", list(grant.operations()))
            .with("grantee", grant.grantee().unwrap_or_default().into_owned());
        Some(found.if_foreign([account]))
    }
}
