//! Finds keys with the default policy, which KMS sets if the caller gives none.
//!
//! `CreateKey` without a policy counts. A single record cannot tell whether another policy follows.

use crate::detect::native::shared::policy_document::{KeyPolicy, is_created_without};
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/policy/policy-default-unedited.md`.
#[derive(Debug)]
pub struct PolicyDefaultUnedited;

impl Detector for PolicyDefaultUnedited {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let found = |why: &str| Some(Found::at(Level::Low).with("why", why));
        if is_created_without(event, view) {
            return found("the call names no policy, so KMS gave the key its default one");
        }
        let given = KeyPolicy::of(event, view)?;
        if !given.policy.is_default(&given.account) {
            return None;
        }
        found("the policy is the default one: it leaves every decision to IAM policies")
    }
}
