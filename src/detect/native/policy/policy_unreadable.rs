//! Finds calls that set a policy or a grant that cannot be read in the record.
//!
//! All other rules about policies and grants are blind to what such a call did. What must stay true:
//! a call that failed set nothing, so it gives no finding.

use crate::detect::native::shared::grant::Grant;
use crate::detect::native::shared::policy_document::{list, unread};
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/policy/policy-unreadable.md`.
#[derive(Debug)]
pub struct PolicyUnreadable;

impl Detector for PolicyUnreadable {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        if view.attempt() {
            return None;
        }
        let found = |why: &str, unread| {
            Some(Found::at(Level::High).with("why", why).with("unread", list(unread)))
        };
        if let Some(unread) = unread(event, view) {
            let why = "the call set a policy, and nobody can see here what all of it says";
            return found(why, unread);
        }
        let unread = Grant::of(event, view)?.unread();
        if unread.is_empty() {
            return None;
        }
        found("the call made a grant, and nobody can see here what all of it says", unread)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::detector::found;
    use crate::detect::native::testing::recorded::{KEY, call, refused};

    /// What could not be read, as the finding says.
    fn told(record: &Value) -> Option<String> {
        let found = found(&PolicyUnreadable, record)?;
        assert_eq!(found.level, Level::High);
        Some(found.details["unread"][0].as_str().unwrap().to_owned())
    }

    fn kms(name: &str, request: &Value) -> Value {
        call("2026-11-02T10:00:00Z", "alice", name, KEY, request)
    }

    #[test]
    fn policies_that_are_missing_or_odd() {
        let sound = r#"{"Statement": []}"#;
        for (name, policy, unread) in [
            ("PutKeyPolicy", json!(sound), None),
            ("PutKeyPolicy", json!({"Statement": []}), None),
            ("PutKeyPolicy", json!(null), Some("the record does not hold it")),
            ("PutKeyPolicy", json!(" "), Some("the record does not hold it")),
            ("PutKeyPolicy", json!(7), Some("it is no object with statements")),
            ("PutKeyPolicy", json!("{"), Some("it is no JSON: it ends in the middle, at byte 1")),
            ("CreateKey", json!(null), None),
            ("CreateKey", json!(""), None),
            ("CreateKey", json!("x"), Some("it is no object with statements")),
            ("ReplicateKey", json!("x"), Some("it is no object with statements")),
            ("GetKeyPolicy", json!("x"), None),
        ] {
            let record = kms(name, &json!({"keyId": KEY, "policy": policy}));
            assert_eq!(told(&record).as_deref(), unread, "{name} {policy}");
            assert_eq!(told(&refused(record)), None, "{name} {policy}");
        }
        let mut response = kms("ReplicateKey", &json!({"keyId": KEY}));
        assert_eq!(told(&response), None);
        response["responseElements"] = json!({"replicaPolicy": "x"});
        assert!(told(&response).is_some());
        let omitted = kms("PutKeyPolicy", &json!({"omitted": true}));
        assert_eq!(told(&omitted), None, "record-truncated tells of it");
        let mut nowhere = kms("PutKeyPolicy", &json!({"keyId": "1234", "policy": sound}));
        nowhere["recipientAccountId"] = json!(null);
        nowhere["resources"] = json!(null);
        assert!(told(&nowhere).is_some_and(|told| told.contains("in which account")));
    }

    #[test]
    fn policies_of_iam() {
        for (name, request, expected) in [
            ("PutUserPolicy", json!({"policyDocument": "{\"Statement\":[]}"}), false),
            ("PutUserPolicy", json!({"policyDocument": "{\"Statement\":[7]}"}), true),
            ("CreatePolicyVersion", json!({"policyDocument": "%7B"}), true),
            ("CreatePolicy", json!(null), true),
            ("CreatePolicy", json!({"omitted": true}), false),
            ("DeleteUserPolicy", json!({"policyDocument": "x"}), false),
        ] {
            let mut record = kms(name, &request);
            record["eventSource"] = json!("iam.amazonaws.com");
            assert_eq!(told(&record).is_some(), expected, "{name} {request}");
        }
    }

    #[test]
    fn grants() {
        let role = "arn:aws:iam::111122223333:role/app";
        for (request, unread) in [
            (json!({"granteePrincipal": role, "operations": ["Decrypt"]}), None),
            (json!({"granteePrincipal": role, "constraints": null}), None),
            (json!(null), None),
            (json!({"granteePrincipal": [role]}), Some("granteePrincipal is not text")),
            (json!({"operations": "Decrypt"}), Some("operations is not a list of text")),
            (json!({"operations": [["Decrypt"]]}), Some("operations is not a list of text")),
            (json!({"constraints": "{}"}), Some("constraints is not an object")),
        ] {
            let record = kms("CreateGrant", &request);
            assert_eq!(told(&record).as_deref(), unread, "{request}");
        }
    }
}
