//! What earlier runs have read and left out is said, and `--reread` judges it; what they have judged
//! is neither told nor counted twice.

use serde_json::{Value, json};

use super::{deletion, file, found, of, record, scan};
use crate::harness::Sandbox;

const EARLY: &str = "2026-10-20T10:00:00Z";

fn problems(report: &Value) -> Vec<&str> {
    let problems = report["problems"].as_array().unwrap();
    problems.iter().map(|problem| problem["message"].as_str().unwrap()).collect()
}

#[test]
fn an_earlier_since_is_said_and_reread_judges_what_was_left_out() {
    let sandbox = Sandbox::new();
    let early = record(2, "ScheduleKeyDeletion", 2, EARLY);
    sandbox.write("logs/a.json.gz", file(&[deletion(1, 1), early]));
    let (ended, report) = scan(&sandbox, &["--since=2026-11-01"]);
    assert_eq!((ended.code, found(&report)), (Some(0), of(&[(1, "new", 1)])), "{}", ended.stderr);
    // A later one asks for nothing that was left out.
    assert_eq!(scan(&sandbox, &["--since=2026-11-02"]).0.code, Some(0));
    let (ended, report) = scan(&sandbox, &["--since=2026-10-01"]);
    assert_eq!((ended.code, found(&report)), (Some(3), of(&[])));
    assert_eq!(
        problems(&report),
        ["earlier runs had a later --since and left out records from 2026-10-20T10:00:00Z to \
          2026-10-20T10:00:00Z that they have read: they are not judged; --reread reads them again"]
    );
    let (ended, report) = scan(&sandbox, &["--since=2026-10-01", "--reread"]);
    assert_eq!((ended.code, found(&report)), (Some(0), of(&[(2, "new", 1)])), "{}", ended.stderr);
    assert_eq!(report["totals"]["blobs"], 1);
    // Nothing is left out any more, and nothing is told twice.
    for more in [&["--since=2026-10-01"][..], &["--reread"]] {
        let (ended, report) = scan(&sandbox, more);
        assert_eq!((ended.code, found(&report)), (Some(0), of(&[])), "{report:#}");
    }
    // What goes on is told with all that was read; a copy in another file counts once.
    sandbox.write("logs/b.json.gz", file(&[deletion(3, 1), deletion(1, 1)]));
    let (_, report) = scan(&sandbox, &["--reread"]);
    assert_eq!(found(&report), of(&[(1, "ongoing", 2)]));
    assert_eq!(problems(&report), [""; 0]);
}

#[test]
fn reread_asks_rules_that_are_new() {
    let sandbox = Sandbox::new();
    sandbox.write("logs/a.json.gz", file(&[deletion(1, 1), record(2, "DisableKey", 2, EARLY)]));
    assert_eq!(found(&scan(&sandbox, &[]).1), of(&[(1, "new", 1)]));
    let (ended, report) = scan(&sandbox, &["--select=key-disabled", "--reread"]);
    assert_eq!(found(&report), of(&[(2, "new", 1)]), "{}", ended.stderr);
    assert_eq!(report["run"]["state"]["new_rules"], json!([]));
}

#[test]
fn what_is_judged_again_is_looked_at_again() {
    let sandbox = Sandbox::new();
    sandbox.write("logs/a.json.gz", file(&[deletion(1, 1), record(2, "DisableKey", 2, EARLY)]));
    let examined = |report: &Value| report["examined"]["key-deletion-scheduled"].clone();
    assert_eq!(examined(&scan(&sandbox, &[]).1), 1);
    assert_eq!(examined(&scan(&sandbox, &[]).1), 0, "nothing was read");
    assert_eq!(examined(&scan(&sandbox, &["--reread"]).1), 1);
}

#[test]
fn reread_needs_a_state() {
    let sandbox = Sandbox::new();
    let ended = sandbox.keytrail(["scan", "logs", "--reread"]).run();
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--state"), "{}", ended.stderr);
}

#[test]
fn uses_that_are_read_again_count_once() {
    let sandbox = Sandbox::new();
    let used = |number: usize, name: &str| {
        record(number, name, 1, &format!("2026-11-02T10:{:02}:00Z", number % 60))
    };
    let scan = |more: &[&str]| {
        let words = ["scan", "logs", "-fjson", "--state=state"];
        let ended = sandbox.keytrail(words.iter().chain(more)).run();
        assert!(ended.code == Some(0), "{}", ended.stderr);
        let report: Value = serde_json::from_str(&ended.stdout).unwrap();
        report["findings"].as_array().unwrap().clone()
    };
    let before = |findings: &[Value]| {
        let one = findings.iter().find(|finding| finding["rule"] == "encrypt-only-role-decrypts");
        one.map(|finding| finding["details"]["encryptions_before"].clone())
    };
    sandbox.write("keytrail.toml", "[thresholds]\nencrypt_only_uses = 5\n");
    sandbox.write("logs/a.json.gz", file(&(0..20).map(|n| used(n, "Encrypt")).collect::<Vec<_>>()));
    scan(&[]);
    scan(&["--reread"]);
    sandbox.write("logs/b.json.gz", file(&[used(20, "Encrypt")]));
    scan(&[]);
    scan(&["--reread"]);
    sandbox.write("logs/c.json.gz", file(&[used(59, "Decrypt")]));
    assert_eq!(before(&scan(&["--reread"])), Some(json!(21)));
    assert_eq!(before(&scan(&["--reread"])), None, "it was told");
}
