//! Finds other accounts that many keys trust.
//!
//! It is code because it counts keys over many policies. What must stay true: of each key, only the
//! last policy in the log counts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::detect::native::shared::policy_document::{KeyPolicy, NAMES_MAX, list, set_unread};
use crate::detect::stateful::{Context, Decided, History, Mark, Noted, Scope};
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::policy::Principal;
use crate::record::event::Event;
use crate::record::kms::View;

/// A policy that was read,
const READ: u32 = 0;
/// and one that nobody can read.
const UNREAD: u32 = 1;

/// See `rules/policy/policy-external-trust-spread.md`.
#[derive(Debug)]
pub struct PolicyExternalTrustSpread(pub Arc<Estate>);

/// The other accounts that a policy admits, by name or by a condition on everyone.
fn accounts(given: &KeyPolicy) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (principal, _) in given.policy.allowed(given.place()) {
        found.extend(principal.account().map(str::to_owned));
    }
    for statement in given.allows() {
        if statement.who.named().any(|one| *one == Principal::Everyone) {
            found.extend(statement.fenced_callers().0.into_iter().flatten());
        }
    }
    found.remove(&given.account);
    found
}

impl History for PolicyExternalTrustSpread {
    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        let unread = set_unread(event, view).zip(view.key_account().or_else(|| view.account()));
        if let Some((key, part)) = unread {
            // Whom it trusts is not known from then on.
            let nobody = (key, BTreeSet::<String>::new());
            let value = serde_json::to_string(&nobody).unwrap_or_default();
            marks.push(Mark { part, kind: UNREAD, value });
            return;
        }
        let Some(given) = KeyPolicy::of(event, view).filter(|_| !view.attempt()) else { return };
        let Some(key) = given.place().key else { return };
        // A policy that trusts no other account may replace one that did.
        if let Ok(value) = serde_json::to_string(&(key, accounts(&given))) {
            marks.push(Mark { part: given.account.clone(), kind: READ, value });
        }
    }

    fn is_gap(&self, mark: &Mark) -> bool {
        mark.kind == UNREAD
    }

    fn conclude(&self, notes: &[Noted], context: &Context<'_>) -> Vec<Decided> {
        let mut last: BTreeMap<String, (usize, BTreeSet<String>)> = BTreeMap::new();
        for (at, noted) in notes.iter().enumerate() {
            if let Ok((key, accounts)) = serde_json::from_str(&noted.value) {
                last.insert(key, (at, accounts));
            }
        }
        let mut trusting: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
        for (key, (at, accounts)) in &last {
            for account in self.0.outside(accounts, context.accounts) {
                trusting.entry(account).or_default().insert(key, *at);
            }
        }
        trusting.retain(|_, keys| keys.len() >= self.0.thresholds.trust_spread_keys);
        if trusting.is_empty() {
            return Vec::new();
        }
        let notes: BTreeSet<usize> =
            trusting.values().flat_map(BTreeMap::values).copied().collect();
        let told: BTreeMap<&str, serde_json::Value> = trusting
            .iter()
            .take(NAMES_MAX)
            .map(|(account, keys)| (*account, list(keys.keys().map(|key| (*key).to_owned()))))
            .collect();
        let why = "other accounts are trusted by the policies of many keys";
        let found = Decided::new(notes, Level::Medium).with("why", why).about(Scope::Region);
        let told = serde_json::to_value(told).unwrap_or_default();
        let found = found.with("keys_by_account", told);
        vec![match trusting.len().saturating_sub(NAMES_MAX) {
            0 => found,
            more => found.with("accounts_not_listed", more),
        }]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::recorded::{call, decide};

    fn put(minute: usize, key: usize, account: &str) -> Value {
        let policy = json!({"Statement": {"Effect": "Allow", "Action": "kms:Decrypt",
            "Resource": "*", "Principal": {"AWS": format!("arn:aws:iam::{account}:role/reader")}}});
        let key = format!("arn:aws:kms:eu-central-1:111122223333:key/{key}");
        let request = json!({"keyId": key, "policy": policy.to_string()});
        let time = format!("2026-11-02T10:{minute:02}:00Z");
        call(&time, "alice", "PutKeyPolicy", &key, &request)
    }

    #[test]
    fn the_last_policy_of_three_keys() {
        let rule = PolicyExternalTrustSpread(Arc::default());
        let found = |records: &[Value]| decide(&rule, records, "2026-12-01T00:00:00Z").len();
        let other = "777788889999";
        let three = [put(1, 1, other), put(2, 2, other), put(3, 3, other)];
        assert_eq!(found(&three), 1);
        assert_eq!(found(&three[1..]), 0);
        let mut undone = three.to_vec();
        undone.push(put(4, 3, "111122223333"));
        assert_eq!(found(&undone), 0, "the third key trusts no more");
        let mut hidden = three.to_vec();
        hidden.push(put(4, 3, other));
        hidden[3]["requestParameters"]["policy"] = json!("HIDDEN_DUE_TO_SECURITY_REASONS");
        assert_eq!(found(&hidden), 0, "whom the third key trusts is hidden");
        assert_eq!(found(&[put(1, 1, other), put(2, 1, other), put(3, 1, other)]), 0);
    }
}
