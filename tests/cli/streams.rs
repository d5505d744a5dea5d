//! Where the report goes and what happens when that breaks, on input that needs no rule to match.

use std::fs;
use std::time::{Duration, Instant};

use crate::harness::Sandbox;

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
    sandbox.write("trail.json", TRAIL);
    let mut keytrail = sandbox.keytrail(["scan", "-f", "json", "trail.json"]);
    let mut child = keytrail.spawn();
    drop(child.stdout.take());
    keytrail.end(child).code(0).stderr("");
}

#[test]
fn progress_is_lines_where_there_is_no_terminal() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", TRAIL);
    sandbox.keytrail(["scan", "trail.json"]).run().code(0).stderr("");
    let ended = sandbox.keytrail(["scan", "--progress=always", "trail.json"]).run().code(0);
    assert!(ended.stderr.starts_with("progress: "), "{}", ended.stderr);
}

/// Sends a signal by its name, through the `kill` that every shell has.
///
/// A process that has ended by itself is no error here: its exit code tells.
fn signal(name: &str, process: u32) {
    let kill = format!("kill -{name} {process} 2>/dev/null");
    std::process::Command::new("sh").args(["-c", &kill]).status().unwrap();
}

/// Waits until the process catches SIGINT, as Linux tells it; elsewhere, long enough.
pub fn wait_for_handler(process: u32) {
    let path = format!("/proc/{process}/status");
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until {
        let Ok(status) = fs::read_to_string(&path) else {
            return std::thread::sleep(Duration::from_secs(2));
        };
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
        if caught.is_some_and(|set| set & 0b10 != 0) {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_second_signal_ends_at_once_and_leaves_no_file() {
    let sandbox = Sandbox::new();
    // Standard input stays open and silent: the scan waits in a read.
    let mut keytrail = sandbox.keytrail(["scan", "-f", "json", "-o", "report.json", "-"]);
    let child = keytrail.spawn();
    wait_for_handler(child.id());
    signal("INT", child.id());
    std::thread::sleep(Duration::from_millis(200));
    signal("TERM", child.id());
    let code = keytrail.end_with_open_input(child).code;
    // A scan that notices the first signal in time is as good.
    assert!(matches!(code, Some(130 | 3)), "{code:?}");
    let names = sandbox.names();
    assert!(names.is_empty() || names == ["report.json"], "{names:?}");
}
