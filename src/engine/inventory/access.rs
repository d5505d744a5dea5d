//! Who can do something with a key: key policy, grants and IAM documents that were seen, put together.
//!
//! What must stay true: `Allowed` is said only where the documents that were seen allow the call by
//! themselves and without conditions. Whatever could still refuse it, or allow it to others, and was
//! not seen is named.

use std::collections::{BTreeMap, BTreeSet};

use super::grants::open_at;
use super::iam::{IamCalls, IamState, OfAccount};
use crate::model::keys::access::{Access, Allowance, Denial, Sure};
use crate::model::keys::dossier::{OpenGrant, PolicyVersion};
use crate::model::keys::facts::KeyFacts;
use crate::model::time::Time;
use crate::policy::who_can::{permissions, words};
use crate::policy::{Actions, Place, Policy, Principal};

/// Allowances that are listed.
const LISTED: usize = 1_000;

/// Allowances that are sorted before that.
const KEPT: usize = 20_000;

/// Policies without a text that are named.
const UNSEEN: usize = 5;

/// What no record of CloudTrail shows.
pub const NEVER_SEEN: &str = "service and resource control policies, permission boundaries, session policies \
    and policies of VPC endpoints are not looked at: each may still refuse a call";

/// What is asked, and of what.
pub struct Question<'a> {
    pub operation: &'a str,
    pub at: Time,
    /// Where the log begins.
    pub first: Option<Time>,
    pub grants: &'a [OpenGrant],
    pub iam: &'a IamCalls,
}

/// Answers a question about a key, of which there is a dossier.
pub fn who_can(facts: &KeyFacts, asked: &Question<'_>) -> Access {
    let calls = permissions(asked.operation);
    let policies = facts.dossier.as_ref().map(|dossier| dossier.policies.first.as_slice());
    let policies = policies.unwrap_or_default();
    let version = policies.iter().rev().find(|version| version.proof.time <= asked.at);
    let iam = asked.iam.at(asked.at);
    let place =
        Place { key: Some(&facts.arn), account: Some(&facts.account), time: Some(asked.at) };
    let mut answer = Answer {
        facts,
        calls,
        place,
        iam,
        access: empty(asked),
        known: BTreeMap::new(),
        accounts: BTreeMap::new(),
    };
    answer.of_policy(version, policies);
    answer.of_grants(asked);
    answer.of_iam(asked.iam.cut);
    let mut access = answer.access;
    let begins =
        asked.first.map_or("the log begins".to_owned(), |first| format!("the log begins, {first}"));
    access.unknown.push(format!(
        "grants made before {begins}: no record shows them, aws kms list-grants does"
    ));
    access.unknown.push(format!("IAM policies written before {begins}"));
    access.unknown.push(NEVER_SEEN.to_owned());
    access.allowed.sort();
    access.allowed.dedup();
    access.left_out += access.allowed.len().saturating_sub(LISTED) as u64;
    access.allowed.truncate(LISTED);
    access
}

fn empty(asked: &Question<'_>) -> Access {
    Access {
        operation: asked.operation.to_owned(),
        at: asked.at,
        policy: None,
        allowed: Vec::new(),
        left_out: 0,
        denied: Vec::new(),
        unknown: Vec::new(),
    }
}

/// An answer in the making.
struct Answer<'a> {
    facts: &'a KeyFacts,
    calls: Actions,
    place: Place<'a>,
    iam: IamState<'a>,
    access: Access,
    /// What the documents of other accounts say.
    known: BTreeMap<String, OfAccount>,
    /// The accounts whose IAM decides, with the statement that says so, and what must hold.
    accounts: BTreeMap<String, Vec<(String, Vec<String>)>>,
}

impl Answer<'_> {
    fn of_policy(&mut self, version: Option<&PolicyVersion>, all: &[PolicyVersion]) {
        let Some(version) = version else {
            let later = all
                .first()
                .map(|version| format!(" The first that one shows is of {}.", version.proof.time));
            self.access.unknown.push(format!(
                "the key policy: no record before that time shows it. CreateKey, PutKeyPolicy and \
                 ReplicateKey do, GetKeyPolicy is logged without it; aws kms get-key-policy tells it.{}",
                later.unwrap_or_default()
            ));
            return;
        };
        self.access.policy = Some(version.proof.clone());
        let parsed = version.document.as_deref().map(Policy::parse);
        let policy = match parsed {
            Some(Ok(policy)) => policy,
            Some(Err(why)) => return self.access.unknown.push(format!("the key policy: {why}")),
            None => {
                return self
                    .access
                    .unknown
                    .push("the key policy: the record does not show it".into());
            }
        };
        for unread in &policy.unread {
            self.access.unknown.push(format!("part of the key policy: {unread}"));
        }
        for says in policy.allows_any(self.calls, self.place) {
            let by = format!("key policy, {}", says.statement.label());
            match says.principal {
                Some(Principal::Account(account)) => self.leave_to(account, by, says.conditions),
                Some(principal) => self.allow(principal, by, says.conditions),
                None => self.add(Sure::Allowed, says.statement.whom(), by, says.conditions),
            }
        }
        for denial in policy.denies_any(self.calls, self.place) {
            self.access.denied.push(Denial {
                principal: denial.whom(),
                by: format!("key policy, {}", denial.label()),
                conditions: words(&denial.conditions),
            });
        }
    }

    /// A principal that the key policy names.
    fn allow(&mut self, principal: &Principal, by: String, conditions: Vec<String>) {
        let account = principal.account();
        let foreign = account.is_some_and(|account| account != self.facts.account);
        if !foreign {
            let anybody = *principal == Principal::Everyone;
            let name = if anybody { "anybody".to_owned() } else { principal.to_string() };
            return self.add(Sure::Allowed, name, by, conditions);
        }
        // Of another account, both sides have to allow it.
        let name = principal.to_string();
        let key = (self.calls, self.place);
        let known = self.known.entry(account.unwrap_or_default().to_owned());
        let known = known.or_insert_with_key(|account| self.iam.of_account(account, key));
        let own: Vec<(String, Vec<String>)> = known
            .of_holder(&without_path(&name))
            .iter()
            .map(|one| (one.by.clone(), one.conditions.clone()))
            .collect();
        if own.is_empty() {
            self.add(Sure::IfIamAllows, name, by, conditions);
            return;
        }
        for (of_iam, more) in own {
            let all = conditions.iter().cloned().chain(more).collect();
            self.add(Sure::Allowed, name.clone(), format!("{by}, and {of_iam}"), all);
        }
    }

    /// Notes that IAM of an account decides.
    fn leave_to(&mut self, account: &str, by: String, conditions: Vec<String>) {
        let other = if account == self.facts.account { "" } else { ", which does not own the key" };
        let whom = format!("IAM of account {account}{other}");
        self.access.allowed.push(Allowance {
            sure: Sure::LeftToIam,
            principal: whom,
            by: by.clone(),
            conditions: conditions.clone(),
        });
        self.accounts.entry(account.to_owned()).or_default().push((by, conditions));
    }

    fn of_grants(&mut self, asked: &Question<'_>) {
        let names = self.calls.names();
        for grant in open_at(asked.grants, asked.at) {
            let allows = grant.operations.iter().any(|one| names.contains(&one.as_str()));
            let Some(grantee) = grant.grantee.as_deref().filter(|_| allows) else { continue };
            let by = format!("grant {} of {}", short(&grant.id), grant.proof.time);
            self.add(Sure::Allowed, grantee.to_owned(), by, grant.constraints.clone());
        }
    }

    /// Which IAM documents allow it, where the key policy leaves the decision to IAM.
    fn of_iam(&mut self, mut cut: bool) {
        let accounts = std::mem::take(&mut self.accounts);
        let mut unseen: BTreeSet<String> = BTreeSet::new();
        for (account, statements) in &accounts {
            let known = self.iam.of_account(account, (self.calls, self.place));
            cut |= known.cut;
            unseen.extend(known.unseen);
            for one in &known.allowing {
                for (by, conditions) in statements {
                    let all = conditions.iter().chain(&one.conditions).cloned().collect();
                    self.add(
                        Sure::Allowed,
                        one.holder.clone(),
                        format!("{by}, and {}", one.by),
                        all,
                    );
                }
            }
        }
        if !unseen.is_empty() {
            let shown: Vec<&str> = unseen.iter().take(UNSEEN).map(String::as_str).collect();
            let more = unseen.len() - shown.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            self.access.unknown.push(format!(
                "what attached policies say that no record shows: {}{more}",
                shown.join(", ")
            ));
        }
        if cut {
            let text = "some IAM calls, or documents that allow it: there are more than are kept";
            self.access.unknown.push(text.to_owned());
        }
    }

    fn add(&mut self, sure: Sure, principal: String, by: String, conditions: Vec<String>) {
        let sure = match (sure, conditions.is_empty()) {
            (Sure::Allowed, false) => Sure::IfConditionsHold,
            (sure, _) => sure,
        };
        if self.access.allowed.len() < KEPT {
            self.access.allowed.push(Allowance { sure, principal, by, conditions });
        } else {
            self.access.left_out += 1;
        }
    }
}

/// The ARN of a user or role without its path, as records of IAM name it.
fn without_path(arn: &str) -> String {
    let parts = || {
        let (head, resource) = arn.rsplit_once(':')?;
        let (kind, path) = resource.split_once('/')?;
        Some(format!("{head}:{kind}/{}", path.rsplit('/').next()?))
    };
    parts().unwrap_or_else(|| arn.to_owned())
}

/// The beginning of a long id.
fn short(id: &str) -> &str {
    &id[..id.floor_char_boundary(12)]
}
