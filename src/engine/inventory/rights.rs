//! What one principal may do with one key: key policy, grants and IAM documents, put together.
//!
//! What must stay true: `Allowed` is said only where the documents that were seen allow the call by
//! themselves and without conditions, and nothing is told as allowed that one of them denies for
//! certain.

use std::collections::BTreeMap;

use super::iam::held::IamDocument;
use crate::model::keys::access::{Denial, Sure};
use crate::model::keys::dossier::{OpenGrant, PolicyVersion};
use crate::model::keys::granted::Allowed;
use crate::model::time::Time;
use crate::policy::of_one::session_of;
use crate::policy::who_can::words;
use crate::policy::{Actions, OneReach, Place, Policy, Principal};

/// Allowances of one key that are listed.
const LISTED: usize = 100;

/// Denials of one key that are listed.
const DENIALS: usize = 20;

/// What is about a key.
const ON_KEY: Actions = Actions::ALL.without(Actions::WITHOUT_KEY);

/// The principal that is asked about.
pub struct OneAsked {
    pub arn: String,
    pub account: String,
    /// As policies name it.
    pub principal: Principal,
}

/// What is known of a key at a time.
pub struct KeyAt<'a> {
    pub arn: &'a str,
    pub account: &'a str,
    pub at: Time,
    pub policy: Option<&'a PolicyVersion>,
}

/// The rights of a principal to a key.
#[derive(Debug, Default)]
pub struct Rights {
    pub allowed: Vec<Allowed>,
    pub left_out: u64,
    pub denied: Vec<Denial>,
    pub unknown: Vec<String>,
    sets: BTreeMap<Sure, Actions>,
}

impl Rights {
    /// How sure it is that any of these calls is allowed.
    pub fn of(&self, calls: Actions) -> Option<Sure> {
        self.sets.iter().find(|(_, set)| set.meets(calls)).map(|(sure, _)| *sure)
    }

    /// All calls that are this sure, or surer.
    pub fn at_least(&self, least: Sure) -> Actions {
        let sets = self.sets.range(..=least);
        sets.fold(Actions::NONE, |all, (_, set)| all.with(*set))
    }

    fn add(&mut self, sure: Sure, calls: Actions, by: String, conditions: Vec<String>) {
        let sure = match (sure, conditions.is_empty()) {
            (Sure::Allowed, false) => Sure::IfConditionsHold,
            (sure, _) => sure,
        };
        let set = self.sets.entry(sure).or_default();
        *set = set.with(calls);
        if self.allowed.len() < LISTED {
            let every = calls == ON_KEY;
            self.allowed.push(Allowed { sure, by, conditions, every, operations: calls.names() });
        } else {
            self.left_out += 1;
        }
    }
}

/// What an IAM document allows on a key.
struct ByIam {
    calls: Actions,
    by: String,
    conditions: Vec<String>,
}

/// The rights to a key by its policy, these grants and these IAM documents.
pub fn rights<'g>(
    one: &OneAsked,
    key: &KeyAt<'_>,
    grants: impl Iterator<Item = &'g OpenGrant>,
    documents: &[IamDocument],
) -> Rights {
    let place = Place { key: Some(key.arn), account: Some(key.account), time: Some(key.at) };
    let (by_iam, denied) = by_iam(one, place, documents);
    let denied = denied.with(Actions::WITHOUT_KEY);
    let mut asked = Asked { one, place, denied, by_iam, rights: Rights::default() };
    match asked.parsed(key.policy) {
        Some(policy) => asked.of_policy(&policy),
        None => asked.without_policy(),
    }
    asked.of_grants(grants);
    let named = documents.iter().map(|document| (document.by.as_str(), &document.policy));
    asked.may_deny(named);
    asked.finish()
}

/// The rights to what is about no key, by these IAM documents.
pub fn rights_without_key(one: &OneAsked, at: Time, documents: &[IamDocument]) -> Rights {
    // Only a statement for all resources applies to no key.
    let place = Place { key: Some(""), account: Some(&one.account), time: Some(at) };
    let (by_iam, _) = by_iam(one, place, documents);
    let mut rights = Rights::default();
    for ByIam { calls, by, conditions } in by_iam {
        let calls = calls.and(Actions::WITHOUT_KEY);
        if !calls.is_empty() {
            rights.add(Sure::Allowed, calls, by, conditions);
        }
    }
    rights
}

/// What IAM documents allow, and what they deny for certain.
fn by_iam(one: &OneAsked, place: Place<'_>, documents: &[IamDocument]) -> (Vec<ByIam>, Actions) {
    let denied = |document: &IamDocument| document.policy.denied_one(&one.principal, place);
    let denied = documents.iter().fold(Actions::NONE, |all, one| all.with(denied(one)));
    let mut by_iam = Vec::new();
    for IamDocument { by, policy } in documents {
        by_iam.extend(policy.allows_one(&one.principal, place).into_iter().map(|said| ByIam {
            calls: said.calls.without(denied),
            by: format!("{by}, {}", said.statement.label()),
            conditions: words(&said.statement.conditions),
        }));
    }
    by_iam.retain(|one| !one.calls.is_empty());
    (by_iam, denied)
}

/// The calls that any document or grant ever allowed, whatever others deny.
pub fn ever_allowed(
    one: &OneAsked,
    key: &KeyAt<'_>,
    (policies, grants): (&[PolicyVersion], &[OpenGrant]),
    documents: &[IamDocument],
) -> Actions {
    let place = Place { key: Some(key.arn), account: Some(key.account), time: None };
    let home = key.account == one.account;
    let all_of = |policy: &Policy| {
        let said = policy.allows_one(&one.principal, place).into_iter();
        said.fold(Actions::NONE, |all, said| all.with(said.calls))
    };
    let by_iam = documents.iter().fold(Actions::NONE, |all, one| all.with(all_of(&one.policy)));
    let mut found = Actions::NONE;
    for policy in policies.iter().filter_map(|version| version.document.as_deref()) {
        let Ok(policy) = Policy::parse(policy) else { continue };
        for said in policy.allows_one(&one.principal, place) {
            let alone = home && said.reach != OneReach::Account;
            found = found.with(if alone { said.calls } else { said.calls.and(by_iam) });
        }
    }
    let own = grants.iter().filter(|grant| {
        let grantee = grant.grantee.as_deref();
        grantee.is_some_and(|to| to == one.arn || session_of(to, &one.arn).is_some())
    });
    own.fold(found, |all, grant| all.with(operations(grant)))
}

/// What a grant allows.
fn operations(grant: &OpenGrant) -> Actions {
    let named = grant.operations.iter().map(|name| Actions::matching(&format!("kms:{name}")));
    named.fold(Actions::NONE, Actions::with)
}

/// An answer in the making.
struct Asked<'a> {
    one: &'a OneAsked,
    place: Place<'a>,
    /// What is denied for certain.
    denied: Actions,
    by_iam: Vec<ByIam>,
    rights: Rights,
}

impl Asked<'_> {
    /// The key policy, if it is shown and can be read.
    fn parsed(&mut self, version: Option<&PolicyVersion>) -> Option<Policy> {
        let unknown = &mut self.rights.unknown;
        let Some(version) = version else {
            unknown.push("the key policy: no record shows it".to_owned());
            return None;
        };
        match version.document.as_deref().map(Policy::parse) {
            Some(Ok(policy)) => {
                let unread = policy.unread.iter();
                unknown.extend(unread.map(|unread| format!("part of the key policy: {unread}")));
                Some(policy)
            }
            Some(Err(why)) => {
                unknown.push(format!("the key policy: {why}"));
                None
            }
            None => {
                unknown.push("the key policy: the record that set it does not show it".to_owned());
                None
            }
        }
    }

    fn of_policy(&mut self, policy: &Policy) {
        let one = &self.one.principal;
        self.denied = self.denied.with(policy.denied_one(one, self.place));
        let home = self.place.account == Some(self.one.account.as_str());
        for said in policy.allows_one(one, self.place) {
            let calls = said.calls.without(self.denied);
            let by = format!("key policy, {}", said.statement.label());
            let mut conditions = words(&said.statement.conditions);
            let left = match said.reach {
                OneReach::Account => Sure::LeftToIam,
                OneReach::Session(session) => {
                    conditions.push(format!("only as session {session}"));
                    Sure::IfIamAllows
                }
                OneReach::Itself => Sure::IfIamAllows,
            };
            if calls.is_empty() {
                continue;
            }
            // In its own account the key policy is enough; of another one both sides have to allow it.
            if home && left == Sure::IfIamAllows {
                self.rights.add(Sure::Allowed, calls, by, conditions);
            } else {
                self.with_iam(left, calls, &by, &conditions);
            }
        }
        self.may_deny(std::iter::once(("key policy", policy)));
    }

    /// What a statement allows if IAM does: certain where IAM is seen to allow it, else as `left` says.
    fn with_iam(&mut self, left: Sure, calls: Actions, by: &str, conditions: &[String]) {
        let mut rest = calls;
        // What is denied is not in `calls`.
        for iam in self.by_iam.iter().filter(|iam| iam.calls.meets(calls)) {
            let all = conditions.iter().chain(&iam.conditions).cloned().collect();
            let by = format!("{by}, and {}", iam.by);
            self.rights.add(Sure::Allowed, iam.calls.and(calls), by, all);
            rest = rest.without(iam.calls);
        }
        if !rest.is_empty() {
            self.rights.add(left, rest, by.to_owned(), conditions.to_vec());
        }
    }

    fn finish(mut self) -> Rights {
        self.rights.allowed.sort();
        self.rights.allowed.dedup();
        self.rights
    }

    /// What IAM allows on a key whose policy is not shown.
    fn without_policy(&mut self) {
        for ByIam { calls, by, conditions } in std::mem::take(&mut self.by_iam) {
            let calls = calls.without(self.denied);
            if !calls.is_empty() {
                self.rights.add(Sure::NotKnown, calls, by, conditions);
            }
        }
    }

    fn of_grants<'g>(&mut self, grants: impl Iterator<Item = &'g OpenGrant>) {
        for grant in grants {
            let Some(grantee) = grant.grantee.as_deref() else { continue };
            let session = session_of(grantee, &self.one.arn);
            let account = Principal::read("AWS", grantee).is_account(&self.one.account);
            if grantee != self.one.arn && session.is_none() && !account {
                continue;
            }
            let calls = operations(grant).without(self.denied);
            let id = &grant.id[..grant.id.floor_char_boundary(12)];
            let by = format!("grant {id} of {}", grant.proof.time);
            let mut conditions = grant.constraints.clone();
            conditions.extend(session.map(|session| format!("only as session {session}")));
            match (calls.is_empty(), account) {
                (true, _) => {}
                (false, true) => self.with_iam(Sure::LeftToIam, calls, &by, &conditions),
                (false, false) => self.rights.add(Sure::Allowed, calls, by, conditions),
            }
        }
    }

    /// Notes the statements that deny under conditions what is allowed otherwise.
    fn may_deny<'p>(&mut self, documents: impl Iterator<Item = (&'p str, &'p Policy)>) {
        let granted = self.rights.at_least(Sure::NotKnown);
        for (by, policy) in documents {
            let may = policy.may_deny_one(&self.one.principal, granted, self.place);
            let room = DENIALS.saturating_sub(self.rights.denied.len());
            self.rights.denied.extend(may.take(room).map(|statement| Denial {
                principal: statement.whom(),
                by: format!("{by}, {}", statement.label()),
                conditions: words(&statement.conditions),
            }));
        }
    }
}
