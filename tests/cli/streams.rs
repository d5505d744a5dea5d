//! Where the report goes and what happens when that breaks, on input that needs no rule to match.

use std::fs;
use std::io::Write as _;

use serde_json::Value;

use crate::harness::{Lines, Sandbox, signal};
use crate::trail::{disable, findings, lines};

const TRAIL: &str = "{\"Records\":[]}\n";

#[test]
fn the_report_goes_where_it_is_sent() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", TRAIL).write("report.json", "old");
    sandbox
        .keytrail(["scan", "-f", "json", "-o", "report.json", "trail.json"])
        .run()
        .code(0)
        .stdout("")
        .stderr("");
    assert_ne!(sandbox.read("report.json"), "old");
    assert_eq!(sandbox.names(), ["report.json", "trail.json"]);
    let dash = sandbox.keytrail(["scan", "-f", "ndjson", "-o", "-", "trail.json"]).run();
    dash.code(0).stdout("").stderr("");
}

#[test]
fn standard_input_is_read_without_a_source() {
    let sandbox = Sandbox::new();
    sandbox.keytrail(["scan", "-f", "ndjson"]).stdin(TRAIL).run().code(0).stderr("");
}

#[test]
fn no_trail_files_is_no_clean_scan() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("empty")).unwrap();
    let scan = |more: &[&str]| {
        let words = ["scan", "-f", "ndjson", "empty"];
        sandbox.keytrail(words.iter().chain(more)).run()
    };
    scan(&[]).code(3).stdout("").stderr(
        "warning: empty: read: no trail files found\n\
         warning: incomplete: 1 problem\n",
    );
    scan(&["-q"]).code(3).stderr("warning: incomplete: 1 problem\n");
    scan(&["--allow-incomplete"]).code(0);
}

#[test]
fn a_full_disk_is_no_success() {
    if !std::path::Path::new("/dev/full").exists() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", TRAIL);
    let ended = sandbox.keytrail(["scan", "-f", "json", "-o", "/dev/full", "trail.json"]).run();
    let ended = ended.code(2).stdout("");
    assert!(ended.stderr.starts_with("error: /dev/full: cannot be written: "), "{}", ended.stderr);
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let sandbox = Sandbox::new();
    let mut keytrail = sandbox.keytrail(["scan", "-f", "json", "-"]);
    let mut child = keytrail.spawn();
    // Closed before the scan can end, and so before it writes.
    drop(child.stdout.take());
    child.stdin.as_mut().unwrap().write_all(TRAIL.as_bytes()).unwrap();
    keytrail.end(child).code(0).stderr("");
}

#[test]
fn progress_is_lines_where_there_is_no_terminal() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", TRAIL);
    sandbox.keytrail(["scan", "trail.json"]).run().code(0).stderr("");
    let ended = sandbox.keytrail(["scan", "--progress=always", "trail.json"]).run().code(0);
    // However short, the last phase is told.
    assert_eq!(ended.stderr.lines().last(), Some("progress: writing  0 findings"));
}

#[test]
fn the_first_signal_ends_the_scan_and_what_was_found_is_reported() {
    let sandbox = Sandbox::new();
    let words = ["scan", "-fjson", "-oreport.json", "--select=key-disabled", "--progress=always"];
    let mut keytrail = sandbox.keytrail(words.iter().chain(&["-"]));
    let mut child = keytrail.spawn();
    let said = Lines::of(child.stderr.take().unwrap());
    child.stdin.as_mut().unwrap().write_all(&lines(&[disable("e-1")])).unwrap();
    said.wait_for("1 match");
    // Standard input stays open and silent: the scan waits in a read.
    signal("INT", child.id());
    keytrail.end_with_open_input(child).code(3).stdout("");
    said.wait_for("interrupted: the report holds what was found until then");
    let report: Value = serde_json::from_str(&sandbox.read("report.json")).unwrap();
    assert_eq!(findings(&report).len(), 1);
}

#[test]
fn every_format_tells_what_was_found_until_a_signal_came() {
    const FORMATS: [&str; 9] =
        ["table", "json", "ndjson", "csv", "html", "markdown", "sarif", "ocsf", "asff"];
    for name in ["INT", "TERM", "HUP"] {
        let sandbox = Sandbox::new();
        let mut words: Vec<String> =
            FORMATS.iter().map(|format| format!("--export={format}=out.{format}")).collect();
        words.extend(["scan", "--select=key-disabled", "--progress=always", "-"].map(String::from));
        words.rotate_right(4);
        let mut keytrail = sandbox.keytrail(&words);
        let mut child = keytrail.spawn();
        let said = Lines::of(child.stderr.take().unwrap());
        child.stdin.as_mut().unwrap().write_all(&lines(&[disable("e-1")])).unwrap();
        said.wait_for("1 match");
        signal(name, child.id());
        keytrail.end_with_open_input(child).code(3);
        for format in FORMATS {
            let text = sandbox.read(&format!("out.{format}"));
            assert!(text.contains("key-disabled"), "{name} {format}: {text}");
        }
        let left = sandbox.names().into_iter().filter(|name| !name.starts_with("out."));
        assert_eq!(left.collect::<Vec<_>>(), Vec::<String>::new());
    }
}

#[test]
fn a_report_that_goes_into_the_source_is_not_read() {
    let sandbox = Sandbox::new();
    sandbox.write("in/trail.json", TRAIL);
    sandbox.keytrail(["scan", "-fjson", "-oin/report.json", "in"]).run().code(0).stderr("");
    let report: Value = serde_json::from_str(&sandbox.read("in/report.json")).unwrap();
    assert_eq!(report["totals"]["blobs"], 1);
}

#[test]
fn what_a_killed_run_has_left_is_removed_by_the_next() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", TRAIL);
    let words = ["scan", "-fjson", "-oreport.json", "--progress=always", "-"];
    let start = || {
        let mut keytrail = sandbox.keytrail(words);
        let mut child = keytrail.spawn();
        // The output is opened before progress is shown.
        Lines::of(child.stderr.take().unwrap()).wait_for("progress: ");
        (keytrail, child)
    };
    let (killed, child) = start();
    signal("KILL", child.id());
    killed.end_with_open_input(child);
    let left = sandbox.names();
    assert_eq!(left.len(), 2, "{left:?}");
    let (going_on, child) = start();
    // Neither removes what the other is writing.
    sandbox.keytrail(["scan", "-fjson", "-oother.json", "trail.json"]).run().code(0);
    let now = sandbox.names();
    assert!(now.len() == 3 && !now.contains(&left[0]), "{now:?} {left:?}");
    going_on.end(child).code(3);
    assert_eq!(sandbox.names(), ["other.json", "report.json", "trail.json"]);
}

#[test]
fn the_second_signal_ends_at_once_and_leaves_no_file() {
    let sandbox = Sandbox::new();
    // A named pipe that nobody writes hangs when it is opened, where no scan notices the first
    // signal.
    let made = std::process::Command::new("mkfifo").arg(sandbox.path("pipe")).status().unwrap();
    assert!(made.success());
    let words = ["scan", "-fjson", "-oreport.json", "--progress=always", "pipe"];
    let mut keytrail = sandbox.keytrail(words);
    let mut child = keytrail.spawn();
    // Signals are caught before progress is shown.
    let said = Lines::of(child.stderr.take().unwrap());
    said.wait_for("progress: ");
    signal("INT", child.id());
    signal("TERM", child.id());
    keytrail.end_with_open_input(child).code(130).stdout("");
    assert_eq!(sandbox.names(), ["pipe"]);
}
