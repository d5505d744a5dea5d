//! Floods that are to push out of the state what others did.

use serde_json::{Value, json};

use super::{ACCOUNT, REGION, file, record};
use crate::harness::Sandbox;

fn tagged(number: usize, time: &str, source: &str, name: &str, asked: Value) -> Value {
    let mut record = record(number, name, 1, time);
    record["eventSource"] = json!(source);
    record["requestParameters"] = asked;
    record
}

/// Tags of a key and of a parameter that do not agree.
fn victims() -> Vec<Value> {
    let key = format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-0000-4000-8000-{:012}", 1);
    let of_key = json!({"keyId": key, "tags": [{"tagKey": "CostCenter", "tagValue": "1000"}]});
    let of_parameter = json!({"resourceType": "Parameter", "resourceId": "/prod/db",
        "tags": [{"key": "CostCenter", "value": "2000"}]});
    vec![
        tagged(1, "2026-11-02T00:00:00Z", "kms.amazonaws.com", "TagResource", of_key),
        tagged(2, "2026-11-02T00:00:01Z", "ssm.amazonaws.com", "AddTagsToResource", of_parameter),
    ]
}

/// Calls by somebody else that tag a thousand volumes each.
fn flood(count: usize) -> Vec<Value> {
    let one = |number: usize| {
        let volume = |at: usize| json!({"resourceId": format!("vol-{:017x}", number * 1000 + at)});
        let items: Vec<Value> = (0..1000).map(volume).collect();
        let asked = json!({"resourcesSet": {"items": items},
            "tagSet": {"items": [{"key": "a", "value": "1"}]}});
        let time = format!("2026-11-03T00:{:02}:{:02}Z", number / 60 % 60, number % 60);
        let mut record = tagged(100 + number, &time, "ec2.amazonaws.com", "CreateTags", asked);
        record["userIdentity"]["arn"] = json!(format!("arn:aws:iam::{ACCOUNT}:user/evil"));
        record["resources"] = json!([]);
        record
    };
    (0..count).map(one).collect()
}

/// A use of the key on the parameter.
fn used() -> Value {
    let mut used = record(9, "Decrypt", 1, "2026-11-04T00:00:00Z");
    used["requestParameters"] = json!({"encryptionContext": {
        "PARAMETER_ARN": format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/prod/db")}});
    used["userIdentity"]["invokedBy"] = json!("ssm.amazonaws.com");
    used
}

#[test]
fn a_flood_of_tag_changes_takes_room_from_whoever_makes_it() {
    let sandbox = Sandbox::new();
    let scan = |name: &str, records: &[Value]| {
        sandbox.write(&format!("logs/{name}.json.gz"), file(records));
        let ended = sandbox.keytrail(["scan", "logs", "-fjson", "--state=state"]).run();
        let report: Value = serde_json::from_str(&ended.stdout).unwrap();
        (ended.code, report)
    };
    assert_eq!(scan("1", &victims()).0, Some(0));
    let (code, report) = scan("2", &flood(150));
    assert_eq!(code, Some(3), "{report:#}");
    let said = report["problems"][0]["message"].as_str().unwrap();
    assert!(said.contains(":user/evil"), "{said}");
    assert!(report["run"]["state"]["forgotten"].as_u64().unwrap() > 10, "{report:#}");
    // What somebody else did before is still known, and the flood costs no later night anything.
    let (code, report) = scan("3", &[used()]);
    assert_eq!(code, Some(0), "{report:#}");
    let found = report["findings"].as_array().unwrap();
    assert!(found.iter().any(|finding| finding["rule"] == "key-tag-mismatch"), "{report:#}");
}
