//! Key policies that allow somebody every call there is.
//!
//! The key's own account is left out: for it the statement only lets IAM policies decide.

use super::documents::KeyPolicy;
use super::{Detector, Found};
use crate::model::level::Level;
use crate::policy::{Actions, Scope};
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/policy/policy-wildcard-actions.md`.
#[derive(Debug)]
pub struct PolicyWildcardActions;

impl Detector for PolicyWildcardActions {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let given = KeyPolicy::of(event, view)?;
        let but = |scope: &Scope| matches!(scope, Scope::AllBut(_));
        let wide = |scope: &Scope| {
            given.told(Actions::ALL, |statement, principal| {
                !given.is_own_root(principal)
                    && but(&statement.actions) == but(scope)
                    && (but(scope) || statement.kms() == Actions::ALL)
            })
        };
        let all_but = wide(&Scope::AllBut(Vec::new()));
        let why = "NotAction allows every call but some, new ones included";
        let all = || wide(&Scope::Unsaid).found(Level::Medium, "every KMS call is allowed");
        all_but.found(Level::High, why).or_else(all)
    }
}
