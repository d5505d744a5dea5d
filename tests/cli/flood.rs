//! A flood of findings of one actor: the report stays small, says what it folds, and hides nothing else.

use serde_json::{Value, json};

use crate::harness::Sandbox;
use crate::trail::{at, by_role, call, disable, file, findings, ids, texts, with, without_run};

/// How many findings of one rule by one actor stand for themselves.
const STANDING: usize = 1_000;

/// A direct Decrypt with a context that the caller has made up.
fn decrypt(number: usize) -> Value {
    let arn = format!("arn:aws:ssm:eu-west-1:111122223333:parameter/p{number:05}");
    let record = call("Decrypt", &format!("e-{number:05}"));
    let record =
        with(record, &[("/requestParameters/encryptionContext", json!({"PARAMETER_ARN": arn}))]);
    at(record, u32::try_from(number / 10).unwrap())
}

fn flood(count: usize) -> Vec<Value> {
    (0..count).map(decrypt).collect()
}

const SCAN: [&str; 2] = ["--select=direct-decrypt", "in"];

fn folded(report: &Value) -> Vec<Value> {
    let all = findings(report).into_iter();
    all.filter(|finding| finding["details"].get("folded").is_some()).collect()
}

#[test]
fn more_findings_of_an_actor_than_stand_become_one() {
    let sandbox = Sandbox::new();
    sandbox.write("in/a.json", file(&flood(STANDING)));
    let report = sandbox.report(0, SCAN);
    assert_eq!((findings(&report).len(), folded(&report).len()), (STANDING, 0));

    let other_key =
        json!("arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-4000-8000-000000000001");
    let mut records = flood(STANDING + 250);
    // After all others: over another key, and by somebody else.
    records.push(at(
        with(call("Decrypt", "key"), &[("/requestParameters/keyId", other_key.clone())]),
        3_000,
    ));
    records.push(at(by_role(decrypt(9_999), "other", "s"), 3_000));
    sandbox.write("in/a.json", file(&records));
    let ended = sandbox.keytrail(["scan", "-fjson"].iter().chain(&SCAN)).run().code(0);
    let note =
        "note: 1 finding stands for 251 others of the same rule and actor: see details.folded\n";
    assert_eq!(ended.stderr, note);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let all = findings(&report);
    // That over the other key has no context, and so a lower level than those that are made up.
    let levels = [&report["summary"]["high"], &report["summary"]["medium"]];
    assert_eq!((all.len(), levels), (STANDING + 2, [&json!(STANDING + 1), &json!(1)]));
    assert!(texts(&all, "/key/arn").contains(&other_key.as_str().unwrap().to_owned()));
    assert!(texts(&all, "/principal/arn").iter().any(|arn| arn.ends_with(":role/other")));
    let one = &folded(&report)[0];
    assert_eq!((&one["count"], &one["resource"]), (&json!(251), &Value::Null));
    assert_eq!(one["key"]["arn"], crate::trail::KEY);
    let said = &one["details"]["folded"];
    let numbers = ["findings", "keys", "resources"].map(|name| said[name].as_u64().unwrap());
    assert_eq!(numbers, [251, 1, 251]);
    let first = said["first"].as_array().unwrap();
    assert_eq!(first.len(), 10);
    assert_eq!(first[0]["first_seen"], "2026-05-01T10:01:39Z", "{first:?}");
    assert_eq!(ids(one)[0], "e-00999");
    let table = ["scan", "--view=findings"].iter().chain(&SCAN);
    let table = sandbox.keytrail(table).run().code(0).stdout;
    assert!(table.contains("stands for 251 findings"), "{table}");
    assert!(table.contains("; 1 stands for 251 others\n"), "{table}");
}

#[test]
fn files_order_and_threads_change_nothing_of_what_is_folded() {
    let mut records = flood(STANDING + 400);
    let scan = |records: &[Value], per: usize, threads: &str| {
        let sandbox = Sandbox::new();
        for (number, some) in records.chunks(per).enumerate() {
            sandbox.write(&format!("in/{number}.json"), file(some));
        }
        let report = sandbox.report(0, SCAN.into_iter().chain(["--threads", threads]));
        let mut all = findings(&without_run(report));
        for finding in &mut all {
            finding["events"].as_array_mut().unwrap().iter_mut().for_each(|event| {
                event.as_object_mut().unwrap().remove("origin");
            });
        }
        all
    };
    let expected = scan(&records, 10_000, "1");
    assert_eq!(expected.len(), STANDING + 1);
    records.reverse();
    assert!(scan(&records, 100, "3") == expected);
    records.rotate_left(700);
    // A copy of each in another file.
    let again = records.clone();
    records.extend(again);
    assert!(scan(&records, 333, "2") == expected);
}

#[test]
fn each_event_is_listed_for_whoever_asks_for_each() {
    let sandbox = Sandbox::new();
    sandbox.write("in/a.json", file(&flood(STANDING + 50)));
    let report = sandbox.report(0, SCAN.into_iter().chain(["--each"]));
    assert_eq!((findings(&report).len(), folded(&report).len()), (STANDING + 50, 0));
    let words = ["scan", "--each", "-fndjson"];
    let lines = sandbox.keytrail(words.iter().chain(&SCAN)).run().code(0).stdout;
    assert_eq!(lines.lines().count(), STANDING + 50);
}

/// The configuration of one suppression.
fn accepted(what: &str) -> String {
    format!(
        "[[suppress]]\nrule = \"direct-decrypt\"\n{what}\nreason = \"x\"\nexpires = 9999-12-31\n"
    )
}

#[test]
fn what_is_accepted_takes_no_place_of_what_is_not() {
    let sandbox = Sandbox::new();
    let mut records = flood(STANDING + 500);
    let victim = json!("arn:aws:ssm:eu-west-1:111122223333:parameter/victim");
    let context = ("/requestParameters/encryptionContext", json!({"PARAMETER_ARN": victim}));
    records.push(at(with(call("Decrypt", "victim"), &[context]), 3_000));
    sandbox.write("in/a.json", file(&records));
    for (what, left) in [
        ("principal = \"*:user/ana\"", 0),
        ("key = \"arn:aws:kms:eu-west-1:111122223333:key/*\"", 0),
        ("resource = \"*:parameter/p*\"\ntrust_context = true", 1),
    ] {
        sandbox.write("keytrail.toml", accepted(what));
        let report = sandbox.report(0, SCAN);
        let all = findings(&report);
        assert_eq!(all.len(), left, "{what}");
        all.iter().for_each(|finding| assert_eq!(finding["resource"]["arn"], victim));
        let suppressed = report["summary"]["suppressed"].as_u64().unwrap();
        assert_eq!(suppressed, (STANDING + 501 - left) as u64);
    }
}

#[test]
fn what_an_earlier_report_has_hides_nothing_new() {
    let sandbox = Sandbox::new();
    sandbox.write("in/a.json", file(&flood(STANDING + 50)));
    sandbox.write("base.json", sandbox.report(0, SCAN).to_string());
    // The first of them again, and others of the same time.
    let other = |number: usize| at(decrypt(number + 5_000), 10);
    let records: Vec<Value> = flood(STANDING - 50).into_iter().chain((0..90).map(other)).collect();
    sandbox.write("in/a.json", file(&records));
    let report = sandbox.report(0, SCAN.into_iter().chain(["--baseline", "base.json"]));
    let told = texts(&findings(&report), "/resource/arn");
    assert_eq!((told.len(), folded(&report).len()), (90, 0));
    assert!(told.iter().all(|arn| arn.contains("parameter/p05")), "{told:?}");
    assert_eq!(report["summary"]["known"], STANDING - 50);
}

#[test]
fn the_next_night_knows_each_of_those_that_were_folded() {
    let sandbox = Sandbox::new();
    sandbox.write("in/a.json", file(&flood(STANDING + 50)));
    let scan = |more: &[&str]| {
        let words = SCAN.iter().copied().chain(["--state", "state"]).chain(more.iter().copied());
        sandbox.report(0, words)
    };
    let first = scan(&[]);
    assert_eq!(texts(&folded(&first), "/status"), ["new"]);
    assert_eq!(findings(&scan(&[])).len(), 0);
    assert_eq!(findings(&scan(&["--reread"])).len(), 0);
    // Other contexts, of the same actor.
    let other = |number: usize| at(decrypt(number + 5_000), 3_000);
    sandbox.write("in/b.json", file(&(0..STANDING + 50).map(other).collect::<Vec<_>>()));
    let third = scan(&[]);
    let (one, again) = (&folded(&first)[0], &folded(&third)[0]);
    assert_eq!((&again["status"], &again["count"]), (&json!("new"), &json!(50)));
    assert_eq!(one["fingerprint"], again["fingerprint"]);
}

/// Never so many in one night that they were folded.
#[test]
fn nights_that_are_read_again_tell_nothing_twice() {
    let sandbox = Sandbox::new();
    let scan = |more: &[&str]| {
        let words = SCAN.iter().copied().chain(["--state", "state"]).chain(more.iter().copied());
        findings(&sandbox.report(0, words)).len()
    };
    for night in 0..4 {
        let some: Vec<Value> = (night * 300..(night + 1) * 300).map(decrypt).collect();
        sandbox.write(&format!("in/{night}.json"), file(&some));
        assert_eq!(scan(&[]), 300);
    }
    assert_eq!(scan(&["--reread"]), 0);
}

#[test]
fn many_records_of_one_call_name_the_first_of_them() {
    let key = |n: u32| {
        json!(format!("arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-4000-8000-{n:012}"))
    };
    let shared = |n: u32| {
        let id = format!("e-{n:03}");
        let changes = [("/sharedEventID", json!("s-1")), ("/requestParameters/keyId", key(n))];
        at(with(disable(&id), &changes), n)
    };
    let records: Vec<Value> = (0..40).map(shared).collect();
    let sandbox = Sandbox::new();
    let found = sandbox.disabled(&records);
    let mut prints = texts(&found, "/fingerprint");
    prints.sort();
    for one in &found {
        assert_eq!(one["details"]["same_call_count"], 39);
        let others = prints.iter().filter(|print| **print != one["fingerprint"]).take(10);
        let named = texts(one["details"]["same_call"].as_array().unwrap(), "/fingerprint");
        assert!(others.eq(&named));
    }
}
