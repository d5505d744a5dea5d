//! Who can do something with a key: key policy, grants and IAM documents that were seen, put together.
//!
//! What must stay true: `Allowed` is said only where the documents that were seen allow the call by
//! themselves and without conditions, and none that was seen denies it. Whatever could still refuse it, or allow it to others, and was
//! not seen is named.

use std::collections::{BTreeMap, BTreeSet};

use super::denials::Denials;
use super::grants::open_at;
use super::iam::{IamAllows, IamCalls};
use crate::model::keys::access::{Access, Allowance, Denial, Sure};
use crate::model::keys::dossier::OpenGrant;
use crate::model::keys::facts::KeyFacts;
use crate::model::keys::state::KeyState;
use crate::model::time::Time;
use crate::policy::denied::holder_of;
use crate::policy::who_can::{permissions, words};
use crate::policy::{Actions, Place, Policy, Principal, Who};
use crate::record::kms;

/// Allowances that are listed.
const LISTED: usize = 1_000;

/// Allowances that are sorted before that.
const KEPT: usize = 20_000;

/// Those whom an allowance for everybody leaves out, as far as they are named.
const SPARED: usize = 5;

/// What no record of CloudTrail shows.
pub const NEVER_SEEN: &str = "service and resource control policies, permission boundaries, session policies \
    and policies of VPC endpoints are not looked at: each may still refuse a call";

/// What is taken as it stands.
const TAKEN: &str = "whether principals were deleted since, and the order of changes in one second, are \
    not looked at";

/// What is asked, and of what.
pub struct Question<'a> {
    pub operation: &'a str,
    pub at: Time,
    /// Where the log begins.
    pub first: Option<Time>,
    /// Where it ends.
    pub last: Option<Time>,
    pub grants: &'a [OpenGrant],
    /// What is not known of grants, in words.
    pub lost: &'a [String],
    pub iam: &'a IamCalls,
}

/// Answers a question about a key, of which there is a dossier.
pub fn who_can(facts: &KeyFacts, asked: &Question<'_>) -> Access {
    let calls = permissions(asked.operation);
    let mut access = empty(asked);
    access.nobody = nobody(facts, asked);
    let policy = key_policy(facts, asked.at, &mut access);
    let place =
        Place { key: Some(&facts.arn), account: Some(&facts.account), time: Some(asked.at) };
    let denying = policy.as_ref().map(|policy| policy.denying(calls, place)).unwrap_or_default();
    for denial in denying.iter().map(|denying| denying.statement) {
        access.denied.push(Denial {
            principal: denial.whom(),
            by: format!("key policy, {}", denial.label()),
            conditions: words(&denial.conditions),
        });
    }
    let denials = Denials::new(denying, asked.iam.at(asked.at), (calls, place));
    let mut answer = Answer { facts, calls, place, denials, access, accounts: BTreeMap::new() };
    if let Some(policy) = &policy {
        answer.of_policy(policy);
    }
    answer.of_grants(asked);
    answer.of_iam();
    answer.denials.told(&mut answer.access.unknown, asked.iam.cut);
    let mut access = answer.access;
    let begins =
        asked.first.map_or("the log begins".to_owned(), |first| format!("the log begins, {first}"));
    access.unknown.push(format!(
        "grants made before {begins}: no record shows them, aws kms list-grants does"
    ));
    access.unknown.push(format!("IAM policies written before {begins}"));
    if let Some(last) = asked.last.filter(|last| *last < asked.at) {
        access.unknown.push(format!("what changed after the log ends, {last}"));
    }
    access.unknown.extend([NEVER_SEEN, TAKEN].map(str::to_owned));
    access.allowed.sort();
    access.allowed.dedup();
    access.left_out += access.allowed.len().saturating_sub(LISTED) as u64;
    access.allowed.truncate(LISTED);
    access.denied.sort();
    access.denied.dedup();
    let others = access.denied.len().saturating_sub(LISTED);
    if others > 0 {
        access.unknown.push(format!("{others} more denials, which are not listed"));
    }
    access.denied.truncate(LISTED);
    access
}

/// Why the state of the key lets nobody make the call then, if so.
fn nobody(facts: &KeyFacts, asked: &Question<'_>) -> Option<String> {
    let now = facts.state.proof.as_ref().filter(|proof| proof.time <= asked.at);
    let now = now.map(|proof| (facts.state.state, proof));
    let life = || {
        let life = facts.dossier.as_ref()?.life.first.iter().rev().map(|event| &event.proof);
        let mut past = life.filter(|proof| proof.time <= asked.at && proof.error.is_none());
        past.find_map(|proof| Some((state_after(&proof.event)?, proof)))
    };
    let (state, proof) = now.or_else(life)?;
    let stops = match state {
        KeyState::Deleted | KeyState::NotFound => true,
        KeyState::Disabled
        | KeyState::PendingDeletion
        | KeyState::PendingReplicaDeletion
        | KeyState::PendingImport => {
            kms::is_crypto(asked.operation) || asked.operation == "CreateGrant"
        }
        _ => false,
    };
    let said = || format!("the key is {} then: {} of {}", state.words(), proof.event, proof.time);
    stops.then(said)
}

/// The state of a key after a call that changes it.
fn state_after(event: &str) -> Option<KeyState> {
    Some(match event {
        "CreateKey" | "EnableKey" | "ReplicateKey" | "ImportKeyMaterial" => KeyState::Enabled,
        "DisableKey" | "CancelKeyDeletion" => KeyState::Disabled,
        "ScheduleKeyDeletion" => KeyState::PendingDeletion,
        "DeleteImportedKeyMaterial" | "DeleteExpiredKeyMaterial" => KeyState::PendingImport,
        "DeleteKey" => KeyState::Deleted,
        _ => return None,
    })
}

/// The key policy that held at a time, as far as a record shows it. Says what is not known of it.
fn key_policy(facts: &KeyFacts, at: Time, access: &mut Access) -> Option<Policy> {
    let unknown = &mut access.unknown;
    let all = facts.dossier.as_ref().map(|dossier| &dossier.policies)?;
    let Some(version) = all.first.iter().rev().find(|version| version.proof.time <= at) else {
        let first = all.first.first().map(|version| version.proof.time);
        unknown.push(match first {
            Some(first) if all.others() > 0 => format!(
                "the key policy: only the last {} are kept, of {first} and later; with --until, the \
                 earlier ones are",
                all.first.len()
            ),
            _ => {
                let later = first.map(|first| format!(" The first that one shows is of {first}."));
                format!(
                    "the key policy: no record before that time shows it. CreateKey, PutKeyPolicy and \
                     ReplicateKey do, GetKeyPolicy is logged without it; aws kms get-key-policy tells \
                     it.{}",
                    later.unwrap_or_default()
                )
            }
        });
        return None;
    };
    access.policy = Some(version.proof.clone());
    let policy = match version.document.as_deref().map(Policy::parse) {
        Some(Ok(policy)) => policy,
        Some(Err(why)) => {
            unknown.push(format!("the key policy: {why}"));
            return None;
        }
        None => {
            unknown.push(
                "the key policy: the record does not show it; aws kms get-key-policy tells it"
                    .into(),
            );
            return None;
        }
    };
    unknown.extend(policy.unread.iter().map(|unread| format!("part of the key policy: {unread}")));
    Some(policy)
}

fn empty(asked: &Question<'_>) -> Access {
    Access {
        operation: asked.operation.to_owned(),
        at: asked.at,
        nobody: None,
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
    denials: Denials<'a>,
    access: Access,
    /// The accounts whose IAM decides, with the statements that say so.
    accounts: BTreeMap<String, Vec<Way>>,
}

/// What allows calls.
#[derive(Clone)]
struct Way {
    by: String,
    /// What must hold.
    conditions: Vec<String>,
    calls: Actions,
}

impl Way {
    /// Both this and an IAM document have to allow it.
    fn and(&self, iam: &IamAllows) -> Way {
        Way {
            by: format!("{}, and {}", self.by, iam.by),
            conditions: self.conditions.iter().chain(&iam.conditions).cloned().collect(),
            calls: self.calls.and(iam.calls),
        }
    }
}

impl Answer<'_> {
    fn of_policy(&mut self, policy: &Policy) {
        for says in policy.allows_any(self.calls, self.place) {
            let way = Way {
                by: format!("key policy, {}", says.statement.label()),
                conditions: says.conditions,
                calls: says.statement.kms().and(self.calls),
            };
            match says.principal {
                Some(Principal::Everyone) => self.everybody(BTreeSet::new(), &way),
                Some(principal @ Principal::Account(account)) => {
                    self.leave_to(principal, account, way);
                }
                Some(principal) => self.allow(principal, &way),
                None => {
                    let spared = match &says.statement.who {
                        Who::AllBut(spared) => spared.iter().map(ToString::to_string).collect(),
                        Who::Named(_) | Who::Holder => BTreeSet::new(),
                    };
                    self.everybody(spared, &way);
                }
            }
        }
        for statement in policy.varies(self.calls, Some(&self.facts.arn)) {
            let label = statement.label();
            self.access.unknown.push(format!(
                "key policy, {label}: whether it is for the key depends on variables"
            ));
        }
    }

    /// Everybody but some. Of another account, both sides have to allow it.
    fn everybody(&mut self, spared: BTreeSet<String>, way: &Way) {
        let home = &self.facts.account;
        for (own, sure, of) in [
            (true, Sure::Allowed, format!("anybody of account {home}")),
            (false, Sure::IfIamAllows, "anybody of other accounts".to_owned()),
        ] {
            let crowd = self.denials.of_crowd(home, own);
            if way.calls.without(crowd.certain).is_empty() {
                continue;
            }
            let but: BTreeSet<&str> = spared.iter().chain(&crowd.but).map(String::as_str).collect();
            let shown: Vec<&str> = but.iter().take(SPARED).copied().collect();
            let name = match (shown.is_empty(), but.len() - shown.len()) {
                (true, _) => of,
                (_, 0) => format!("{of} but {}", shown.join(", ")),
                (_, more) => format!("{of} but {} and {more} more", shown.join(", ")),
            };
            let conditions = way.conditions.iter().chain(&crowd.perhaps).cloned().collect();
            self.add(sure, name, &Way { conditions, ..way.clone() });
            let maybe = crowd.maybe.iter().filter(|one| !spared.contains(&one.to_string()));
            maybe.for_each(|one| self.allow(one, way));
        }
    }

    /// A principal that the key policy names.
    fn allow(&mut self, principal: &Principal, way: &Way) {
        if let Principal::UniqueId(id) = principal {
            let by = &way.by;
            self.access
                .unknown
                .push(format!("{by}: who {id} is; IAM shows a deleted principal so"));
            return;
        }
        let account = principal.account();
        let Some(account) = account.filter(|account| *account != self.facts.account) else {
            return self.unless_denied(Sure::Allowed, principal, way);
        };
        // Of another account, both sides have to allow it.
        let known = self.denials.of_account(account);
        let holder = holder_of(principal).unwrap_or_default();
        let own = known.of_holder(&holder);
        if own.is_empty() {
            self.unless_denied(Sure::IfIamAllows, principal, way);
        }
        own.iter().for_each(|one| self.unless_denied(Sure::Allowed, principal, &way.and(one)));
    }

    /// Notes that IAM of an account decides.
    fn leave_to(&mut self, principal: &Principal, account: &str, way: Way) {
        let denied = self.denials.verdict(principal).certain;
        if way.calls.without(denied).is_empty() {
            return;
        }
        let other = if account == self.facts.account { "" } else { ", which does not own the key" };
        let whom = format!("IAM of account {account}{other}");
        self.add(Sure::LeftToIam, whom, &way);
        self.accounts.entry(account.to_owned()).or_default().push(way);
    }

    fn of_grants(&mut self, asked: &Question<'_>) {
        self.access.unknown.extend(asked.lost.iter().cloned());
        for grant in open_at(asked.grants, asked.at) {
            let allowed =
                grant.operations.iter().map(|one| Actions::matching(&format!("kms:{one}")));
            let calls = allowed.fold(Actions::NONE, Actions::with).and(self.calls);
            let by = format!("grant {} of {}", short(&grant.id), grant.proof.time);
            match &grant.grantee {
                Some(grantee) if !grant.operations.is_empty() => {
                    let principal = grantee_of(grantee);
                    let way = Way { by, conditions: grant.constraints.clone(), calls };
                    if !calls.is_empty() {
                        self.unless_denied(Sure::Allowed, &principal, &way);
                    }
                }
                _ => self.access.unknown.push(format!("{by}: the record does not show it whole")),
            }
        }
    }

    /// Which IAM documents allow it, where the key policy leaves the decision to IAM.
    fn of_iam(&mut self) {
        for (account, statements) in std::mem::take(&mut self.accounts) {
            let known = self.denials.of_account(&account);
            for one in &known.allowing {
                let principal = Principal::read("aws", &one.holder);
                for way in &statements {
                    self.unless_denied(Sure::Allowed, &principal, &way.and(one));
                }
            }
        }
    }

    /// Adds a principal, unless he is denied for certain.
    fn unless_denied(&mut self, sure: Sure, principal: &Principal, way: &Way) {
        if way.calls.is_empty() {
            return;
        }
        if self.access.allowed.len() >= KEPT {
            self.access.left_out += 1;
            return;
        }
        let verdict = self.denials.verdict(principal);
        let name = principal.to_string();
        let mut way = way.clone();
        let left = way.calls.without(verdict.certain);
        if left != way.calls {
            let denied = |by: &String| Denial {
                principal: name.clone(),
                by: by.clone(),
                conditions: Vec::new(),
            };
            let denied: Vec<Denial> = verdict.by.iter().map(denied).collect();
            self.access.denied.extend(denied);
        }
        // ReEncrypt takes two permissions, and this may give one.
        if left != self.calls {
            let all: Vec<String> =
                left.names().iter().map(|call| format!("it is {call}")).collect();
            way.conditions.extend(all);
        }
        if !left.is_empty() {
            way.conditions.extend(verdict.perhaps.iter().cloned());
            self.add(sure, name, &way);
        }
    }

    fn add(&mut self, sure: Sure, principal: String, way: &Way) {
        let sure = match (sure, way.conditions.is_empty()) {
            (Sure::Allowed, false) => Sure::IfConditionsHold,
            (sure, _) => sure,
        };
        if self.access.allowed.len() < KEPT {
            let Way { by, conditions, .. } = way.clone();
            self.access.allowed.push(Allowance { sure, principal, by, conditions });
        } else {
            self.access.left_out += 1;
        }
    }
}

/// The grantee of a grant: an ARN, or the name of a service.
fn grantee_of(text: &str) -> Principal {
    let kind = if text.ends_with(".amazonaws.com") { "service" } else { "aws" };
    Principal::read(kind, text)
}

/// The beginning of a long id.
fn short(id: &str) -> &str {
    &id[..id.floor_char_boundary(12)]
}
