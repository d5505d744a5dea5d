//! Which statements of a document are limited by their conditions, and to whom.

use std::collections::HashSet;

use super::access::Place;
use super::action::Actions;
use super::address::admits_few;
use super::condition::{CALLER_FENCES, Condition};
use super::dead::is_dead;
use super::document::{Policy, Statement};
use super::narrow::pattern_of;
use super::principal::{Principal, is_account};
use crate::model::time::Time;

impl Statement {
    /// Whether any condition ties it to some value of one of `keys`.
    pub fn is_fenced(&self, keys: &[&str]) -> bool {
        self.conditions.iter().any(|condition| condition.fences(keys))
    }

    /// The accounts that a statement open to `*` is limited to by its conditions, and whether it
    /// is to principals in them that a condition names. Where no condition says whose the caller is,
    /// these are the accounts for which a service may act.
    pub fn fenced_accounts(&self) -> (Vec<String>, bool) {
        let (accounts, by_name) = self.fenced_callers();
        let of_sources = || self.limited_to(&["aws:sourceaccount", "aws:sourcearn"]);
        (accounts.or_else(of_sources).unwrap_or_default(), by_name)
    }

    /// The accounts to which conditions on the caller limit a statement that is open to `*`, if any
    /// do, and whether it is to principals in them that a condition names.
    pub fn fenced_callers(&self) -> (Option<Vec<String>>, bool) {
        let of_callers = self.limited_to(&[
            "kms:calleraccount",
            "aws:principalaccount",
            "aws:userid",
            "aws:vpceaccount",
        ]);
        let of_principals = self.limited_to(&["aws:principalarn", "aws:federatedprovider"]);
        let by_name = of_principals.is_some();
        let accounts = match (of_callers, of_principals) {
            (Some(mut accounts), Some(others)) => {
                // All conditions must hold.
                let others: HashSet<String> = others.into_iter().collect();
                accounts.retain(|id| others.contains(id));
                Some(accounts)
            }
            (accounts, others) => accounts.or(others),
        };
        (accounts, by_name)
    }

    /// The accounts that conditions on `keys` leave, all of which must hold; `None` if there is no
    /// such condition.
    fn limited_to(&self, keys: &[&str]) -> Option<Vec<String>> {
        let mut accounts: Option<Vec<String>> = None;
        let about = |one: &&Condition| one.is_about(keys) && one.fences(CALLER_FENCES);
        for condition in self.conditions.iter().filter(about) {
            let mut found: Vec<String> =
                condition.values.iter().filter_map(|value| account_of(value)).collect();
            if let Some(before) = &accounts {
                let before: HashSet<&str> = before.iter().map(String::as_str).collect();
                found.retain(|id| before.contains(id.as_str()));
            }
            accounts = Some(found);
        }
        accounts
    }
}

/// The account in a value: that of an ARN, or what a number or an id begins with. By colons, since
/// the partition may be a pattern.
fn account_of(value: &str) -> Option<String> {
    let pattern = pattern_of(value);
    let mut fields = pattern.splitn(6, ':');
    let first = fields.next()?;
    let account = if first == "arn" { fields.nth(3)? } else { first };
    (is_account(account) && value.contains(account)).then(|| account.to_owned())
}

/// How far a statement that allows `*` is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// To any AWS account.
    ToAll,
    /// To any AWS account, from few network addresses.
    FromFewAddresses,
}

impl Statement {
    /// Whether no call from `time` on can fulfil a condition of the statement.
    pub fn is_dead(&self, time: Option<Time>) -> bool {
        self.dead_condition(time).is_some()
    }

    /// How far it is open, if nothing but addresses limits it.
    fn openness(&self) -> Open {
        match self.conditions.iter().any(admits_few) {
            true => Open::FromFewAddresses,
            false => Open::ToAll,
        }
    }

    /// The first condition that no call from `time` on can fulfil.
    pub fn dead_condition(&self, time: Option<Time>) -> Option<&Condition> {
        self.conditions.iter().find(|condition| is_dead(condition, time))
    }
}

/// Whether a condition of a Deny holds for whoever none of its values names. Where all conditions do,
/// the Deny spares only those whom one of them names, and services of AWS, as data perimeters have it.
fn holds_for_outsiders(condition: &Condition) -> bool {
    condition.denies_all_but(CALLER_FENCES) || condition.spares_services_only()
}

impl Policy {
    /// The statements that allow `*` and are open to any AWS account: no condition of theirs and no
    /// Deny says who may, and they are not dead.
    pub fn open(&self, place: Place<'_>) -> Vec<(&Statement, Open)> {
        let key = place.key;
        let closes = |denial: &&Statement| {
            denial.applies_to(key)
                && denial.who.covers(&Principal::Everyone)
                && denial.conditions.iter().all(holds_for_outsiders)
                && (denial.conditions.is_empty()
                    // A Deny that spares services only lets them act for anybody.
                    || !denial.conditions.iter().all(Condition::spares_services_only))
        };
        let closed = self.denies().filter(closes);
        let denied = closed.fold(Actions::NONE, |all, denial| all.with(denial.kms()));
        let is_open = |statement: &&Statement| {
            statement.applies_to(key)
                && statement.who.named().any(|one| *one == Principal::Everyone)
                && !statement.is_fenced(CALLER_FENCES)
                && !statement.is_dead(place.time)
                && !statement.kms().without(denied).is_empty()
        };
        self.allows().filter(is_open).map(|statement| (statement, statement.openness())).collect()
    }

    /// The statements that are open to any AWS account from anywhere.
    pub fn public(&self, place: Place<'_>) -> Vec<&Statement> {
        let all = self.open(place).into_iter();
        all.filter(|(_, open)| *open == Open::ToAll).map(|(statement, _)| statement).collect()
    }
}
