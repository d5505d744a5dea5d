//! Runs that end before all is read, or before anybody has the report: what they read is read again.

use serde_json::Value;

use super::{SCAN, deletion, file, found, of, scan};
use crate::harness::{Lines, Sandbox, signal};

#[test]
fn a_report_that_nobody_got_is_made_again() {
    let sandbox = Sandbox::new();
    sandbox.write("logs/a.json.gz", file(&[deletion(1, 1)]));
    let full = sandbox.keytrail(SCAN.iter().chain(&["-o", "/dev/full"])).run();
    assert_eq!(full.code, Some(2), "{}", full.stderr);
    let mut closed = sandbox.keytrail(SCAN);
    let mut child = closed.spawn();
    drop(child.stdout.take());
    assert_eq!(closed.end(child).code, Some(0));
    // Nobody has one that broke while it was written.
    let live = ["scan", "logs", "-fndjson", "--each", "--state=state", "-o/dev/full"];
    assert_eq!(sandbox.keytrail(live).run().code, Some(2));
    let (_, report) = scan(&sandbox, &[]);
    assert_eq!(found(&report), of(&[(1, "new", 1)]));
}

#[test]
fn a_run_that_a_signal_ends_goes_on_with_what_it_has_not_read() {
    let sandbox = Sandbox::new();
    sandbox.write("logs/a.json.gz", file(&[deletion(1, 1)]));
    sandbox.write("more/b.json.gz", file(&[deletion(2, 2)]));
    // Standard input stays open and silent: what comes after it is not read.
    let words = ["-", "more", "--progress=always", "--threads=1", "--fail-on=never"];
    let mut run = sandbox.keytrail(SCAN.iter().chain(&words));
    let mut child = run.spawn();
    let said = Lines::of(child.stderr.take().unwrap());
    // A file counts here once its token is kept.
    said.wait_for("1 file, ");
    signal("INT", child.id());
    let ended = run.end_with_open_input(child);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, found(&report)), (Some(3), of(&[(1, "new", 1)])));
    let (_, report) = scan(&sandbox, &["more"]);
    assert_eq!(found(&report), of(&[(2, "new", 1)]));
}
