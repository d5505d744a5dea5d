//! `--export FORMAT=PATH` and `-o`: which format goes where, and what happens when one cannot.

use std::fs;

use serde_json::{Value, json};

use crate::harness::Sandbox;

fn sandbox() -> Sandbox {
    let record = json!({
        "eventVersion": "1.11", "eventSource": "kms.amazonaws.com", "eventName": "DisableKey",
        "eventTime": "2026-11-23T20:17:00Z", "awsRegion": "eu-central-1", "eventID": "e-1",
        "recipientAccountId": "111122223333", "sourceIPAddress": "192.0.2.1",
        "userAgent": "=cmd|' /C calc'!A0",
        "userIdentity": {"type": "IAMUser", "accountId": "111122223333",
            "arn": "arn:aws:iam::111122223333:user/Alice"},
        "requestParameters": {"keyId": "1234abcd-12ab-34cd-56ef-1234567890ab"},
    });
    let sandbox = Sandbox::new();
    sandbox.write("logs/trail.json", json!({"Records": [record]}).to_string());
    sandbox
}

/// What a file begins with, as its format.
fn form(text: &str) -> &str {
    match text {
        _ if text.starts_with("{\n  \"schema\": \"keytrail.report/v1\"") => "json",
        _ if text.starts_with("{\"schema\"") || text.starts_with("{\"fingerprint\"") => "ndjson",
        _ if text.starts_with("fingerprint,rule,title,") => "csv",
        _ if text.contains("\"$schema\"") && text.contains("sarif-schema-2.1.0") => "sarif",
        _ if text.starts_with("{\"activity_id\"") => "ocsf",
        _ if text.starts_with("[{\"Action\"") => "asff",
        _ => "table",
    }
}

#[test]
fn the_suffix_says_the_format_unless_an_option_does() {
    let sandbox = sandbox();
    for (name, expected) in [
        ("a.json", "json"),
        ("a.NDJSON", "ndjson"),
        ("a.jsonl", "ndjson"),
        ("a.csv", "csv"),
        ("a.sarif", "sarif"),
        ("a.SARIF.json", "sarif"),
        ("a.ocsf.json", "ocsf"),
        ("a.ocsf.ndjson", "ocsf"),
        ("a.asff.json", "asff"),
        ("sarif.json", "json"),
        ("a", "table"),
    ] {
        sandbox.keytrail(["scan", "logs", "-o", name]).run().code(0);
        assert_eq!(form(&sandbox.read(name)), expected, "{name}");
    }
    let ended = sandbox.keytrail(["scan", "logs", "-q", "-fcsv", "-o", "b.json"]).run().code(0);
    assert_eq!(form(&sandbox.read("b.json")), "csv");
    let warned = "warning: --output has the suffix of json, and --format says csv";
    assert!(ended.stderr.contains(warned), "{}", ended.stderr);
    let ended = sandbox.keytrail(["scan", "logs", "-q", "-fcsv", "-o", "b.csv"]).run().code(0);
    assert_eq!(ended.stderr, "");
}

#[test]
fn every_export_has_the_findings_of_the_report() {
    let sandbox = sandbox();
    let words =
        ["scan", "logs", "-fjson", "--export=csv=a", "--export", "b.ndjson", "--export=table=c"];
    let ended = sandbox.keytrail(words).run().code(0);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let fingerprint = report["findings"][0]["fingerprint"].as_str().unwrap();
    for (name, expected) in [("a", "csv"), ("b.ndjson", "ndjson")] {
        let text = sandbox.read(name);
        assert_eq!(form(&text), expected);
        assert!(text.contains(fingerprint), "{name}");
    }
    assert_eq!(form(&sandbox.read("c")), "table");
    assert_eq!(sandbox.names(), ["a", "b.ndjson", "c", "logs"]);
}

#[test]
fn formats_of_other_systems_have_the_findings_and_say_problems_elsewhere() {
    let sandbox = sandbox();
    sandbox.write("logs/cut.json", "{\"Records\":[{");
    let fingerprints = {
        let report = sandbox.keytrail(["scan", "logs", "-fjson"]).run().code(3).stdout;
        let report: Value = serde_json::from_str(&report).unwrap();
        let findings = report["findings"].as_array().unwrap().iter();
        findings.map(|of| of["fingerprint"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(!fingerprints.is_empty());
    for (format, alone) in [("sarif", false), ("ocsf", true), ("asff", true)] {
        let ended = sandbox.keytrail(["scan", "logs", "-f", format]).run().code(3);
        assert_eq!(form(&ended.stdout), format);
        for fingerprint in &fingerprints {
            assert!(ended.stdout.contains(fingerprint), "{format}");
        }
        assert_eq!(ended.stderr.contains("logs/cut.json"), alone, "{format}: {}", ended.stderr);
        assert_eq!(ended.stdout.contains("toolExecutionNotifications"), !alone);
    }
}

#[test]
fn the_version_of_ocsf_is_that_which_was_asked_for() {
    let sandbox = sandbox();
    let version = |words: &[&str]| {
        let words = ["scan", "logs", "-focsf"].iter().chain(words);
        let ended = sandbox.keytrail(words).run().code(0);
        let finding: Value = serde_json::from_str(ended.stdout.lines().next().unwrap()).unwrap();
        finding["metadata"]["version"].as_str().unwrap().to_owned()
    };
    assert_eq!(version(&[]), "1.8.0");
    assert_eq!(version(&["--ocsf-version=1.1.0"]), "1.1.0");
    let words = ["scan", "logs", "--export=ocsf=a", "--ocsf-version=1.3.0"];
    sandbox.keytrail(words).run().code(0);
    assert!(sandbox.read("a").contains("\"version\":\"1.3.0\""));
    for (words, said) in [
        (["-focsf", "--ocsf-version=1.0.0"], "expected one of 1.1.0, 1.2.0"),
        (["-fjson", "--ocsf-version=1.8.0"], "--ocsf-version is for the format ocsf"),
    ] {
        let words = ["scan", "logs"].into_iter().chain(words);
        let ended = sandbox.keytrail(words).run().code(2);
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}

#[test]
fn a_live_report_waits_for_its_exports() {
    let sandbox = sandbox();
    let words = ["scan", "logs", "--each", "-fndjson", "--export=csv=a.csv"];
    let ended = sandbox.keytrail(words).run().code(0);
    let finding: Value = serde_json::from_str(ended.stdout.lines().next().unwrap()).unwrap();
    assert!(sandbox.read("a.csv").contains(finding["fingerprint"].as_str().unwrap()));
    assert_eq!(sandbox.read("a.csv").lines().count(), ended.stdout.lines().count() + 1);
}

#[test]
fn cells_that_a_spreadsheet_would_run_are_text() {
    let ended = sandbox().keytrail(["scan", "logs", "-fcsv"]).run().code(0);
    assert!(ended.stdout.contains(",'=cmd|' /C calc'!A0,"), "{}", ended.stdout);
}

#[test]
fn all_that_is_wrong_with_outputs_is_said_before_anything_is_read() {
    let sandbox = sandbox();
    let words = [
        "scan",
        "logs",
        "-o",
        "a.csv",
        "--export=csv=a.csv",
        "--export=csv=nowhere/b.csv",
        "--export=json=logs/trail.json",
        "--export=json=x.json",
        "--export=csv=./x.json",
    ];
    let ended = sandbox.keytrail(words).run().code(2);
    for said in [
        "a.csv: cannot be opened for writing: is named for two reports",
        "nowhere/b.csv: cannot be opened for writing: no such folder",
        "x.json: cannot be opened for writing: is named for two reports",
    ] {
        assert!(ended.stderr.contains(said), "{said} is not in\n{}", ended.stderr);
    }
    assert_eq!(sandbox.names(), ["logs"]);
    for (export, said) in [
        ("xml=a", "'xml'"),
        ("json=-", "standard output is for the main report"),
        ("a.xyz", "expected FORMAT=PATH"),
    ] {
        let ended = sandbox.keytrail(["scan", "logs", "--export", export]).run().code(2);
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}

#[test]
fn two_reports_are_not_written_to_one_file_by_two_names() {
    let sandbox = sandbox();
    sandbox.write("real/x", "");
    for (link, to) in [("b.html", "a.html"), ("lnk", "real")] {
        std::os::unix::fs::symlink(to, sandbox.path(link)).unwrap();
    }
    for (main, export) in [
        ("a.html", "markdown=b.html"),
        ("a.html", "csv=real/../a.html"),
        ("real/x", "csv=lnk/x"),
        ("real/new", "csv=lnk/new"),
    ] {
        let words = ["scan", "logs", "-o", main, "--export", export];
        let ended = sandbox.keytrail(words).run().code(2);
        assert!(ended.stderr.contains("is named for two reports"), "{export}: {}", ended.stderr);
    }
    let words = ["scan", "logs", "-fcsv", "--export=ndjson=/dev/stdout"];
    sandbox.keytrail(words).run().code(2).stdout("");
}

#[test]
fn an_export_that_fails_takes_nothing_with_it_but_the_state() {
    let sandbox = sandbox();
    let words = [
        "scan",
        "logs",
        "-o",
        "a.json",
        "--export=csv=/dev/full",
        "--export=ndjson=b.ndjson",
        "--state=state",
    ];
    let ended = sandbox.keytrail(words).run().code(2);
    assert!(ended.stderr.contains("/dev/full: cannot be written"), "{}", ended.stderr);
    assert_eq!(form(&sandbox.read("a.json")), "json");
    assert_eq!(form(&sandbox.read("b.ndjson")), "ndjson");
    assert!(fs::metadata(sandbox.path("state")).is_err(), "the next run has to tell it all again");
}
