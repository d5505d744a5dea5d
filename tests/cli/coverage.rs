//! Which hours the logs cover, and what `audit-gap` says of those that they do not.

use serde_json::{Value, json};

use crate::harness::Sandbox;
use crate::trail::{file, findings, lines, texts, with, without_run};

const RULE: &str = "--select=audit-gap";

/// `2024-03-01T00:MM:00Z` and so many hours.
fn time(hour: usize, minute: usize) -> String {
    format!("2024-03-{:02}T{:02}:{minute:02}:00Z", 1 + hour / 24, hour % 24)
}

/// Something that a service does every hour.
fn event(hour: usize, region: &str) -> Value {
    json!({
        "eventVersion": "1.11", "eventTime": time(hour, 31), "eventSource": "s3.amazonaws.com",
        "eventName": "GetBucketAcl", "awsRegion": region, "readOnly": true,
        "userIdentity": {"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"},
        "eventID": format!("{region}-{hour}"), "recipientAccountId": "111122223333",
    })
}

fn events(hours: impl IntoIterator<Item = usize>, region: &str) -> Vec<Value> {
    hours.into_iter().map(|hour| event(hour, region)).collect()
}

/// A call of KMS in an hour.
fn kms(hour: usize, name: &str, read_only: bool) -> Value {
    let more = [
        ("/eventSource", json!("kms.amazonaws.com")),
        ("/eventName", json!(name)),
        ("/readOnly", json!(read_only)),
        ("/eventID", json!(format!("{name}-{hour}"))),
    ];
    with(event(hour, "eu-west-1"), &more)
}

/// The name that CloudTrail gives a file of events until then.
fn named(hour: usize, minute: usize, region: &str) -> String {
    let date = time(hour, minute).replace(['-', ':'], "");
    format!("logs/111122223333_CloudTrail_{region}_{}Z_AbCdEfGh01234567.json", &date[..13])
}

/// Of each finding: Region, when the first gap begins, when the last ends, how many there are.
fn found(report: &Value) -> Vec<(String, String, String, u64)> {
    let one = |finding: &Value| {
        let text = |name: &str| finding[name].as_str().unwrap().to_owned();
        let count = finding["count"].as_u64().unwrap();
        (text("region"), text("first_seen"), text("last_seen"), count)
    };
    findings(report).iter().map(one).collect()
}

fn gap(region: &str, from: usize, to: usize) -> (String, String, String, u64) {
    (region.to_owned(), time(from, 0), time(to, 0), 1)
}

#[test]
fn a_gap_of_more_hours_than_allowed_is_a_finding() {
    let sandbox = Sandbox::new();
    sandbox.write("a.json", file(&events((0..80).chain(105..110), "eu-west-1")));
    let report = sandbox.report(0, [RULE, "a.json"]);
    assert_eq!(found(&report), [gap("eu-west-1", 80, 105)]);
    let finding = &findings(&report)[0];
    assert_eq!([&finding["rule"], &finding["level"]], ["audit-gap", "medium"]);
    assert_eq!([&finding["account"], &finding["attempt"]], [&json!("111122223333"), &json!(false)]);
    assert_eq!(
        [&finding["key"], &finding["resource"], &finding["principal"]["arn"]],
        [&json!(null); 3]
    );
    assert_eq!(finding["events"], json!([]));
    let details = json!({
        "gap_hours": 24,
        "gaps": [{
            "before": {"hours": 80, "with": 80}, "from": time(80, 0), "hours": 25,
            "missing": "events", "to": time(105, 0),
        }],
        "missing": ["events"],
        "why": "no events for 25 hours from 2024-03-04T08:00:00Z; before, 80 of 80 hours had some",
    });
    assert_eq!(finding["details"], details);
    let row = json!({
        "account": "111122223333", "region": "eu-west-1", "from": time(0, 0), "to": time(110, 0),
        "files": 1, "hours_covered": 85, "hours_missing": 25,
        "gaps": [{"from": time(80, 0), "to": time(105, 0)}], "gap_count": 1,
        "records": 85, "kms_reads": 0, "kms_writes": 0, "kms_reads_missing": false,
    });
    assert_eq!(report["coverage"], json!([row]));

    sandbox.write("a.json", file(&events((0..80).chain(104..110), "eu-west-1")));
    assert_eq!(found(&sandbox.report(0, [RULE, "a.json"])), [], "exactly as many");
    sandbox.write("keytrail.toml", "[thresholds]\ngap_hours = 23\n");
    assert_eq!(found(&sandbox.report(0, [RULE, "a.json"])), [gap("eu-west-1", 80, 104)]);
}

#[test]
fn who_is_often_quiet_is_not_missed() {
    let sandbox = Sandbox::new();
    let quiet = |hours: &mut dyn Iterator<Item = usize>| {
        sandbox.write("a.json", file(&events(hours, "eu-west-1")));
        let report = sandbox.report(0, [RULE, "a.json"]);
        assert_eq!(found(&report), []);
        assert!(report["coverage"][0]["gap_count"].as_u64() > Some(0));
    };
    quiet(&mut (0..700).step_by(50));
    // Office hours, and a weekend.
    quiet(
        &mut (0..240).filter(|hour| (8..18).contains(&(hour % 24)) && !(120..168).contains(hour)),
    );
    // Two days of work, and then nothing for long.
    quiet(&mut (0..48).chain([600]));
}

#[test]
fn two_regions_and_their_bounds() {
    let sandbox = Sandbox::new();
    let mut all = events((0..100).chain(130..140), "eu-west-1");
    all.extend(events(0..90, "eu-central-1"));
    sandbox.write("a.json", file(&all));
    let (west, central) = (gap("eu-west-1", 100, 130), gap("eu-central-1", 90, 139));
    let regions = |report: &Value| texts(report["coverage"].as_array().unwrap(), "/region");
    for (words, expected, covered) in [
        (&[][..], &[&central, &west][..], 2),
        (&["--region=eu-west-1"], &[&west], 1),
        (&["--account=111122223333"], &[&central, &west], 2),
        // Only what is before counts, and only what is after.
        (&["--until=2024-03-04"], &[], 2),
        (
            &["--since=2024-03-06T12:00:00Z", "--until=2024-03-06T20:00:00Z"],
            &[&gap("eu-central-1", 90, 140)],
            2,
        ),
        // It began before the range and ends in it.
        (&["--since=2024-03-06", "--region=eu-west-1"], &[&west], 1),
        (&["--until=2024-03-06", "--region=eu-west-1"], &[], 1),
        (
            &["--until=2024-03-06T05:59:59Z", "--region=eu-west-1"],
            &[&gap("eu-west-1", 100, 125)],
            1,
        ),
    ] {
        let report = sandbox.report(0, [RULE, "a.json"].iter().chain(words).copied());
        assert_eq!(found(&report).iter().collect::<Vec<_>>(), expected, "{words:?}");
        assert_eq!(regions(&report).len(), covered, "{words:?}");
    }
    let words = [RULE, "--since=2024-03-05T10:30:00Z", "--until=2024-03-06T12:00:00Z", "a.json"];
    let report = sandbox.report(0, words);
    let west = &report["coverage"][1];
    assert_eq!([&west["from"], &west["to"]], [&time(106, 0), &time(132, 0)]);
    assert_eq!(west["gaps"], json!([{"from": time(106, 0), "to": time(130, 0)}]));
    assert_eq!([&west["records"], &west["hours_covered"], &west["hours_missing"]], [2, 2, 24]);
}

#[test]
fn a_trail_of_write_events_only_is_told() {
    let sandbox = Sandbox::new();
    let writes = |hours: usize| -> Vec<Value> {
        (0..hours).map(|n| kms(4 * n, "RetireGrant", false)).collect()
    };
    let missing = |records: &[Value]| {
        sandbox.write("a.json", file(records));
        let report = sandbox.report(0, [RULE, "a.json"]);
        let row = &report["coverage"][0];
        assert_eq!(row["kms_reads_missing"].as_bool(), Some(!findings(&report).is_empty()));
        findings(&report)
    };
    let found = missing(&writes(30));
    assert_eq!(found[0]["details"]["missing"], json!(["kms-reads"]));
    assert_eq!(found[0]["details"]["gaps"][0]["hours_with_kms_writes"], 30);
    assert_eq!([&found[0]["first_seen"], &found[0]["last_seen"]], [&time(0, 0), &time(117, 0)]);
    assert_eq!(missing(&writes(23)), [json!(null); 0]);
    // One read, whatever its record says of itself.
    for read in
        [kms(116, "Decrypt", true), with(kms(116, "Decrypt", true), &[("/readOnly", json!(null))])]
    {
        let mut records = writes(30);
        records.push(read);
        assert_eq!(missing(&records), [json!(null); 0]);
    }
    // The record's own word counts more than the name.
    let mut records = writes(30);
    records.push(kms(116, "Decrypt", false));
    assert_eq!(missing(&records).len(), 1);
}

#[test]
fn kms_events_that_end_while_others_go_on_are_missed() {
    let sandbox = Sandbox::new();
    let mut records: Vec<Value> = (0..100).map(|hour| kms(hour, "Decrypt", true)).collect();
    records.extend(events(90..140, "eu-west-1"));
    sandbox.write("a.json", file(&records));
    let report = sandbox.report(0, [RULE, "a.json"]);
    assert_eq!(found(&report), [gap("eu-west-1", 100, 139)]);
    let row = &report["coverage"][0];
    assert_eq!([&row["hours_missing"], &row["kms_reads"], &row["records"]], [0, 100, 150]);
    assert_eq!(row["kms_reads_missing"], true);
}

#[test]
fn names_say_whose_files_these_are() {
    let sandbox = Sandbox::new();
    let global =
        |hour| with(event(hour, "us-east-1"), &[("/eventSource", json!("iam.amazonaws.com"))]);
    for hour in 0..100 {
        let records = [event(hour, "eu-west-1"), global(hour)];
        sandbox.write(&named(hour, 35, "eu-west-1"), file(&records));
    }
    sandbox.write(&named(140, 35, "eu-west-1"), file(&[global(140)]));
    let report = sandbox.report(0, [RULE, "logs"]);
    let rows = report["coverage"].as_array().unwrap();
    assert_eq!(texts(rows, "/region"), ["eu-west-1"], "no phantom");
    assert_eq!(
        [&rows[0]["files"], &rows[0]["records"], &rows[0]["hours_covered"]],
        [101, 201, 101]
    );
    assert_eq!(rows[0]["gaps"], json!([{"from": time(100, 0), "to": time(140, 0)}]));
    // The same records under other names give the same findings, and no phantom either.
    let records: Vec<Value> = (0..100).flat_map(|h| [event(h, "eu-west-1"), global(h)]).collect();
    sandbox.write("a.json", file(&records)).write("b.json", file(&[global(140)]));
    let renamed = sandbox.report(0, [RULE, "a.json", "b.json"]);
    assert_eq!(findings(&renamed), findings(&report));
    assert_eq!(texts(renamed["coverage"].as_array().unwrap(), "/region"), ["eu-west-1"]);
}

#[test]
fn a_file_covers_the_hour_that_it_was_gathered_in() {
    let sandbox = Sandbox::new();
    // Delivered on the hour: of the hour before. And one that holds only what was late.
    let late = with(event(1, "eu-west-1"), &[("/eventTime", json!(time(1, 58)))]);
    sandbox.write(&named(2, 0, "eu-west-1"), file(std::slice::from_ref(&late)));
    sandbox.write(&named(5, 5, "eu-west-1"), file(&[with(late, &[("/eventID", json!("2"))])]));
    let report = sandbox.report(0, [RULE, "logs"]);
    let row = &report["coverage"][0];
    assert_eq!([&row["from"], &row["to"]], [&time(1, 0), &time(6, 0)]);
    assert_eq!(row["gaps"], json!([{"from": time(2, 0), "to": time(5, 0)}]));
}

#[test]
fn order_copies_and_threads_change_nothing() {
    let sandbox = Sandbox::new();
    let mut all = events((0..80).chain(110..120), "eu-west-1");
    all.extend(events((0..90).chain(130..140), "eu-central-1"));
    let half = all.len() / 2;
    sandbox.write("1/a.json", file(&all[..half])).write("1/b.jsonl", lines(&all[half..]));
    all.reverse();
    sandbox.write("2/a.jsonl", lines(&all[..half])).write("2/b.json", file(&all[half..]));
    sandbox.write("3/a.json", file(&all)).write("3/b.jsonl", lines(&all));
    let of = |folder: &str, threads: &str| {
        let report = without_run(sandbox.report(0, [RULE, threads, folder]));
        let mut rows = report["coverage"].as_array().unwrap().clone();
        rows.iter_mut().for_each(|row| {
            let row = row.as_object_mut().unwrap();
            ["files", "records"].iter().for_each(|name| drop(row.remove(*name)));
        });
        (findings(&report), rows)
    };
    let first = of("1", "--threads=1");
    assert_eq!(first.0.len(), 2);
    for folder in ["1", "2", "3"] {
        assert_eq!(of(folder, "--threads=3"), first, "{folder}");
    }
}

#[test]
fn a_gap_is_a_finding_like_any_other() {
    let sandbox = Sandbox::new();
    sandbox.write("a.json", file(&events((0..80).chain(105..110), "eu-west-1")));
    let base = sandbox.report(0, [RULE, "a.json"]);
    sandbox.write("base.json", base.to_string());
    let known = sandbox.report(0, [RULE, "--baseline=base.json", "a.json"]);
    assert_eq!((findings(&known).len(), &known["summary"]["known"]), (0, &json!(1)));
    assert_eq!(findings(&sandbox.report(0, ["--ignore=audit-gap", "a.json"])).len(), 0);
    assert_eq!(
        findings(&sandbox.report(1, ["--select=trail", "--fail-on=medium", "a.json"])).len(),
        1
    );
    let words = ["scan", RULE, "--each", "-fndjson", "a.json"];
    assert!(sandbox.keytrail(words).run().code(0).stdout.contains("\"rule\":\"audit-gap\""));
    sandbox.write(
        "keytrail.toml",
        "[[suppress]]\nrule = \"audit-gap\"\nregion = \"eu-*\"\nreason = \"x\"\nexpires = 2999-01-01\n",
    );
    let report = sandbox.report(0, [RULE, "a.json"]);
    assert_eq!((findings(&report).len(), &report["summary"]["suppressed"]), (0, &json!(1)));
    let table = sandbox.keytrail(["scan", RULE, "a.json"]).run().code(0).stdout;
    let expected = "\
coverage  hours without files in 1 of 1 accounts and Regions, at most 25 in a
          row where most have some (111122223333 eu-west-1 from
          2024-03-04T08:00:00Z)
";
    assert!(table.contains(expected), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80));
}
