//! Who is denied a call on a key: by the key policy, and by the IAM documents of the caller.
//!
//! What must stay true: a denial counts for every way to be allowed: key policy, grant and IAM. What
//! may apply is a condition of each of them.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::iam::{IamState, OfAccount};
use crate::policy::denied::{Applies, Denying, holder_of};
use crate::policy::who_can::words;
use crate::policy::{Actions, Place, Principal};

/// Denials that may apply to one principal and are told.
const PERHAPS: usize = 8;

/// Documents that are named.
const NAMED: usize = 5;

/// What is denied to a principal.
#[derive(Default)]
pub struct Denied {
    /// For certain.
    pub certain: Actions,
    /// By what.
    pub by: Vec<String>,
    /// What may be denied: that it is not, as conditions.
    pub perhaps: Vec<String>,
}

/// What is denied to everybody of some accounts.
#[derive(Default)]
pub struct Crowd {
    /// For certain, to all.
    pub certain: Actions,
    /// What may be denied to all: that it is not, as conditions.
    pub perhaps: Vec<String>,
    /// Those who are denied, or may be.
    pub but: BTreeSet<String>,
    /// Of these, those who may not be: they are asked about one by one.
    pub maybe: BTreeSet<Principal>,
}

/// All denials, and what IAM documents say.
pub struct Denials<'a> {
    policy: Vec<Denying<'a>>,
    iam: IamState<'a>,
    calls: Actions,
    place: Place<'a>,
    accounts: BTreeMap<String, Rc<OfAccount>>,
    verdicts: BTreeMap<Principal, Rc<Denied>>,
}

impl<'a> Denials<'a> {
    pub fn new(
        policy: Vec<Denying<'a>>,
        iam: IamState<'a>,
        (calls, place): (Actions, Place<'a>),
    ) -> Denials<'a> {
        let (accounts, verdicts) = (BTreeMap::new(), BTreeMap::new());
        Denials { policy, iam, calls, place, accounts, verdicts }
    }

    /// What the documents of an account say.
    pub fn of_account(&mut self, account: &str) -> Rc<OfAccount> {
        if let Some(known) = self.accounts.get(account) {
            return Rc::clone(known);
        }
        let known = Rc::new(self.iam.of_account(account, (self.calls, self.place)));
        self.accounts.insert(account.to_owned(), Rc::clone(&known));
        known
    }

    /// What is denied to a principal.
    pub fn verdict(&mut self, principal: &Principal) -> Rc<Denied> {
        if let Some(known) = self.verdicts.get(principal) {
            return Rc::clone(known);
        }
        let mut denied = Denied::default();
        for denying in &self.policy {
            match denying.of_principal(principal) {
                Applies::No => {}
                Applies::Perhaps => denied.perhaps.push(not_denied(denying)),
                Applies::Yes => {
                    denied.certain = denied.certain.with(denying.statement.kms());
                    denied.by.push(by(denying));
                }
            }
        }
        if let (Some(account), Some(holder)) = (principal.account(), holder_of(principal)) {
            let known = self.of_account(account);
            for one in known.denied(&holder) {
                if one.sure {
                    denied.certain = denied.certain.with(one.calls);
                    denied.by.push(one.by.clone());
                } else {
                    denied.perhaps.push(if_not(&one.by, &one.conditions));
                }
            }
            if known.cut {
                let text = "not denied by an IAM document beyond those that are kept";
                denied.perhaps.insert(0, text.to_owned());
            }
        }
        shorten(&mut denied.perhaps);
        denied.by.truncate(PERHAPS);
        let denied = Rc::new(denied);
        self.verdicts.insert(principal.clone(), Rc::clone(&denied));
        denied
    }

    /// What is denied to everybody of the account of the key, or of all others.
    pub fn of_crowd(&mut self, home: &str, own: bool) -> Crowd {
        let mut crowd = Crowd::default();
        let account = own.then_some(home);
        for denying in &self.policy {
            match denying.of_all(account) {
                Applies::Yes => crowd.certain = crowd.certain.with(denying.statement.kms()),
                Applies::Perhaps => crowd.perhaps.push(not_denied(denying)),
                Applies::No if denying.spares() => crowd.perhaps.push(not_denied(denying)),
                Applies::No => {
                    let of = |one: &&Principal| {
                        one.account().is_none_or(|account| (account == home) == own)
                    };
                    crowd.but.extend(denying.people().filter(of).map(ToString::to_string));
                    let ours = |one: &&Principal| own || one.account().is_some();
                    crowd.maybe.extend(denying.people().filter(of).filter(ours).cloned());
                }
            }
        }
        if own {
            let known = self.of_account(home);
            let people = known.denying.iter().map(|one| &one.holder);
            let people = people.filter(|holder| !holder.contains(":group/"));
            crowd.but.extend(people.clone().cloned());
            crowd.maybe.extend(people.map(|holder| Principal::read("aws", holder)));
            if known.cut {
                let text = "not denied by an IAM document beyond those that are kept";
                crowd.perhaps.insert(0, text.to_owned());
            }
        }
        shorten(&mut crowd.perhaps);
        crowd.maybe.retain(|one| !self.verdict(one).perhaps.is_empty());
        crowd
    }

    /// Says what is not known of IAM documents.
    pub fn told(&self, unknown: &mut Vec<String>, mut cut: bool) {
        let known = || self.accounts.values();
        let unseen: BTreeSet<&str> =
            known().flat_map(|known| &known.unseen).map(String::as_str).collect();
        let unread: BTreeSet<&str> =
            known().flat_map(|known| &known.unread).map(String::as_str).collect();
        cut |= known().any(|known| known.cut);
        for (what, all) in [
            ("what attached policies say that no record shows", unseen),
            ("IAM documents that cannot be read", unread),
        ] {
            if !all.is_empty() {
                let shown: Vec<&str> = all.iter().take(NAMED).copied().collect();
                let more = all.len() - shown.len();
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                unknown.push(format!("{what}: {}{more}", shown.join(", ")));
            }
        }
        if cut {
            let text =
                "some IAM calls, or documents that allow or deny it: there are more than are kept";
            unknown.push(text.to_owned());
        }
    }
}

/// Keeps what is told of denials that may apply.
fn shorten(perhaps: &mut Vec<String>) {
    if let Some(more) = perhaps.len().checked_sub(PERHAPS).filter(|more| *more > 0) {
        perhaps.truncate(PERHAPS);
        perhaps.push(format!("not denied by {more} more statements"));
    }
}

fn by(denying: &Denying<'_>) -> String {
    format!("key policy, {}", denying.statement.label())
}

/// That a statement of the key policy does not deny, as a condition.
fn not_denied(denying: &Denying<'_>) -> String {
    unless(&by(denying), denying)
}

/// That a statement does not deny, as a condition. `by` names it.
pub fn unless(by: &str, denying: &Denying<'_>) -> String {
    if_not(by, &when(denying))
}

/// When a statement denies that does not for certain.
pub fn when(denying: &Denying<'_>) -> Vec<String> {
    let mut conditions = words(&denying.statement.conditions);
    if denying.spares() || conditions.is_empty() {
        conditions.insert(0, format!("it denies {}", denying.statement.whom()));
    }
    conditions
}

fn if_not(by: &str, conditions: &[String]) -> String {
    match conditions {
        [] => format!("not denied by {by}"),
        all => format!("not denied by {by}, when {}", all.join(" and ")),
    }
}
