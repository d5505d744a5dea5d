//! Finds callers who change a key policy to let themselves use the key.
//!
//! It is code because it compares a policy with the one before it. What must stay true: the first
//! policy of a key in the log gives no finding, because the rights before it are unknown.

use crate::detect::native::shared::policy_change::{changes, is_gap, mark, names};
use crate::detect::stateful::{Context, Decided, History, Mark, Noted, Scope};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/policy/policy-self-grant.md`.
#[derive(Debug)]
pub struct PolicySelfGrant;

impl History for PolicySelfGrant {
    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        mark(event, view, marks);
    }

    fn is_gap(&self, mark: &Mark) -> bool {
        is_gap(mark)
    }

    fn conclude(&self, notes: &[Noted], _context: &Context<'_>) -> Vec<Decided> {
        let mut found = Vec::new();
        changes(notes, |at, rights, before| {
            let mut named: Vec<String> = names(&notes[at].about).into_iter().collect();
            let known = before.partial || named.iter().any(|name| before.users.contains(name));
            named.retain(|name| rights.users.contains(name));
            if named.is_empty() || known {
                return;
            }
            let why = "the policy lets its author use the key, which the one before did not";
            let one = Decided::new([at], Level::High).with("why", why).with("named", named);
            found.push(one.about(Scope::PrincipalAndKey));
        });
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::recorded::{KEY, call, decide, refused};

    fn put(time: &str, user: &str, users: &[&str]) -> Value {
        let users: Vec<String> =
            users.iter().map(|name| format!("arn:aws:iam::111122223333:user/{name}")).collect();
        let policy = json!({"Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                "Action": "kms:*", "Resource": "*"},
            {"Effect": "Allow", "Principal": {"AWS": users}, "Action": "kms:Decrypt",
                "Resource": "*"}]});
        let request = json!({"keyId": KEY, "policyName": "default", "policy": policy.to_string()});
        call(&format!("2026-11-02T{time}Z"), user, "PutKeyPolicy", KEY, &request)
    }

    #[test]
    fn only_who_could_not_before_and_can_now() {
        let found = |records: &[Value]| decide(&PolicySelfGrant, records, "2026-12-01T00:00:00Z");
        let before = put("09:00:00", "carol", &["bob"]);
        let mine = put("10:00:00", "alice", &["bob", "alice"]);
        assert_eq!(found(&[before.clone(), mine.clone()]).len(), 1);
        assert_eq!(found(&[mine.clone(), before.clone()]).len(), 1, "in any order");
        assert_eq!(found(std::slice::from_ref(&mine)), [], "the first in the log");
        assert_eq!(found(&[put("09:00:00", "carol", &["alice"]), mine.clone()]), []);
        assert_eq!(found(&[before.clone(), put("10:00:00", "alice", &["bob"])]), []);
        assert_eq!(found(&[before.clone(), refused(mine.clone())]), []);
        assert_eq!(found(&[put("10:00:00", "carol", &["bob"]), mine]), [], "of the same second");
        let made = call("2026-11-02T08:00:00Z", "carol", "CreateKey", KEY, &json!({}));
        assert_eq!(found(&[made, put("10:00:00", "alice", &["alice"])]).len(), 1);
    }
}
