//! `keytrail report`: nightly reports to a period.

use std::fs;

use serde_json::{Value, json};

use crate::harness::Sandbox;
use crate::trail::{call, file, with};

/// Two nights with a state: in each a key is switched off.
fn nights() -> Sandbox {
    let sandbox = Sandbox::new();
    let off = |id: &str, key: &str, time: &str| {
        with(
            call("DisableKey", id),
            &[("/eventTime", json!(time)), ("/requestParameters", json!({"keyId": key}))],
        )
    };
    let first = "11111111-12ab-34cd-56ef-1234567890ab";
    let second = "22222222-12ab-34cd-56ef-1234567890ab";
    for (night, record) in
        [off("e-1", first, "2026-03-01T10:00:00Z"), off("e-2", second, "2026-03-02T10:00:00Z")]
            .into_iter()
            .enumerate()
    {
        sandbox.write(&format!("logs/{night}.json"), file(&[record]));
        let report = format!("night-{night}.json");
        let words = ["scan", "logs", "--state=state", "-q", "--select=key-disabled", "-o", &report];
        sandbox.keytrail(words).run().code(0);
    }
    sandbox
}

fn fingerprints(report: &Value) -> Vec<&str> {
    let all = report["findings"].as_array().unwrap();
    all.iter().map(|finding| finding["fingerprint"].as_str().unwrap()).collect()
}

#[test]
fn a_period_has_the_findings_of_all_nights() {
    let sandbox = nights();
    let words = ["report", "night-1.json", "night-0.json", "night-1.json", "-fjson"];
    let ended = sandbox.keytrail(words).run().code(0).stderr("");
    let period: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(period["schema"], "keytrail.report/v1");
    assert_eq!(fingerprints(&period).len(), 2);
    let nights = period["nights"].as_array().unwrap();
    assert_eq!(
        nights.iter().map(|n| &n["path"]).collect::<Vec<_>>(),
        ["night-0.json", "night-1.json"]
    );
    assert_eq!(nights.iter().map(|n| &n["new"]["high"]).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(period["totals"]["records"], 2);
    sandbox.keytrail(["report", "night-0.json", "--fail-on=high"]).run().code(1);
}

#[test]
fn every_format_tells_a_period() {
    let sandbox = nights();
    let exports = ["csv", "ndjson", "html", "markdown", "sarif", "ocsf", "asff"];
    let mut words = vec!["report".to_owned(), "night-0.json".into(), "night-1.json".into()];
    words.extend(exports.iter().map(|format| format!("--export={format}=out.{format}")));
    let ended = sandbox.keytrail(&words).run().code(0);
    assert!(ended.stdout.contains("key-disabled"), "{}", ended.stdout);
    for format in exports {
        assert!(sandbox.read(&format!("out.{format}")).contains("key-disabled"), "{format}");
    }
    let page = sandbox.read("out.html");
    // What a scan has uploaded stays open.
    let sarif: Value = serde_json::from_str(&sandbox.read("out.sarif")).unwrap();
    let id = sarif["runs"][0]["automationDetails"]["id"].as_str().unwrap();
    assert!(id.starts_with("keytrail/report/"), "{id}");
    for said in ["Reports of the period", "night-0.json", "New findings of each report by level"] {
        assert!(page.contains(said), "{said}");
    }
}

#[test]
fn what_the_configuration_suppresses_by_now_is_an_exception() {
    let sandbox = nights();
    sandbox.write(
        "accepted.toml",
        "[[suppress]]\nrule = \"key-disabled\"\nkey = \"arn:aws:kms:*:key/11111111-*\"\nreason = \"retired\"\n\
         expires = 2099-01-01\n",
    );
    let words = ["report", "night-0.json", "night-1.json", "-fjson", "--config=accepted.toml"];
    let ended = sandbox.keytrail(words).run().code(0);
    let period: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(fingerprints(&period).len(), 1);
    assert_eq!(period["suppressions"][0]["reason"], "retired");
    assert_eq!(period["suppressions"][0]["count"], 1);
    assert_eq!(period["summary"]["suppressed"], 1);
}

#[test]
fn a_report_that_cannot_be_read_is_a_problem_and_one_that_is_not_there_an_error() {
    let sandbox = nights();
    sandbox
        .write("bad.json", "{\"schema\":")
        .write("tags.json", "{\"schema\":\"keytrail.tags/v1\"}");
    let words = ["report", "night-0.json", "bad.json", "tags.json", "-fjson"];
    let ended = sandbox.keytrail(words).run().code(3);
    let period: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(fingerprints(&period).len(), 1);
    let origins = period["problems"].as_array().unwrap().iter().map(|p| &p["origin"]);
    assert_eq!(origins.collect::<Vec<_>>(), ["bad.json", "tags.json"]);
    sandbox.keytrail(["report", "night-0.json", "bad.json", "--allow-incomplete"]).run().code(0);
    let ended = sandbox.keytrail(["report", "absent.json", "-o", "out.html"]).run().code(2);
    assert!(ended.stderr.starts_with("error: absent.json: "), "{}", ended.stderr);
    assert!(fs::metadata(sandbox.path("out.html")).is_err());
    // A report is not written over one that is read.
    sandbox.keytrail(["report", "night-0.json", "-fjson", "-o", "night-0.json"]).run().code(2);
}

/// Whoever can write a report file chooses its numbers.
#[test]
fn numbers_of_any_size_end_no_format() {
    let sandbox = nights();
    let mut report: Value = serde_json::from_str(&sandbox.read("night-0.json")).unwrap();
    let most = json!(u64::MAX);
    let finding = &mut report["findings"][0];
    (finding["count"], finding["rank"]) = (most.clone(), most.clone());
    let mut twin = finding.clone();
    twin["fingerprint"] = json!("ffffffffffffffffffffffffffffffff");
    report["findings"].as_array_mut().unwrap().push(twin);
    let fingerprints = json!(fingerprints(&report));
    report["cases"][0]["findings"] = fingerprints;
    report["cases"][0]["rank"] = most.clone();
    let suppression = |owner: &str| {
        json!({"rule": "key-disabled", "reason": "r", "expires": "2099-01-01", "state": "active",
            "count": most, "owner": owner, "ticket": null, "fitted": []})
    };
    report["suppressions"] = json!([suppression("ann"), suppression("bob")]);
    report["run"]["min_level"] = json!("high");
    for object in ["summary", "totals", "examined"] {
        let members = report[object].as_object_mut().unwrap().values_mut();
        members.filter(|value| value.is_u64()).for_each(|value| *value = most.clone());
    }
    let place = report["coverage"].as_array_mut().unwrap();
    for row in place {
        let members = row.as_object_mut().unwrap().values_mut();
        members.filter(|value| value.is_u64()).for_each(|value| *value = most.clone());
    }
    report["verify"] = json!({"logs": {"verified": most, "modified": most}});
    sandbox.write("huge.json", report.to_string());
    report["run"]["finished"] = json!("2026-12-31T00:00:00Z");
    sandbox.write("huge-2.json", report.to_string());
    for format in ["table", "json", "ndjson", "csv", "html", "markdown", "sarif", "ocsf", "asff"] {
        let words = ["report", "huge.json", "huge-2.json", "night-1.json", "-q", "-f", format];
        let ended = sandbox.keytrail(words.iter().chain(&["--fail-on=low"])).run();
        assert_eq!(ended.code, Some(1), "{format}: {}", ended.stderr);
        let ended =
            sandbox.keytrail(words.iter().chain(&["-v"]).filter(|word| **word != "-q")).run();
        assert_eq!(ended.code, Some(0), "{format}: {}", ended.stderr);
    }
}

/// Whoever can write a report file chooses its texts.
#[test]
fn texts_of_any_size_end_no_format() {
    let sandbox = nights();
    let mut report: Value = serde_json::from_str(&sandbox.read("night-0.json")).unwrap();
    for length in [65_525, 70_000] {
        let long = json!("x".repeat(length));
        let finding = &mut report["findings"][0];
        for member in ["rule", "title", "account", "region", "source_ip", "user_agent", "advice"] {
            finding[member] = long.clone();
        }
        finding["principal"]["arn"] = long.clone();
        finding["events"][0]["name"] = long.clone();
        for member in ["id", "title"] {
            report["cases"][0][member] = long.clone();
        }
        report["cases"][0]["actors"] = json!([long]);
        sandbox.write("long.json", report.to_string());
        for format in ["table", "json", "html", "markdown", "sarif", "asff"] {
            let words = ["report", "long.json", "night-1.json", "-v", "-f", format];
            let ended = sandbox.keytrail(words).run();
            assert!(!ended.stderr.contains("panicked") && ended.code != Some(101), "{format}");
            assert!(!ended.stdout.is_empty(), "{format}");
        }
        for view in ["cases", "findings", "events"] {
            let ended = sandbox.keytrail(["report", "long.json", "--view", view]).run();
            assert!(!ended.stderr.contains("panicked") && ended.code.is_some(), "{view}");
        }
    }
}

/// A rule that is no part of the program, with a control.
const OWN: &str = "title: Own\nid: own-rule\nlevel: high\nkeytrail:\n  controls: [PCI:3.7.5]\n\
    logsource: {product: aws, service: cloudtrail}\n\
    detection:\n  a:\n    eventName: DisableKey\n  condition: a\n";

/// What a page says of the control that [`OWN`] names.
fn verdict(page: &str) -> &'static str {
    let row = page.lines().find(|line| line.contains(r"[3\.7.5]")).unwrap_or_default();
    let said = ["not met", "met in part", "not testable", "met"];
    said.into_iter().find(|said| row.contains(said)).unwrap_or_default()
}

#[test]
fn what_a_night_does_not_meet_its_period_does_not_meet() {
    let sandbox = nights();
    let known = |reports: &[&str]| {
        let words = [&["report", "-fjson"], reports].concat();
        let ended = sandbox.keytrail(words).run().code(0);
        serde_json::from_str::<Value>(&ended.stdout).unwrap()["known"].clone()
    };
    // The finding of the first night is known to the second one.
    assert_eq!(known(&["night-1.json"]), json!({"key-disabled": 1}));
    assert_eq!(known(&["night-0.json", "night-1.json"]), json!({}));
}

#[test]
fn rules_that_are_not_built_in_keep_their_controls() {
    let sandbox = nights();
    sandbox.write("own.yml", OWN);
    let scan = ["scan", "logs", "--rules=own.yml", "--select=own-rule", "-q", "-onight.json"];
    sandbox.keytrail(scan).run().code(0);
    let mut night: Value = serde_json::from_str(&sandbox.read("night.json")).unwrap();
    let own = &night["tool"]["rules"]["own"][0];
    assert_eq!([&own["id"], &own["level"]], ["own-rule", "high"]);
    assert_eq!(own["controls"], json!(["PCI:3.7.5"]));
    let report = ["report", "night.json", "-fmarkdown"];
    let page = sandbox.keytrail(report).run().code(0).stdout;
    assert_eq!(verdict(&page), "not met");
    // A report of an earlier version does not say it.
    night["tool"]["rules"].as_object_mut().unwrap().remove("own");
    sandbox.write("night.json", night.to_string());
    let page = sandbox.keytrail(report).run().code(3).stdout;
    assert!(page.contains("what 1 rule that the program does not have is about"), "{page}");
}

#[test]
fn a_night_that_was_interrupted_is_forgiven_if_asked() {
    let sandbox = nights();
    let mut night: Value = serde_json::from_str(&sandbox.read("night-0.json")).unwrap();
    night["run"]["complete"] = false.into();
    sandbox.write("cut.json", night.to_string());
    sandbox.keytrail(["report", "cut.json"]).run().code(3);
    sandbox.keytrail(["report", "cut.json", "--allow-incomplete"]).run().code(0);
    let quiet = sandbox.keytrail(["report", "cut.json", "-q"]).run().code(3);
    assert_eq!(quiet.stderr, "warning: incomplete: 1 problem\n");
}

#[test]
fn suppressions_of_a_period_are_those_of_a_scan() {
    let sandbox = nights();
    let with = |rule: &str, key: &str, day: &str| {
        let text = format!(
            "[[suppress]]\nrule = \"{rule}\"\nkey = \"{key}\"\nreason = \"r\"\nexpires = {day}\n"
        );
        sandbox.write("accepted.toml", text);
        sandbox.keytrail(["report", "night-0.json", "--config=accepted.toml"]).run()
    };
    let typo = with("key-disabeld", "*", "2099-01-01").code(2);
    assert!(typo.stderr.contains("suppress.rule"), "{}", typo.stderr);
    let unmatched = with("key-disabled", "arn:aws:kms:*:key/9*", "2099-01-01").code(0);
    assert!(unmatched.stderr.contains("fits no finding"), "{}", unmatched.stderr);
    let expired = with("key-disabled", "*", "2020-01-01").code(0);
    assert!(expired.stderr.contains("expired on 2020-01-01"), "{}", expired.stderr);
}

#[test]
fn a_configuration_beside_the_reports_decides_nothing_however_they_are_named() {
    let sandbox = nights();
    sandbox.write(
        "keytrail.toml",
        "[[suppress]]\nrule = \"key-disabled\"\nreason = \"r\"\nexpires = 2099-01-01\n",
    );
    for name in ["night-0.json", "./night-0.json"] {
        let ended = sandbox.keytrail(["report", name, "-fjson"]).run().code(0);
        let period: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(fingerprints(&period).len(), 1, "{name}");
        assert!(ended.stderr.contains("name it with --config"), "{name}: {}", ended.stderr);
    }
}

#[test]
fn a_report_that_is_not_there_waits_for_nobody() {
    let sandbox = nights();
    let made = std::process::Command::new("mkfifo").arg(sandbox.path("pipe")).status().unwrap();
    assert!(made.success());
    sandbox.keytrail(["report", "absent.json", "-opipe"]).run().code(2);
    sandbox.keytrail(["report", "absent.json", "--export=json=pipe"]).run().code(2);
}

#[test]
fn a_forecast_exports_nothing() {
    let sandbox = nights();
    let words = ["scan", "logs", "--dry-run", "--export=json=r.json"];
    let refused = sandbox.keytrail(words).run().code(2);
    assert!(refused.stderr.contains("--export"), "{}", refused.stderr);
}
