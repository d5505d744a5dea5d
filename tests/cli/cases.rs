//! Cases: what belongs together is told together, and nothing else.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::chain::gzip;
use crate::harness::Sandbox;
use crate::trail;

const ACCOUNT: &str = "111122223333";

/// A call by somebody on a key, at a time of March 2026.
fn call(number: usize, name: &str, by: &Value, key: usize, time: &str) -> Value {
    let key = format!("arn:aws:kms:eu-central-1:{ACCOUNT}:key/00000000-0000-4000-8000-{key:012}");
    json!({
        "eventVersion": "1.11", "eventSource": "kms.amazonaws.com", "eventName": name,
        "eventTime": format!("2026-03-{time}Z"), "awsRegion": "eu-central-1",
        "recipientAccountId": ACCOUNT, "eventType": "AwsApiCall",
        "eventID": format!("10000000-0000-4000-8000-{number:012}"),
        "userIdentity": by, "sourceIPAddress": "192.0.2.1", "userAgent": "example",
        "readOnly": false, "requestParameters": {"keyId": key, "pendingWindowInDays": 30},
        "responseElements": {"keyId": key},
        "resources": [{"ARN": key, "accountId": ACCOUNT, "type": "AWS::KMS::Key"}],
    })
}

fn user(name: &str) -> Value {
    json!({"type": "IAMUser", "accountId": ACCOUNT, "userName": name,
        "arn": format!("arn:aws:iam::{ACCOUNT}:user/{name}"), "accessKeyId": format!("AKIA{name}")})
}

/// A session of a role.
fn session(role: &str, session: &str, access_key: &str) -> Value {
    json!({"type": "AssumedRole", "accountId": ACCOUNT, "accessKeyId": access_key,
        "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}"),
        "sessionContext": {"sessionIssuer": {"type": "Role",
            "arn": format!("arn:aws:iam::{ACCOUNT}:role/{role}")}}})
}

/// The record that a role was assumed by somebody, who got an access key.
fn assumed(number: usize, by: &Value, role: &str, session: &str, access_key: &str) -> Value {
    json!({
        "eventVersion": "1.11", "eventSource": "sts.amazonaws.com", "eventName": "AssumeRole",
        "eventTime": "2026-03-02T10:30:00Z", "awsRegion": "eu-central-1",
        "recipientAccountId": ACCOUNT, "eventType": "AwsApiCall",
        "eventID": format!("20000000-0000-4000-8000-{number:012}"),
        "userIdentity": by, "sourceIPAddress": "192.0.2.1", "userAgent": "example",
        "requestParameters": {"roleArn": format!("arn:aws:iam::{ACCOUNT}:role/{role}"),
            "roleSessionName": session},
        "responseElements": {"credentials": {"accessKeyId": access_key}},
    })
}

fn file(records: &[Value]) -> Vec<u8> {
    gzip(json!({"Records": records}).to_string().as_bytes())
}

fn scan(sandbox: &Sandbox, more: &[&str]) -> Value {
    let words = ["scan", "logs", "-fjson", "--select", "key-disabled"];
    let ended = sandbox.keytrail(words.iter().chain(more)).run();
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.stderr))
}

/// The keys of each case, by the last digit of their ids.
fn keys(report: &Value) -> BTreeSet<BTreeSet<char>> {
    let of = |case: &Value| {
        let keys = case["keys"].as_array().unwrap().iter();
        keys.map(|key| key.as_str().unwrap().chars().last().unwrap()).collect()
    };
    report["cases"].as_array().unwrap().iter().map(of).collect()
}

fn sets(of: &[&str]) -> BTreeSet<BTreeSet<char>> {
    of.iter().map(|keys| keys.chars().collect()).collect()
}

fn ids(report: &Value) -> Vec<String> {
    let cases = report["cases"].as_array().unwrap().iter();
    cases.map(|case| case["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_actor_is_one_case_until_a_day_passes_and_no_key_joins_two() {
    let sandbox = Sandbox::new();
    let (ana, ben) = (user("ana"), user("ben"));
    sandbox.write(
        "logs/a.json.gz",
        file(&[
            call(1, "DisableKey", &ana, 1, "02T10:00:00"),
            call(2, "DisableKey", &ana, 2, "03T09:00:00"),
            call(3, "DisableKey", &ana, 3, "05T09:00:00"),
            // The same key, within the hour, by somebody else.
            call(4, "DisableKey", &ben, 1, "02T10:10:00"),
        ]),
    );
    let report = scan(&sandbox, &[]);
    assert_eq!(keys(&report), sets(&["12", "3", "1"]));
    // Each finding names its case, and the case each finding.
    for finding in report["findings"].as_array().unwrap() {
        let case = report["cases"].as_array().unwrap().iter();
        let case: Vec<&Value> = case.filter(|case| case["id"] == finding["case"]).collect();
        assert_eq!(case.len(), 1, "{finding:#}");
        assert!(case[0]["findings"].as_array().unwrap().contains(&finding["fingerprint"]));
    }
}

#[test]
fn credentials_that_somebody_made_are_still_theirs() {
    let sandbox = Sandbox::new();
    let ana = user("ana");
    let (ops, deep) = (session("ops", "s", "ASIAops"), session("deep", "t", "ASIAdeep"));
    // The same role, assumed by nobody in the log, is somebody else's.
    let other = session("ops", "u", "ASIAother");
    sandbox.write(
        "logs/a.json.gz",
        file(&[
            call(1, "DisableKey", &ana, 1, "02T10:00:00"),
            assumed(1, &ana, "ops", "s", "ASIAops"),
            assumed(2, &ops, "deep", "t", "ASIAdeep"),
            call(2, "DisableKey", &deep, 2, "02T11:00:00"),
            call(3, "DisableKey", &other, 3, "02T11:00:00"),
        ]),
    );
    let report = scan(&sandbox, &[]);
    assert_eq!(keys(&report), sets(&["12", "3"]));
    let case = &report["cases"][0];
    assert_eq!(case["actors"].as_array().unwrap().len(), 2, "{case:#}");
    assert_eq!(case["counts"]["credentials"], 2);
}

#[test]
fn neither_order_nor_copies_change_a_case() {
    let sandbox = Sandbox::new();
    let (ana, ops) = (user("ana"), session("ops", "s", "ASIAops"));
    let records = [
        call(1, "DisableKey", &ana, 1, "02T10:00:00"),
        assumed(1, &ana, "ops", "s", "ASIAops"),
        call(2, "DisableKey", &ops, 2, "02T11:00:00"),
        call(3, "DisableKey", &user("ben"), 3, "02T11:00:00"),
    ];
    sandbox.write("logs/a.json.gz", file(&records));
    let one = scan(&sandbox, &["--threads", "1"]);
    for (place, record) in records.iter().rev().enumerate() {
        sandbox.write(&format!("logs/{place}.json.gz"), file(&[record.clone(), record.clone()]));
    }
    sandbox.write("logs/a.json.gz", file(&[]));
    let other = scan(&sandbox, &[]);
    assert_eq!(other["cases"], one["cases"]);
}

#[test]
fn a_case_goes_on_over_nights_under_its_id() {
    let sandbox = Sandbox::new();
    let night = |name: &str, records: &[Value]| {
        sandbox.write(&format!("logs/{name}.json.gz"), file(records));
        scan(&sandbox, &["--state", "state"])
    };
    let (ana, ops) = (user("ana"), session("ops", "s", "ASIAops"));
    let first = night("1", &[call(1, "DisableKey", &ana, 1, "02T22:00:00")]);
    // The credentials were made in one night and used in the next.
    night("2", &[assumed(1, &ana, "ops", "s", "ASIAops")]);
    let third = night("3", &[call(2, "DisableKey", &ops, 2, "03T06:00:00")]);
    assert_eq!(ids(&third), ids(&first));
    assert_eq!(third["cases"][0]["status"], "ongoing");
    let later = night("4", &[call(3, "DisableKey", &ana, 3, "09T06:00:00")]);
    assert_ne!(ids(&later), ids(&first));
    assert_eq!(later["cases"][0]["status"], "new");
}

#[test]
fn a_run_that_tells_of_each_event_forgets_no_case() {
    let sandbox = Sandbox::new();
    let ana = user("ana");
    let night = |name: &str, records: &[Value], more: &[&str]| {
        sandbox.write(&format!("logs/{name}.json.gz"), file(records));
        scan(&sandbox, &[&["--state", "state"], more].concat())
    };
    let first = night("1", &[call(1, "DisableKey", &ana, 1, "02T10:00:00")], &[]);
    night("2", &[call(2, "DisableKey", &user("ben"), 2, "02T11:00:00")], &["--each"]);
    let third = night("3", &[call(3, "DisableKey", &ana, 3, "02T12:00:00")], &[]);
    assert_eq!(ids(&third), ids(&first));
}

#[test]
fn a_time_that_has_not_come_makes_nobody_forget_a_case() {
    let sandbox = Sandbox::new();
    let ana = user("ana");
    let at = |number: usize, hours: i64| {
        let now = keytrail::model::time::Time::now();
        let mut record = call(number, "DisableKey", &ana, number, "02T10:00:00");
        let time = keytrail::model::time::Time(now.0 + hours * 3_600_000_000).to_string();
        record["eventTime"] = json!(format!("{}Z", time.get(..19).unwrap()));
        record
    };
    let night = |name: &str, record: Value| {
        sandbox.write(&format!("logs/{name}.json.gz"), file(&[record]));
        scan(&sandbox, &["--state", "state"])
    };
    let first = night("1", at(1, -5));
    night("2", at(2, 24 * 400));
    let third = night("3", at(3, -3));
    assert_eq!(ids(&third), ids(&first));
}

#[test]
fn late_evidence_joins_cases_under_the_older_id() {
    let sandbox = Sandbox::new();
    let night = |name: &str, records: &[Value]| {
        sandbox.write(&format!("logs/{name}.json.gz"), file(records));
        scan(&sandbox, &["--state", "state"])
    };
    let ana = user("ana");
    let old = ids(&night("1", &[call(1, "DisableKey", &ana, 1, "02T10:00:00")]));
    let young = ids(&night("2", &[call(2, "DisableKey", &ana, 2, "04T08:00:00")]));
    assert_ne!(old, young);
    // What lies between comes later.
    let joined = night("3", &[call(3, "DisableKey", &ana, 3, "03T09:00:00")]);
    assert_eq!(ids(&joined), old);
    assert_eq!(joined["cases"][0]["merged"], json!(young));
}

#[test]
fn with_each_event_by_itself_there_are_no_cases() {
    let sandbox = Sandbox::new();
    sandbox.write("logs/a.json.gz", file(&[call(1, "DisableKey", &user("ana"), 1, "02T10:00:00")]));
    let report = scan(&sandbox, &["--each"]);
    assert_eq!((&report["cases"], &report["findings"][0]["case"]), (&json!([]), &Value::Null));
}

#[test]
fn what_was_undone_is_told() {
    let sandbox = Sandbox::new();
    let (ana, ben) = (user("ana"), user("ben"));
    let mut refused = call(5, "DisableKey", &ana, 4, "02T10:00:00");
    refused["errorCode"] = json!("AccessDenied");
    sandbox.write(
        "logs/a.json.gz",
        file(&[
            call(1, "DisableKey", &ana, 1, "02T10:00:00"),
            call(2, "EnableKey", &ben, 1, "02T11:00:00"),
            call(3, "DisableKey", &ana, 2, "02T10:00:00"),
            // Before it, on another key, or refused: nothing is undone by these.
            call(4, "EnableKey", &ben, 2, "02T09:00:00"),
            call(6, "EnableKey", &ben, 3, "02T11:00:00"),
            refused,
        ]),
    );
    let report = scan(&sandbox, &[]);
    let state = |key: &str| {
        let mut findings = report["findings"].as_array().unwrap().iter();
        let of_key = |f: &&Value| f["key"]["arn"].as_str().unwrap().ends_with(key);
        findings.find(of_key).unwrap()["outcome"].clone()
    };
    let by = format!("arn:aws:iam::{ACCOUNT}:user/ben");
    let undone = json!({"state": "reversed", "at": "2026-03-02T11:00:00Z", "by": by, "due": null});
    assert_eq!(state("1"), undone);
    assert_eq!(state("2")["state"], "open");
    assert_eq!(state("4")["state"], "refused");
    assert_eq!(report["cases"][0]["outcome"]["state"], "open");
}

/// The outcome of the case of a report of one actor.
fn outcome(records: &[Value], rules: &str) -> Value {
    let sandbox = Sandbox::new();
    sandbox.write("logs/a.json.gz", file(records));
    let report = sandbox.report(0, ["logs", "--select", rules]);
    assert_eq!(report["cases"].as_array().unwrap().len(), 1, "{report:#}");
    report["cases"][0]["outcome"].clone()
}

/// A call that stops or deletes a trail.
fn of_trail(number: usize, name: &str, time: &str) -> Value {
    let mut record = call(number, name, &user("ana"), 1, time);
    record["eventSource"] = json!("cloudtrail.amazonaws.com");
    record["requestParameters"] = json!({"name": "main"});
    record["resources"] = Value::Null;
    record
}

#[test]
fn a_case_is_undone_only_if_that_is_known_of_all_of_it() {
    let stopped =
        [of_trail(1, "StopLogging", "02T10:00:00"), of_trail(2, "StartLogging", "02T11:00:00")];
    assert_eq!(outcome(&stopped, "trail-stopped")["state"], "reversed");
    // Nothing brings a trail back.
    let deleted: Vec<Value> =
        stopped.into_iter().chain([of_trail(3, "DeleteTrail", "02T12:00:00")]).collect();
    let sandbox = Sandbox::new();
    sandbox.write("logs/a.json.gz", file(&deleted));
    let report =
        sandbox.report(0, ["logs", "--select", "trail-stopped", "--select", "trail-deleted"]);
    assert_eq!(report["cases"][0]["outcome"], Value::Null, "{report:#}");
}

#[test]
fn what_an_earlier_night_told_may_still_hold() {
    let sandbox = Sandbox::new();
    let ana = user("ana");
    sandbox.write("logs/1.json.gz", file(&[call(1, "DisableKey", &ana, 1, "02T10:00:00")]));
    scan(&sandbox, &["--state", "state"]);
    sandbox.write(
        "logs/2.json.gz",
        file(&[
            call(2, "DisableKey", &ana, 2, "02T20:00:00"),
            call(3, "EnableKey", &ana, 2, "02T21:00:00"),
        ]),
    );
    let second = scan(&sandbox, &["--state", "state"]);
    assert_eq!(second["findings"][0]["outcome"]["state"], "reversed");
    let case = &second["cases"][0];
    assert_eq!((&case["status"], &case["outcome"]), (&json!("ongoing"), &Value::Null));
    assert_eq!(case["first_seen"], "2026-03-02T10:00:00Z");
}

#[test]
fn a_refused_call_undoes_nothing_whoever_logs_it() {
    let ana = user("ana");
    let enable = call(2, "EnableKey", &ana, 1, "02T11:00:00");
    let mut refused = enable.clone();
    refused["errorCode"] = json!("AccessDenied");
    let disabled = call(1, "DisableKey", &ana, 1, "02T10:00:00");
    for (category, kind) in [
        (json!("NetworkActivity"), "AwsVpceEvent"),
        (json!("NetworkActivity"), "AwsVpceEvents"),
        (Value::Null, "AwsVpceEvent"),
        (Value::Null, "AwsVpceEvents"),
    ] {
        let mut of_endpoint = enable.clone();
        of_endpoint["eventCategory"] = category;
        of_endpoint["eventType"] = json!(kind);
        of_endpoint["eventID"] = json!("10000000-0000-4000-8000-000000000099");
        let records = [disabled.clone(), refused.clone(), of_endpoint];
        assert_eq!(outcome(&records, "key-disabled")["state"], "open", "{kind}");
    }
}

#[test]
fn of_calls_of_one_second_the_same_name_is_told_in_every_run() {
    let records = [
        call(1, "DisableKey", &user("ana"), 1, "02T10:00:00"),
        call(2, "EnableKey", &user("cleo"), 1, "02T11:00:00"),
        call(3, "EnableKey", &user("ben"), 1, "02T11:00:00"),
    ];
    for _ in 0..6 {
        let by = outcome(&records, "key-disabled")["by"].clone();
        assert!(by.as_str().unwrap().ends_with("user/ben"), "{by}");
    }
}

#[test]
fn a_session_name_that_somebody_took_makes_no_other_session_theirs() {
    let sandbox = Sandbox::new();
    let ana = user("ana");
    // The session of an instance, which no record tells who made.
    let instance = session("app", "i-0123", "ASIAinstance");
    sandbox.write(
        "logs/a.json.gz",
        file(&[
            call(1, "DisableKey", &ana, 1, "02T10:00:00"),
            assumed(1, &ana, "app", "i-0123", "ASIAtaken"),
            call(2, "DisableKey", &instance, 2, "02T11:00:00"),
        ]),
    );
    assert_eq!(keys(&scan(&sandbox, &[])), sets(&["1", "2"]));
}

#[test]
fn a_forged_copy_hides_neither_the_real_record_nor_its_case() {
    let sandbox = Sandbox::new();
    let real = call(1, "DisableKey", &user("ana"), 1, "02T10:00:00");
    let forged = call(1, "DisableKey", &user("ben"), 2, "02T10:00:00");
    sandbox.write("logs/a.json.gz", file(&[real, forged]));
    // Same ids with other content are a problem.
    let words = ["scan", "logs", "--select", "key-disabled"];
    let report = sandbox.keytrail(words.iter().chain(&["-fjson"])).run().code(3);
    assert_eq!(keys(&serde_json::from_str(&report.stdout).unwrap()), sets(&["1", "2"]));
    let table = sandbox.keytrail(words.iter().chain(&["--view", "events"])).run().stdout;
    assert_eq!(table.matches("key-disabled").count(), 2, "{table}");
}

#[test]
fn a_view_is_for_the_table() {
    let sandbox = Sandbox::new();
    sandbox.write("logs/a.json.gz", file(&[call(1, "DisableKey", &user("ana"), 1, "02T10:00:00")]));
    let table =
        |view: &str| sandbox.keytrail(["scan", "logs", "--view", view]).run().code(0).stdout;
    assert!(
        table("cases").contains("user/ana of 111122223333 from 192.0.2.1"),
        "{}",
        table("cases")
    );
    assert!(table("findings").contains("1 event 2026-03-02T10:00:00Z"), "{}", table("findings"));
    assert!(table("events").contains("2026-03-02T10:00:00Z  DisableKey"), "{}", table("events"));
    sandbox.keytrail(["scan", "logs", "--view", "x"]).run().code(2);
    sandbox.keytrail(["scan", "logs", "--view", "cases", "-fjson"]).run().code(2);
}

#[test]
fn many_cases_fit_a_screen_the_first_ones_in_whole() {
    let sandbox = Sandbox::new();
    let people: Vec<String> = (0..12).map(|number| format!("person-{number:02}")).collect();
    let calls = people.iter().enumerate().flat_map(|(number, name)| {
        let by = user(name);
        ["DisableKey", "DeleteImportedKeyMaterial", "ScheduleKeyDeletion"].map(|event| {
            let id = 100 * number + event.len();
            call(id, event, &by, number, &format!("02T10:{number:02}:{:02}", event.len()))
        })
    });
    sandbox.write("logs/a.json.gz", file(&calls.collect::<Vec<_>>()));
    let table = |more: &[&str]| {
        sandbox.keytrail(["scan", "logs"].iter().chain(more)).env("COLUMNS", "80").run().stdout
    };
    let short = table(&[]);
    let (cases, _) = short.split_once("\nread ").unwrap();
    assert!(cases.lines().count() <= 60, "{short}");
    assert!(cases.contains("cases in short; -v tells all in whole"), "{short}");
    assert!(cases.contains("2 cases more"), "{short}");
    // Whoever is told in short is told all the same.
    let told = people.iter().filter(|name| cases.contains(name.as_str())).count();
    assert_eq!(told, 10, "{short}");
    assert!(!table(&["-v"]).contains("in short"));
}

/// Ten cases are what a screen holds; whoever asks for all gets the eleventh.
#[test]
fn all_cases_are_told_in_whole_if_asked_for() {
    let sandbox = Sandbox::new();
    let by = |number: usize| {
        let arn = format!("arn:aws:iam::111122223333:user/user-{number:02}");
        let who = json!({"type": "IAMUser", "accountId": "111122223333", "arn": arn});
        let key = format!("{number:08}-12ab-34cd-56ef-1234567890ab");
        trail::with(
            trail::call("DisableKey", &format!("e-{number}")),
            &[("/userIdentity", who), ("/requestParameters", json!({"keyId": key}))],
        )
    };
    sandbox.write("trail.json", trail::file(&(0..11).map(by).collect::<Vec<_>>()));
    let scan = ["scan", "trail.json", "--select=key-disabled"];
    let all = |stdout: &str| (0..11).all(|number| stdout.contains(&format!("user-{number:02}")));
    let short = sandbox.keytrail(scan).run().code(0);
    assert!(!all(&short.stdout) && short.stdout.contains("1 case more"), "{}", short.stdout);
    let whole = sandbox.keytrail(scan.iter().chain(&["-v"])).run().code(0);
    assert!(all(&whole.stdout) && !whole.stdout.contains("case more"), "{}", whole.stdout);
}
