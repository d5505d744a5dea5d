//! Finds key policies that let one principal administer a key and use it.
//!
//! Whoever controls the key can give it to others and take it from them. A principal that may only
//! create grants beside its use can hand on what it has, so it is low.
//! What must stay true: principals are compared by their names. One record cannot tell who belongs
//! to a wider name.

use std::collections::BTreeSet;

use crate::detect::native::shared::policy_document::KeyPolicy;
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::policy::condition::GRANT_FENCES;
use crate::policy::{Actions, Principal, Statement};
use crate::record::event::Event;
use crate::record::kms::View;

/// The calls of a statement that give control over the key. Grants that only a service can request
/// count as use.
fn control(statement: &Statement) -> Actions {
    let fenced = statement.is_fenced(GRANT_FENCES);
    let calls = if fenced { Actions::CONTROL } else { Actions::CONTROL.with(Actions::GRANT) };
    statement.kms().and(calls)
}

/// See `rules/policy/policy-admin-and-use.md`.
#[derive(Debug)]
pub struct PolicyAdminAndUse;

impl Detector for PolicyAdminAndUse {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let given = KeyPolicy::of(event, view)?;
        let place = given.place();
        let used = given.policy.allowed_where(place, |statement| statement.kms().and(Actions::USE));
        let controlled = given.policy.allowed_where(place, control);
        let both: BTreeSet<&Principal> = controlled
            .keys()
            .copied()
            .filter(|one| used.contains_key(one) && !one.is_service() && !given.is_own_root(one))
            .collect();
        let calls = Actions::CONTROL.with(Actions::GRANT).with(Actions::USE);
        let either = |statement: &Statement| {
            statement.kms().meets(Actions::USE) || !control(statement).is_empty()
        };
        let told = given.told(calls, either, |_, principal| both.contains(principal));
        let controls = |one: &&Principal| {
            controlled.get(one).is_some_and(|calls| calls.meets(Actions::CONTROL))
        };
        if both.iter().any(controls) {
            let why = "the same principal may change who uses the key, and use it";
            return told.found(Level::Medium, why);
        }
        told.found(Level::Low, "the same principal may use the key, and hand that on by grants")
    }
}
