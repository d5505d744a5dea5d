//! `keytrail events` and `keytrail record`: what is found, how it is shown, how it ends.

use std::path::Path;

use serde_json::{Value, json};

use crate::bucket::Server;
use crate::harness::{Ended, Sandbox};

/// The intruder of the story.
const INTRUDER: &str = "AKIA4TW74F2SAEXAMPLE";
const KEY: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

fn trail() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/trail").display().to_string()
}

/// `keytrail events` over the story.
fn events(sandbox: &Sandbox, words: &[&str]) -> Ended {
    let trail = trail();
    sandbox.keytrail(["events", &trail].iter().chain(words)).run()
}

/// The names of the events found.
fn names(sandbox: &Sandbox, words: &[&str]) -> Vec<String> {
    let words: Vec<&str> = words.iter().copied().chain(["-f", "ndjson"]).collect();
    let found = events(sandbox, &words).code(0).stdout;
    let name = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        row["event"].as_str().unwrap().to_owned()
    };
    found.lines().map(name).collect()
}

fn record(id: &str, more: Value) -> Value {
    let mut record = json!({
        "eventVersion": "1.11", "eventID": id, "eventName": "Decrypt", "awsRegion": "eu-west-1",
        "eventSource": "kms.amazonaws.com", "eventTime": "2026-03-11T02:00:00Z",
        "recipientAccountId": "111122223333", "sourceIPAddress": "198.51.100.77",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ann",
            "accountId": "111122223333", "accessKeyId": "AKIAIOSFODNN7EXAMPLE"},
        "resources": [{"ARN": format!("arn:aws:kms:eu-west-1:111122223333:key/{KEY}")}],
    });
    for (name, value) in more.as_object().unwrap() {
        record[name] = value.clone();
    }
    record
}

fn file(records: &[Value]) -> String {
    json!({ "Records": records }).to_string()
}

#[test]
fn what_an_intruder_did_to_a_key_reads_as_a_story() {
    let sandbox = Sandbox::new();
    let words = ["--key", KEY, "--access-key", INTRUDER, "--since=2026-03-11"];
    let narrow = events(&sandbox, &words).code(0).stderr("").stdout;
    insta::assert_snapshot!("story_80", narrow);
    let trail = trail();
    let wide = sandbox.keytrail(["events", &trail].iter().chain(&words)).env("COLUMNS", "160");
    insta::assert_snapshot!("story_160", wide.run().code(0).stdout);
}

#[test]
fn filters_narrow_and_values_widen() {
    let sandbox = Sandbox::new();
    let found = |words: &[&str]| names(&sandbox, words);
    let all = found(&["--access-key", INTRUDER]);
    assert_eq!(all.len(), 20);
    assert_eq!(found(&["--ip", "198.51.100.0/24"]), all);
    assert_eq!(found(&["--principal", "ci-backup"]), all);
    let refused = found(&["--principal=user/ci-backup", "--error=AccessDenied*"]);
    assert_eq!(refused[..3], ["ListUsers", "StopLogging", "StopLogging"]);
    let policies = ["PutKeyPolicy", "GetKeyPolicy"];
    let both = found(&["--principal=ci-backup", "--event=putkeypolicy", "--event=kms:Get*Policy"]);
    assert!(both.iter().all(|name| policies.contains(&name.as_str())) && both.len() >= 2);
    let narrow = ["--principal=ci-backup", "--where=requestParameters.pendingWindowInDays:lt:8"];
    let days = found(&narrow);
    assert!(!days.is_empty() && days.iter().all(|name| name == "ScheduleKeyDeletion"), "{days:?}");
    assert!(found(&["--principal=nobody"]).is_empty());
    assert!(found(&["--account=444455556666", "--access-key", INTRUDER]).is_empty());
}

#[test]
fn a_finding_of_a_report_is_looked_around() {
    let sandbox = Sandbox::new();
    let trail = trail();
    sandbox.keytrail(["scan", "-f", "json", "-o", "report.json", &trail]).run().code(0);
    let report: Value = serde_json::from_str(&sandbox.read("report.json")).unwrap();
    let finding = report["findings"].as_array().unwrap().iter();
    let finding = { finding }.find(|f| f["rule"] == "trail-weakened").unwrap();
    let fingerprint = finding["fingerprint"].as_str().unwrap();
    let near = |more: &[&str]| {
        let words = ["--around", &fingerprint[..8], "--report=report.json"];
        names(&sandbox, &words.into_iter().chain(more.iter().copied()).collect::<Vec<_>>())
    };
    let found = near(&[]);
    assert_eq!(found[..3], ["StopLogging", "StopLogging", "UpdateTrail"]);
    assert!(found.contains(&"ScheduleKeyDeletion".to_owned()));
    assert_eq!(near(&["--before=0s", "--after=0s"]), ["UpdateTrail"]);
    let none = events(&sandbox, &["--around=xyz", "--report=report.json"]).code(2);
    none.says("error: report.json: no finding and no case of this report is called 'xyz'");
    events(&sandbox, &["--around=xyz"]).code(2);
}

#[test]
fn forms_say_the_same_and_what_is_left_out() {
    let sandbox = Sandbox::new();
    let limited = events(&sandbox, &["--access-key", INTRUDER, "--limit=3", "-f", "json"]).code(0);
    let limited = limited.says("note: 17 more events not shown: --limit 0 shows all");
    let document: Value = serde_json::from_str(&limited.stdout).unwrap();
    assert_eq!(document["schema"], "keytrail.events/v1");
    let totals = json!({"events": 20, "shown": 3, "records": 20, "duplicates": 2});
    assert_eq!(document["totals"], totals);
    assert_eq!(document["events"].as_array().unwrap().len(), 3);
    let columns = ["--columns=time,event,error", "--access-key", INTRUDER, "--limit=2"];
    let csv = events(&sandbox, &[&columns[..], &["-f", "csv"]].concat()).code(0).stdout;
    let rows =
        "2026-03-10T16:40:11Z,GetCallerIdentity,\n2026-03-10T16:40:19Z,ListUsers,AccessDenied\n";
    assert_eq!(csv, format!("time,event,error\n{rows}"));
    let table = events(&sandbox, &columns).code(0).stdout;
    assert!(table.contains("the first 2 of 20 events; --limit 0 shows all"), "{table}");
    let raw = events(&sandbox, &["--access-key", INTRUDER, "--raw"]).code(0).stdout;
    let records: Vec<Value> = raw.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 20);
    assert!(records.iter().all(|record| record["userIdentity"]["accessKeyId"] == INTRUDER));
    events(&sandbox, &["--principal=nobody"]).code(0).stdout("No event matches.\n");
}

#[test]
fn the_order_of_files_and_threads_changes_nothing() {
    let sandbox = Sandbox::new();
    let other =
        |name: &str| record("b", json!({"eventName": name, "eventTime": "2026-03-11T03:00:00Z"}));
    sandbox.write("a/1.json", file(&[record("a", json!({})), other("Encrypt")]));
    sandbox.write("a/2.json", file(&[record("a", json!({}))]));
    sandbox.write("a/3.json", serde_json::to_string_pretty(&record("a", json!({}))).unwrap());
    let run = |words: &[&str]| {
        let words: Vec<&str> = ["events", "-f", "json"].iter().chain(words).copied().collect();
        sandbox.keytrail(words).run().code(0).stdout
    };
    let one = run(&["--threads=1", "a"]);
    assert_eq!(one, run(&["--threads=2", "a/3.json", "a/2.json", "a/1.json"]));
    let document: Value = serde_json::from_str(&one).unwrap();
    assert_eq!(document["totals"]["duplicates"], 2);
    assert_eq!(document["events"][0]["origin"], "a/1.json#0");
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_is_shown() {
    let sandbox = Sandbox::new();
    let whole = file(&[record("a", json!({})), record("b", json!({}))]);
    sandbox.write("cut.json", &whole[..whole.len() - 30]);
    let ended =
        sandbox.keytrail(["events", "cut.json", "--key", KEY, "-f", "ndjson"]).run().code(3);
    assert_eq!(ended.stdout.lines().count(), 1);
    let expected = "warning: cut.json#1: parse: at byte 518: the text ends early";
    assert!(ended.stderr.contains(&expected[..26]), "{}", ended.stderr);
    let words = ["events", "cut.json", "--key", KEY, "--allow-incomplete"];
    sandbox.keytrail(words).run().code(0);
    sandbox.write("notes.txt", "no log\n");
    sandbox.keytrail(["events", "notes.txt"]).run().code(3);
    sandbox.write("empty/flow.log", "version account-id interface-id srcaddr\n");
    let none = sandbox.keytrail(["events", "empty"]).run().code(3);
    none.says("warning: empty: read: no trail files found");
    sandbox.keytrail(["events", "nowhere"]).run().code(2);
}

#[test]
fn everything_wrong_is_said_at_once() {
    let sandbox = Sandbox::new();
    let words = [
        "--key=a b",
        "--ip=x",
        "--where=x",
        "--limit=-1",
        "--columns=time,x",
        "--with-derived-credentials",
        "-f=sarif",
    ];
    let ended = events(&sandbox, &words).code(2);
    for option in ["--key", "--ip", "--where", "--limit", "--columns", "--format"] {
        assert!(ended.stderr.contains(&format!("for '{option}'")), "{option}: {}", ended.stderr);
    }
    assert!(ended.stderr.contains("--with-derived-credentials goes on from callers"));
}

#[test]
fn hostile_words_stay_words() {
    let sandbox = Sandbox::new();
    let hostile =
        json!({"eventName": "\u{1b}[2J\u{202e}=x", "userAgent": "=cmd()", "errorCode": "\n-1"});
    sandbox.write("a.json", file(&[record("a", hostile)]));
    for format in ["table", "csv", "json", "ndjson"] {
        let out = sandbox.keytrail(["events", "a.json", "-f", format]).run().code(0).stdout;
        assert!(!out.contains(['\u{1b}', '\u{202e}']), "{format}: {out:?}");
        if format == "csv" {
            assert!(out.contains("'=cmd()") && out.lines().count() == 2, "{out}");
        }
    }
    let raw = sandbox.keytrail(["events", "a.json", "--raw"]).run().code(0).stdout;
    assert!(raw.contains("\\u202e=x") && raw.lines().count() == 1, "{raw:?}");
}

#[test]
fn an_output_is_no_source_and_replaces_a_file_when_complete() {
    let sandbox = Sandbox::new();
    sandbox.write("a.json", file(&[record("a", json!({}))]));
    let out = sandbox.keytrail(["events", "a.json", "-o", "out.ndjson", "-f", "ndjson"]).run();
    out.code(0).stdout("");
    assert_eq!(sandbox.read("out.ndjson").lines().count(), 1);
    let refused = sandbox.keytrail(["events", "a.json", "-o", "a.json"]).run().code(2);
    refused.says("error: a.json: cannot be opened for writing: is one of the sources");
}

#[test]
fn standard_input_is_read_once_for_aliases_too() {
    let sandbox = Sandbox::new();
    let named =
        json!({"requestParameters": {"keyId": "alias/pay"}, "eventTime": "2026-03-11T05:00:00Z"});
    let records = file(&[record("a", json!({})), record("b", named)]);
    let words = ["events", "--key=alias/pay", "-f", "ndjson"];
    let found = sandbox.keytrail(words).stdin(records).run().code(0).stdout;
    assert_eq!(found.lines().count(), 2);
}

#[test]
fn the_record_behind_a_claim_is_printed() {
    let sandbox = Sandbox::new();
    let text = record("a", json!({"n": 1.50})).to_string();
    sandbox.write("odd#1.json", format!("{{\"Records\":[{text},\n 7, {text}]}}"));
    let print = |place: &str| sandbox.keytrail(["record", place]).run();
    print("odd#1.json#0").code(0).stderr("").stdout(&format!("{text}\n"));
    let beyond = print("odd#1.json#9").code(3);
    assert!(beyond.stderr.contains("odd#1.json#1: parse"), "{}", beyond.stderr);
    assert!(print("odd#1.json#1").code(3).stderr.contains("a record must be an object"));
    sandbox.write("whole.json", file(&[record("a", json!({})), record("b", json!({}))]));
    print("whole.json#2").code(2).says("error: whole.json#2: has 2 records: #0 to #1");
    print("whole.json").code(2).says("error: whole.json: is no place of a record");
    print("nowhere#0").code(2);
    print(".#0").code(2).says("error: .#0: is a folder, expected a file");
    let piped = sandbox.keytrail(["record", "-#0"]).stdin(text.clone()).run();
    piped.code(0).stdout(&format!("{text}\n"));
}

#[test]
fn a_record_in_a_bucket_is_printed_and_its_neighbours_are_not_read() {
    let server = Server::start(1000);
    let sandbox = Sandbox::new();
    let text = record("a", json!({})).to_string();
    server.put("AWSLogs/x.json", text.clone().into_bytes());
    server.put("AWSLogs/x.json.more", b"no log".to_vec());
    let ended = server.keytrail(&sandbox, &["record", "s3://example-logs/AWSLogs/x.json#0"]).run();
    ended.code(0).stderr("").stdout(&format!("{text}\n"));
    let none = server.keytrail(&sandbox, &["record", "s3://example-logs/AWSLogs/y.json#0"]).run();
    none.code(2).says("error: s3://example-logs/AWSLogs/y.json#0: no such object");
}
