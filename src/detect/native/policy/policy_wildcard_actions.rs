//! Finds key policies that allow a principal every call.
//!
//! The key's own account is left out: its statement only lets IAM policies decide.

use crate::detect::native::shared::policy_document::KeyPolicy;
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::policy::{Actions, Scope, Statement};
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/policy/policy-wildcard-actions.md`.
#[derive(Debug)]
pub struct PolicyWildcardActions;

impl Detector for PolicyWildcardActions {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let given = KeyPolicy::of(event, view)?;
        let wide = |all_but: bool| {
            let wide = |statement: &Statement| {
                let is_all_but = matches!(statement.actions, Scope::AllBut(_));
                is_all_but == all_but && (all_but || statement.kms() == Actions::ALL)
            };
            given.told(Actions::ALL, wide, |_, principal| !given.is_own_root(principal))
        };
        let why = "NotAction allows every call but some, new ones included";
        let all = || wide(false).found(Level::Medium, "every KMS call is allowed");
        wide(true).found(Level::High, why).or_else(all)
    }
}
