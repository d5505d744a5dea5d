//! The principals of other accounts that a key policy lets in: shared by the two rules about them.

use std::collections::BTreeSet;

use crate::detect::native::Found;
use crate::detect::native::shared::policy_document::{KeyPolicy, list};
use crate::model::level::Level;
use crate::policy::{Actions, Principal};

/// How much of another account is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Named users, roles, sessions or identity providers.
    Named,
    /// All of it: its root, its id, or `*` limited to it by a condition.
    Whole,
}

/// The finding about principals of this extent, if any of their accounts is a stranger's.
pub fn found(given: &KeyPolicy, extent: Extent, why: &str) -> Option<Found> {
    let mut accounts: BTreeSet<String> = BTreeSet::new();
    // `*` stands for the accounts in its conditions; statements are few enough to look again.
    let mut limited: BTreeSet<usize> = BTreeSet::new();
    for statement in given.allows() {
        let everyone = statement.who.named().any(|one| *one == Principal::Everyone);
        let (fenced, by_name) = statement.fenced_accounts();
        let same = by_name == (extent == Extent::Named);
        let others: Vec<String> = fenced.into_iter().filter(|id| *id != given.account).collect();
        if everyone && same && !others.is_empty() {
            limited.insert(statement.number);
            accounts.extend(others);
        }
    }
    let is_foreign = |principal: &Principal| {
        let whole = matches!(principal, Principal::Account(_));
        whole == (extent == Extent::Whole)
            && principal.account().is_some_and(|account| account != given.account)
    };
    let told = given.told(Actions::ALL, |statement, principal| match principal {
        Principal::Everyone => limited.contains(&statement.number),
        principal => is_foreign(principal),
    });
    let allowed = given.policy.allowed(given.place());
    let named = allowed.into_keys().filter(|one| is_foreign(one));
    accounts.extend(named.filter_map(Principal::account).map(str::to_owned));
    let found = told.found(Level::High, why)?;
    Some(found.with("accounts", list(accounts.clone())).if_foreign(accounts))
}
