//! Finds keys that a policy reserves for one service and that are used without it.
//!
//! It is code because it compares uses with the policy in force. What must stay true: only uses
//! that certainly came after the policy count. A caller that the record names `AWS Internal` could
//! be any service, so it does not count.

use std::collections::BTreeSet;

use crate::detect::native::shared::policy_document::{KeyPolicy, NAMES_MAX, list_of, set_unread};
use crate::detect::native::shared::request_fields::service_label;
use crate::detect::native::shared::timeline::of_kind;
use crate::detect::stateful::{Context, Decided, History, Mark, Noted, Scope, Use, Uses};
use crate::model::level::Level;
use crate::policy::Actions;
use crate::record::event::Event;
use crate::record::kms::View;

/// A policy. The value is a JSON list of the services for which it reserves the key; the list is
/// empty if anybody may use the key.
const POLICY: u32 = 0;
/// A use. The value is the service that made it, or empty.
const USED: u32 = 1;

const VIA: &[&str] = &["kms:viaservice"];

/// See `rules/use/service-only-key-used-directly.md`.
#[derive(Debug)]
pub struct ServiceOnlyKeyUsedDirectly;

/// The value of a mark for a policy that allows, or may allow, any way: no services.
const ANY_WAY: &str = "[]";

/// The services through which a policy lets principals use the key, if it allows no other way. A
/// service is named by the first label of its host name.
fn services(given: &KeyPolicy) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    // What was not read may allow another way.
    if !given.policy.is_whole() {
        return found;
    }
    for statement in given.allows().filter(|statement| statement.kms().meets(Actions::USE)) {
        let users = statement.who.named().filter(|p| !given.is_own_root(p) && !p.is_service());
        if users.count() == 0 {
            continue;
        }
        if !statement.is_fenced(VIA) {
            return BTreeSet::new();
        }
        let about = statement.conditions.iter().filter(|condition| condition.is_about(VIA));
        let values = about.flat_map(|condition| &condition.values);
        found.extend(values.map(|host| service_label(host).to_ascii_lowercase()));
    }
    // A pattern that begins with a wildcard says nothing about the service.
    if found.iter().any(|label| label.contains(['*', '?'])) { BTreeSet::new() } else { found }
}

impl History for ServiceOnlyKeyUsedDirectly {
    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        if let Some(part) = set_unread(event, view) {
            // It may let anybody use the key.
            marks.push(Mark { part, kind: POLICY, value: ANY_WAY.to_owned() });
            return;
        }
        let Some(given) = KeyPolicy::of(event, view).filter(|_| !view.attempt()) else { return };
        let Some(key) = given.place().key else { return };
        if let Ok(value) = serde_json::to_string(&services(&given)) {
            marks.push(Mark { part: key.to_owned(), kind: POLICY, value });
        }
    }

    fn is_gap(&self, mark: &Mark) -> bool {
        mark.kind == POLICY && mark.value == ANY_WAY
    }

    fn uses(&self) -> Uses<'_> {
        Uses::OfMarkedKeys
    }

    fn needs(&self) -> &[&[u32]] {
        &[&[POLICY, USED]]
    }

    fn note_use(&self, used: &Use<'_>, marks: &mut Vec<Mark>) {
        let Some(key) = used.key.filter(|_| !used.attempt) else { return };
        let host = used.principal.invoked_by.as_deref();
        let value = match (used.actor, host) {
            ("direct", _) => String::new(),
            ("via", Some(host)) if host.ends_with(".amazonaws.com") => {
                service_label(host).to_ascii_lowercase()
            }
            _ => return,
        };
        marks.push(Mark { part: key.arn.clone(), kind: USED, value });
    }

    fn conclude(&self, notes: &[Noted], _context: &Context<'_>) -> Vec<Decided> {
        let policies = of_kind(notes, POLICY);
        let mut found = Vec::new();
        // Uses come in the order of time, so the policy in force is mostly that of the use before.
        let mut read: Option<(usize, BTreeSet<String>)> = None;
        for at in of_kind(notes, USED) {
            let used = &notes[at];
            // The policy in force is the last one before the first use, if no other policy came
            // during the use.
            let before = policies.partition_point(|at| notes[*at].time < used.time);
            let during = policies.get(before).is_some_and(|at| notes[*at].time <= used.last);
            let policy = before.checked_sub(1).and_then(|before| policies.get(before)).copied();
            let Some(policy) = policy.filter(|_| !during) else { continue };
            if read.as_ref().is_none_or(|(number, _)| *number != policy) {
                let named = serde_json::from_str(&notes[policy].value).unwrap_or_default();
                read = Some((policy, named));
            }
            let Some((_, named)) = &read else { continue };
            if named.is_empty() || named.contains(&used.value) {
                continue;
            }
            let why = match used.value.is_empty() {
                true => "the key was used directly".to_owned(),
                false => format!("the key was used through {}", used.value),
            };
            let mut few: Vec<&str> = named.iter().take(NAMES_MAX).map(String::as_str).collect();
            few.extend((named.len() > NAMES_MAX).then_some("and others"));
            let why = format!("{why}, and its policy gives it to {} only", few.join(", "));
            let others = named.len().saturating_sub(NAMES_MAX);
            let named = list_of(named.iter().take(NAMES_MAX).cloned().collect(), others);
            let one = Decided::new([at], Level::High).with("why", why).with("services", named);
            found.push(one.about(Scope::PrincipalAndKey));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::recorded::{KEY, call, decide};

    fn policy(time: &str, fence: &Value) -> Value {
        let policy = json!({"Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                "Action": "kms:*", "Resource": "*"},
            {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["kms:Decrypt"],
                "Resource": "*", "Condition": fence}]});
        let request = json!({"keyId": KEY, "policy": policy.to_string()});
        call(time, "carol", "PutKeyPolicy", KEY, &request)
    }

    fn used(via: Option<&str>) -> Value {
        let mut record = call("2026-11-02T10:00:00Z", "alice", "Decrypt", KEY, &json!({}));
        if let Some(via) = via {
            record["userIdentity"]["invokedBy"] = json!(via);
        }
        record["last"] = json!("2026-11-02T11:00:00Z");
        record
    }

    #[test]
    fn uses_outside_the_named_services() {
        let fence = json!({"StringEquals": {"kms:ViaService": "rds.eu-central-1.amazonaws.com",
            "kms:CallerAccount": "111122223333"}});
        let found = |records: &[Value]| {
            decide(&ServiceOnlyKeyUsedDirectly, records, "2026-12-01T00:00:00Z").len()
        };
        let fenced = policy("2026-11-01T10:00:00Z", &fence);
        assert_eq!(found(&[fenced.clone(), used(None)]), 1);
        assert_eq!(found(&[fenced.clone(), used(Some("s3.amazonaws.com"))]), 1);
        assert_eq!(found(&[fenced.clone(), used(Some("rds.amazonaws.com"))]), 0);
        assert_eq!(found(&[fenced.clone(), used(Some("AWS Internal"))]), 0);
        assert_eq!(found(&[policy("2026-11-01T10:00:00Z", &json!({})), used(None)]), 0);
        assert_eq!(found(&[policy("2026-11-02T10:00:00Z", &fence), used(None)]), 0);
        let mut hidden = policy("2026-11-01T11:00:00Z", &fence);
        hidden["requestParameters"]["policy"] = json!("HIDDEN_DUE_TO_SECURITY_REASONS");
        assert_eq!(found(&[fenced.clone(), hidden, used(None)]), 0, "what holds now is hidden");
        let replaced = policy("2026-11-02T10:30:00Z", &json!({}));
        assert_eq!(found(&[fenced, replaced, used(None)]), 0, "while it went on");
    }
}
