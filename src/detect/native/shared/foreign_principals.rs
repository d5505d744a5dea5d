//! Finds the principals of other accounts in a key policy. Two rules share this code.

use std::collections::BTreeSet;

use crate::detect::native::Found;
use crate::detect::native::shared::policy_document::{KeyPolicy, list};
use crate::model::level::Level;
use crate::policy::{Actions, Principal, Statement};

/// Which part of another account is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Named users, roles, sessions or identity providers.
    Named,
    /// The whole account: its root, its id, or `*` with a condition on the account.
    Whole,
}

/// The finding about principals of this extent, if any of their accounts is foreign.
pub fn found(given: &KeyPolicy, extent: Extent, why: &str) -> Option<Found> {
    let mut accounts: BTreeSet<String> = BTreeSet::new();
    // A statement for `*` stands for the accounts in its conditions. Policies have few statements,
    // so a second pass is cheap.
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
    let about = |statement: &Statement, principal: &Principal| match principal {
        Principal::Everyone => limited.contains(&statement.number),
        principal => is_foreign(principal),
    };
    let told = given.told(Actions::ALL, |_| true, about);
    let allowed = given.policy.allowed(given.place());
    let named = allowed.into_keys().filter(|one| is_foreign(one));
    accounts.extend(named.filter_map(Principal::account).map(str::to_owned));
    let found = told.found(Level::High, why)?;
    Some(found.with("accounts", list(accounts.clone())).if_foreign(accounts))
}
