//! Rules that make one finding of many keys or resources of one other account.

use serde_json::{Value, json};

use super::{How, outcome, plan};
use crate::detect::RuleSet;
use crate::model::finding::Finding;
use crate::model::level::Level;

const OWN: &str = "111122223333";
const FOREIGN: &str = "777788889999";

/// A use of key `key` of an account on volume `volume`, logged in another.
fn used(
    (caller, owner, logged_in): (&str, &str, &str),
    name: &str,
    (key, volume): (u8, u8),
) -> Value {
    json!({
        "eventID": format!("{key}-{volume}-{name}-{caller}"), "eventTime": "2026-11-20T10:00:00Z",
        "eventSource": "kms.amazonaws.com", "eventName": name, "awsRegion": "eu-central-1",
        "recipientAccountId": logged_in,
        "userIdentity": {"type": "AssumedRole", "accountId": caller,
            "arn": format!("arn:aws:sts::{caller}:assumed-role/app/s{volume}"),
            "sessionContext": {"sessionIssuer": {"arn": format!("arn:aws:iam::{caller}:role/app")}}},
        "requestParameters": {"encryptionContext": {"aws:ebs:id": format!("vol-{volume:017x}")}},
        "resources": [{"ARN": format!("arn:aws:kms:eu-central-1:{owner}:key/key-{key}")}],
    })
}

fn found(rule: &'static str, records: &[Value], each: bool) -> Vec<Finding> {
    let base = plan(&How { threads: 2, each, ..How::default() });
    let loaded = RuleSet::load_some(|id| id == rule, &[], &base.estate).unwrap();
    let plan = crate::engine::Plan { rules: loaded.rules, ..base };
    let (one, other) = records.split_at(records.len() / 2);
    outcome(&[one.to_vec(), other.to_vec()], &plan).findings.all().unwrap()
}

#[test]
fn one_principal_with_keys_of_one_account_is_one_finding() {
    let call = |name, key| used((OWN, FOREIGN, OWN), name, (key, key));
    let mut records: Vec<Value> = (0..6).map(|key| call("GenerateDataKey", key)).collect();
    records.push(call("Decrypt", 6));
    records.push(used((OWN, "444455556666", OWN), "Decrypt", (0, 0)));
    let all = found("foreign-key-used", &records, false);
    let told: Vec<(Level, u64, bool)> =
        all.iter().map(|one| (one.level, one.count, one.key.is_some())).collect();
    assert_eq!(told, [(Level::High, 7, false), (Level::Low, 1, true)]);
    assert_eq!(all[0].details["keys"]["count"], 7);
    assert_eq!(
        all[0].members.len(),
        8,
        "seven keys and a principal, by which the next run knows them"
    );
    assert_eq!(all[0].details["resources"]["count"], 7);
    assert_eq!(all[0].details["external_accounts"], json!([FOREIGN]));
    assert!(all[0].details["why"].as_str().unwrap().contains("; "), "{:?}", all[0].details);
    assert_eq!(found("foreign-key-used", &records, true).len(), 8);
}

#[test]
fn one_key_used_from_one_account_is_one_finding() {
    let call = |key, volume| used((FOREIGN, OWN, OWN), "CreateGrant", (key, volume));
    let records: Vec<Value> = (0..8).map(|volume| call(volume / 6, volume)).collect();
    let all = found("key-used-by-foreign-account", &records, false);
    let mut counts: Vec<u64> = all.iter().map(|one| one.count).collect();
    counts.sort_unstable();
    assert_eq!(counts, [2, 6]);
    for one in &all {
        assert!(one.key.is_some() && one.resource.is_none());
        assert!(one.principal.arn.is_some(), "all by one role");
        assert_eq!(one.details["principals"]["count"], 1);
    }
}

#[test]
fn all_that_is_re_encrypted_for_one_account_is_one_finding() {
    let moved = |key: u8| {
        let mut record = used((OWN, OWN, OWN), "ReEncrypt", (key, key));
        let theirs = json!({"ARN": format!("arn:aws:kms:eu-central-1:{FOREIGN}:key/theirs")});
        record["resources"].as_array_mut().unwrap().push(theirs);
        record
    };
    let records: Vec<Value> = (0..4).map(moved).collect();
    let all = found("reencrypt-to-foreign-key", &records, false);
    assert_eq!((all.len(), all[0].count, all[0].level), (1, 4, Level::Critical));
    assert_eq!(all[0].details["keys"]["count"], 4);
    assert_eq!(all[0].details["other_keys"]["count"], 1);
}
