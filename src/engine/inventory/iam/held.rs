//! The IAM policies of one user or role: those at a time, and all that it ever had in the log.
//!
//! What must stay true: a policy counts only if a record shows that the principal, or a group of it, had
//! it; one whose text no record shows is named.

use std::collections::BTreeSet;

use super::{ALLOW_ALL, IamCall, IamCalls, IamState};
use crate::model::time::Time;
use crate::policy::Policy;

/// Documents of one principal that are kept, of those that hold and of all. IAM lets a user have 20 by
/// itself and 20 by each of ten groups, and hardly anybody has ten.
const DOCUMENTS: usize = 200;

/// What AWS's own policies that allow everything say.
const EVERYTHING: &str = r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

/// A document, and which policy it is of.
#[derive(Debug)]
pub struct IamDocument {
    pub by: String,
    pub policy: Policy,
}

/// The policies of one principal.
#[derive(Debug, Default)]
pub struct IamHeld {
    /// Those that hold.
    pub now: Vec<IamDocument>,
    /// Every document of every policy that it had.
    pub ever: Vec<IamDocument>,
    /// Attached policies whose text no record shows.
    pub unseen: BTreeSet<String>,
    /// Whether there are more than are kept.
    pub cut: bool,
}

impl IamCalls {
    /// The policies of a holder, such as `role/app`, of an account.
    pub fn held_by(&self, account: &str, holder: &str, at: Time) -> IamHeld {
        let mut held = IamHeld { cut: self.cut, ..IamHeld::default() };
        self.at(at).give(account, holder, &mut held);
        let calls = || self.all.iter().filter(|call| call.time <= at);
        let mut ever = Ever { holders: BTreeSet::from([holder]), attached: BTreeSet::new() };
        calls().filter(|call| call.account == account).for_each(|call| ever.join(holder, call));
        calls().filter(|call| call.account == account).for_each(|call| ever.attach(call));
        for call in calls() {
            ever.give(account, call, &mut held);
        }
        held
    }
}

/// The holders and managed policies that a principal ever had.
struct Ever<'c> {
    holders: BTreeSet<&'c str>,
    attached: BTreeSet<&'c str>,
}

impl<'c> Ever<'c> {
    /// Notes a group. Group and user have one member each in the call.
    fn join(&mut self, holder: &str, call: &'c IamCall) {
        if call.name == "AddUserToGroup"
            && call.holder.as_deref() == Some(holder)
            && let Some(group) = &call.group
        {
            self.holders.insert(group);
        }
    }

    fn has(&self, call: &IamCall) -> bool {
        call.holder.as_deref().is_some_and(|holder| self.holders.contains(holder))
    }

    fn attach(&mut self, call: &'c IamCall) {
        if call.name.starts_with("Attach") && self.has(call) {
            self.attached.extend(call.policy.as_deref());
        }
    }

    /// Adds the document of a call, if the principal had it.
    fn give(&self, account: &str, call: &IamCall, held: &mut IamHeld) {
        let policy = call.policy.as_deref().unwrap_or_default();
        let had = call.account == account && self.has(call);
        let (by, document) = match call.name.as_str() {
            "PutRolePolicy" | "PutUserPolicy" | "PutGroupPolicy" if had => {
                (format!("inline policy {policy}"), call.document.as_deref())
            }
            "CreatePolicy" | "CreatePolicyVersion" if self.attached.contains(policy) => {
                (format!("policy {}", last(policy)), call.document.as_deref())
            }
            name if name.starts_with("Attach") && had && allows_all(policy) => {
                (format!("AWS's policy {}", last(policy)), Some(EVERYTHING))
            }
            _ => return,
        };
        let Some(policy) = document.and_then(|text| Policy::parse(text).ok()) else { return };
        match held.ever.len() < DOCUMENTS {
            true => held.ever.push(IamDocument { by, policy }),
            false => held.cut = true,
        }
    }
}

impl IamState<'_> {
    /// Adds the policies that a holder has.
    fn give(&self, account: &str, holder: &str, held: &mut IamHeld) {
        let user = holder.strip_prefix("user/").map(|_| holder);
        let groups = self.members.iter().filter(|((of, _), users)| {
            *of == account && user.is_some_and(|user| users.contains(user))
        });
        let mut holders = BTreeSet::from([holder.to_owned()]);
        holders.extend(groups.map(|((_, group), _)| format!("group/{group}")));
        let is_own = |of: &(&str, &str)| of.0 == account && holders.contains(of.1);
        let of_group = |of: &str| match of.strip_prefix("group/") {
            Some(group) => format!(" of group {group}"),
            None => String::new(),
        };
        let mut unseen = BTreeSet::new();
        let mut unread = Vec::new();
        let mut add = |by: String, text: &str| {
            let Ok(policy) = Policy::parse(text) else {
                unread.push(by);
                return;
            };
            match held.now.len() < DOCUMENTS {
                true => held.now.push(IamDocument { by, policy }),
                false => held.cut = true,
            }
        };
        for ((of, name), document) in self.inline.iter().filter(|((of, _), _)| is_own(of)) {
            add(format!("inline policy {name}{}", of_group(of.1)), document);
        }
        for (of, arn) in self.attached.iter().filter(|(of, _)| is_own(of)) {
            let managed = self.managed.get(arn);
            let document = managed.and_then(|managed| managed.versions.get(managed.default));
            let name = last(arn);
            match document.filter(|text| !text.is_empty()) {
                Some(document) => add(format!("policy {name}{}", of_group(of.1)), document),
                None if allows_all(arn) => {
                    add(format!("AWS's policy {name}{}", of_group(of.1)), EVERYTHING);
                }
                None => unseen.extend([(*arn).to_owned()]),
            }
        }
        unseen.extend(unread);
        held.unseen = unseen;
    }
}

/// Whether it is a policy of AWS's own that allows everything.
fn allows_all(arn: &str) -> bool {
    arn.contains(":iam::aws:policy/") && ALLOW_ALL.contains(&last(arn))
}

/// The name at the end of an ARN.
fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
