//! Finds key policies that admit any AWS account from some network addresses.
//!
//! What must stay true: a statement is reported here or by `policy-public-principal`, never by both.

use crate::detect::native::shared::policy_document::{KeyPolicy, Told};
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::policy::{Open, Principal};
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/policy/policy-address-only.md`.
#[derive(Debug)]
pub struct PolicyAddressOnly;

impl Detector for PolicyAddressOnly {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let given = KeyPolicy::of(event, view)?;
        let mut told = Told::default();
        for (statement, open) in given.policy.open(given.place()) {
            if open == Open::FromFewAddresses {
                told.add(statement, Some(&Principal::Everyone), statement.kms());
            }
        }
        told.found(Level::Medium, "allows \"*\", and only the network address says who that is")
    }
}
