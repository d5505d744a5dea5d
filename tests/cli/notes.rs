//! What is to be known of the records that were read, and is no problem.

use serde_json::{Value, json};

use crate::harness::Sandbox;
use crate::trail::{at, disable, file, parse, with};

const MESSAGE: &str = "eventVersion 2 is not known: its records are read as those of version 1.";

/// Two records of an unknown version, one that gives its version as a number, and one without any.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let of = |id: &str, version: Value| with(disable(id), &[("/eventVersion", version)]);
    let first = [of("e-1", json!(1.04)), of("e-2", Value::Null), at(of("e-3", json!("2.0")), 1)];
    sandbox.write("logs/a.json", file(&first));
    sandbox.write("logs/b.json", file(&[at(of("e-4", json!("2.13")), 2), disable("e-5")]));
    sandbox
}

#[test]
fn a_version_that_is_not_known_is_read_and_noted_once() {
    let sandbox = sandbox();
    let note = json!([{"message": MESSAGE, "records": 2, "origin": "logs/a.json#2"}]);
    for threads in ["--threads=1", "--threads=4"] {
        let report = sandbox.report(0, ["--select=key-disabled", "logs", threads]);
        assert_eq!(report["findings"][0]["count"], 5);
        assert_eq!([&report["notes"], &report["problems"]], [&note, &json!([])]);
        assert_eq!(report["run"]["complete"], true);
    }
    // The other way round, under other names.
    let other = Sandbox::new();
    other.write("logs/a.json", std::fs::read(sandbox.path("logs/b.json")).unwrap());
    other.write("logs/b.json", std::fs::read(sandbox.path("logs/a.json")).unwrap());
    let report = other.report(0, ["logs"]);
    assert_eq!(report["notes"][0]["origin"], "logs/a.json#0");
}

#[test]
fn usual_versions_are_not_worth_a_note() {
    let sandbox = Sandbox::new();
    let versions = ["1.0", "1.02", "1.11", "1.99"];
    let records =
        versions.map(|version| with(disable(version), &[("/eventVersion", json!(version))]));
    sandbox.write("trail.json", file(&records));
    assert_eq!(sandbox.report(0, ["trail.json"])["notes"], json!([]));
}

#[test]
fn what_is_no_number_is_noted_without_its_text() {
    let sandbox = Sandbox::new();
    let versions = [json!("\u{1b}[2J"), json!({"a": 1}), json!("99999999999.1"), json!("")];
    let of = |version: &Value| {
        with(disable(&version.to_string()), &[("/eventVersion", version.clone())])
    };
    sandbox.write("trail.json", file(&versions.iter().map(of).collect::<Vec<_>>()));
    let report = sandbox.report(0, ["trail.json"]);
    let message = "eventVersion is no number: such records are read as those of version 1.";
    let note = json!([{"message": message, "records": 4, "origin": "trail.json#0"}]);
    assert_eq!(report["notes"], note);
}

#[test]
fn every_output_tells_a_note_or_standard_error_does() {
    let sandbox = sandbox();
    let told = format!("{MESSAGE} (2 records, first logs/a.json#2)");
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let scan = |format: &str| {
        let words = ["scan", "logs", "--select=key-disabled", "-f", format];
        sandbox.keytrail(words).run().code(0)
    };
    for format in ["table", "json", "html", "markdown"] {
        let ended = scan(format).stderr("");
        assert!(flat(&ended.stdout).contains(MESSAGE), "{format}: {}", ended.stdout);
    }
    assert!(flat(&scan("table").stdout).contains(&told));
    for format in ["csv", "ndjson", "sarif", "ocsf", "asff"] {
        scan(format).stderr(&format!("note: {told}\n"));
    }
    for command in [&["keys", "logs"][..], &["events", "logs"], &["actors", "logs"]] {
        let words = |more: &[&'static str]| [command, more].concat();
        sandbox.keytrail(words(&[])).run().code(0).says(&format!("note: {told}"));
        sandbox.keytrail(words(&["-q"])).run().code(0).stderr("");
    }
    let lines = ["scan", "logs", "-f", "ndjson", "--problems", "ndjson"];
    let ended = sandbox.keytrail(lines).run().code(0).stderr("");
    let last: Value = serde_json::from_str(ended.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(last["notes"][0]["message"], MESSAGE);
}

#[test]
fn a_period_tells_the_notes_of_its_nights() {
    let sandbox = sandbox();
    for (night, state) in [("a", true), ("b", true), ("c", false), ("d", false)] {
        let logs = if night == "b" { "logs/b.json" } else { "logs/a.json" };
        let report = format!("{night}.json");
        let mut words = vec!["scan", logs, "-f", "json", "-o", &report];
        words.extend(state.then_some("--state=state"));
        sandbox.keytrail(words).run().code(0);
    }
    let records = |nights: &[&str]| {
        let words = [&["report", "-f", "json"], nights].concat();
        let period = parse(&sandbox.keytrail(words).run().code(0));
        (period["notes"][0]["records"].clone(), period["notes"][0]["origin"].clone())
    };
    assert_eq!(records(&["b.json", "a.json"]), (json!(2), json!("logs/a.json#2")));
    assert_eq!(records(&["c.json", "d.json"]), (json!(1), json!("logs/a.json#2")));
}

#[test]
fn whoever_asks_for_tags_hears_of_them_too() {
    let sandbox = sandbox();
    let ended = sandbox.keytrail(["tags", "logs"]).run().code(0);
    assert!(ended.stderr.contains(MESSAGE), "{}", ended.stderr);
    sandbox.keytrail(["tags", "logs", "-q"]).run().code(0).stderr("");
}
