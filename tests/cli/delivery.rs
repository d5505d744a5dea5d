//! What every command does with an output that is closed, full or gone: the same.

use std::io::Write;
use std::path::Path;

use serde_json::json;

use crate::chain::Chain;
use crate::harness::{Sandbox, signal};

/// Each command, and the code that it earns.
const COMMANDS: &[(&[&str], i32)] = &[
    (&["scan", "trail.json"], 0),
    (&["scan", "-fjson", "cut.json"], 3),
    (&["scan", "-fndjson", "--each", "--select=key-disabled", "disabled.json"], 0),
    (&["scan", "-fcsv", "disabled.json"], 0),
    (&["scan", "-fhtml", "disabled.json"], 0),
    (&["scan", "-fmarkdown", "disabled.json"], 0),
    (&["scan", "-fsarif", "cut.json"], 3),
    (&["scan", "-focsf", "disabled.json"], 0),
    (&["scan", "-fasff", "disabled.json"], 0),
    (&["scan", "--dry-run", "trail.json"], 0),
    (&["report", "night.json"], 0),
    (&["report", "-fjson", "night.json"], 0),
    (&["report", "-fndjson", "night.json"], 0),
    (&["report", "-fcsv", "night.json"], 0),
    (&["report", "-fhtml", "night.json", "--fail-on=high"], 1),
    (&["report", "-fmarkdown", "night.json"], 0),
    (&["report", "-fsarif", "night.json", "night.json"], 0),
    (&["report", "-focsf", "night.json"], 0),
    (&["report", "-fasff", "night.json"], 0),
    (&["config", "show", "-fjson"], 0),
    (&["generate", "completions", "fish"], 0),
    (&["generate", "man", "scan"], 0),
    (&["verify", "bucket", "--public-keys=keys.json"], 1),
    (&["tags", "cut.json"], 3),
    (&["rules", "list"], 0),
    (&["rules", "show", "key-disabled"], 0),
    (&["rules", "lint", "bad.yml"], 1),
    (&["rules", "test", "bad.yml"], 1),
];

const RULE: &str = "\
title: Somebody switched a key off
id: 0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a01
level: high
logsource:
  product: aws
  service: cloudtrail
detection:
  selection:
    eventName: DisableKey
  condition: selection
";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut chain = Chain::new();
    chain.remove(&chain.digests[2].clone());
    chain.write(&sandbox);
    let record = json!({
        "eventVersion": "1.11", "eventSource": "kms.amazonaws.com", "eventName": "DisableKey",
        "eventTime": "2026-11-23T20:17:00Z", "awsRegion": "eu-central-1", "eventID": "e-1",
        "recipientAccountId": "111122223333", "sourceIPAddress": "192.0.2.1",
        "userIdentity": {"type": "IAMUser", "accountId": "111122223333",
            "arn": "arn:aws:iam::111122223333:user/Alice"},
        "requestParameters": {"keyId": "1234abcd-12ab-34cd-56ef-1234567890ab"},
    });
    sandbox
        .write("trail.json", "{\"Records\":[]}")
        .write("cut.json", "{\"Records\":[{")
        .write("disabled.json", json!({"Records": [record]}).to_string())
        .write("bad.yml", RULE);
    let scan = ["scan", "disabled.json", "-q", "--select=key-disabled", "-onight.json"];
    sandbox.keytrail(scan).run().code(0);
    sandbox
}

#[test]
fn the_codes_are_those_that_are_earned() {
    let sandbox = sandbox();
    for &(words, code) in COMMANDS {
        let ended = sandbox.keytrail(words).run().code(code);
        assert!(!ended.stdout.is_empty(), "{words:?}");
    }
}

#[test]
fn a_closed_pipe_ends_every_command_quietly() {
    let sandbox = sandbox();
    for &(words, code) in COMMANDS {
        let mut keytrail = sandbox.keytrail(words);
        let mut child = keytrail.spawn();
        drop(child.stdout.take());
        // Written as it is found, the end comes before all input is seen.
        keytrail.end(child).code(code).stderr("");
    }
}

/// The formats of a period.
const FORMATS: [&str; 9] =
    ["table", "json", "ndjson", "csv", "html", "markdown", "sarif", "ocsf", "asff"];

/// How often the thread that waits for signals has begun to wait; once it waits.
fn waits(process: u32) -> String {
    let line = |status: &str, name: &str| {
        status.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned()
    };
    loop {
        let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
        for task in tasks {
            let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            let is_there = line(&status, "Name:").ends_with("signals");
            if is_there && line(&status, "State:").contains('S') {
                return line(&status, "voluntary_ctxt_switches:");
            }
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_signal_ends_a_report_which_says_so() {
    let sandbox = sandbox();
    let made = std::process::Command::new("mkfifo").arg(sandbox.path("pipe")).status().unwrap();
    assert!(made.success());
    for (format, name) in FORMATS.iter().zip(["INT", "TERM", "HUP"].iter().cycle()) {
        let words = ["report", "pipe", "night.json", "-oout", "-f", format];
        let mut keytrail = sandbox.keytrail(words);
        let child = keytrail.spawn();
        // It is open once somebody reads, and more than a pipe holds is taken only by one who does.
        let mut pipe = std::fs::OpenOptions::new().write(true).open(sandbox.path("pipe")).unwrap();
        pipe.write_all(&[b' '; 1 << 18]).unwrap();
        let before = waits(child.id());
        signal(name, child.id());
        // The thread that waits for signals has taken it once it waits again.
        while waits(child.id()) == before {
            std::thread::yield_now();
        }
        pipe.write_all(&std::fs::read(sandbox.path("night.json")).unwrap()).unwrap();
        drop(pipe);
        let ended = keytrail.end(child).code(3).stdout("");
        let said = "warning: interrupted: the report holds what was read until then\n\
                    warning: incomplete: 1 problem\n";
        assert!(ended.stderr.ends_with(said), "{format}: {}", ended.stderr);
        // What was being read is there, and of what was not the name.
        let told = sandbox.read("out") + &ended.stderr;
        for part in ["key-disabled", "night.json", "is not read, since the run was interrupted"] {
            assert!(told.contains(part), "{format}: {part}");
        }
        assert!(sandbox.path("out").exists(), "{format}");
        let left = sandbox.names();
        assert!(!left.iter().any(|name| name.starts_with('.')), "{left:?}");
        std::fs::remove_file(sandbox.path("out")).unwrap();
    }
}

#[test]
fn standard_output_that_was_never_open_is_as_one_that_was_closed() {
    let sandbox = sandbox();
    for &(words, code) in COMMANDS {
        sandbox.redirected(">&-", words).run().code(code).stdout("");
    }
}

#[test]
fn what_nobody_got_is_not_taken_for_told() {
    let sandbox = sandbox();
    let scan = ["scan", "--select=key-disabled", "disabled.json", "--state", "state"];
    // Never open, by whatever name; open for reading alone.
    for (redirection, output) in [
        (">&-", "-"),
        (">&-", "/dev/stdout"),
        (">&-", "/proc/self/fd/1"),
        ("2>&-", "/dev/stderr"),
        ("1</dev/null", "-"),
    ] {
        let words = scan.into_iter().chain(["-o", output]);
        let ended = sandbox.redirected(redirection, words).run().code(2).stdout("");
        assert!(redirection.starts_with('2') || ended.stderr.starts_with("error: "), "{ended:?}");
        assert!(!sandbox.path("state").exists(), "{redirection} {output}");
    }
    // Who asks for nothing gets it.
    sandbox.redirected(">/dev/null", scan).run().code(0).stderr("");
    assert!(sandbox.path("state").exists());
}

#[test]
fn a_limit_of_the_size_of_files_is_said() {
    let sandbox = sandbox();
    let scan = ["scan", "-fjson", "-oreport.json", "disabled.json"];
    sandbox.limited("-f 1", scan).run().code(2).stdout("").stderr(
        "error: report.json: cannot be written: File too large (os error 27)\n\
         hint: the process may write no larger file: see ulimit -f\n",
    );
    assert!(!sandbox.names().iter().any(|name| name.contains("report") || name.starts_with('.')));
}

#[test]
fn a_full_disk_is_a_failure_of_every_command() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let sandbox = sandbox();
    for &(words, _) in COMMANDS {
        let ended = sandbox.redirected(">/dev/full", words).run().code(2);
        let expected = "error: standard output: cannot be written: ";
        let mut lines = ended.stderr.lines();
        assert!(lines.any(|line| line.starts_with(expected)), "{words:?}: {}", ended.stderr);
    }
}
