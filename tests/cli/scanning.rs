//! What a finding is: which records make one group, what the group says, in which order.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::Sandbox;
use crate::trail::{KEY, at, by_role, call, disable, file, findings, ids, refused, texts, with};

#[test]
fn records_alike_are_one_finding() {
    let found = Sandbox::new().disabled(&[disable("e-1"), at(disable("e-2"), 5)]);
    assert_eq!(found.len(), 1);
    let expected = [
        ("/rule", json!("key-disabled")),
        ("/title", json!("KMS key disabled")),
        ("/level", json!("high")),
        ("/attempt", json!(false)),
        ("/count", json!(2)),
        ("/first_seen", json!("2026-05-01T10:00:00Z")),
        ("/last_seen", json!("2026-05-01T10:00:05Z")),
        ("/status", json!("new")),
        ("/account", json!("111122223333")),
        ("/region", json!("eu-west-1")),
        ("/principal/type", json!("IAMUser")),
        ("/principal/arn", json!("arn:aws:iam::111122223333:user/ana")),
        ("/principal/mfa", json!("no")),
        ("/source_ip", json!("192.0.2.7")),
        ("/user_agent", json!("aws-cli/2")),
        ("/key/arn", json!(KEY)),
        ("/key/account", json!("111122223333")),
        ("/resource", Value::Null),
        ("/attack", json!(["T1485"])),
        ("/events/0/id", json!("e-1")),
        ("/events/0/time", json!("2026-05-01T10:00:00Z")),
        ("/events/0/name", json!("DisableKey")),
        ("/events/0/origin", json!("trail.json#0")),
        ("/events/1/origin", json!("trail.json#1")),
    ];
    for (pointer, value) in expected {
        assert_eq!(found[0].pointer(pointer), Some(&value), "{pointer}");
    }
}

#[test]
fn a_time_is_read_in_every_form_that_exports_give_it() {
    let forms = [
        json!("2026-05-01T10:00:00.333Z"),
        json!("2026-05-01T10:00:00.123456789Z"),
        json!("2026-05-01T12:00:00+02:00"),
        json!("2026-05-01T10:00:00+0000"),
        json!("2026-05-01 10:00:00.000"),
        json!("2026-05-01 10:00:00.000 UTC"),
        json!(1_777_629_600),
        json!(1_777_629_600_000_i64),
        json!("1777629600"),
        json!("1777629600000"),
    ];
    let record = |(n, time): (usize, &Value)| {
        with(disable(&format!("e-{n}")), &[("/eventTime", time.clone())])
    };
    let records: Vec<Value> = forms.iter().enumerate().map(record).collect();
    let found = Sandbox::new().disabled(&records);
    assert_eq!((found.len(), &found[0]["count"]), (1, &json!(forms.len())));
    assert_eq!(found[0]["first_seen"], "2026-05-01T10:00:00Z");
    assert_eq!(found[0]["last_seen"], "2026-05-01T10:00:00.333000Z");
    let sandbox = Sandbox::new();
    for absurd in
        [json!("soon"), json!(7), json!(-1e300), json!("20260501"), json!("nan"), json!([1])]
    {
        sandbox
            .write("trail.json", file(&[with(disable("e-1"), &[("/eventTime", absurd.clone())])]));
        let report = sandbox.report(3, ["trail.json"]);
        let message = report["problems"][0]["message"].as_str().unwrap();
        assert!(message.starts_with("no readable eventTime"), "{absurd}: {message}");
    }
}

#[test]
fn each_part_of_the_group_parts_findings() {
    let other_key = KEY.replace("5716564b", "6716564b");
    for change in [
        ("/errorCode", json!("AccessDenied")),
        ("/recipientAccountId", json!("444455556666")),
        ("/awsRegion", json!("us-east-1")),
        ("/userIdentity/arn", json!("arn:aws:iam::111122223333:user/ben")),
        ("/requestParameters/keyId", json!(other_key)),
    ] {
        let pointer = change.0;
        let found = Sandbox::new().disabled(&[disable("e-1"), with(disable("e-2"), &[change])]);
        assert_eq!(found.len(), 2, "{pointer}");
        assert_ne!(found[0]["fingerprint"], found[1]["fingerprint"], "{pointer}");
    }
    for change in [
        ("/sourceIPAddress", json!("198.51.100.1")),
        ("/userAgent", json!("curl")),
        ("/eventVersion", json!("1.08")),
        ("/requestID", json!("r-2")),
    ] {
        let pointer = change.0;
        let found = Sandbox::new().disabled(&[disable("e-1"), with(disable("e-2"), &[change])]);
        assert_eq!(found.len(), 1, "{pointer}");
    }
}

#[test]
fn rules_and_resources_part_findings() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&[disable("e-1")]));
    let found = findings(&sandbox.report(0, ["trail.json"]));
    assert_eq!(texts(&found, "/rule"), ["key-disabled", "critical-call-without-mfa"]);
    let stop = |id: &str, trail: &str| {
        let arn = format!("arn:aws:cloudtrail:eu-west-1:111122223333:trail/{trail}");
        let source = ("/eventSource", json!("cloudtrail.amazonaws.com"));
        with(call("StopLogging", id), &[source, ("/requestParameters", json!({"name": arn}))])
    };
    sandbox
        .write("trail.json", file(&[stop("e-1", "one"), stop("e-2", "two"), stop("e-3", "one")]));
    let found = findings(&sandbox.report(0, ["--select", "trail-stopped", "trail.json"]));
    let resources: BTreeSet<String> = texts(&found, "/resource/arn").into_iter().collect();
    let arn = |trail| format!("arn:aws:cloudtrail:eu-west-1:111122223333:trail/{trail}");
    assert_eq!(resources, BTreeSet::from([arn("one"), arn("two")]));
    assert_eq!(found.iter().map(|f| f["count"].as_u64().unwrap()).sum::<u64>(), 3);
}

#[test]
fn sessions_of_one_role_are_one_finding() {
    let records = [
        at(by_role(disable("e-1"), "ops", "zoe"), 2),
        at(by_role(disable("e-2"), "ops", "ana"), 1),
        by_role(disable("e-3"), "dev", "ana"),
    ];
    let found = Sandbox::new().disabled(&records);
    let arn = |role| format!("arn:aws:iam::111122223333:role/{role}");
    assert_eq!(texts(&found, "/principal/arn"), [arn("ops"), arn("dev")]);
    assert_eq!(found[0]["count"], 2);
    assert_eq!(found[0]["details"]["sessions"], json!(["ana", "zoe"]));
    // A single value: of the earliest event.
    assert_eq!(found[0]["principal"]["session"], "ana");
}

#[test]
fn the_smallest_events_are_shown_and_all_are_counted() {
    // Two at each second: the event id decides.
    let records: Vec<Value> =
        (0..24).rev().map(|n| at(disable(&format!("e-{:02}", n ^ 1)), n / 2)).collect();
    let found = Sandbox::new().disabled(&records);
    let expected: Vec<String> = (0..10).map(|n| format!("e-{n:02}")).collect();
    assert_eq!(ids(&found[0]), expected);
    assert_eq!(found[0]["count"], 24);
    assert_eq!(found[0]["last_seen"], "2026-05-01T10:00:11Z");
    let few = &records[..10];
    assert_eq!(ids(&Sandbox::new().disabled(few)[0]).len(), 10);
}

#[test]
fn the_highest_level_and_the_values_of_the_earliest_event() {
    let session = |seen: &str| json!({"attributes": {"mfaAuthenticated": seen}});
    let early = with(disable("e-9"), &[("/sourceIPAddress", json!("192.0.2.1"))]);
    // Without `mfaAuthenticated` nobody knows: low. Without a session, or with "false": high.
    let unknown = with(early, &[("/userIdentity/sessionContext", json!({"attributes": {}}))]);
    let sure = with(at(disable("e-1"), 9), &[("/userIdentity/sessionContext", session("false"))]);
    let sandbox = Sandbox::new();
    let scan = |records: &[Value]| {
        sandbox.write("trail.json", file(records));
        findings(&sandbox.report(0, ["--select", "critical-call-without-mfa", "trail.json"]))
    };
    assert_eq!(texts(&scan(std::slice::from_ref(&unknown)), "/level"), ["low"]);
    for records in [[unknown.clone(), sure.clone()], [sure, unknown]] {
        let found = scan(&records);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["level"], "high");
        assert_eq!(found[0]["source_ip"], "192.0.2.1");
        assert_eq!(found[0]["principal"]["mfa"], "unknown");
        assert_eq!(found[0]["details"]["mfa"], "unknown");
    }
}

#[test]
fn findings_are_sorted() {
    let key = |n: u32| KEY.replace("5716564b", &format!("{n:08}"));
    let about = |record, n| with(record, &[("/requestParameters/keyId", json!(key(n)))]);
    let schedule = |days| {
        let parameters = json!({"keyId": key(9), "pendingWindowInDays": days});
        with(call("ScheduleKeyDeletion", "e-9"), &[("/requestParameters", parameters)])
    };
    let mut records = vec![at(schedule(7), 59), refused(disable("e-0"))];
    records.extend((1..6).map(|n| about(at(disable(&format!("e-{n}")), (7 * n) % 3), n)));
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&records));
    let found = findings(&sandbox.report(0, ["trail.json"]));
    let levels = ["critical", "high", "medium", "low", "informational"];
    let level =
        |finding: &Value| levels.iter().position(|level| finding["level"] == **level).unwrap();
    let places: Vec<_> = found.iter().map(level).collect();
    assert!(places.is_sorted(), "{places:#?}");
    assert_eq!(places[0], 0);
    assert!(places.contains(&2), "{places:#?}");
    // Of one level and rule, and of as many actors, the latest come first.
    let last = |rule: &str| -> Vec<String> {
        let of = found
            .iter()
            .filter(|finding| finding["rule"] == rule && !finding["attempt"].as_bool().unwrap());
        of.map(|finding| finding["last_seen"].as_str().unwrap().to_owned()).collect()
    };
    let disabled = last("key-disabled");
    assert_eq!(disabled.len(), 5);
    assert!(disabled.is_sorted_by(|one, other| one >= other), "{disabled:?}");
    let ranks: Vec<u64> = found.iter().map(|finding| finding["rank"].as_u64().unwrap()).collect();
    assert_eq!(ranks, (1..=ranks.len() as u64).collect::<Vec<u64>>());
}

#[test]
fn attempts_are_one_level_down() {
    let found = Sandbox::new().disabled(&[refused(disable("e-1")), at(disable("e-2"), 5)]);
    assert_eq!(texts(&found, "/level"), ["high", "medium"]);
    assert_eq!([&found[0]["attempt"], &found[1]["attempt"]], [false, true]);
    assert_eq!(found[1]["details"]["error_code"], "AccessDenied");
    assert_eq!(ids(&found[1]), ["e-1"]);
}

#[test]
fn a_record_without_a_time_is_the_last() {
    let none = with(disable("e-0"), &[("/eventTime", Value::Null)]);
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&[none.clone(), disable("e-1")]));
    let report = sandbox.report(3, ["--select", "key-disabled", "trail.json"]);
    let found = findings(&report);
    assert_eq!(ids(&found[0]), ["e-1", "e-0"]);
    assert_eq!(found[0]["events"][1]["time"], Value::Null);
    assert_eq!(report["problems"][0]["origin"], "trail.json#0");
    sandbox.write("trail.json", file(&[none]));
    let report = sandbox.report(3, ["--select", "key-disabled", "trail.json"]);
    assert_eq!(report["findings"][0]["first_seen"], Value::Null);
}
