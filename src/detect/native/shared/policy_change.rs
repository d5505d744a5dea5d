//! Compares a key policy with the policy before it: who may use the key, and who may change the
//! policy. The histories about changed policies share this code.
//!
//! What must stay true: two policies are compared only if their order is certain. Two policies of
//! the same second have no known order.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::detect::native::shared::policy_document::{KeyPolicy, is_created_without, set_unread};
use crate::detect::stateful::{About, Mark, Noted};
use crate::model::arn::Arn;
use crate::policy::{Actions, Principal};
use crate::record::event::Event;
use crate::record::kms::View;

/// The key was created with the policy.
const BORN: u32 = 0;
/// The policy replaced another one.
const REPLACED: u32 = 1;

/// The value of a mark for a policy that cannot be read.
const UNREAD: &str = "";

/// The parts of a policy that the histories compare.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// Whether the policy allows the key's whole account to change it, so that IAM policies decide.
    pub account: bool,
    /// The named principals that may use the key.
    pub users: BTreeSet<String>,
    /// The named principals that may change the policy.
    pub admins: BTreeSet<String>,
    /// Whether some of the policy could not be read, so that there may be more.
    #[serde(default)]
    pub partial: bool,
}

impl Rights {
    fn of(given: &KeyPolicy) -> Rights {
        let change = Actions::matching("kms:PutKeyPolicy");
        let mut rights = Rights { partial: !given.policy.is_whole(), ..Rights::default() };
        for (principal, actions) in given.policy.allowed(given.place()) {
            if principal.is_service() {
                continue;
            }
            if given.is_own_root(principal) {
                rights.account |= actions.meets(change);
                continue;
            }
            if actions.meets(Actions::USE) && *principal != Principal::Everyone {
                rights.users.insert(principal.to_string());
            }
            if actions.meets(change) {
                rights.admins.insert(principal.to_string());
            }
        }
        rights
    }
}

/// Adds a mark for the policy that a successful call gives a key.
pub fn mark(event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
    if view.attempt() {
        return;
    }
    let replaced = view.name().is_some_and(|name| name == "PutKeyPolicy");
    let kind = if replaced { REPLACED } else { BORN };
    if let Some(part) = set_unread(event, view) {
        marks.push(Mark { part, kind, value: UNREAD.to_owned() });
        return;
    }
    let given = KeyPolicy::of(event, view);
    let key = match &given {
        Some(given) => given.place().key.map(str::to_owned),
        // A key that is created without a policy gets the default policy, which lets IAM policies
        // decide.
        None if is_created_without(event, view) => view.key().map(|key| key.arn),
        None => None,
    };
    let rights = match &given {
        Some(given) => Rights::of(given),
        None => Rights { account: true, ..Rights::default() },
    };
    if let (Some(part), Ok(value)) = (key, serde_json::to_string(&rights)) {
        marks.push(Mark { part, kind, value });
    }
}

/// Whether a mark is for a policy that cannot be read.
pub fn is_gap(mark: &Mark) -> bool {
    mark.value == UNREAD
}

/// The policies of one second, any of which may have been the last. What is asked of all of them is
/// kept, since a flood may set thousands within a second.
#[derive(Debug, Default)]
pub struct Before {
    /// The named principals that any of them lets use the key.
    pub users: BTreeSet<String>,
    /// The named principals that any of them lets change the policy.
    pub admins: BTreeSet<String>,
    /// Whether all of them allow the key's whole account to change the policy.
    pub account: bool,
    /// Whether the first of them does, in the order of the notes.
    pub first_account: bool,
    /// Whether some of any of them could not be read.
    pub partial: bool,
    /// Of those that do not allow the account: who may change the policy, if they are few.
    few: BTreeSet<BTreeSet<String>>,
}

/// The most names that a caller has.
const CALLER_NAMES: usize = 2;

impl Before {
    fn of(all: Vec<Rights>) -> Option<Before> {
        let first_account = all.first()?.account;
        let account = all.iter().all(|rights| rights.account);
        let mut before = Before { account, first_account, ..Before::default() };
        for rights in all {
            before.partial |= rights.partial;
            before.users.extend(rights.users);
            if !rights.account && rights.admins.len() <= CALLER_NAMES {
                before.few.insert(rights.admins.clone());
            }
            before.admins.extend(rights.admins);
        }
        Some(before)
    }

    /// Whether any of them lets nobody change the policy but a caller of these names.
    pub fn any_only_for(&self, names: &BTreeSet<String>) -> bool {
        let mut some = vec![BTreeSet::new(), names.clone()];
        some.extend(names.iter().map(|name| BTreeSet::from([name.clone()])));
        some.iter().any(|admins| self.few.contains(admins))
    }
}

/// Calls `each` with each policy that replaced another: the index of its note, the policy, and the
/// possible policies before it.
pub fn changes(notes: &[Noted], mut each: impl FnMut(usize, &Rights, &Before)) {
    let read = |noted: &Noted| serde_json::from_str::<Rights>(&noted.value).ok();
    let mut before: Option<Before> = None;
    let mut from = 0;
    for second in notes.chunk_by(|one, other| one.time == other.time) {
        let rights: Vec<Option<Rights>> = second.iter().map(read).collect();
        for (at, (noted, rights)) in second.iter().zip(&rights).enumerate() {
            if let (Some(rights), Some(before), REPLACED) = (rights, &before, noted.kind) {
                each(from + at, rights, before);
            }
        }
        // Of a second in which one cannot be read, nobody knows what it left.
        before = rights.into_iter().collect::<Option<Vec<_>>>().and_then(Before::of);
        from += second.len();
    }
}

/// The ARNs by which a policy can name the caller: the user or role, and the session.
pub fn names(about: &About) -> BTreeSet<String> {
    let principal = &about.principal;
    let arn = principal.arn.as_deref();
    let session = || {
        let role = Arn::parse(arn?)?;
        let name = role.resource.strip_prefix("role/")?.rsplit('/').next()?;
        let partition = arn?.split(':').nth(1)?;
        let session = principal.session.as_deref()?;
        Some(format!("arn:{partition}:sts::{}:assumed-role/{name}/{session}", role.account))
    };
    arn.map(str::to_owned).into_iter().chain(session()).collect()
}
