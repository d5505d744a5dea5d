//! The inventory of keys, and the dossier of one.

mod access;
mod dossier;
mod reach;
mod same_second;

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::Sandbox;
use crate::trail::{KEY, at, by_role, call, file, parse, refused, with};

/// `keytrail keys -f json WORDS…` over `trail.json`, with this exit code.
#[track_caller]
fn keys(sandbox: &Sandbox, code: i32, words: &[&str]) -> Value {
    let all = ["keys", "-f", "json", "--no-builtin-rules", "trail.json"];
    parse(&sandbox.keytrail(all.iter().chain(words)).run().code(code))
}

/// The one key of these records.
#[track_caller]
fn one(records: &[Value], words: &[&str]) -> Value {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(records));
    let mut report = keys(&sandbox, 0, words);
    let all = report["keys"].as_array_mut().unwrap();
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

/// A use at this second.
fn decrypt(id: &str, seconds: u32) -> Value {
    at(by_role(call("Decrypt", id), "app", "i-1"), seconds)
}

/// A call with what was asked.
fn asking(name: &str, id: &str, seconds: u32, request: &Value) -> Value {
    let mut request = request.clone();
    request["keyId"] = json!(KEY);
    at(with(call(name, id), &[("/requestParameters", request)]), seconds)
}

#[test]
fn the_state_is_what_the_latest_record_tells_and_the_record_is_named() {
    let disabled = at(call("DisableKey", "e2"), 600);
    let key = one(&[decrypt("e1", 0), disabled.clone(), decrypt("e0", 1)], &[]);
    assert_eq!(key["state"]["state"], "disabled");
    let proof = &key["state"]["proof"];
    assert_eq!([&proof["event"], &proof["id"]], ["DisableKey", "e2"]);
    assert_eq!(proof["origin"], "trail.json#1");
    assert_eq!(proof["by"], "arn:aws:iam::111122223333:user/ana");
    // A use within minutes may not have known of it; a later one tells that it is enabled.
    let key = one(&[disabled.clone(), decrypt("e3", 660)], &[]);
    assert_eq!(key["state"]["state"], "disabled");
    let key = one(&[disabled.clone(), decrypt("e3", 1_000)], &[]);
    assert_eq!([&key["state"]["state"], &key["state"]["proof"]["id"]], ["enabled", "e3"]);
    assert_eq!(key["state"]["changed"]["id"], "e2");
}

#[test]
fn a_deletion_has_a_date_and_a_cancelled_one_leaves_the_key_disabled() {
    let answer = json!({"keyId": KEY, "keyState": "PendingDeletion",
        "deletionDate": "May 8, 2026, 10:00:00 AM"});
    let scheduled = asking("ScheduleKeyDeletion", "e1", 0, &json!({"pendingWindowInDays": 7}));
    let answered = with(scheduled.clone(), &[("/responseElements", answer)]);
    for record in [&scheduled, &answered] {
        let key = one(std::slice::from_ref(record), &[]);
        assert_eq!(key["state"]["state"], "pending-deletion");
        assert_eq!(key["state"]["due"], "2026-05-08T10:00:00Z");
    }
    let cancelled = at(call("CancelKeyDeletion", "e2"), 60);
    let key = one(&[cancelled, scheduled.clone()], &[]);
    assert_eq!([&key["state"]["state"], &key["state"]["due"]], [&json!("disabled"), &Value::Null]);
    // In one second the graver call counts as the later one.
    let enabled = at(call("EnableKey", "e3"), 0);
    let key = one(&[scheduled, enabled], &[]);
    assert_eq!(key["state"]["state"], "pending-deletion");
}

#[test]
fn a_deletion_date_before_the_end_of_the_log_is_said_to_have_passed() {
    let sandbox = Sandbox::new();
    let on = |record: Value, day: u32| {
        with(record, &[("/eventTime", json!(format!("2026-05-{day:02}T11:00:00Z")))])
    };
    let scheduled = asking("ScheduleKeyDeletion", "e1", 0, &json!({"pendingWindowInDays": 7}));
    let other = "arn:aws:kms:eu-west-1:111122223333:key/aaaaaaaa-1d60-4c1e-ba33-9ad91c14a926";
    let end = with(call("Decrypt", "e2"), &[("/requestParameters/keyId", json!(other))]);
    let said = "the date has passed";
    let early = on(call("DescribeKey", "e3"), 6);
    let gone = on(call("DeleteKey", "e4"), 8);
    let cancelled = at(call("CancelKeyDeletion", "e5"), 60);
    for (more, past) in
        [(None, true), (Some(early), true), (Some(gone), false), (Some(cancelled), false)]
    {
        let records: Vec<Value> =
            [scheduled.clone(), on(end.clone(), 9)].into_iter().chain(more).collect();
        sandbox.write("trail.json", file(&records));
        let key = &keys(&sandbox, 0, &["--key", KEY])["keys"][0];
        assert_eq!(key["state"]["past_due"], past, "{key}");
        for words in [&[][..], &["--key", KEY]] {
            let all = ["keys", "--no-builtin-rules", "trail.json"];
            let table = sandbox.keytrail(all.iter().chain(words)).run().code(0).stdout;
            assert_eq!(table.contains(said), past, "{table}");
        }
    }
    // Before the date nothing has passed.
    sandbox.write("trail.json", file(&[scheduled, on(end, 7)]));
    assert_eq!(keys(&sandbox, 0, &["--key", KEY])["keys"][0]["state"]["past_due"], false);
}

#[test]
fn what_kms_says_when_a_call_fails_tells_the_state() {
    let fails = |error: &str, message: &str| {
        let message = message.replace("KEY", KEY);
        let changes = [("/errorCode", json!(error)), ("/errorMessage", json!(message))];
        with(decrypt("e1", 0), &changes)
    };
    for (error, message, state) in [
        ("DisabledException", "KEY is disabled.", "disabled"),
        ("KMSInvalidStateException", "KEY is pending deletion.", "pending-deletion"),
        ("KMSInvalidStateException", "KEY is pending import.", "pending-import"),
        ("NotFoundException", "Key 'KEY' does not exist", "not-found"),
        ("AccessDenied", "not authorized on KEY", "unknown"),
    ] {
        let key = one(&[fails(error, message)], &[]);
        assert_eq!(key["state"]["state"], state, "{message}");
        let uses = &key["uses"];
        assert_eq!([&uses["ok"], &uses["refused"]], [0, 1]);
    }
}

#[test]
fn how_a_key_was_made_its_material_and_its_rotation_are_told() {
    let metadata = json!({"keyMetadata": {"arn": KEY, "keySpec": "SYMMETRIC_DEFAULT",
        "keyUsage": "ENCRYPT_DECRYPT", "origin": "EXTERNAL", "keyState": "PendingImport"}});
    let made = with(call("CreateKey", "e1"), &[("/responseElements", metadata)]);
    let made = with(made, &[("/requestParameters/keyId", Value::Null)]);
    let imported = asking(
        "ImportKeyMaterial",
        "e2",
        60,
        &json!({"validTo": "Jan 1, 2027 8:00:00 PM",
        "expirationModel": "KEY_MATERIAL_EXPIRES"}),
    );
    let rotation = asking("EnableKeyRotation", "e3", 61, &json!({"rotationPeriodInDays": 90}));
    let key = one(&[rotation, imported, made.clone()], &[]);
    assert_eq!([&key["origin"], &key["state"]["state"]], ["EXTERNAL", "enabled"]);
    assert_eq!(key["made"]["proof"]["by"], "arn:aws:iam::111122223333:user/ana");
    assert_eq!(key["material"]["expires"], "2027-01-01T20:00:00Z");
    assert_eq!(
        [&key["rotation"]["on"], &key["rotation"]["period_days"]],
        [&json!(true), &json!(90)]
    );
    let gone = at(call("DeleteImportedKeyMaterial", "e4"), 120);
    let key = one(&[made, gone], &[]);
    assert_eq!(
        [&key["state"]["state"], &key["material"]["there"]],
        [&json!("pending-import"), &json!(false)]
    );
}

#[test]
fn an_alias_that_goes_to_another_key_leaves_the_first() {
    let other = KEY.replace("5716564b", "6827675c");
    let named = |id: &str, name: &str, key: &str, seconds| {
        let resources = json!([{"ARN": key, "type": "AWS::KMS::Key"}]);
        let request = json!({"aliasName": "alias/shop", "targetKeyId": key});
        let changes = [("/requestParameters", request), ("/resources", resources)];
        at(with(call(name, id), &changes), seconds)
    };
    let sandbox = Sandbox::new();
    let records = [
        named("e2", "UpdateAlias", &other, 60),
        named("e1", "CreateAlias", KEY, 0),
        named("e3", "DeleteAlias", &other, 120),
    ];
    sandbox.write("trail.json", file(&records));
    for name in ["alias/shop", "arn:aws:kms:eu-west-1:111122223333:alias/shop"] {
        let report = keys(&sandbox, 0, &["--key", name]);
        let all = report["keys"].as_array().unwrap();
        assert_eq!(all.len(), 2);
        let of =
            |arn: &str| &all.iter().find(|key| key["arn"] == arn).unwrap()["aliases"]["first"][0];
        assert_eq!([&of(KEY)["to"], &of(KEY)["now_of"]], ["2026-05-01T10:01:00Z", other.as_str()]);
        assert_eq!(of(&other)["given"], "2026-05-01T10:01:00Z");
        assert_eq!(of(&other)["to"], "2026-05-01T10:02:00Z");
    }
    let none = keys(&sandbox, 0, &["--key", "alias/other"]);
    assert_eq!(none["keys"], json!([]));
    let elsewhere = "arn:aws:kms:eu-west-1:444455556666:alias/shop";
    assert_eq!(keys(&sandbox, 0, &["--key", elsewhere])["keys"], json!([]));
}

#[test]
fn both_sides_of_a_call_and_all_copies_are_one_use() {
    let shared = |record: Value| with(record, &[("/sharedEventID", json!("s1"))]);
    let foreign = json!({"type": "IAMUser", "accountId": "444455556666", "principalId": "AIDAEXAMPLE",
        "arn": "arn:aws:iam::444455556666:user/ben"});
    let own = shared(with(
        call("Decrypt", "e1"),
        &[("/userIdentity", foreign.clone()), ("/recipientAccountId", json!("444455556666"))],
    ));
    let bare =
        json!({"type": "AWSAccount", "accountId": "444455556666", "principalId": "AIDAEXAMPLE"});
    let owner = shared(with(call("Decrypt", "e2"), &[("/userIdentity", bare)]));
    let key = one(&[owner.clone(), own.clone(), owner, own], &[]);
    assert_eq!(key["uses"]["ok"], 1);
    // The caller's own record tells more.
    assert_eq!(key["users"]["first"][0]["name"], "arn:aws:iam::444455556666:user/ben");
    assert_eq!(key["share_ppm"], 1_000_000);
}

#[test]
fn reads_and_what_trails_do_count_among_all_calls() {
    let delivery = json!({"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"});
    let delivered = with(call("GenerateDataKey", "e1"), &[("/userIdentity", delivery)]);
    let delivered = with(
        delivered,
        &[(
            "/requestParameters/encryptionContext",
            json!({"aws:s3:arn": "arn:aws:s3:::example-logs/x"}),
        )],
    );
    let other = call("ListKeys", "e3");
    let other = with(other, &[("/requestParameters", Value::Null)]);
    let records = [delivered, at(call("DescribeKey", "e2"), 5), other, refused(decrypt("e4", 9))];
    let key = one(&records, &[]);
    assert_eq!([&key["calls"], &key["uses"]["ok"], &key["uses"]["refused"]], [3, 1, 1]);
    assert_eq!(key["share_ppm"], 750_000);
    assert_eq!(key["services"]["first"][0]["name"], "cloudtrail.amazonaws.com");
    assert_eq!(key["administrators"]["count"], 0);
}

#[test]
fn whoever_only_asks_whether_he_may_does_not_use_the_key() {
    let changes = [("/errorCode", json!("DryRunOperationException"))];
    let key = one(&[with(decrypt("e1", 0), &changes)], &[]);
    assert_eq!([&key["calls"], &key["uses"]["ok"], &key["uses"]["refused"]], [1, 0, 0]);
}

#[test]
fn replicas_are_rows_that_name_each_other() {
    let replica = |region: &str, id: &str| {
        let arn = format!("arn:aws:kms:{region}:111122223333:key/mrk-1234abcd");
        with(
            call("Decrypt", id),
            &[("/requestParameters/keyId", json!(arn)), ("/awsRegion", json!(region))],
        )
    };
    let sandbox = Sandbox::new();
    let records = [replica("eu-west-1", "e1"), replica("eu-central-1", "e2"), decrypt("e3", 0)];
    sandbox.write("trail.json", file(&records));
    let report = keys(&sandbox, 0, &["--key", "mrk-1234abcd"]);
    let others: Vec<&Value> =
        report["keys"].as_array().unwrap().iter().map(|key| &key["other_regions"]).collect();
    assert_eq!(others, [&json!(["eu-west-1"]), &json!(["eu-central-1"])]);
}

#[test]
fn a_region_where_the_key_does_not_exist_has_no_replica() {
    let arn = |region: &str| format!("arn:aws:kms:{region}:111122223333:key/mrk-1234abcd");
    let failed = |region: &str, id: &str, error: &str, says: &str| {
        let message = json!(format!("{} {says}", arn(region)));
        let asked = [
            ("/requestParameters/keyId", json!(arn(region))),
            ("/awsRegion", json!(region)),
            ("/errorCode", json!(error)),
            ("/errorMessage", message),
        ];
        with(call("Decrypt", id), &asked)
    };
    let there =
        [("/requestParameters/keyId", json!(arn("eu-west-1"))), ("/awsRegion", json!("eu-west-1"))];
    let records = [
        with(call("Decrypt", "e1"), &there),
        failed("eu-central-1", "e2", "NotFoundException", "does not exist"),
        failed("eu-west-2", "e3", "AccessDenied", "may exist or not"),
        failed("us-east-1", "e4", "DisabledException", "is disabled."),
    ];
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&records));
    let report = keys(&sandbox, 0, &[]);
    let all = report["keys"].as_array().unwrap();
    let of =
        |region: &str| &all.iter().find(|key| key["region"] == region).unwrap()["other_regions"];
    assert_eq!(of("eu-west-1"), &json!(["us-east-1"]));
    assert_eq!(of("us-east-1"), &json!(["eu-west-1"]));
    assert_eq!(of("eu-central-1"), &json!(["eu-west-1", "us-east-1"]));
}

#[test]
fn what_lies_before_the_range_tells_the_state_and_counts_no_use() {
    let records = [at(call("DisableKey", "e2"), 0), decrypt("e1", 1), decrypt("e3", 120)];
    let key = one(&records, &["--since", "2026-05-01T10:01:00Z"]);
    assert_eq!([&key["state"]["state"], &key["uses"]["ok"]], [&json!("disabled"), &json!(1)]);
}

#[test]
fn findings_are_those_of_a_scan() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&[call("DisableKey", "e1"), decrypt("e2", 9)]));
    let scanned = sandbox.report(0, ["--min-level=informational", "trail.json"]);
    let found = scanned["findings"].as_array().unwrap().iter();
    let high = found.filter(|finding| finding["level"] == "high" && finding["key"]["arn"] == KEY);
    let report = parse(&sandbox.keytrail(["keys", "-f", "json", "trail.json"]).run().code(0));
    assert_eq!(report["keys"][0]["findings"]["high"], high.count());
    let config =
        "[[suppress]]\nrule = \"key-disabled\"\nreason = \"planned\"\nexpires = 9999-12-31\n";
    sandbox.write("keytrail.toml", config);
    let words = ["keys", "-f", "json", "--select=key-disabled", "trail.json"];
    let report = parse(&sandbox.keytrail(words).run().code(0));
    assert_eq!(report["keys"][0]["findings"], json!({}));
}

/// The report without the places of records.
fn without_origins(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("origin");
            members.values_mut().for_each(without_origins);
        }
        Value::Array(values) => values.iter_mut().for_each(without_origins),
        _ => {}
    }
}

#[test]
fn the_order_of_files_copies_and_threads_change_nothing() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/trail");
    let mut records: Vec<Value> = Vec::new();
    for entry in walkdir::WalkDir::new(samples).sort_by_file_name() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().ends_with(".json.gz") {
            let mut text = String::new();
            let file = std::fs::File::open(entry.path()).unwrap();
            let mut inflated = flate2::bufread::GzDecoder::new(std::io::BufReader::new(file));
            std::io::Read::read_to_string(&mut inflated, &mut text).unwrap();
            let value: Value = serde_json::from_str(&text).unwrap();
            records.extend(value["Records"].as_array().into_iter().flatten().cloned());
        }
    }
    assert!(records.len() > 300);
    let told = |records: &[Value], files: usize, threads: &str, words: &[&str]| {
        let sandbox = Sandbox::new();
        for (number, part) in records.chunks(records.len().div_ceil(files)).enumerate() {
            sandbox.write(&format!("logs/{:02}.json", (number * 7) % 31), file(part));
        }
        let all = ["keys", "-f", "json", "logs", threads];
        let mut report = parse(&sandbox.keytrail(all.iter().chain(words)).run().code(0));
        without_origins(&mut report);
        report.to_string()
    };
    let key = "1234abcd-12ab-34cd-56ef-1234567890ab";
    for words in [&[][..], &["--key", key], &["--key", key, "--who-can", "Decrypt"]] {
        let expected = told(&records, 5, "--threads=1", words);
        let mut doubled: Vec<Value> = records.iter().rev().chain(&records).cloned().collect();
        let half = doubled.len() / 3;
        doubled.rotate_left(half);
        assert!(told(&doubled, 11, "--threads=2", words) == expected, "{words:?}");
    }
}

#[test]
fn nothing_of_a_log_reaches_a_terminal_or_a_spreadsheet_raw() {
    let evil = "\u{1b}[2Jx\u{202e}\n=cmd()";
    let record = with(
        decrypt("e1", 0),
        &[
            ("/userIdentity/sessionContext/sessionIssuer/arn", json!(evil)),
            ("/userIdentity/accountId", json!("=1+1")),
            (
                "/requestParameters/encryptionContext",
                json!({"aws:s3:arn": format!("arn:aws:s3:::b/{evil}")}),
            ),
            ("/awsRegion", json!(evil)),
        ],
    );
    let tagged =
        asking("TagResource", "e2", 9, &json!({"tags": [{"tagKey": "=1+1", "tagValue": "x"}]}));
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&[record, tagged]));
    for words in [&["-v"][..], &["--key", KEY], &["-f", "csv"], &["-f", "json"], &["-f", "ndjson"]]
    {
        let all = ["keys", "--no-builtin-rules", "trail.json"];
        let out = sandbox.keytrail(all.iter().chain(words)).run().code(0).stdout;
        let raw = |c: char| c == '\u{202e}' || (c.is_control() && c != '\n' && c != '\r');
        assert!(!out.contains(raw), "{words:?}: {out:?}");
        if words.contains(&"csv") {
            assert_eq!(out.lines().count(), 2, "{out}");
            let cells = out.lines().nth(1).unwrap().split(',').map(|cell| cell.trim_matches('"'));
            assert!(cells.clone().any(|cell| cell == "'=1+1=x"), "{out}");
            assert!(!cells.into_iter().any(|cell| cell.starts_with('=')), "{out}");
        }
    }
}

#[test]
fn a_table_fits_any_width() {
    let sandbox = Sandbox::new();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/trail");
    for width in ["30", "63", "80", "160"] {
        for more in
            [&[][..], &["--key", "1234abcd-12ab-34cd-56ef-1234567890ab"], &["--unused", "90d"]]
        {
            let words = ["keys", "--no-builtin-rules", samples.to_str().unwrap()];
            let table =
                sandbox.keytrail(words.iter().chain(more)).env("COLUMNS", width).run().code(0);
            let most = width.parse::<usize>().unwrap().clamp(40, 120).max(if width == "160" {
                160
            } else {
                0
            });
            for line in table.stdout.lines() {
                assert!(line.chars().count() <= most, "{width}: {line}");
            }
        }
    }
}

#[test]
fn rows_say_on_the_other_stream_how_many_keys_are_left_out() {
    let moved = |number: u32| {
        let key = KEY.replace("5716564b", &format!("{number:08x}"));
        let resources = json!([{"ARN": key, "type": "AWS::KMS::Key"}]);
        let request = json!({"aliasName": "alias/shop", "targetKeyId": key});
        let changes = [("/requestParameters", request), ("/resources", resources)];
        at(with(call("UpdateAlias", &format!("e{number}")), &changes), number)
    };
    let sandbox = Sandbox::new();
    let said = "more keys are not listed";
    for (count, left_out) in [(100, false), (103, true)] {
        sandbox.write("trail.json", file(&(0..count).map(moved).collect::<Vec<_>>()));
        for (format, lines) in [("csv", 101), ("ndjson", 100), ("json", 1), ("table", 1)] {
            let words = ["keys", "--no-builtin-rules", "-f", format, "--key", "alias/shop"];
            let run = |more: &[&'static str]| {
                sandbox.keytrail(words.iter().chain(more).chain(&["trail.json"])).run().code(0)
            };
            let ended = run(&[]);
            assert!(ended.stdout.lines().count() >= lines, "{format}");
            let warns = left_out && lines >= 100;
            assert_eq!(ended.stderr.contains(&format!("3 {said}")), warns, "{}", ended.stderr);
            assert_eq!(ended.stderr.contains(said), warns, "{format}: {}", ended.stderr);
            assert!(!run(&["-q"]).stderr.contains(said), "{format}");
        }
    }
}

#[test]
fn a_log_without_keys_is_said_to_have_none() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&[]));
    let words = ["keys", "--no-builtin-rules", "trail.json"];
    let ended = sandbox.keytrail(words).run().code(0);
    assert!(ended.stdout.contains("No key is named in what was read."), "{}", ended.stdout);
    sandbox.write("empty/readme.txt", "");
    sandbox.keytrail(["keys", "nowhere"]).run().code(2);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&[decrypt("e1", 0)])).write("usage.json", "{}");
    for words in [
        &["--who-can=Decrypt"][..],
        &["--key=k", "--who-can=Fly"],
        &["--key=k", "--at=2026-05-01"],
        &["--unused=often"],
        &["--unused=90d", "--key=k"],
        &["--last-usage=usage.json"],
        &["--last-usage=none.json"],
        &["-f", "xml"],
    ] {
        sandbox.keytrail(["keys", "trail.json"].iter().chain(words)).run().code(2).stdout("");
    }
}
