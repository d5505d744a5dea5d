//! Compares what two policies of a key allow, so that a change that gives nobody anything can be told
//! from one that does.
//!
//! A policy is kept as digests, one for each principal and the conditions that bind it. What must
//! stay true: where the comparison is not certain, somebody gained. Another order, another `Sid` or
//! another spelling of the same is no gain; a condition that is gone, or a denial, is one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::detect::native::shared::policy_document::KeyPolicy;
use crate::policy::{Actions, Condition, Principal, Statement, Who};

/// What a policy allows and denies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowances {
    /// How many calls were known when the policy was read. Of another number nothing is certain.
    known: usize,
    /// Whether some of the policy could not be read.
    partial: bool,
    /// The calls of each principal under each set of conditions, by the digest of both.
    allows: BTreeMap<String, Allowed>,
    /// The digests of the denials.
    denies: BTreeSet<String>,
}

/// What one principal may under some conditions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Allowed {
    /// The calls, as [`Actions::bits`].
    calls: u64,
    /// The digest of the principal without conditions, if there are any.
    bare: Option<String>,
    /// The digest of the principal alone, and its account, if it is a role, a user or an account.
    of: Option<(String, String)>,
}

impl Allowances {
    /// What a policy allows.
    pub fn of(given: &KeyPolicy) -> Allowances {
        let mut all = Allowances::new(!given.policy.is_whole());
        for statement in given.allows() {
            let conditions = conditions(statement);
            for (principal, of) in principals(&statement.who) {
                all.add((&principal, of), &conditions, statement.kms());
            }
        }
        let key = given.place().key;
        for denial in given.policy.denies().filter(|denial| denial.applies_to(key)) {
            let who: String = principals(&denial.who).into_iter().map(|(text, _)| text).collect();
            let calls = denial.kms().bits().to_string();
            all.denies.insert(digest(&[&who, &conditions(denial), &calls]));
        }
        all
    }

    /// What the policy allows that KMS gives a key of this account when nobody writes one.
    pub fn of_default(account: &str) -> Allowances {
        let mut all = Allowances::new(false);
        let root = Principal::Account(account.to_owned());
        all.add((&spelt(&root), of(&root)), "", Actions::ALL);
        all
    }

    fn new(partial: bool) -> Allowances {
        Allowances { known: Actions::KNOWN, partial, ..Allowances::default() }
    }

    fn add(
        &mut self,
        (principal, of): (&str, Option<(String, String)>),
        conditions: &str,
        calls: Actions,
    ) {
        let bare = (!conditions.is_empty()).then(|| digest(&[principal, ""]));
        let entry = self.allows.entry(digest(&[principal, conditions]));
        let entry = entry.or_insert(Allowed { calls: 0, bare, of });
        entry.calls |= calls.bits();
    }

    fn calls(&self, digest: &str) -> Actions {
        Actions::of_bits(self.allows.get(digest).map_or(0, |allowed| allowed.calls))
    }

    /// Whether anybody may have more by this policy than by the one before.
    pub fn gives_more_than(&self, before: &Allowances) -> bool {
        let certain = self.known == before.known && !self.partial && !before.partial;
        let more = |(digest, allowed): (&String, &Allowed)| {
            let bare = allowed.bare.as_deref().map_or(Actions::NONE, |bare| before.calls(bare));
            let had = before.calls(digest).with(bare);
            !Actions::of_bits(allowed.calls).without(had).is_empty()
        };
        !certain || self.allows.iter().any(more) || !before.denies.is_subset(&self.denies)
    }

    /// Whether all that anybody gains is that roles, users and accounts of `own` may use the key. The
    /// caller, who could write the policy, gains nothing. Of a policy before that is not known, the
    /// one that KMS gives a key of `account` is taken.
    pub fn gives_only_own_use(
        &self,
        before: Option<&Allowances>,
        (caller, account): (&str, &str),
        own: impl Fn(&str) -> bool,
    ) -> bool {
        let default = Allowances::of_default(account);
        let known = before.unwrap_or(&default);
        if self.known != known.known || self.partial || known.partial {
            return false;
        }
        let caller = of(&Principal::read("AWS", caller)).map(|(who, _)| who);
        let is_harmless = |(digest, allowed): (&String, &Allowed)| {
            let bare = allowed.bare.as_deref().map_or(Actions::NONE, |bare| known.calls(bare));
            let gained = Actions::of_bits(allowed.calls).without(known.calls(digest).with(bare));
            let Some((who, account)) = &allowed.of else { return gained.is_empty() };
            gained.is_empty()
                || Some(who) == caller.as_ref()
                || (own(account) && gained.without(Actions::APPLICATION).is_empty())
        };
        self.allows.iter().all(is_harmless) && known.denies.is_subset(&self.denies)
    }
}

/// The digest of a principal, and its account, if it is a role, a user or an account.
fn of(principal: &Principal) -> Option<(String, String)> {
    match principal {
        Principal::Account(_) | Principal::Arn(_) => {
            let account = principal.account()?.to_owned();
            Some((digest(&[&spelt(principal), ""]), account))
        }
        _ => None,
    }
}

/// The principals of a statement, as texts and as [`of`] tells them. Whoever it spares is one text.
fn principals(who: &Who) -> Vec<(String, Option<(String, String)>)> {
    match who {
        Who::Named(named) => named.iter().map(|one| (spelt(one), of(one))).collect(),
        Who::AllBut(spared) => {
            let spared: Vec<String> = spared.iter().map(spelt).collect();
            vec![(format!("all but {}", text_of(&spared)), None)]
        }
        Who::Holder => Vec::new(),
    }
}

fn spelt(principal: &Principal) -> String {
    let (kind, text) = principal.spelling();
    text_of(&[kind.to_owned(), text.to_owned()])
}

/// The conditions of a statement as one text, whatever their order and the case of their names.
/// Empty if there are none.
fn conditions(statement: &Statement) -> String {
    let one = |condition: &Condition| {
        let mut values = condition.values.clone();
        values.sort();
        let mut parts =
            vec![condition.operator.to_ascii_lowercase(), condition.key.to_ascii_lowercase()];
        parts.append(&mut values);
        text_of(&parts)
    };
    let all: BTreeSet<String> = statement.conditions.iter().map(one).collect();
    if all.is_empty() { String::new() } else { text_of(&all.into_iter().collect::<Vec<_>>()) }
}

/// Several texts as one that no other texts give.
fn text_of(parts: &[String]) -> String {
    parts.iter().map(|part| format!("{}:{part}", part.len())).collect()
}

/// A digest of several texts, of 96 bits.
fn digest(parts: &[&str]) -> String {
    let parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
    hex::encode(&Sha256::digest(text_of(&parts))[..12])
}
