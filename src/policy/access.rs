//! Who is allowed what, after the denials are subtracted.
//!
//! A denial counts only if it is certain: it has no conditions and covers the principal, the call and
//! the key completely. An Allow counts whatever its conditions are, because they may hold.

use std::collections::BTreeMap;

use super::action::Actions;
use super::document::{Policy, Statement};
use super::principal::Principal;

/// The key a policy belongs to, as far as the record says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place<'a> {
    /// Its ARN.
    pub key: Option<&'a str>,
    /// The account it is in.
    pub account: Option<&'a str>,
}

impl Policy {
    /// What each principal that an Allow names is allowed, over all statements that name it.
    pub fn allowed(&self, place: Place<'_>) -> BTreeMap<&Principal, Actions> {
        self.allowed_where(place, |statement| statement.kms())
    }

    /// The same, of the calls of each statement that `calls` picks.
    pub fn allowed_where<'p>(
        &'p self,
        place: Place<'_>,
        calls: impl Fn(&'p Statement) -> Actions,
    ) -> BTreeMap<&'p Principal, Actions> {
        let mut found: BTreeMap<&Principal, Actions> = BTreeMap::new();
        for statement in self.allows().filter(|statement| statement.applies_to(place.key)) {
            let calls = calls(statement);
            for principal in statement.who.named() {
                let set = found.entry(principal).or_default();
                *set = set.with(calls);
            }
        }
        let flat = self.flat_denials(place);
        for (principal, set) in &mut found {
            *set = set.without(denied(&flat, principal));
        }
        found.retain(|_, set| !set.is_empty());
        found
    }

    /// What one statement allows one principal and no denial takes away.
    pub fn allowed_by(
        &self,
        statement: &Statement,
        principal: &Principal,
        place: Place<'_>,
    ) -> Actions {
        if !statement.allows() || !statement.applies_to(place.key) {
            return Actions::NONE;
        }
        statement.kms().without(denied(&self.flat_denials(place), principal))
    }

    /// The denials that are certain.
    fn flat_denials(&self, place: Place<'_>) -> Vec<&Statement> {
        let flat =
            |denial: &&Statement| denial.conditions.is_empty() && denial.applies_to(place.key);
        self.denies().filter(flat).collect()
    }
}

fn denied(denials: &[&Statement], principal: &Principal) -> Actions {
    let hit = denials.iter().filter(|denial| denial.who.covers(principal));
    hit.fold(Actions::NONE, |all, denial| all.with(denial.kms()))
}
