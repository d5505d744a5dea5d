//! `keytrail actors`: who called, with which credential, and what they reached.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Ended, Sandbox};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn trail() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/trail").display().to_string()
}

fn actors(sandbox: &Sandbox, words: &[&str]) -> Ended {
    sandbox.keytrail(["actors"].iter().chain(words)).run()
}

fn rows(sandbox: &Sandbox, words: &[&str]) -> Vec<Value> {
    let words: Vec<&str> = words.iter().copied().chain(["-f", "ndjson"]).collect();
    let out = actors(sandbox, &words).code(0).stdout;
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn record(id: &str, more: Value) -> Value {
    let mut record = json!({
        "eventVersion": "1.11", "eventID": id, "eventName": "Decrypt", "awsRegion": "eu-west-1",
        "eventSource": "kms.amazonaws.com", "eventTime": "2026-03-11T02:00:00Z",
        "recipientAccountId": "111122223333", "sourceIPAddress": "198.51.100.77", "userAgent": "x",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ann",
            "accountId": "111122223333", "accessKeyId": "AKIAIOSFODNN7EXAMPLE"},
        "resources": [{"ARN": KEY}],
    });
    for (name, value) in more.as_object().unwrap() {
        record[name] = value.clone();
    }
    record
}

fn write(sandbox: &Sandbox, name: &str, records: &[Value]) {
    sandbox.write(name, json!({ "Records": records }).to_string());
}

#[test]
fn the_intruder_of_the_story_is_one_row() {
    let sandbox = Sandbox::new();
    let found = rows(&sandbox, &[&trail(), "--principal=ci-backup", "--ip=198.51.100.77"]);
    assert_eq!(found.len(), 1);
    let row = &found[0];
    assert_eq!(row["access_key_id"], "AKIA4TW74F2SAEXAMPLE");
    assert_eq!([&row["calls"], &row["refused"]], [20, 4].map(Value::from).each_ref());
    assert_eq!(
        [&row["first_seen"], &row["last_seen"]],
        ["2026-03-10T16:40:11Z", "2026-03-11T02:34:12Z"]
    );
    assert_eq!(row["source_ips"], json!({"names": ["198.51.100.77"], "more": false}));
    let words = [&trail(), "--principal=ci-backup"];
    insta::assert_snapshot!("intruder_80", actors(&sandbox, &words).code(0).stderr("").stdout);
}

#[test]
fn copies_count_once_and_refused_calls_reach_nothing() {
    let sandbox = Sandbox::new();
    let get = |id: &str, name: &str, resource: &str| {
        record(
            id,
            json!({"eventSource": "s3.amazonaws.com", "eventName": name,
            "resources": [{"ARN": resource, "type": "AWS::S3::Object"}]}),
        )
    };
    let refused = record(
        "c",
        json!({"errorCode": "AccessDenied", "resources": [{"ARN": KEY.replace("1234abcd", "9999abcd")}]}),
    );
    let broken = record("d", json!({"errorCode": "DisabledException"}));
    let via = record(
        "e",
        json!({"sourceIPAddress": "AWS Internal", "userIdentity": {"type": "IAMUser",
        "arn": "arn:aws:iam::111122223333:user/ann", "accountId": "111122223333",
        "accessKeyId": "ASIAFORWARDED0000000", "invokedBy": "AWS Internal"}}),
    );
    let other = via.to_string().replace("ASIAFORWARDED0000000", "ASIAFORWARDED0000001");
    let other = other.replace("\"eventID\":\"e\"", "\"eventID\":\"f\"");
    write(
        &sandbox,
        "a/1.json",
        &[record("a", json!({})), get("b", "GetObject", "arn:aws:s3:::ledger/x"), refused],
    );
    write(
        &sandbox,
        "a/2.json",
        &[record("a", json!({})), broken, via, serde_json::from_str(&other).unwrap()],
    );
    let found = rows(&sandbox, &["a", "--threads=1"]);
    assert_eq!(found, rows(&sandbox, &["a/2.json", "a/1.json", "--threads=2"]));
    let own = &found[0];
    assert_eq!(["calls", "refused", "failed"].map(|name| own[name].as_u64().unwrap()), [4, 1, 1]);
    assert_eq!(own["keys"]["names"], json!([KEY]));
    assert_eq!(own["objects"]["names"], json!(["arn:aws:s3:::ledger/x"]));
    assert_eq!(own["events"], json!({"Decrypt": 3, "GetObject": 1}));
    // A service has another key for each call, and is one row.
    let via = &found[1];
    assert_eq!([&via["access_key_id"], &via["calls"]], [&Value::Null, &json!(2)]);
    assert_eq!(via["principal"]["invoked_by"], "AWS Internal");
    assert_eq!(found.len(), 2);
}

#[test]
fn more_names_than_are_kept_are_said() {
    let sandbox = Sandbox::new();
    let key = |n: usize| KEY.replace("1234abcd", &format!("{n:08}"));
    let many: Vec<Value> =
        (0..150).map(|n| record(&n.to_string(), json!({"resources": [{"ARN": key(n)}]}))).collect();
    write(&sandbox, "a.json", &many);
    let found = rows(&sandbox, &["a.json"]);
    let keys = &found[0]["keys"];
    assert_eq!(keys["more"], true);
    assert_eq!(keys["names"].as_array().unwrap().len(), 100);
    assert_eq!(keys["names"][0], key(0));
    let table = actors(&sandbox, &["a.json"]).code(0).stdout;
    assert!(table.contains(" 100+"), "{table}");
}

#[test]
fn forms_limits_and_problems_are_those_of_events() {
    let sandbox = Sandbox::new();
    let limited = actors(&sandbox, &[&trail(), "-f", "json", "--limit=1"]).code(0);
    let document: Value = serde_json::from_str(&limited.stdout).unwrap();
    assert_eq!(document["schema"], "keytrail.actors/v1");
    assert_eq!(document["actors"].as_array().unwrap().len(), 1);
    let more = document["totals"]["actors"].as_u64().unwrap() - 1;
    limited.says(&format!("note: {more} more callers not shown: --limit 0 shows all"));
    let csv = actors(&sandbox, &[&trail(), "-f", "csv", "--principal=ci-backup"]).code(0).stdout;
    assert!(csv.starts_with("who,session,account,credential,via,first,last,calls,refused,failed,"));
    actors(&sandbox, &[&trail(), "--principal=nobody"]).code(0).stdout("No caller matches.\n");
    sandbox.write("cut.json", "{\"Records\":[{");
    let cut = actors(&sandbox, &["cut.json"]).code(3);
    assert!(cut.stderr.contains("warning: incomplete: 1 problem"), "{}", cut.stderr);
    let wrong = actors(&sandbox, &["cut.json", "--ip=x", "--limit=x", "-f=x"]).code(2);
    for option in ["--ip", "--limit", "--format"] {
        assert!(wrong.stderr.contains(&format!("for '{option}'")), "{}", wrong.stderr);
    }
    let hostile =
        json!({"userAgent": "\u{1b}[2J=x", "userIdentity": {"type": "IAMUser", "arn": "=cmd()"}});
    write(&sandbox, "hostile.json", &[record("a", hostile)]);
    for format in ["table", "csv", "json", "ndjson"] {
        let out = actors(&sandbox, &["hostile.json", "-f", format]).code(0).stdout;
        assert!(!out.contains('\u{1b}') && (format != "csv" || out.contains("'=cmd()")), "{out}");
    }
}

#[test]
fn findings_count_for_the_credential_that_made_their_events() {
    let sandbox = Sandbox::new();
    let identity = |key: &str| {
        json!({"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ann",
            "accountId": "111122223333", "accessKeyId": key})
    };
    let disable = json!({"eventName": "DisableKey", "userIdentity": identity("AKIADISABLESEXAMPLE"),
        "requestParameters": {"keyId": KEY}, "readOnly": false});
    let decrypt = json!({"userIdentity": identity("AKIADECRYPTSEXAMPLE")});
    let records =
        [record("d", disable), record("u1", decrypt.clone()), record("u2", decrypt.clone())];
    write(&sandbox, "log.json", &records);
    let found = rows(&sandbox, &["log.json", "--select=key-disabled"]);
    let of = |row: &Value| (row["access_key_id"].clone(), row["findings"]["high"].clone());
    // Those with the worst findings come first, however few calls they made.
    assert_eq!(of(&found[0]), ("AKIADISABLESEXAMPLE".into(), 1.into()));
    assert_eq!(of(&found[1]), ("AKIADECRYPTSEXAMPLE".into(), Value::Null));
    let none = rows(&sandbox, &["log.json", "--select=key-deletion-scheduled"]);
    assert_eq!(none[0]["access_key_id"], "AKIADECRYPTSEXAMPLE", "the busiest come first");
    assert!(none.iter().all(|row| row["findings"] == json!({})), "{none:?}");
}

#[test]
fn a_finding_that_lists_some_events_only_counts_for_all_credentials_of_that_time() {
    let sandbox = Sandbox::new();
    let call = |id: &str, key: &str, day: u32| {
        record(
            id,
            json!({"eventName": "DisableKey", "requestParameters": {"keyId": KEY},
            "eventTime": format!("2026-03-{day:02}T02:00:00Z"), "readOnly": false,
            "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ann",
                "accountId": "111122223333", "accessKeyId": key}}),
        )
    };
    // Of 30 events ten are listed, all with the first access key.
    let mut records: Vec<Value> =
        (0..20).map(|n| call(&format!("a{n:02}"), "AKIAFIRSTSSSEXAMPLE", 11)).collect();
    records.extend((0..10).map(|n| call(&format!("b{n:02}"), "AKIASECONDSSEXAMPLE", 12)));
    let mut later = call("c", "AKIALATERSSSEXAMPLE", 20);
    later["eventName"] = "ListKeys".into();
    records.push(later);
    write(&sandbox, "log.json", &records);
    let found = rows(&sandbox, &["log.json", "--select=key-disabled"]);
    let of = |key: &str| {
        let row = found.iter().find(|row| row["access_key_id"] == key).unwrap();
        row["findings"]["high"].clone()
    };
    assert_eq!(of("AKIAFIRSTSSSEXAMPLE"), 1);
    assert_eq!(of("AKIASECONDSSEXAMPLE"), 1);
    assert_eq!(of("AKIALATERSSSEXAMPLE"), Value::Null);
}

#[test]
fn a_finding_of_one_session_does_not_count_for_another_of_the_same_role() {
    let sandbox = Sandbox::new();
    let call = |id: &str, name: &str, session: &str| {
        record(
            id,
            json!({"eventName": name, "requestParameters": {"keyId": KEY}, "readOnly": false,
            "userIdentity": {"type": "AssumedRole", "accountId": "111122223333",
                "arn": format!("arn:aws:sts::111122223333:assumed-role/ops/{session}"),
                "accessKeyId": format!("ASIA{session}"),
                "sessionContext": {"sessionIssuer": {"type": "Role",
                    "arn": "arn:aws:iam::111122223333:role/ops"}}}}),
        )
    };
    let mut records: Vec<Value> =
        (0..12).map(|n| call(&format!("m{n:02}"), "DisableKey", "mallory")).collect();
    records.push(call("a", "ListAliases", "alice"));
    write(&sandbox, "log.json", &records);
    let found = rows(&sandbox, &["log.json", "--select=key-disabled"]);
    let of = |row: &Value| (row["access_key_id"].clone(), row["findings"]["high"].clone());
    assert_eq!(of(&found[0]), ("ASIAmallory".into(), 1.into()));
    assert_eq!(of(&found[1]), ("ASIAalice".into(), Value::Null));
}

#[test]
fn no_line_of_a_list_is_wider_than_a_narrow_terminal() {
    let sandbox = Sandbox::new();
    for command in ["actors", "events"] {
        let words = [command, &trail(), "--limit=3"];
        let out = sandbox.keytrail(words).env("COLUMNS", "40").run().code(0).stdout;
        assert!(out.contains("the first 3 of "), "{out}");
        let wide: Vec<&str> = out.lines().filter(|line| line.chars().count() > 40).collect();
        assert!(wide.is_empty(), "{wide:?}");
    }
}
