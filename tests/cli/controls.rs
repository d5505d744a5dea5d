//! The matrix of controls in a report to file: what is called met, and what only in part.

use serde_json::{Value, json};

use crate::harness::Sandbox;
use crate::trail::{call, file, with};

/// Result and rules of each control of a page, by framework and control; those of one rule only, if any.
fn rows(page: &str, rule: &str) -> Vec<(String, String)> {
    let rule = format!("`{rule}`");
    let rows = page.lines().filter(|line| line.starts_with("| [") && line.contains("**"));
    let cells = rows.map(|line| line.split(" | ").map(str::to_owned).collect::<Vec<_>>());
    let of_rule = cells.filter(|cells| cells.len() == 7 && cells[3].contains(&rule));
    of_rule.map(|cells| (cells[2].clone(), cells[3].clone())).collect()
}

/// What the page says of the first control of a rule.
fn result(sandbox: &Sandbox, rule: &str, words: &[&str]) -> String {
    let ended = sandbox.keytrail(words.iter().chain(&["-q", "-fmarkdown"])).run().code(0);
    rows(&ended.stdout, rule).first().unwrap_or_else(|| panic!("{}", ended.stdout)).0.clone()
}

/// A call on a day of May.
fn on(day: u32, record: Value) -> Value {
    let id = format!("{day}-{}", record["eventID"]);
    with(
        record,
        &[("/eventTime", json!(format!("2026-05-{day:02}T10:00:00Z"))), ("/eventID", json!(id))],
    )
}

fn elsewhere(id: &str) -> Value {
    let ec2 = [("/eventSource", json!("ec2.amazonaws.com")), ("/requestParameters", json!({}))];
    with(call("DescribeInstances", id), &ec2)
}

#[test]
fn one_call_that_no_rule_is_about_meets_no_control() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&[elsewhere("1")]));
    let page = sandbox.keytrail(["scan", "trail.json", "-q", "-fmarkdown"]).run().code(0).stdout;
    assert!(page.contains("**not testable**"));
    assert!(!page.contains("**met**"), "{page}");
    for rule in ["chain-tag-bypass", "trail-coverage-missing", "audit-gap"] {
        let report = sandbox.keytrail(["scan", "trail.json", "-q", "-fjson"]).run().code(0).stdout;
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["examined"][rule], 0, "{rule}");
    }
}

#[test]
fn rules_over_hours_look_at_a_long_log_and_at_what_is_expected() {
    const RULE: &str = "trail-coverage-missing";
    let words = ["scan", "trail.json", "--select=trail-coverage-missing"];
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&[on(1, elsewhere("1")), on(9, elsewhere("2"))]));
    assert!(result(&sandbox, RULE, &words).starts_with("**not testable**"));
    sandbox.write("keytrail.toml", "[accounts]\nown = [\"111122223333\"]\n");
    assert!(result(&sandbox, RULE, &words).contains("met in part** not evaluated"));
    sandbox.write("trail.json", file(&[elsewhere("1")]));
    assert!(result(&sandbox, RULE, &words).starts_with("**not testable**"));
}

#[test]
fn a_control_of_which_some_rules_saw_nothing_is_met_in_part() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&[call("EnableKey", "1")]));
    let page = sandbox.keytrail(["scan", "trail.json", "-q", "-fmarkdown"]).run().code(0).stdout;
    let rows = rows(&page, "key-disabled");
    assert!(!rows.is_empty());
    for (result, rules) in rows {
        let some = !rules.starts_with("0 of ");
        assert_eq!(result.contains("looked at nothing"), some, "{result} {rules}");
    }
}
