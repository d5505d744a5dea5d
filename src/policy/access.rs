//! Who is allowed what, after the denials are subtracted.
//!
//! A denial counts only if it is certain: it has no conditions and covers the principal, the call and
//! the key completely. An Allow counts whatever its conditions are, because they may hold.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::action::Actions;
use super::document::{Policy, Statement};
use super::principal::{Principal, Reach, Who};
use crate::model::time::Time;

/// How many denials that spare somebody are looked at, those that spare the same taken together. A
/// policy that is meant for people has a few.
const ALL_BUT_MAX: usize = 64;

/// The key a policy belongs to, as far as the record says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place<'a> {
    /// Its ARN.
    pub key: Option<&'a str>,
    /// The account it is in.
    pub account: Option<&'a str>,
    /// From when on the policy holds.
    pub time: Option<Time>,
}

impl Policy {
    /// What a Deny leaves to callers only within limits on one of `keys`: each of these denials has
    /// one condition, which holds for whoever is not within them.
    pub fn denied_but_for(&self, keys: &[&str], place: Place<'_>) -> Denials<'_> {
        let limits = |denial: &&Statement| {
            let [only] = denial.conditions.as_slice() else { return false };
            only.denies_all_but(keys) && denial.applies_to(place.key)
        };
        Denials::of(self.denies().filter(limits))
    }

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
        let flat =
            |denial: &&Statement| denial.conditions.is_empty() && denial.applies_to(place.key);
        let denials = Denials::of(self.denies().filter(flat));
        for (principal, set) in &mut found {
            *set = set.without(denials.of_principal(principal));
        }
        found.retain(|_, set| !set.is_empty());
        found
    }
}

/// Denials that are certain, for very many questions: a hostile policy has thousands of denials and
/// of principals.
#[derive(Debug, Default)]
pub struct Denials<'p> {
    everyone: Actions,
    named: HashMap<&'p Principal, Actions>,
    all_but: Vec<(Reach<'p>, Actions)>,
}

impl<'p> Denials<'p> {
    /// The denials in `statements`. Of those that spare somebody, [`ALL_BUT_MAX`] count.
    pub fn of(statements: impl Iterator<Item = &'p Statement>) -> Denials<'p> {
        let mut all = Denials::default();
        let mut all_but: BTreeMap<&BTreeSet<Principal>, (&Who, Actions)> = BTreeMap::new();
        for statement in statements {
            let calls = statement.kms();
            match &statement.who {
                Who::Named(named) => {
                    for principal in named {
                        let set = all.named.entry(principal).or_default();
                        *set = set.with(calls);
                    }
                }
                who @ Who::AllBut(spared) => {
                    let (_, set) = all_but.entry(spared).or_insert((who, Actions::NONE));
                    *set = set.with(calls);
                }
                Who::Holder => all.everyone = all.everyone.with(calls),
            }
        }
        let everyone = all.named.get(&Principal::Everyone).copied().unwrap_or_default();
        all.everyone = all.everyone.with(everyone);
        let all_but = all_but.into_values().take(ALL_BUT_MAX);
        all.all_but = all_but.map(|(who, calls)| (who.reach(), calls)).collect();
        all
    }

    /// The calls that are denied to a principal.
    pub fn of_principal(&self, principal: &Principal) -> Actions {
        let named = |one: &Principal| self.named.get(one).copied().unwrap_or_default();
        let account = principal.account().map(|id| named(&Principal::Account(id.to_owned())));
        let set = self.everyone.with(named(principal)).with(account.unwrap_or_default());
        let others = self.all_but.iter().filter(|(reach, _)| reach.covers(principal));
        others.fold(set, |all, (_, calls)| all.with(*calls))
    }
}
