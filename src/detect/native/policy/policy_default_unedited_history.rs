//! Lowers the level of a new key if its default policy is replaced within a day.
//!
//! What must stay true: a policy that equals the default one does not count as a replacement.

use crate::detect::native::shared::policy_document::{KeyPolicy, is_created_without};
use crate::detect::native::shared::timeline::{DAY, any_inside, mark_key, of_kind};
use crate::detect::stateful::{Context, Decided, History, Mark, Noted};
use crate::model::level::Level;
use crate::model::time::Time;
use crate::record::event::Event;
use crate::record::kms::View;

/// The key was created without a policy.
const MADE: u32 = 0;
/// The key got another policy.
const EDITED: u32 = 1;

/// See `rules/policy/policy-default-unedited.md`.
#[derive(Debug)]
pub struct PolicyDefaultUneditedHistory;

impl History for PolicyDefaultUneditedHistory {
    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        if view.attempt() {
            return;
        }
        if is_created_without(event, view) {
            mark_key(view, MADE, "", marks);
        } else if view.name().is_some_and(|name| name == "PutKeyPolicy")
            && KeyPolicy::of(event, view).is_some_and(|p| !p.policy.is_default(&p.account))
        {
            mark_key(view, EDITED, "", marks);
        }
    }

    fn conclude(&self, notes: &[Noted], _context: &Context<'_>) -> Vec<Decided> {
        let edited = of_kind(notes, EDITED);
        let mut found = Vec::new();
        for made in of_kind(notes, MADE) {
            let time = notes[made].time;
            // The same second counts too, because a key is created before its policy changes.
            let (from, to) = (time.0.saturating_sub(1), time.0.saturating_add(DAY + 1));
            if any_inside(notes, &edited, Time(from), Time(to)) {
                let why = "a policy of its own followed within a day";
                found.push(Decided::new([made], Level::Informational).with("why", why));
            }
        }
        found
    }

    fn adjusts(&self) -> Option<&'static str> {
        Some("policy-default-unedited")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::recorded::{KEY, call, decide, refused};

    #[test]
    fn only_another_policy_within_a_day() {
        let made = call("2026-11-02T10:00:00Z", "alice", "CreateKey", KEY, &json!({}));
        let put = |time: &str, action: &str| {
            let policy = json!({"Statement": {"Effect": "Allow", "Action": action, "Resource": "*",
                "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}});
            let request = json!({"keyId": KEY, "policy": policy.to_string()});
            call(time, "alice", "PutKeyPolicy", KEY, &request)
        };
        let found = |put: Value| {
            let records = [made.clone(), put];
            decide(&PolicyDefaultUneditedHistory, &records, "2026-12-01T00:00:00Z").len()
        };
        assert_eq!(found(put("2026-11-02T10:00:00Z", "kms:Decrypt")), 1);
        assert_eq!(found(put("2026-11-03T10:00:00Z", "kms:Decrypt")), 1);
        assert_eq!(found(put("2026-11-03T10:00:01Z", "kms:Decrypt")), 0);
        assert_eq!(found(put("2026-11-02T10:00:00Z", "kms:*")), 0, "the default one again");
        assert_eq!(found(refused(put("2026-11-02T11:00:00Z", "kms:Decrypt"))), 0);
    }
}
