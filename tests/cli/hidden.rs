//! What AWS hides in a record is not known: neither absent, nor what was there before.

use serde_json::{Value, json};

use crate::harness::Sandbox;
use crate::trail::{KEY, at, call, counts, file, findings, parse, with};

const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";
const ROOT: &str = "arn:aws:iam::111122223333:root";
const APP: &str = "arn:aws:iam::111122223333:role/app";

fn allow(who: &str, action: &str) -> Value {
    json!({"Effect": "Allow", "Principal": {"AWS": who}, "Action": action, "Resource": "*"})
}

fn put(id: &str, seconds: u32, policy: Value) -> Value {
    let put = with(call("PutKeyPolicy", id), &[("/requestParameters/policy", policy)]);
    at(put, seconds)
}

/// A policy that is shown, one that AWS hides, and one that is shown again.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let shown = |statements: Value| json!(json!({"Statement": statements}).to_string());
    let records = [
        put("e-1", 0, shown(json!([allow(ROOT, "kms:*"), allow(APP, "kms:Decrypt")]))),
        put("e-2", 60, json!(HIDDEN)),
        put("e-3", 120, shown(json!([allow(APP, "kms:*")]))),
    ];
    sandbox.write("trail.json", file(&records)).write("two.json", file(&records[..2]));
    sandbox
}

#[test]
fn a_hidden_policy_is_a_blind_spot_and_judged_by_no_rule() {
    let sandbox = sandbox();
    let report = sandbox.report(0, ["trail.json"]);
    let counted = counts(&report);
    assert_eq!(counted["policy-unreadable"], 1);
    assert_eq!(counted["key-policy-changed"], 3, "it was set all the same");
    for rule in ["policy-admin-removed", "policy-self-grant", "policy-dead-condition"] {
        assert_eq!(counted.get(rule), None, "{rule}");
    }
    let all = findings(&report);
    let hidden = all.iter().find(|finding| finding["rule"] == "policy-unreadable").unwrap();
    assert_eq!([&hidden["level"], &hidden["events"][0]["id"]], ["medium", "e-2"]);
    let see = format!("aws kms get-key-policy --policy-name default --key-id {KEY}");
    assert_eq!(hidden["details"]["see"], json!(see));
    let others = all.iter().filter(|one| {
        let ids = one["events"].as_array().unwrap().iter().filter(|event| event["id"] == "e-2");
        ids.count() > 0
    });
    let mut rules: Vec<&str> = others.map(|one| one["rule"].as_str().unwrap()).collect();
    rules.sort_unstable();
    let expected = ["critical-call-without-mfa", "key-policy-changed", "policy-unreadable"];
    assert_eq!(rules, expected);
}

#[test]
fn who_can_is_unknown_from_then_on() {
    let sandbox = sandbox();
    let ask = |file: &str, at: &str| {
        let words = ["keys", file, "--who-can", "Decrypt", "--key", KEY, "-f", "json", "--at", at];
        parse(&sandbox.keytrail(words).run().code(0))["keys"][0]["dossier"]["access"].clone()
    };
    let before = ask("two.json", "2026-05-01T10:00:30Z");
    assert!(before["allowed"].to_string().contains("role/app"), "{before}");
    let after = ask("two.json", "2026-05-01T10:02:00Z");
    assert_eq!(after["allowed"], json!([]), "{after}");
    let told = "the key policy: the record does not show it; aws kms get-key-policy tells it";
    assert!(after["unknown"].as_array().unwrap().contains(&json!(told)), "{after}");
    assert!(ask("trail.json", "2026-05-01T10:03:00Z")["allowed"].to_string().contains("role/app"));
}

#[test]
fn a_policy_after_a_hidden_one_is_compared_with_none() {
    let sandbox = sandbox();
    let words = ["keys", "trail.json", "--key", KEY, "-f", "json"];
    let report = parse(&sandbox.keytrail(words).run().code(0));
    let policies = &report["keys"][0]["dossier"]["policies"]["first"];
    let of = |number: usize, name: &str| policies[number][name].clone();
    assert_eq!([of(1, "document"), of(1, "changes")], [Value::Null, json!([])], "{report:#}");
    assert_eq!(of(2, "before_known"), false);
    assert!(!report.to_string().contains(HIDDEN), "{report:#}");
}

#[test]
fn a_hidden_context_is_there_and_names_nothing() {
    let sandbox = Sandbox::new();
    let decrypt = |id: &str, context: Value| {
        with(call("Decrypt", id), &[("/requestParameters/encryptionContext", context)])
    };
    let mut records: Vec<Value> =
        (0..40).map(|n| at(decrypt(&format!("e-{n}"), json!(HIDDEN)), n)).collect();
    records.push(decrypt("e-x", json!({"Owner": HIDDEN, "aws:rds:db-id": HIDDEN})));
    sandbox.write("trail.json", file(&records));
    let report = sandbox.report(0, ["--min-level=informational", "trail.json"]);
    let counted = counts(&report);
    assert_eq!(counted["policy-unreadable"], 41);
    for rule in [
        "no-encryption-context",
        "encryption-context-sensitive",
        "decrypt-burst",
        "key-blast-radius",
        "key-tag-mismatch",
        "key-tag-one-sided",
    ] {
        assert_eq!(counted.get(rule), None, "{rule}");
    }
    assert!(findings(&report).iter().all(|finding| finding["resource"].is_null()));
    let because = json!({"context not mapped": 41});
    assert_eq!(report["tags"]["unknown_because"], because, "and not: no resource named");
    let absent = call("Decrypt", "e-1");
    sandbox.write("absent.json", file(&[absent]));
    assert_eq!(counts(&sandbox.report(0, ["absent.json"]))["no-encryption-context"], 1);
}

#[test]
fn hidden_constraints_are_not_absent() {
    let sandbox = Sandbox::new();
    let grant = |id: &str, constraints: Value| {
        let request = json!({"keyId": KEY, "granteePrincipal": APP, "operations": ["Decrypt"],
            "constraints": constraints});
        with(call("CreateGrant", id), &[("/requestParameters", request)])
    };
    sandbox.write("hidden.json", file(&[grant("e-1", json!(HIDDEN))]));
    let counted = counts(&sandbox.report(0, ["hidden.json"]));
    assert_eq!((counted.get("grant-unconstrained"), counted["policy-unreadable"]), (None, 1));
    sandbox.write("absent.json", file(&[grant("e-2", Value::Null)]));
    assert_eq!(counts(&sandbox.report(0, ["absent.json"]))["grant-unconstrained"], 1);
}
