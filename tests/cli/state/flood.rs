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

/// Eight days further in each step, from the first of May on.
fn step(number: u32) -> String {
    let days = 8 * number;
    let month_ends = [31, 61, 92, 123, 153, 184];
    let month = month_ends.iter().position(|end| days < *end).unwrap();
    let before = month.checked_sub(1).map_or(0, |before| month_ends[before]);
    format!("2026-{:02}-{:02}T10:00:00Z", month + 5, days - before + 1)
}

/// What a principal used a key for at first is long ago; that it used the key is known as long as it
/// goes on.
#[test]
fn who_goes_on_using_a_key_is_never_new() {
    let sandbox = Sandbox::new();
    let used = |number: usize, time: &str, user: &str, parameter: &str| {
        let arn = format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{parameter}");
        let mut record = record(number, "Decrypt", 1, time);
        record["userIdentity"] = json!({"type": "IAMUser", "accountId": ACCOUNT,
            "arn": format!("arn:aws:iam::{ACCOUNT}:user/{user}")});
        record["requestParameters"]["encryptionContext"] = json!({"PARAMETER_ARN": arn});
        record
    };
    for night in 0..17 {
        let number = 10 * night as usize;
        let parameter = if night == 1 { "once" } else { "always" };
        let mut records = vec![used(number + 1, &step(night), "bob", "always")];
        if night > 0 {
            records.push(used(number + 2, &step(night), "alice", parameter));
        }
        sandbox.write(&format!("in/{night}.json"), file(&records));
        let words = ["--select=first-use-of-key", "--state", "state", "in"];
        let found = crate::trail::findings(&sandbox.report(0, words));
        // Alice was new a week after Bob, and is it once.
        assert_eq!(found.len(), usize::from(night == 1), "night {night}: {found:#?}");
    }
}
