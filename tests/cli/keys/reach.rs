//! Keys without use, and uses that KMS tells of: how far the log reaches.

use serde_json::{Value, json};

use super::{decrypt, keys};
use crate::harness::Sandbox;
use crate::trail::{KEY, call, file, with};

/// The key of the records that fill hours, so that the log reaches somewhere.
const BUSY: &str = "arn:aws:kms:eu-west-1:111122223333:key/aaaaaaaa-1d60-4c1e-ba33-9ad91c14a926";

/// A use of a key at noon of a day in May.
fn on(key: &str, id: &str, day: u32) -> Value {
    let time = format!("2026-05-{day:02}T12:00:00Z");
    with(decrypt(id, 0), &[("/requestParameters/keyId", json!(key)), ("/eventTime", json!(time))])
}

/// Uses of four hours of each day.
fn busy() -> Vec<Value> {
    let day = |day: u32| {
        let night = |hour: u32| {
            let time = format!("2026-05-{day:02}T{hour:02}:00:00Z");
            with(on(BUSY, &format!("b{day}-{hour}"), day), &[("/eventTime", json!(time))])
        };
        [on(BUSY, &format!("b{day}"), day), night(13), night(18), night(21)]
    };
    (1..=28).flat_map(day).collect()
}

fn verdicts(records: &[Value], words: &[&str]) -> Vec<(String, String)> {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(records));
    let report = keys(&sandbox, 0, words);
    let all = report["keys"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    all.map(|key| (text(&key["quiet"]["verdict"]), text(&key["quiet"]["why"]))).collect()
}

#[test]
fn a_key_is_unused_only_where_the_log_reaches() {
    let mut records: Vec<Value> = busy();
    records.push(on(KEY, "k1", 3));
    assert_eq!(verdicts(&records, &["--unused", "20d"]), [("unused".into(), String::new())]);
    // The time that is asked for begins before the log does.
    let why = "the first hours have no file of its account and Region".to_owned();
    let all = verdicts(&records[1..], &["--unused", "27d"]);
    assert_eq!(all, [], "both keys were used since");
    records.pop();
    let described =
        with(call("DescribeKey", "d1"), &[("/eventTime", json!("2026-05-10T12:00:00Z"))]);
    records.push(described);
    assert_eq!(verdicts(&records, &["--unused", "60d"]), [("not-known".into(), why)]);
    let why = "--since leaves a part of it out".to_owned();
    let words = ["--unused", "20d", "--since", "2026-05-20"];
    let found = verdicts(&records, &words);
    assert!(found.iter().all(|one| *one == ("not-known".into(), why.clone())), "{found:?}");
}

#[test]
fn a_refused_call_is_no_use_and_is_told() {
    let mut records = busy();
    records.push(on(KEY, "k1", 3));
    let refused = json!("AccessDenied");
    records.push(with(on(KEY, "k2", 25), &[("/errorCode", refused)]));
    assert_eq!(verdicts(&records, &["--unused", "20d"]), [("unused".into(), String::new())]);
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&records));
    let words = ["keys", "trail.json", "--no-builtin-rules", "--unused", "20d"];
    let table = sandbox.keytrail(words).run().code(0).stdout;
    assert!(table.contains("2026-05-25 12:00") && table.contains("refused"), "{table}");
    records.push(on(KEY, "k3", 26));
    assert_eq!(verdicts(&records, &["--unused", "20d"]), []);
}

#[test]
fn a_key_that_is_younger_or_of_an_account_without_a_log_is_not_called_unused() {
    let mut records: Vec<Value> = busy();
    let made = json!({"keyMetadata": {"arn": KEY}});
    let made = with(call("CreateKey", "c1"), &[("/responseElements", made)]);
    records.push(with(made, &[("/eventTime", json!("2026-05-20T12:00:00Z"))]));
    assert_eq!(verdicts(&records, &["--unused", "20d"]), []);
    let foreign = "arn:aws:kms:eu-west-1:444455556666:key/bbbbbbbb-1d60-4c1e-ba33-9ad91c14a926";
    records.push(on(foreign, "f1", 2));
    let why = "there is no log of its account and Region".to_owned();
    assert_eq!(verdicts(&records, &["--unused", "20d"]), [("not-known".into(), why)]);
}

#[test]
fn a_log_with_gaps_or_unread_parts_calls_no_key_unused() {
    let mut records = busy();
    records.push(on(KEY, "k1", 3));
    let asked = ["--unused", "20d"];
    let days = |gap: std::ops::Range<usize>| {
        let gap = gap.start * 4..gap.end * 4;
        let kept = records.iter().enumerate().filter(|(place, _)| !gap.contains(place));
        kept.map(|(_, record)| record.clone()).collect::<Vec<Value>>()
    };
    assert_eq!(verdicts(&days(15..17), &asked), [("unused".into(), String::new())]);
    let why = "the log of its account and Region has gaps of days".to_owned();
    assert_eq!(verdicts(&days(15..19), &asked), [("not-known".into(), why)]);
    let daily: Vec<Value> = records.iter().step_by(4).cloned().collect();
    let few = "the log has files of few hours of its account and Region".to_owned();
    assert!(verdicts(&daily, &asked).contains(&("not-known".into(), few)));
    // Nobody knows of what time a use is that has none.
    let sandbox = Sandbox::new();
    records.push(with(decrypt("k2", 0), &[("/eventTime", json!("nonsense"))]));
    sandbox.write("trail.json", file(&records));
    let report = keys(&sandbox, 3, &asked);
    let quiet = &report["keys"][0]["quiet"];
    assert_eq!(quiet["verdict"], "not-known", "{report}");
    assert_eq!(quiet["why"], "some input could not be read, and may have uses");
}

fn usage(key: &str, time: &str, event: &str) -> String {
    let last = json!({"Operation": "Decrypt", "Timestamp": time, "CloudTrailEventId": event,
        "KmsRequestId": "r"});
    json!({"KeyId": key, "KeyLastUsage": last, "TrackingStartDate": "2026-01-01T00:00:00+00:00"})
        .to_string()
}

/// What the log says of a last use, and the exit code.
#[track_caller]
fn compared(told: &str, code: i32, words: &[&str]) -> Value {
    let sandbox = Sandbox::new();
    let records: Vec<Value> = busy();
    sandbox.write("trail.json", file(&records)).write("usage.json", told);
    let words: Vec<&str> = words.iter().chain(&["--last-usage", "usage.json"]).copied().collect();
    keys(&sandbox, code, &words)
}

#[test]
fn a_last_use_that_the_log_lacks_proves_it_incomplete() {
    let there = compared(&usage(BUSY, "2026-05-28T21:00:00+00:00", "b28-21"), 0, &[]);
    assert_eq!(there["last_usage"][0]["in_log"], "there");
    assert_eq!(there["keys"][0]["kms_last_use"]["operation"], "Decrypt");
    // The other account's record of the call has another id.
    let other = compared(&usage(BUSY, "2026-05-28T21:00:00.250+00:00", "other"), 0, &[]);
    assert_eq!(other["last_usage"][0]["in_log"], "there");
    for key in [BUSY, KEY] {
        let told = usage(key, "2026-05-20T15:30:00+00:00", "gone");
        let missing = compared(&told, 3, &[]);
        assert_eq!(missing["last_usage"][0]["in_log"], "missing");
        let problem = &missing["problems"][0];
        assert_eq!([&problem["origin"], &problem["stage"]], ["usage.json", "verify"]);
        assert!(problem["message"].as_str().unwrap().contains("the log is not whole"), "{problem}");
        compared(&told, 0, &["--allow-incomplete"]);
    }
}

#[test]
fn a_last_use_out_of_reach_proves_nothing() {
    let in_log = |told: &str, words: &[&str]| {
        // Regions that are in no record are a problem.
        let code = if words.iter().any(|word| word.starts_with("--region")) { 3 } else { 0 };
        compared(told, code, words)["last_usage"][0]["in_log"].clone()
    };
    let gone = usage(KEY, "2026-05-20T15:30:00+00:00", "gone");
    for (told, words) in [
        (usage(KEY, "2026-06-20T15:30:00+00:00", "gone"), &[][..]),
        (usage(KEY, "2026-04-20T15:30:00+00:00", "gone"), &[]),
        (gone.clone(), &["--since=2026-05-21"]),
        (gone.clone(), &["--until=2026-05-20"]),
        (gone.clone(), &["--region=eu-central-1", "--region=eu-west-2"]),
        (gone.replace("111122223333", "444455556666"), &[]),
        (gone.replace("eu-west-1", "eu-west-3"), &[]),
    ] {
        assert_eq!(in_log(&told, words), "out-of-reach", "{told} {words:?}");
    }
    let none = json!({"KeyId": KEY, "TrackingStartDate": "2026-01-01T00:00:00Z"}).to_string();
    assert_eq!(in_log(&none, &[]), "nothing-told-of");
}

#[test]
fn a_last_use_of_an_id_that_no_record_names_is_said() {
    let id = KEY.split_once(":key/").unwrap().1;
    for name in [id, "alias/pay"] {
        let report = compared(&usage(name, "2026-05-20T15:30:00+00:00", "gone"), 3, &[]);
        assert_eq!(report["last_usage"][0]["in_log"], "out-of-reach");
        let problem = &report["problems"][0];
        assert_eq!(problem["origin"], "usage.json");
        let message = problem["message"].as_str().unwrap();
        assert!(message.starts_with(&format!("KMS tells of a use of {name},")), "{message}");
    }
    // An id tells enough if any record names it, also one of a key that is not shown.
    let busy = BUSY.split_once(":key/").unwrap().1;
    let gone = usage(busy, "2026-05-20T15:30:00+00:00", "gone");
    for words in [&[][..], &["--key", KEY]] {
        assert_eq!(compared(&gone, 3, words)["last_usage"][0]["in_log"], "missing", "{words:?}");
    }
    let unused = json!({"KeyId": id, "TrackingStartDate": "2026-01-01T00:00:00Z"}).to_string();
    assert_eq!(compared(&unused, 0, &[])["problems"], json!([]));
}
