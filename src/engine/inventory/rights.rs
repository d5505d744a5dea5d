//! What one principal may do with one key: key policy, grants and IAM documents, put together.
//!
//! What must stay true: `Allowed` is said only where the documents that were seen allow the call by
//! themselves and without conditions, and nothing is told as allowed that one of them denies for
//! certain.

use std::collections::BTreeMap;

use super::denials::{unless, when};
use super::iam::held::IamDocument;
use crate::model::keys::access::{Denial, Sure};
use crate::model::keys::dossier::{OpenGrant, PolicyVersion};
use crate::model::keys::granted::Allowed;
use crate::model::time::Time;
use crate::policy::denied::Denying;
use crate::policy::of_one::session_of;
use crate::policy::who_can::words;
use crate::policy::{Actions, OneReach, Place, Policy, Principal};

/// Allowances of one key that are listed.
const LISTED: usize = 100;

/// Denials that may apply to one allowance and are told.
const PERHAPS: usize = 8;

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

    /// The key policy, if it is shown and can be read.
    fn parsed(&mut self, version: Option<&PolicyVersion>) -> Option<Policy> {
        let unknown = &mut self.unknown;
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
                let why = "the key policy: the record that set it does not show it; aws kms \
                           get-key-policy tells it";
                unknown.push(why.to_owned());
                None
            }
        }
    }

    fn has_room(&self) -> bool {
        self.allowed.len() < LISTED
    }

    fn add(&mut self, sure: Sure, calls: Actions, by: String, conditions: Vec<String>) {
        let sure = match (sure, conditions.is_empty()) {
            (Sure::Allowed, false) => Sure::IfConditionsHold,
            (sure, _) => sure,
        };
        let set = self.sets.entry(sure).or_default();
        *set = set.with(calls);
        if self.has_room() {
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
    let mut rights = Rights::default();
    let policy = rights.parsed(key.policy);
    let mut denied = OneDenied::by(one, place, policy.as_ref(), documents);
    denied.certain = denied.certain.with(Actions::WITHOUT_KEY);
    let by_iam = by_iam(one, place, documents, denied.certain);
    let mut asked = Asked { one, place, denied, by_iam, rights };
    match &policy {
        Some(policy) => asked.of_policy(policy),
        None => asked.without_policy(),
    }
    asked.of_grants(grants);
    asked.finish()
}

/// The rights to what is about no key, by these IAM documents.
pub fn rights_without_key(one: &OneAsked, at: Time, documents: &[IamDocument]) -> Rights {
    // Only a statement for all resources applies to no key.
    let place = Place { key: Some(""), account: Some(&one.account), time: Some(at) };
    let mut denied = OneDenied::by(one, place, None, documents);
    denied.certain = denied.certain.with(ON_KEY);
    let by_iam = by_iam(one, place, documents, denied.certain);
    let mut asked = Asked { one, place, denied, by_iam: Vec::new(), rights: Rights::default() };
    for ByIam { calls, by, conditions } in by_iam {
        asked.add(Sure::Allowed, calls, by, conditions);
    }
    asked.finish()
}

/// What IAM documents allow, without what is denied for certain.
fn by_iam(
    one: &OneAsked,
    place: Place<'_>,
    documents: &[IamDocument],
    denied: Actions,
) -> Vec<ByIam> {
    let mut by_iam = Vec::new();
    for IamDocument { by, policy } in documents {
        by_iam.extend(policy.allows_one(&one.principal, place).into_iter().map(|said| ByIam {
            calls: said.calls.without(denied),
            by: format!("{by}, {}", said.statement.label()),
            conditions: words(&said.statement.conditions),
        }));
    }
    by_iam.retain(|one| !one.calls.is_empty());
    by_iam
}

/// What all documents deny the principal on one key.
struct OneDenied<'p> {
    /// For certain.
    certain: Actions,
    /// What may be denied.
    perhaps: Actions,
    /// By which statements of which documents.
    by: Vec<(String, Denying<'p>)>,
}

impl<'p> OneDenied<'p> {
    fn by(
        one: &OneAsked,
        place: Place<'_>,
        policy: Option<&'p Policy>,
        documents: &'p [IamDocument],
    ) -> OneDenied<'p> {
        let held = documents.iter().map(|document| (document.by.as_str(), &document.policy));
        let mut all = OneDenied { certain: Actions::NONE, perhaps: Actions::NONE, by: Vec::new() };
        for (name, policy) in policy.map(|policy| ("key policy", policy)).into_iter().chain(held) {
            let denied = policy.denies_one(&one.principal, place);
            all.certain = all.certain.with(denied.certain);
            for denying in denied.perhaps {
                all.perhaps = all.perhaps.with(denying.statement.kms());
                all.by.push((format!("{name}, {}", denying.statement.label()), denying));
            }
        }
        all
    }

    /// The statements that may deny any of these calls.
    fn of(&self, calls: Actions) -> impl Iterator<Item = &(String, Denying<'p>)> {
        self.by.iter().filter(move |(_, denying)| denying.statement.kms().meets(calls))
    }

    /// That none of them denies these calls, as conditions.
    fn unless(&self, calls: Actions) -> Vec<String> {
        let mut all: Vec<String> =
            self.of(calls).take(PERHAPS).map(|(by, denying)| unless(by, denying)).collect();
        if self.of(calls).nth(PERHAPS).is_some() {
            all.push("not denied by more statements".to_owned());
        }
        all
    }
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
    denied: OneDenied<'a>,
    by_iam: Vec<ByIam>,
    rights: Rights,
}

impl Asked<'_> {
    fn of_policy(&mut self, policy: &Policy) {
        let one = &self.one.principal;
        let home = self.place.account == Some(self.one.account.as_str());
        for said in policy.allows_one(one, self.place) {
            let calls = said.calls.without(self.denied.certain);
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
            // In its own account the key policy is enough; of another one both sides have to allow it.
            if home && left == Sure::IfIamAllows {
                self.add(Sure::Allowed, calls, by, conditions);
            } else {
                self.with_iam(left, calls, &by, &conditions);
            }
        }
    }

    /// What a statement allows if IAM does: certain where IAM is seen to allow it, else as `left` says.
    fn with_iam(&mut self, left: Sure, calls: Actions, by: &str, conditions: &[String]) {
        let mut rest = calls;
        let mut both = Vec::new();
        // What is denied is not in `calls`.
        for iam in self.by_iam.iter().filter(|iam| iam.calls.meets(calls)) {
            let all = conditions.iter().chain(&iam.conditions).cloned().collect();
            both.push((iam.calls.and(calls), format!("{by}, and {}", iam.by), all));
            rest = rest.without(iam.calls);
        }
        for (calls, by, all) in both {
            self.add(Sure::Allowed, calls, by, all);
        }
        self.add(left, rest, by.to_owned(), conditions.to_vec());
    }

    /// Adds what is allowed; what may be denied only on condition that it is not.
    fn add(&mut self, sure: Sure, calls: Actions, by: String, conditions: Vec<String>) {
        let (free, may) = (calls.without(self.denied.perhaps), calls.and(self.denied.perhaps));
        if !free.is_empty() {
            self.rights.add(sure, free, by.clone(), conditions.clone());
        }
        if !may.is_empty() {
            let sure = if sure == Sure::Allowed { Sure::IfConditionsHold } else { sure };
            let mut all = conditions;
            // What is not listed needs no words.
            if self.rights.has_room() {
                all.extend(self.denied.unless(may));
            }
            self.rights.add(sure, may, by, all);
        }
    }

    fn finish(mut self) -> Rights {
        let granted = self.rights.at_least(Sure::NotKnown);
        let may = self.denied.of(granted).take(DENIALS).map(|(by, denying)| Denial {
            principal: denying.statement.whom(),
            by: by.clone(),
            conditions: when(denying),
        });
        self.rights.denied.extend(may);
        self.rights.allowed.sort();
        self.rights.allowed.dedup();
        self.rights
    }

    /// What IAM allows on a key whose policy is not shown.
    fn without_policy(&mut self) {
        for ByIam { calls, by, conditions } in std::mem::take(&mut self.by_iam) {
            self.add(Sure::NotKnown, calls, by, conditions);
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
            let calls = operations(grant).without(self.denied.certain);
            let id = &grant.id[..grant.id.floor_char_boundary(12)];
            let by = format!("grant {id} of {}", grant.proof.time);
            let mut conditions = grant.constraints.clone();
            conditions.extend(session.map(|session| format!("only as session {session}")));
            match account {
                true => self.with_iam(Sure::LeftToIam, calls, &by, &conditions),
                false => self.add(Sure::Allowed, calls, by, conditions),
            }
        }
    }
}
