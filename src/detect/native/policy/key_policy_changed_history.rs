//! Lowers the level of a policy change by automation that gives nobody more than before, or lets only
//! principals of one's own accounts use the key. Other rules judge what a policy allows by itself.
//!
//! What must stay true: only a policy of an earlier second, the only one of its second, says what was
//! allowed before. Without one, whoever administers the key by the new policy has gained it.

use crate::detect::native::shared::actor::is_automation;
use crate::detect::native::shared::policy_document::{KeyPolicy, is_created_without, set_unread};
use crate::detect::native::shared::policy_gain::Allowances;
use crate::detect::stateful::{Context, Decided, History, Mark, Noted};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// The key was made with the policy.
const MADE: u32 = 0;
/// The policy replaced another one.
const REPLACED: u32 = 1;

/// The value of a mark for a policy that cannot be read.
const UNREAD: &str = "";

/// See `rules/policy/key-policy-changed.md`.
#[derive(Debug)]
pub struct KeyPolicyChangedHistory;

impl History for KeyPolicyChangedHistory {
    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        if view.attempt() {
            return;
        }
        let replaced = view.name().is_some_and(|name| name == "PutKeyPolicy");
        let kind = if replaced { REPLACED } else { MADE };
        if let Some(part) = set_unread(event, view) {
            marks.push(Mark { part, kind, value: UNREAD.to_owned() });
            return;
        }
        let (key, allowances) = if let Some(given) = KeyPolicy::of(event, view) {
            (given.place().key.map(str::to_owned), Allowances::of(&given))
        } else if is_created_without(event, view) {
            let account = view.key_account().unwrap_or_default();
            (view.key().map(|key| key.arn), Allowances::of_default(&account))
        } else {
            return;
        };
        if let (Some(part), Ok(value)) = (key, serde_json::to_string(&allowances)) {
            marks.push(Mark { part, kind, value });
        }
    }

    fn is_gap(&self, mark: &Mark) -> bool {
        mark.value == UNREAD
    }

    fn needs(&self) -> &[&[u32]] {
        &[&[REPLACED]]
    }

    fn conclude(&self, notes: &[Noted], context: &Context<'_>) -> Vec<Decided> {
        let read = |noted: &Noted| serde_json::from_str::<Allowances>(&noted.value).ok();
        let lowered = |noted: &Noted, now: &Allowances, before: Option<&Allowances>| {
            let account = noted.about.key.as_ref()?.account.clone()?;
            let caller = noted.about.principal.arn.as_deref().unwrap_or_default();
            let own = |account: &str| is_own(context, account);
            if !is_automation(context.estate, &noted.about) {
                None
            } else if before.is_some_and(|before| !now.gives_more_than(before)) {
                Some("automation replaced it, and nobody may do more than before")
            } else if now.gives_only_own_use(before, (caller, &account), own) {
                Some("automation replaced it, and only own accounts may use the key that might not")
            } else {
                None
            }
        };
        let mut found = Vec::new();
        let mut before: Option<Allowances> = None;
        let mut from = 0;
        for second in notes.chunk_by(|one, other| one.time == other.time) {
            let all: Vec<Option<Allowances>> = second.iter().map(read).collect();
            for (at, (noted, now)) in (from..).zip(second.iter().zip(&all)) {
                if let (REPLACED, Some(now)) = (noted.kind, now)
                    && noted.found
                    && let Some(why) = lowered(noted, now, before.as_ref())
                {
                    found.push(Decided::new([at], Level::Low).with("why", why));
                }
            }
            from += second.len();
            before = all.into_iter().next().flatten().filter(|_| second.len() == 1);
        }
        found
    }

    fn adjusts(&self) -> Option<&'static str> {
        Some("key-policy-changed")
    }
}

/// Whether an account is one's own.
fn is_own(context: &Context<'_>, account: &str) -> bool {
    let own = &context.estate.own_accounts;
    if own.is_empty() { context.accounts.contains(account) } else { own.contains(account) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::recorded::{KEY, call, decide_in, refused};
    use crate::model::estate::Estate;
    use crate::model::pattern::Patterns;

    const OWN: &str = "arn:aws:iam::111122223333:root";
    const APP: &str = "arn:aws:iam::111122223333:role/app";

    fn allow(who: &str, calls: &[&str]) -> Value {
        json!({"Effect": "Allow", "Principal": {"AWS": who}, "Action": calls, "Resource": "*"})
    }

    fn within(mut statement: Value, condition: &Value) -> Value {
        statement["Condition"] = condition.clone();
        statement
    }

    fn put(time: &str, user: &str, statements: &[Value]) -> Value {
        let policy = json!({"Statement": statements});
        let request = json!({"keyId": KEY, "policyName": "default", "policy": policy.to_string()});
        call(&format!("2026-11-02T{time}Z"), user, "PutKeyPolicy", KEY, &request)
    }

    /// Why changes by automation are lowered.
    fn reasons(records: &[Value]) -> Vec<String> {
        let automation_roles = Patterns::new(["*:user/deploy"]);
        let estate = Estate { automation_roles, ..Estate::default() };
        let decided = decide_in(&estate, &KeyPolicyChangedHistory, records, "2026-12-01T00:00:00Z");
        decided.iter().map(|(_, one)| one.details["why"].as_str().unwrap().to_owned()).collect()
    }

    /// How many changes by automation are lowered.
    fn lowered(records: &[Value]) -> usize {
        reasons(records).len()
    }

    /// Why the second policy is lowered.
    fn reason(before: &[Value], after: &[Value]) -> Option<String> {
        reasons(&[put("09:00:00", "alice", before), put("10:00:00", "deploy", after)]).pop()
    }

    /// Whether the second policy is found to give nobody more than the first.
    fn harmless(before: &[Value], after: &[Value]) -> bool {
        reason(before, after).is_some_and(|why| why.contains("nobody may do more"))
    }

    #[test]
    fn automation_may_let_own_roles_use_the_key() {
        let root = allow(OWN, &["kms:*"]);
        let new = |who: &str, calls: &[&str]| [root.clone(), allow(who, calls)];
        let own = "arn:aws:iam::111122223333:role/new";
        let caller = "arn:aws:iam::111122223333:user/deploy";
        let before = [root.clone()];
        assert!(reason(&before, &new(own, &["kms:Decrypt", "kms:Encrypt"])).is_some());
        assert!(reason(&before, &new(caller, &["kms:Put*"])).is_some(), "it could do so before");
        let first = put("10:00:00", "deploy", &new(own, &["kms:Decrypt"]));
        assert_eq!(lowered(&[first]), 1, "whatever was before");
        for (who, calls) in [
            (own, "kms:CreateGrant"),
            (own, "kms:PutKeyPolicy"),
            (own, "kms:*"),
            ("arn:aws:iam::777788889999:role/new", "kms:Decrypt"),
            ("777788889999", "kms:Decrypt"),
            ("*", "kms:Decrypt"),
        ] {
            assert_eq!(reason(&before, &new(who, &[calls])), None, "{who} {calls}");
            let first = put("10:00:00", "deploy", &new(who, &[calls]));
            assert_eq!(lowered(&[first]), 0, "{who} {calls}");
        }
        let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}}});
        assert_eq!(reason(&[root.clone(), deny], &before), None, "a denial is gone");
    }

    #[test]
    fn nobody_gains_by_less_or_by_the_same_in_other_words() {
        let root = allow(OWN, &["kms:*"]);
        let uses = allow(APP, &["kms:Decrypt", "kms:Encrypt"]);
        let via =
            json!({"StringEquals": {"kms:ViaService": ["a.amazonaws.com", "b.amazonaws.com"]}});
        let other =
            json!({"stringequals": {"KMS:viaservice": ["b.amazonaws.com", "a.amazonaws.com"]}});
        let (before, spelt) = (within(uses.clone(), &via), within(uses.clone(), &other));
        let named = json!({"Sid": "x", "Effect": "Allow", "Principal": {"AWS": "111122223333"},
            "NotAction": "kms:PutKeyPolicy", "Resource": "*"});
        let both = [root.clone(), uses.clone()];
        for (before, after) in [
            (&both[..], &both[..]),
            (&both, &[uses.clone(), root.clone()]),
            (&both, std::slice::from_ref(&root)),
            (&both, &[named, allow(APP, &["kms:Decr*"])]),
            (&both, std::slice::from_ref(&before)),
            (std::slice::from_ref(&before), &[spelt]),
        ] {
            assert!(harmless(before, after), "{before:?} {after:?}");
        }
    }

    #[test]
    fn somebody_gains_by_a_name_a_call_a_condition_or_a_denial_less() {
        let uses = allow(APP, &["kms:Encrypt"]);
        let (before, fence) = ([uses.clone()], json!({"Bool": {"aws:SecureTransport": "true"}}));
        for after in [
            allow(APP, &["kms:Encrypt", "kms:Decrypt"]),
            allow("arn:aws:iam::111122223333:role/new", &["kms:Encrypt"]),
            allow("*", &["kms:Encrypt"]),
            json!({"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "kms:Encrypt", "Resource": "*"}),
            json!({"Effect": "Allow", "NotPrincipal": {"AWS": APP}, "Action": "kms:Encrypt",
                "Resource": "*"}),
        ] {
            assert!(!harmless(&before, &[uses.clone(), after.clone()]), "{after}");
        }
        let org = json!({"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}});
        let fenced = within(allow("*", &["kms:Decrypt"]), &org);
        assert!(harmless(std::slice::from_ref(&fenced), std::slice::from_ref(&fenced)));
        assert!(!harmless(&[fenced], &[allow("*", &["kms:Decrypt"])]));
        let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*",
            "Condition": fence});
        assert!(!harmless(&[uses.clone(), deny.clone()], std::slice::from_ref(&uses)));
        assert!(harmless(std::slice::from_ref(&uses), &[uses.clone(), deny]));
    }

    #[test]
    fn only_automation_and_only_what_can_be_read() {
        let policy = [allow(OWN, &["kms:*"])];
        let change = put("10:00:00", "deploy", &policy);
        let made = call("2026-11-02T08:00:00Z", "alice", "CreateKey", KEY, &json!({}));
        assert_eq!(lowered(&[made.clone(), change.clone()]), 1, "after the default policy");
        assert_eq!(lowered(&[refused(made)]), 0);
        let before = put("09:00:00", "alice", &policy);
        assert_eq!(lowered(&[before.clone(), put("10:00:00", "alice", &policy)]), 0, "a person");
        assert_eq!(lowered(&[before.clone(), refused(change.clone())]), 0);
        let mut hidden = put("09:30:00", "alice", &policy);
        hidden["requestParameters"]["policy"] = json!("HIDDEN_DUE_TO_SECURITY_REASONS");
        let more = put("10:00:00", "deploy", &[allow(OWN, &["kms:*"]), allow(APP, &["kms:Put*"])]);
        let known = put("09:00:00", "alice", &[allow(OWN, &["kms:*"]), allow(APP, &["kms:Put*"])]);
        assert_eq!(lowered(&[known.clone(), more.clone()]), 1, "nobody may do more than before");
        assert_eq!(lowered(&[known, hidden.clone(), more]), 0, "what was before is hidden");
        assert_eq!(lowered(&[before.clone(), hidden]), 0);
        let odd = put("09:00:00", "alice", &[json!(7)]);
        assert_eq!(lowered(&[odd, change]), 0, "not all of it could be read");
    }
}
