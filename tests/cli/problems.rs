//! `--problems ndjson`: what could not be read is a line too, and the last line says how the run ended.

use serde_json::{Value, json};

use crate::harness::{Ended, Sandbox};
use crate::trail::{disable, file, with};

/// A log, and one that is cut off.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let access_key = ("/userIdentity/accessKeyId", json!("AKIAIOSFODNN7EXAMPLE"));
    let record = with(disable("e-1"), &[access_key]);
    sandbox.write("trail.json", file(&[record])).write("broken.json", "{\"Records\":[{");
    sandbox
}

/// The lines of a run, whose exit code is that of the last one.
fn lines(ended: Ended) -> Vec<Value> {
    let all: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = all.last().unwrap();
    assert_eq!(last["schema"], "keytrail.run/v1");
    assert_eq!(last["exit"]["code"], ended.code.unwrap());
    let problems = all.iter().filter(|line| line["schema"] == "keytrail.problem/v1").count();
    assert_eq!(last["problems"], problems);
    all
}

fn names(lines: &[Value]) -> Vec<&str> {
    let names = lines.iter().map(|line| line["schema"].as_str().unwrap());
    names.map(|name| name.strip_prefix("keytrail.").unwrap()).collect()
}

const AS_LINES: [&str; 4] = ["-f", "ndjson", "--problems", "ndjson"];

#[test]
fn problems_follow_the_rows_and_the_run_comes_last() {
    let rows = [
        ("scan", "finding/v1"),
        ("keys", "key/v1"),
        ("events", "event/v1"),
        ("actors", "actor/v1"),
    ];
    for (command, row) in rows {
        let words = [&[command, "trail.json", "broken.json"], &AS_LINES[..]].concat();
        let ended = sandbox().keytrail(words).run().code(3);
        assert!(!ended.stderr.contains("broken.json"), "{}", ended.stderr);
        let lines = lines(ended);
        let (last, others) = lines.split_last().unwrap();
        assert_eq!(names(others).last(), Some(&"problem/v1"), "{command}");
        assert!(names(others).starts_with(&[row]), "{command}: {:?}", names(others));
        let exit = json!({"code": 3, "reason": "incomplete"});
        assert_eq!([&last["command"], &last["exit"]], [&json!(command), &exit]);
        assert_eq!(last["complete"], false);
        assert!(last["totals"].as_object().unwrap().values().any(|count| count == 1), "{last}");
    }
}

#[test]
fn findings_that_are_written_meanwhile_end_in_the_same_way() {
    let scan = |words: &[&str]| {
        let words =
            [&["scan", "trail.json", "--select", "key-disabled"], &AS_LINES[..], words].concat();
        lines(sandbox().keytrail(words).run())
    };
    let clean = json!({"code": 0, "reason": "clean"});
    for each in [&["--each"][..], &[]] {
        let lines = scan(each);
        assert_eq!(names(&lines), ["finding/v1", "run/v1"]);
        assert_eq!([&lines[1]["exit"], &lines[1]["complete"]], [&clean, &json!(true)]);
        assert_eq!(lines[1]["summary"]["high"], 1);
        let found = scan(&[each, &["--fail-on", "high"]].concat());
        assert_eq!(found[1]["exit"], json!({"code": 1, "reason": "findings"}));
    }
    let forgiven =
        [&["scan", "broken.json", "trail.json", "--allow-incomplete"], &AS_LINES[..]].concat();
    let forgiven = lines(sandbox().keytrail(forgiven).run().code(0));
    let last = forgiven.last().unwrap();
    assert_eq!([&last["exit"], &last["complete"]], [&clean, &json!(false)]);
}

#[test]
fn each_line_begins_with_its_form() {
    for command in ["scan", "keys", "events", "actors"] {
        let ended = sandbox().keytrail([command, "trail.json", "-f", "ndjson"]).run().code(0);
        assert!(!ended.stdout.is_empty() && !ended.stdout.contains("keytrail.run/v1"));
        for line in ended.stdout.lines() {
            assert!(line.starts_with("{\"schema\":\"keytrail."), "{command}: {line}");
        }
    }
}

#[test]
fn only_ndjson_has_them() {
    let error =
        "error: --problems ndjson is for -f ndjson\nhint: give -f ndjson, or leave it out\n";
    for command in ["scan", "keys", "events", "actors"] {
        let words = [command, "trail.json", "-f", "json", "--problems", "ndjson"];
        sandbox().keytrail(words).run().code(2).stderr(error).stdout("");
        let words = [command, "trail.json", "--problems", "stdout"];
        sandbox()
            .keytrail(words)
            .run()
            .code(2)
            .says("error: invalid value 'stdout' for '--problems': expected stderr or ndjson");
    }
}

#[test]
fn what_the_first_event_tells_stands_at_the_finding() {
    let words = ["scan", "trail.json", "--select", "key-disabled", "-f", "ndjson"];
    let ended = sandbox().keytrail(words).run().code(0);
    let finding: Value = serde_json::from_str(&ended.stdout).unwrap();
    for name in ["event_source", "access_key_id"] {
        assert_eq!(finding[name], finding["events"][0][name], "{name}");
        assert!(finding[name].is_string(), "{name}");
    }
}
