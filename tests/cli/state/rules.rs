//! Runs with other rules than the run before.

use serde_json::{Value, json};

use super::{SCAN, deletion, file, scan};
use crate::harness::Sandbox;

#[test]
fn rules_that_are_new_are_named_since_what_was_read_is_not_judged_by_them() {
    let sandbox = Sandbox::new();
    sandbox.write("logs/a.json.gz", file(&[deletion(1, 1)]));
    let (_, first) = scan(&sandbox, &["--select", "key-deletion-scheduled"]);
    assert_eq!(first["run"]["state"]["new_rules"], json!([]), "there is no run before");
    let both = ["--select", "key-deletion-scheduled", "--select", "key-disabled"];
    let run = sandbox.keytrail(SCAN.iter().chain(&both)).run();
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["run"]["state"]["new_rules"], json!(["key-disabled"]));
    assert!(run.stderr.contains("and not asked of it: key-disabled\n"), "{}", run.stderr);
    let (_, third) = scan(&sandbox, &both);
    assert_eq!(third["run"]["state"]["new_rules"], json!([]), "the last run had them");
}
