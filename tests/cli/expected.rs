//! What the configuration expects and the log has nothing of: `trail-coverage-missing`.

use serde_json::{Value, json};

use crate::harness::Sandbox;
use crate::trail::{disable, file, findings, with};

const RULE: &str = "--select=trail-coverage-missing";

const FIRST: &str = "111122223333";
const SECOND: &str = "444455556666";
const SILENT: &str = "777788889999";

/// Something that happened on a day of May 2026.
fn event(day: u32, account: &str, region: &str) -> Value {
    let changes = [
        ("/eventTime", json!(format!("2026-05-{day:02}T10:00:00Z"))),
        ("/recipientAccountId", json!(account)),
        ("/awsRegion", json!(region)),
    ];
    with(disable(&format!("{day}-{account}-{region}")), &changes)
}

/// Two accounts that deliver, one of them in one Region only, and a configuration of three.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let records =
        [event(1, FIRST, "eu-west-1"), event(2, FIRST, "us-east-1"), event(3, SECOND, "eu-west-1")];
    let config = "[accounts]\nown = [\"111122223333\", \"444455556666\", \"777788889999\"]\n\
                  [regions]\nexpected = [\"eu-west-1\", \"us-east-1\"]\n";
    sandbox.write("trail.json", file(&records)).write("keytrail.toml", config);
    sandbox
}

/// Account, level and missing Regions of each finding.
fn found(report: &Value) -> Vec<(String, String, Value)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let one = |finding: &Value| {
        let regions = finding["details"]["regions_missing"].clone();
        (text(&finding["account"]), text(&finding["level"]), regions)
    };
    findings(report).iter().map(one).collect()
}

fn one(account: &str, level: &str, regions: &[&str]) -> (String, String, Value) {
    let regions = if regions.is_empty() { Value::Null } else { json!(regions) };
    (account.into(), level.into(), regions)
}

#[test]
fn one_finding_for_each_account_that_lacks_something() {
    let sandbox = sandbox();
    let silent = one(SILENT, "medium", &["eu-west-1", "us-east-1"]);
    let narrow = one(SECOND, "low", &["us-east-1"]);
    let report = sandbox.report(0, [RULE, "trail.json"]);
    assert_eq!(found(&report), [silent.clone(), narrow.clone()]);
    let finding = &findings(&report)[0];
    assert_eq!(
        [&finding["first_seen"], &finding["last_seen"]],
        ["2026-05-01T10:00:00Z", "2026-05-03T11:00:00Z"]
    );
    assert_eq!(
        [&finding["region"], &finding["key"], &finding["principal"]["arn"]],
        [&Value::Null; 3]
    );
    let of = |word: &str| found(&sandbox.report(0, [RULE, "trail.json", word]));
    assert_eq!(of("--account=111122223333"), []);
    assert_eq!(of("--account=444455556666"), std::slice::from_ref(&narrow));
    let in_east = of("--region=us-east-1");
    assert_eq!(in_east, [one(SILENT, "medium", &["us-east-1"]), narrow]);
    sandbox.write("keytrail.toml", "[accounts]\nown = [\"777788889999\"]\n");
    assert_eq!(found(&sandbox.report(0, [RULE, "trail.json"])), [one(SILENT, "medium", &[])]);
    sandbox.write("keytrail.toml", "");
    assert_eq!(found(&sandbox.report(0, [RULE, "trail.json"])), []);
}

#[test]
fn an_excerpt_and_an_unreadable_log_prove_nothing() {
    let sandbox = sandbox();
    sandbox.write("hour.json", file(&[event(1, FIRST, "eu-west-1")]));
    assert_eq!(found(&sandbox.report(0, [RULE, "hour.json"])), []);
    sandbox.write("broken.json", "{\"Records\":[tru");
    assert_eq!(found(&sandbox.report(3, [RULE, "trail.json", "broken.json"])), []);
}

#[test]
fn a_night_without_an_account_is_none_that_never_delivered() {
    let sandbox = sandbox();
    let records = [event(1, SECOND, "us-east-1"), event(2, SILENT, "eu-west-1")];
    sandbox.write("logs/first.json", file(&records));
    let night = || {
        let words = ["scan", "logs", "--state=state", "-fjson", RULE];
        crate::trail::parse(&sandbox.keytrail(words).run().code(0))
    };
    let sorted = |report: &Value| {
        let mut found = found(report);
        found.sort_by_key(|(account, ..)| account.clone());
        found
    };
    let narrow = [
        one(FIRST, "medium", &["eu-west-1", "us-east-1"]),
        one(SECOND, "low", &["eu-west-1"]),
        one(SILENT, "low", &["us-east-1"]),
    ];
    assert_eq!(sorted(&night()), narrow);
    sandbox.write("logs/second.json", file(&[event(3, FIRST, "eu-west-1")]));
    // What began to deliver is told of; of the others nothing is new.
    let second = night();
    assert_eq!(found(&second), [one(FIRST, "low", &["us-east-1"])]);
    assert_eq!(findings(&second)[0]["status"], "ongoing");
    sandbox.write("logs/third.json", file(&[event(4, FIRST, "eu-west-1")]));
    assert_eq!(found(&night()), []);
    // Whoever expects more is told of all.
    let own = "[accounts]\nown = [\"111122223333\", \"444455556666\", \"777788889999\"]\n";
    let more =
        format!("{own}[regions]\nexpected = [\"eu-west-1\", \"us-east-1\", \"us-east-2\"]\n");
    sandbox.write("keytrail.toml", more);
    assert_eq!(found(&night()).len(), 3);
    assert_eq!(found(&night()), []);
}

#[test]
fn what_was_accepted_for_a_time_is_told_when_it_is_over() {
    let sandbox = sandbox();
    let night = || {
        let words = ["scan", "trail.json", "--state=state", "-fjson", RULE];
        crate::trail::parse(&sandbox.keytrail(words).run().code(0))
    };
    let config = sandbox.read("keytrail.toml");
    let accepted = "[[suppress]]\nrule = \"trail-coverage-missing\"\nreason = \"r\"\n\
                    expires = 2099-01-01\n";
    sandbox.write("keytrail.toml", format!("{config}{accepted}"));
    assert_eq!((found(&night()).len(), found(&night()).len()), (0, 0));
    sandbox.write("keytrail.toml", config);
    assert_eq!((found(&night()).len(), found(&night()).len()), (2, 0));
}

#[test]
fn what_delivers_by_now_ends_its_finding() {
    let sandbox = sandbox();
    let night = |number: u32, records: &[Value]| {
        sandbox.write(&format!("logs/{number}.json"), file(records));
        let report = format!("night-{number}.json");
        let words = ["scan", "logs", "--state=state", "-q", RULE, "-o", &report];
        sandbox.keytrail(words).run().code(0);
        let report: Value = serde_json::from_str(&sandbox.read(&report)).unwrap();
        report
    };
    let period = |nights: &[&str]| {
        let words = ["report", "-fjson"].into_iter().chain(nights.iter().copied());
        let report = crate::trail::parse(&sandbox.keytrail(words).run().code(0));
        let told = findings(&report).into_iter().map(|finding| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let state = finding["outcome"]["state"].as_str().map(str::to_owned);
            (text(&finding["account"]), text(&finding["level"]), finding["count"].clone(), state)
        });
        told.collect::<Vec<_>>()
    };
    let both = |day| [event(day, FIRST, "us-east-1"), event(day, SECOND, "us-east-1")];
    let first = night(
        1,
        &[both(1), both(2).map(|r| with(r, &[("/awsRegion", json!("eu-west-1"))]))].concat(),
    );
    assert_eq!(found(&first), [one(SILENT, "medium", &["eu-west-1", "us-east-1"])]);
    assert_eq!(night(2, &both(3))["outcomes"], json!([]));
    // It lacks less, which is told anew and is no end.
    let third = night(3, &[event(4, SILENT, "eu-west-1")]);
    assert_eq!(found(&third), [one(SILENT, "low", &["us-east-1"])]);
    assert_eq!(third["outcomes"], json!([]));
    let nights = ["night-1.json", "night-2.json", "night-3.json"];
    let low = (SILENT.to_owned(), "low".to_owned(), json!(1), None);
    assert_eq!(period(&nights), std::slice::from_ref(&low));
    let fourth = night(4, &[event(5, SILENT, "us-east-1")]);
    assert_eq!((found(&fourth).len(), fourth["outcomes"].as_array().unwrap().len()), (0, 1));
    let outcome = &fourth["outcomes"][0]["outcome"];
    assert_eq!([&outcome["state"], &outcome["at"]], ["reversed", "2026-05-05T10:00:00Z"]);
    let over = (SILENT.to_owned(), "low".to_owned(), json!(1), Some("reversed".to_owned()));
    assert_eq!(period(&[&nights[..], &["night-4.json"]].concat()), [over]);
    assert_eq!(night(5, &both(6))["outcomes"], json!([]));
}
