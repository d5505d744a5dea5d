//! The matrix of controls in a report to file: what is called met, and what only in part.

use serde_json::{Value, json};

use crate::harness::Sandbox;
use crate::trail::{call, disable, file, with};

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

#[test]
fn what_a_later_night_undoes_is_known_no_more() {
    const RULE: &str = "key-disabled";
    let sandbox = Sandbox::new();
    let night = |day: u32, record: Value, code: i32| {
        sandbox.write(&format!("logs/{day}.json"), file(&[on(day, record)]));
        let words = ["scan", "logs", "--state=state", "--select=key-disabled", "-q", "-fmarkdown"];
        let page = sandbox.keytrail(words).run().code(code).stdout;
        rows(&page, RULE)[0].0.clone()
    };
    assert_eq!(night(1, disable("1"), 0), "**not met** 1 new, 0 known");
    assert_eq!(night(2, call("DescribeKey", "2"), 0), "**not met** 0 new, 1 known");
    let suppression =
        "[[suppress]]\nrule = \"key-disabled\"\nreason = \"planned\"\nexpires = \"2999-01-01\"\n";
    sandbox.write("keytrail.toml", suppression);
    assert!(!night(3, call("DescribeKey", "3"), 0).contains("not met"));
    sandbox.write("keytrail.toml", "");
    assert_eq!(night(4, call("DescribeKey", "4"), 0), "**not met** 0 new, 1 known");
    assert!(!night(5, call("EnableKey", "5"), 0).contains("not met"));
    assert!(!night(6, call("DescribeKey", "6"), 0).contains("not met"));
    assert_eq!(night(7, disable("7"), 0), "**not met** 1 new, 0 known");
}

#[test]
fn what_a_baseline_tells_and_the_log_does_not_is_known() {
    let sandbox = Sandbox::new();
    sandbox.write("one.json", file(&[on(1, disable("1"))]));
    sandbox.write("two.json", file(&[on(2, call("DescribeKey", "2"))]));
    let words = ["scan", "one.json", "-q", "-fjson", "-obase.json"];
    sandbox.keytrail(words).run().code(0);
    let known = ["scan", "two.json", "--baseline=base.json", "--select=key-disabled"];
    assert_eq!(result(&sandbox, "key-disabled", &known), "**not met** 0 new, 1 known");
    let base = sandbox.read("base.json").replace("\"state\":\"open\"", "\"state\":\"reversed\"");
    sandbox.write("base.json", base.replace("\"state\": \"open\"", "\"state\": \"reversed\""));
    assert!(!result(&sandbox, "key-disabled", &known).contains("not met"));
    sandbox
        .write("two.json", file(&[with(disable("3"), &[("/errorCode", json!("AccessDenied"))])]));
    let result = result(&sandbox, "key-disabled", &known);
    assert!(result.contains("what the baseline has told is in it"), "{result}");
}
