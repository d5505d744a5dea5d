//! Finds key policies that exclude those who could change the policy before.
//!
//! It is code because it compares a policy with the one before it. What must stay true: a principal
//! that could not change the policy before is never reported as excluded.

use serde_json::Value;

use crate::detect::native::shared::policy_change::{Before, Rights, changes, is_gap, mark, names};
use crate::detect::native::shared::policy_document::{NAMES_MAX, list_of};
use crate::detect::stateful::{About, Context, Decided, History, Mark, Noted, Scope};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/policy/policy-admin-removed.md`.
#[derive(Debug)]
pub struct PolicyAdminRemoved;

/// Why a change leaves only its author, or excludes the account, whichever policy was before it.
fn lost(now: &Rights, before: &Before, about: &About) -> Option<&'static str> {
    if now.account || now.partial {
        return None;
    }
    let author = names(about);
    let nobody_else = now.admins.iter().all(|name| author.contains(name));
    if !before.account && (!nobody_else || before.any_only_for(&author)) {
        return None;
    }
    Some(if before.first_account {
        "the account as a whole can no longer change the policy"
    } else {
        "nobody but its author can change the policy any more"
    })
}

/// Who was among those who could change the policy, and is no more.
fn removed(now: &Rights, before: &Before) -> Value {
    let gone = before.admins.iter().filter(|name| !now.admins.contains(*name));
    let shown: Vec<String> = gone.take(NAMES_MAX).cloned().collect();
    let kept = now.admins.iter().filter(|name| before.admins.contains(*name)).count();
    let others = before.admins.len() - kept - shown.len();
    list_of(shown, others)
}

impl History for PolicyAdminRemoved {
    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        mark(event, view, marks);
    }

    fn is_gap(&self, mark: &Mark) -> bool {
        is_gap(mark)
    }

    fn conclude(&self, notes: &[Noted], _context: &Context<'_>) -> Vec<Decided> {
        let mut found = Vec::new();
        changes(notes, |at, now, before| {
            let Some(why) = lost(now, before, &notes[at].about) else { return };
            let one = Decided::new([at], Level::Critical).with("why", why);
            let one = one.with("removed", removed(now, before));
            found.push(one.about(Scope::PrincipalAndKey));
        });
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::recorded::{KEY, call, decide};

    fn put(time: &str, user: &str, admins: &[&str]) -> Value {
        let admins: Vec<String> =
            admins.iter().map(|name| format!("arn:aws:iam::111122223333:{name}")).collect();
        let policy = json!({"Statement": {"Effect": "Allow", "Principal": {"AWS": admins},
            "Action": "kms:*", "Resource": "*"}});
        let request = json!({"keyId": KEY, "policyName": "default", "policy": policy.to_string()});
        call(&format!("2026-11-02T{time}Z"), user, "PutKeyPolicy", KEY, &request)
    }

    #[test]
    fn the_account_or_everybody_but_the_author() {
        let why = |before: &[&str], now: &[&str]| {
            let records = [put("09:00:00", "carol", before), put("10:00:00", "alice", now)];
            let found = decide(&PolicyAdminRemoved, &records, "2026-12-01T00:00:00Z");
            found.first().map(|(_, decided)| decided.details["why"].as_str().unwrap().to_owned())
        };
        let account = "the account as a whole can no longer change the policy";
        let author = "nobody but its author can change the policy any more";
        assert_eq!(why(&["root"], &["user/alice"]).as_deref(), Some(account));
        assert_eq!(why(&["root", "user/bob"], &["user/bob"]).as_deref(), Some(account));
        assert_eq!(why(&["user/bob"], &["user/alice"]).as_deref(), Some(author));
        assert_eq!(why(&["user/bob"], &["user/alice", "user/bob"]), None);
        assert_eq!(why(&["user/bob"], &["user/carol"]), None, "handed over");
        assert_eq!(why(&["user/alice"], &["user/alice"]), None, "as before");
        assert_eq!(why(&["root", "user/bob"], &["root"]), None, "IAM decides");
    }

    /// Whether a change is found after these policies of one second, each with its admins.
    fn after(second: &[&[&str]], now: &[&str]) -> bool {
        let users = (0..).map(|n| format!("user{n}"));
        let mut records: Vec<Value> =
            second.iter().zip(users).map(|(admins, user)| put("09:00:00", &user, admins)).collect();
        records.push(put("10:00:00", "alice", now));
        !decide(&PolicyAdminRemoved, &records, "2026-12-01T00:00:00Z").is_empty()
    }

    #[test]
    fn whichever_policy_of_the_second_before_was_the_last() {
        let alice: &[&str] = &["user/alice"];
        assert!(after(&[&["root"], &["user/bob"]], alice));
        assert!(after(&[&["root"], &["root", "user/alice"]], &["user/bob"]), "of the account");
        assert!(!after(&[&["root"], &["user/bob"]], &["user/bob"]), "bob may have had it");
        assert!(!after(&[&["root"], alice], alice), "alice may have been alone before");
        assert!(!after(&[&["user/bob"], &["group/none"], &[]], alice), "or nobody");
    }

    #[test]
    fn a_policy_that_was_read_in_part_may_allow_more() {
        let mut part = put("10:00:00", "alice", &["user/alice"]);
        let policy = part["requestParameters"]["policy"].as_str().unwrap();
        part["requestParameters"]["policy"] = json!(format!("{policy} x"));
        let records = [put("09:00:00", "carol", &["root"]), part];
        assert_eq!(decide(&PolicyAdminRemoved, &records, "2026-12-01T00:00:00Z"), []);
    }

    #[test]
    fn what_a_hidden_policy_allowed_is_not_known() {
        let mut hidden = put("09:30:00", "carol", &["root"]);
        hidden["requestParameters"]["policy"] = json!("HIDDEN_DUE_TO_SECURITY_REASONS");
        let before = put("09:00:00", "carol", &["root"]);
        let records = [before.clone(), hidden.clone(), put("10:00:00", "alice", &["user/alice"])];
        assert_eq!(decide(&PolicyAdminRemoved, &records, "2026-12-01T00:00:00Z"), []);
        assert_eq!(decide(&PolicyAdminRemoved, &[before, hidden], "2026-12-01T00:00:00Z"), []);
    }

    #[test]
    fn a_flood_within_a_second_tells_few_names() {
        let many: Vec<String> = (0..40).map(|n| format!("user/u{n:02}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let records = [
            put("09:00:00", "carol", &many),
            put("10:00:00", "alice", &["user/u00", "user/alice"]),
        ];
        assert_eq!(decide(&PolicyAdminRemoved, &records, "2026-12-01T00:00:00Z"), []);
        let records = [records[0].clone(), put("10:00:00", "alice", &["user/alice"])];
        let found = decide(&PolicyAdminRemoved, &records, "2026-12-01T00:00:00Z");
        let removed = found[0].1.details["removed"].as_array().unwrap();
        assert_eq!(removed.len(), 21);
        assert_eq!(removed[20], "and 20 more");
    }
}
