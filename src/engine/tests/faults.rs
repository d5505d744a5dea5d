//! What is known to be wrong, each as the test that will hold once it is mended.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{How, estate, outcome, plan};
use crate::detect::RuleSet;
use crate::engine::Plan;

fn key(number: usize) -> String {
    format!("arn:aws:kms:eu-central-1:111122223333:key/0000{number:04}-1111-4222-8333-444455556666")
}

/// A call to KMS, `minute` minutes after ten o'clock.
fn call(name: &str, key: &str, minute: usize, id: Value) -> Value {
    let mut record = json!({"eventSource": "kms.amazonaws.com", "eventName": name,
        "eventTime": format!("2026-10-01T10:{minute:02}:00Z"), "awsRegion": "eu-central-1",
        "recipientAccountId": "111122223333", "resources": [{"ARN": key}],
        "requestParameters": {"encryptionContext": {"app": "x"}},
        "userIdentity": {"type": "IAMUser", "accountId": "111122223333",
            "arn": "arn:aws:iam::111122223333:user/ana"}});
    if !id.is_null() {
        record["eventID"] = id;
    }
    record
}

/// A use by another account, so that the key has a blast radius.
fn by_other(number: usize) -> Value {
    let id = format!("00000000-0000-4000-8000-{number:012}");
    let mut record = call("Decrypt", &key(number), 5, json!(id));
    record["userIdentity"] = json!({"type": "IAMUser", "accountId": "444455556666",
        "arn": "arn:aws:iam::444455556666:user/bob"});
    record
}

/// The first event of each finding of the blast radius: its id, or the number of its record.
fn first_events(ids: [Value; 2]) -> Vec<(Option<String>, Option<u64>)> {
    let keys = 0..16;
    let records = keys.flat_map(|number| {
        let one = |id: &Value| {
            let id = id.as_str().map_or(Value::Null, |id| json!(format!("{id}-{number}")));
            call("Decrypt", &key(number), 0, id)
        };
        [one(&ids[0]), one(&ids[1]), by_other(number)]
    });
    let how = How { threads: 1, ..How::default() };
    let outcome = outcome(&[records.collect()], &plan(&how));
    let of = outcome.findings.iter().filter(|finding| finding.rule == "key-blast-radius");
    of.map(|finding| (finding.events[0].id.clone(), finding.events[0].origin.record)).collect()
}

/// `KeyUse` is ordered by `id`, which is a keyed hash where the event id is no UUID: the first of a
/// use's records of one second is another one in each run.
#[test]
#[ignore = "KeyUse.id is a random hash for ids that are no UUIDs, and decides which use is first"]
fn of_one_second_the_smallest_event_id_is_first() {
    let found = first_events([json!("b"), json!("a")]);
    assert_eq!(found.len(), 16);
    let is_a = |id: &Option<String>| id.as_deref().is_some_and(|id| id.starts_with("a-"));
    assert!(found.iter().all(|(id, _)| is_a(id)), "{found:?}");
}

/// The same of records without an id, of which the place decides.
#[test]
#[ignore = "KeyUse.id is a random hash for records without an id, and decides which use is first"]
fn of_one_second_and_no_ids_the_first_place_is_first() {
    let found = first_events([Value::Null, Value::Null]);
    assert_eq!(found.len(), 16);
    assert!(found.iter().all(|(_, record)| record.is_some_and(|at| at % 3 == 0)), "{found:?}");
}

/// `decrypt-burst-logs` makes findings of `decrypt-burst` (`same_as`), but decides after what looks
/// at those: `Wiring::place` does not put it before, and `Stages::new` asks feeders of smaller
/// numbers only.
#[test]
#[ignore = "a part that makes findings of a rule may decide after correlations over the rule"]
fn correlations_hear_of_findings_that_a_part_makes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rule.yml");
    let text = "title: t\nid: 00000000-0000-4000-8000-00000000000a\nname: read-then-disable\n\
        correlation:\n  type: temporal_ordered\n  rules: [decrypt-burst, key-disabled]\n  \
        group-by: [keytrail.principal]\n  timespan: 1h\nlevel: high\n";
    std::fs::write(&path, text).unwrap();
    let found = |logs: bool| {
        let wanted = |id: &str| ["decrypt-burst", "key-disabled"].contains(&id);
        let estate = Arc::new(estate());
        let loaded = RuleSet::load_some(wanted, std::slice::from_ref(&path), &estate);
        let plan = Plan::new(loaded.unwrap().rules);
        let records = (0..20).map(|number| {
            let id = format!("00000000-0000-4000-8000-{number:012}");
            let mut record = call("Decrypt", &key(0), number / 4, json!(id));
            let mut context = json!({"aws:s3:arn": format!("arn:aws:s3:::b/{number}")});
            if logs {
                context["aws:cloudtrail:arn"] =
                    json!("arn:aws:cloudtrail:eu-central-1:111122223333:trail/main");
            }
            record["requestParameters"]["encryptionContext"] = context;
            record
        });
        let disabled = call("DisableKey", &key(1), 30, json!("1"));
        let outcome = outcome(&[records.chain([disabled]).collect()], &plan);
        outcome.findings.iter().filter(|finding| finding.rule.ends_with("0a")).count()
    };
    assert_eq!(found(false), 1, "of objects");
    assert_eq!(found(true), 1, "of log files");
}

/// The record is shown to a history, so that a rule matched it: contract, `duplicates`; and of two
/// records that share their id at least one is forged.
#[test]
#[ignore = "records that a history is shown and does not mark are no facts (read/record.rs)"]
fn records_that_a_history_is_shown_are_counted_as_copies() {
    let put = |kind: &str| {
        json!({"eventSource": "ssm.amazonaws.com", "eventName": "PutParameter",
            "eventTime": "2026-10-01T10:00:00Z", "awsRegion": "eu-central-1", "eventID": "1",
            "recipientAccountId": "111122223333",
            "requestParameters": {"name": "/x", "type": kind, "overwrite": false}})
    };
    let how = How { threads: 1, ..How::default() };
    let copies = outcome(&[vec![put("String"), put("String")]], &plan(&how));
    assert_eq!(copies.totals.duplicates, 1);
    let forged = outcome(&[vec![put("String"), put("SecureString")]], &plan(&how));
    assert_eq!(forged.problems.len(), 1, "{:?}", forged.problems);
}

/// Before the engine was rebuilt, the sessions of a finding were the ten smallest of all its uses;
/// now they are those of the ten events that it shows.
#[test]
#[ignore = "sessions of histories and correlations are those of the shown events (fill_sessions)"]
fn sessions_are_the_smallest_of_all_uses() {
    let records = (0..12).map(|number| {
        let id = format!("00000000-0000-4000-8000-{number:012}");
        let mut record = call("Decrypt", &key(0), number, json!(id));
        let (account, session) = match number {
            11 => ("444455556666", "a-stranger"),
            _ => ("111122223333", "usual"),
        };
        let role = format!("arn:aws:sts::{account}:assumed-role/r{number}/{session}");
        record["userIdentity"] = json!({"type": "AssumedRole", "accountId": account, "arn": role});
        record
    });
    let how = How { threads: 1, ..How::default() };
    let outcome = outcome(&[records.collect()], &plan(&how));
    let mut of = outcome.findings.iter().filter(|finding| finding.rule == "key-blast-radius");
    assert_eq!(of.next().unwrap().details["sessions"], json!(["a-stranger", "usual"]));
}
