//! What IAM documents in the log say of KMS, as of a time.
//!
//! What must stay true: only what a record shows counts. A policy that was written before the log
//! begins is not known, and neither is the text of AWS's own policies, but for those that allow
//! everything.

pub mod held;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::seen::Seen;
use super::texts::cut;
use crate::model::time::Time;
use crate::policy::denied::Applies;
use crate::policy::who_can::words;
use crate::policy::{Actions, Place, Policy};
use crate::record::json::Json;

/// What calls may take in memory, in bytes,
const ROOM: usize = 64 << 20; // 64 MiB

/// and what one takes beside its document, at most: five names.
const ROOM_OF_CALL: usize = 1_024;

/// What is kept of the documents of one account that allow a call, and of those that deny it.
const ALLOWING: usize = 10_000;

/// Longer documents are not kept. IAM takes 10,240 characters without white space.
const LONGEST: usize = 64 << 10; // 64 KiB

/// A document that says nothing.
const NOTHING: &str = r#"{"Statement":[]}"#;

/// AWS's own policies that allow every KMS call, by their names.
const ALLOW_ALL: [&str; 2] = ["AdministratorAccess", "PowerUserAccess"];

/// A call that says who may do what.
#[derive(Debug)]
struct IamCall {
    time: Time,
    account: String,
    name: String,
    /// The user, role or group, with its kind: `role/app`.
    holder: Option<String>,
    /// The name of an inline policy, or the ARN of a managed one.
    policy: Option<String>,
    /// The group that a user is added to: `group/ops`.
    group: Option<String>,
    document: Option<String>,
    version: Option<String>,
    default: bool,
}

/// The calls, in the order of time.
#[derive(Debug, Default)]
pub struct IamCalls {
    all: Vec<IamCall>,
    room: usize,
    pub cut: bool,
}

/// A document; in the place of one that says nothing of KMS, one that says nothing. `None` if it is too
/// long, or cannot be read.
fn of_kms(text: &str) -> Option<String> {
    let policy = Policy::parse(text).ok().filter(|_| text.len() <= LONGEST)?;
    let speaks = policy.statements.iter().any(|one| !one.kms().is_empty()) || !policy.is_whole();
    Some(if speaks { text } else { NOTHING }.to_owned())
}

impl IamCalls {
    /// Takes in a call that succeeded.
    pub fn take(&mut self, seen: &Seen) {
        let Some(account) = seen.call.account.as_deref().map(|text| cut(text).to_owned()) else {
            return;
        };
        let text = |text: Cow<'_, str>| cut(&text).to_owned();
        let holder = [("roleName", "role"), ("userName", "user"), ("groupName", "group")];
        let holder = holder
            .into_iter()
            .find_map(|(member, kind)| Some(format!("{kind}/{}", cut(&seen.asked(member)?))));
        // A user is added to a group: both are named.
        let group = seen.asked("groupName").filter(|_| seen.name().contains("Group"));
        let joined = group.as_deref().filter(|_| seen.name() == "AddUserToGroup");
        let joined = joined.map(|group| format!("group/{}", cut(group)));
        let by_arn = seen.asked("policyArn").or_else(|| seen.answered(&["policy", "arn"]));
        let policy = by_arn.or_else(|| seen.asked("policyName")).or(group);
        let version = seen.asked("versionId");
        let version = version.or_else(|| seen.answered(&["policyVersion", "versionId"]));
        let document = seen.document("policyDocument").and_then(|text| of_kms(&text));
        let room = ROOM_OF_CALL + document.as_ref().map_or(0, String::len);
        if self.room + room > ROOM {
            self.cut = true;
            return;
        }
        self.room += room;
        self.all.push(IamCall {
            time: seen.time(),
            account,
            name: cut(seen.name()).to_owned(),
            holder,
            policy: policy.map(text),
            group: joined,
            document,
            version: version.map(text),
            default: seen.request(&["setAsDefault"]).and_then(Json::as_bool) == Some(true),
        });
    }

    /// Adds all of another's. All calls that name no key are in one shard, so that one of the two is
    /// empty.
    pub fn merge(&mut self, other: IamCalls) {
        self.all.extend(other.all);
        self.room += other.room;
        self.cut |= other.cut;
    }

    /// What held at a time.
    pub fn at(&self, at: Time) -> IamState<'_> {
        let mut state = IamState::default();
        self.all.iter().filter(|call| call.time <= at).for_each(|call| state.apply(call));
        state
    }
}

/// The documents of a managed policy, by version.
#[derive(Debug, Default)]
struct Managed<'c> {
    versions: BTreeMap<&'c str, &'c str>,
    default: &'c str,
}

/// A holder: the account, and kind and name.
type Holder<'c> = (&'c str, &'c str);

/// What held at a time.
#[derive(Debug, Default)]
pub struct IamState<'c> {
    /// By holder and name of the policy.
    inline: BTreeMap<(Holder<'c>, &'c str), &'c str>,
    managed: BTreeMap<&'c str, Managed<'c>>,
    attached: BTreeSet<(Holder<'c>, &'c str)>,
    /// Users by account and group.
    members: BTreeMap<(&'c str, &'c str), BTreeSet<&'c str>>,
    /// Calls that change documents and do not tell which: their names, times and accounts.
    untold: Vec<(&'c str, &'c str, Time)>,
}

/// An IAM document that allows something.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IamAllows {
    /// The holder, as an ARN without a path, which the records do not tell.
    pub holder: String,
    /// Which policy.
    pub by: String,
    /// What must hold.
    pub conditions: Vec<String>,
    /// The calls.
    pub calls: Actions,
}

/// An IAM document that denies something, or may.
#[derive(Debug)]
pub struct IamDenies {
    /// The holder, as [`IamAllows`] has it.
    pub holder: String,
    /// Which policy.
    pub by: String,
    /// When it applies.
    pub conditions: Vec<String>,
    /// The calls.
    pub calls: Actions,
    /// Whether it applies for certain.
    pub sure: bool,
}

/// What the documents of one account say of a call.
#[derive(Debug, Default)]
pub struct OfAccount {
    /// Those that allow it, in the order of their holders.
    pub allowing: Vec<IamAllows>,
    /// Those that deny it, in the order of their holders.
    pub denying: Vec<IamDenies>,
    /// What could not be read.
    pub unread: BTreeSet<String>,
    /// Attached policies whose text no record shows.
    pub unseen: BTreeSet<String>,
    /// Whether there are more than are kept.
    pub cut: bool,
}

impl OfAccount {
    /// The documents of one holder.
    pub fn of_holder(&self, holder: &str) -> &[IamAllows] {
        let from = self.allowing.partition_point(|one| *one.holder < *holder);
        let len = self.allowing[from..].partition_point(|one| *one.holder == *holder);
        &self.allowing[from..from + len]
    }

    /// What is denied to one holder.
    pub fn denied(&self, holder: &str) -> &[IamDenies] {
        let from = self.denying.partition_point(|one| *one.holder < *holder);
        let len = self.denying[from..].partition_point(|one| *one.holder == *holder);
        &self.denying[from..from + len]
    }
}

impl<'c> IamState<'c> {
    fn apply(&mut self, call: &'c IamCall) {
        let holder = call.holder.as_deref().map(|holder| (call.account.as_str(), holder));
        let policy = call.policy.as_deref().unwrap_or_default();
        let of_holder = call.name.ends_with("RolePolicy")
            || call.name.ends_with("UserPolicy")
            || call.name.ends_with("GroupPolicy");
        let of_policy = call.name.contains("Policy") && call.name.starts_with("Create");
        if (of_holder && holder.is_none()) || ((of_holder || of_policy) && policy.is_empty()) {
            self.untold.push((&call.account, &call.name, call.time));
            return;
        }
        match (call.name.as_str(), holder) {
            ("PutRolePolicy" | "PutUserPolicy" | "PutGroupPolicy", Some(holder)) => {
                self.inline.insert((holder, policy), call.document.as_deref().unwrap_or_default());
            }
            ("DeleteRolePolicy" | "DeleteUserPolicy" | "DeleteGroupPolicy", Some(holder)) => {
                self.inline.remove(&(holder, policy));
            }
            ("AttachRolePolicy" | "AttachUserPolicy" | "AttachGroupPolicy", Some(holder)) => {
                self.attached.insert((holder, policy));
            }
            ("DetachRolePolicy" | "DetachUserPolicy" | "DetachGroupPolicy", Some(holder)) => {
                self.attached.remove(&(holder, policy));
            }
            ("AddUserToGroup", Some((account, user))) => {
                self.members.entry((account, policy)).or_default().insert(user);
            }
            ("RemoveUserFromGroup", Some((account, user))) => {
                self.members.entry((account, policy)).or_default().remove(user);
            }
            (name, _) => self.manage(name, policy, call),
        }
    }

    fn manage(&mut self, name: &str, policy: &'c str, call: &'c IamCall) {
        let version = call.version.as_deref();
        let document = call.document.as_deref().unwrap_or_default();
        match (name, version) {
            ("CreatePolicy", _) => {
                let managed = self.managed.entry(policy).or_default();
                managed.versions.insert("v1", document);
                managed.default = "v1";
            }
            ("CreatePolicyVersion", Some(version)) => {
                let managed = self.managed.entry(policy).or_default();
                managed.versions.insert(version, document);
                if call.default {
                    managed.default = version;
                }
            }
            ("SetDefaultPolicyVersion", Some(version)) => {
                self.managed.entry(policy).or_default().default = version;
            }
            ("DeletePolicy", _) => {
                self.managed.remove(policy);
            }
            _ => {}
        }
    }

    /// What the documents of an account say of any of `calls` on the key of `place`.
    pub fn of_account(&self, account: &str, (calls, place): (Actions, Place<'_>)) -> OfAccount {
        let mut all = OfAccount::default();
        let untold = self.untold.iter().filter(|one| one.0 == account);
        let untold =
            untold.map(|(_, name, time)| format!("{name} of {time}, which tells no policy"));
        all.unread.extend(untold);
        let from = (account, "");
        let inline = self.inline.range((from, "")..).take_while(|((one, _), _)| one.0 == account);
        for ((holder, name), document) in inline {
            let by = format!("inline policy {name}");
            self.ask((*holder, &by), document, (calls, place), &mut all);
        }
        let attached = self.attached.range((from, "")..).take_while(|(one, _)| one.0 == account);
        for (holder, arn) in attached {
            let name = arn.rsplit('/').next().unwrap_or(arn);
            let managed = self.managed.get(arn);
            let document = managed.and_then(|managed| managed.versions.get(managed.default));
            match document.filter(|text| !text.is_empty()) {
                Some(document) => {
                    self.ask(
                        (*holder, &format!("policy {name}")),
                        document,
                        (calls, place),
                        &mut all,
                    );
                }
                None if arn.contains(":iam::aws:policy/") && ALLOW_ALL.contains(&name) => {
                    self.hold(*holder, &mut all, |all, holder, of_group| {
                        let by = format!("AWS's policy {name}{of_group}");
                        all.allowing.push(IamAllows { holder, by, conditions: Vec::new(), calls });
                    });
                }
                None => {
                    all.unseen.insert((*arn).to_owned());
                }
            }
        }
        all.allowing.sort();
        all.allowing.dedup();
        all.denying.sort_by(|a, b| (&a.holder, &a.by).cmp(&(&b.holder, &b.by)));
        all
    }

    /// Asks one document of one holder.
    fn ask(
        &self,
        (holder, by): (Holder<'_>, &str),
        document: &str,
        (calls, place): (Actions, Place<'_>),
        all: &mut OfAccount,
    ) {
        let name = || format!("{by} of {}", holder.1);
        let Ok(policy) = Policy::parse(document) else {
            all.unread.insert(name());
            return;
        };
        if !policy.is_whole() {
            all.unread.insert(format!("a part of {}", name()));
        }
        for statement in policy.varies(calls, place.key) {
            all.unread.insert(format!(
                "{}, {}: whether it is for the key depends on variables",
                name(),
                statement.label()
            ));
        }
        for says in policy.allows_any(calls, place) {
            self.hold(holder, all, |all, holder, of_group| {
                all.allowing.push(IamAllows {
                    holder,
                    by: format!("{by}{of_group}, {}", says.statement.label()),
                    conditions: says.conditions.clone(),
                    calls: says.statement.kms().and(calls),
                });
            });
        }
        for denying in policy.denying(calls, place) {
            self.hold(holder, all, |all, holder, of_group| {
                all.denying.push(IamDenies {
                    holder,
                    by: format!("{by}{of_group}, {}", denying.statement.label()),
                    conditions: words(&denying.statement.conditions),
                    calls: denying.statement.kms().and(calls),
                    sure: denying.of_all(None) == Applies::Yes,
                });
            });
        }
    }

    /// Adds something for a holder; of a group, for its users too. What has no room is not gone
    /// through.
    fn hold(
        &self,
        holder: Holder<'_>,
        all: &mut OfAccount,
        mut add: impl FnMut(&mut OfAccount, String, &str),
    ) {
        let (account, name) = holder;
        let group = name.strip_prefix("group/");
        let users = group.and_then(|group| self.members.get(&(account, group)));
        let of_group = group.map(|group| format!(" of group {group}")).unwrap_or_default();
        let users = users.into_iter().flatten().map(|user| (*user, of_group.as_str()));
        for (name, of_group) in std::iter::once((name, "")).chain(users) {
            if all.allowing.len().max(all.denying.len()) >= ALLOWING {
                all.cut = true;
                return;
            }
            add(all, format!("arn:aws:iam::{account}:{name}"), of_group);
        }
    }
}
