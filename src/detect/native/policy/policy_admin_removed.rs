//! Finds key policies that exclude those who could change the policy before.
//!
//! It is code because it compares a policy with the one before it. What must stay true: a principal
//! that could not change the policy before is never reported as excluded.

use crate::detect::native::shared::policy_change::{Rights, changes, mark, names};
use crate::detect::stateful::{About, Context, Decided, History, Mark, Noted, Scope};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/policy/policy-admin-removed.md`.
#[derive(Debug)]
pub struct PolicyAdminRemoved;

/// The finding about a change that leaves only its author, or excludes the account.
fn lost(now: &Rights, before: &Rights, about: &About) -> Option<&'static str> {
    if before.account && !now.account {
        return Some("the account as a whole can no longer change the policy");
    }
    let author = names(about);
    let others = |rights: &Rights| rights.admins.difference(&author).count();
    (!now.account && others(before) > 0 && others(now) == 0)
        .then_some("nobody but its author can change the policy any more")
}

impl History for PolicyAdminRemoved {
    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        mark(event, view, marks);
    }

    fn conclude(&self, notes: &[Noted], _context: &Context<'_>) -> Vec<Decided> {
        let mut found = Vec::new();
        for (at, now, before) in changes(notes) {
            let about = &notes[at].about;
            let all: Option<Vec<&str>> = before.iter().map(|b| lost(&now, b, about)).collect();
            let Some(why) = all.and_then(|all| all.first().copied()) else { continue };
            let removed: Vec<&str> = before
                .iter()
                .flat_map(|before| before.admins.difference(&now.admins))
                .map(String::as_str)
                .collect();
            let one = Decided::new([at], Level::Critical).with("why", why);
            found.push(one.with("removed", removed).about(Scope::PrincipalAndKey));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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
}
