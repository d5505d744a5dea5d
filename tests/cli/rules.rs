//! `keytrail rules`: listed, explained, linted, tested.

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::harness::Sandbox;
use crate::trail::{disable, with};

/// A rule of a user's with nothing wrong in it.
const RULE: &str = "\
title: Key Disabled By Anybody
id: 0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a01
status: test
description: Somebody switched a key off.
logsource:
    product: aws
    service: cloudtrail
detection:
    selection:
        eventSource: kms.amazonaws.com
        eventName: DisableKey
    condition: selection
falsepositives:
    - Maintenance
level: high
";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_list_fits_the_terminal_and_can_be_narrowed() {
    let sandbox = Sandbox::new();
    for columns in ["40", "80", "150"] {
        let list = sandbox.keytrail(["rules", "list"]).env("COLUMNS", columns).run().code(0);
        let width = columns.parse().unwrap();
        for line in list.stdout.lines() {
            assert!(line.width() <= width, "wider than {columns}: {line}");
        }
        assert!(list.stdout.contains("key-disabled"));
    }
    let only = sandbox.keytrail(["rules", "list", "--select=trail"]).run().code(0).stdout;
    assert!(only.contains("trail-stopped") && !only.contains("key-disabled"), "{only}");
    let none = sandbox.keytrail(["rules", "list", "--ignore=traill"]).run().code(2).stdout("");
    assert!(none.stderr.contains("did you mean trail"), "{}", none.stderr);
    sandbox.keytrail(["rules", "list", "--no-builtin-rules"]).run().code(2).stdout("");
    sandbox.keytrail(["rules", "list", "-fxml", "--color=x"]).run().code(2).stdout("");
}

#[test]
fn the_list_is_narrowed_to_controls() {
    let sandbox = Sandbox::new();
    for columns in ["40", "80", "150"] {
        let words = ["rules", "list", "--control=fsbp"];
        let list = sandbox.keytrail(words).env("COLUMNS", columns).run().code(0);
        let width = columns.parse().unwrap();
        for line in list.stdout.lines() {
            assert!(line.width() <= width, "wider than {columns}: {line}");
        }
        let has_room = columns != "40";
        assert!(list.stdout.contains("FSBP:DocumentDB.1") == has_room, "{}", list.stdout);
        assert!(!list.stdout.contains("PCI:"), "{}", list.stdout);
    }
    let words = ["rules", "list", "--control=pci:3.7.5", "--control=KMS.5", "--ignore=lifecycle"];
    let both = sandbox.keytrail(words).run().code(0).stderr("").stdout;
    assert_eq!(both.matches("PCI:3.7.5").count() + both.matches("FSBP:KMS.5").count(), 3, "{both}");
    for id in ["chain-delete-in-use", "policy-not-principal", "policy-public-principal"] {
        assert!(both.contains(id), "no {id} in {both}");
    }
}

#[test]
fn of_controls_without_rules_the_list_says_why() {
    let sandbox = Sandbox::new();
    let forms = sandbox.keytrail(["rules", "list", "--control=PCI:3.7.8"]).run().code(0);
    assert_eq!(forms.stdout, "");
    assert!(forms.stderr.starts_with("note: no log can show PCI:3.7.8: "), "{}", forms.stderr);
    let words = ["rules", "list", "--control=3.7.4", "--select=trail"];
    let none = sandbox.keytrail(words).run().code(0).stderr;
    assert_eq!(none, "note: no rule of the list names 1 control\n");
    let wrong = ["rules", "list", "--control=KMS.33", "--control=qwertz", "--control=PCI"];
    let wrong = sandbox.keytrail(wrong).run().code(2).stdout("").stderr;
    assert!(wrong.contains("'KMS.33' for '--control'") && wrong.contains("mean KMS.3"), "{wrong}");
    assert!(wrong.contains("'qwertz' for '--control': expected a framework"), "{wrong}");
}

#[test]
fn rules_of_the_users_may_name_controls() {
    let sandbox = Sandbox::new();
    let own = "level: high\nkeytrail: {controls: [pci:3.7.5, 'Acme:\u{202e}4', nothing]}\n";
    sandbox.write("own.yml", RULE.replace("level: high\n", own));
    let words = ["rules", "list", "-fjson", "--rules=own.yml", "--control=acme"];
    let list = json(&sandbox.keytrail(words).run().code(0).stdout);
    let [rule] = &list["rules"].as_array().unwrap()[..] else { panic!("one rule: {list}") };
    assert_eq!(rule["controls"][0], "PCI:3.7.5");
    assert_eq!(rule["controls"].as_array().unwrap().len(), 2);
    let words = ["rules", "list", "--rules=own.yml", "--control=acme"];
    let table = sandbox.keytrail(words).run().code(0).stdout;
    assert!(table.contains("Acme:\\u{202e}4"), "{table}");
    let id = "0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a01";
    let page = sandbox.keytrail(["rules", "show", id, "--rules=own.yml"]).run().code(0).stdout;
    assert!(page.contains("\n## Controls\n\n* PCI:3.7.5: Keys "), "{page}");
    assert!(page.ends_with("* Acme:\\u{202e}4\n"), "{page}");
    let lint = sandbox.keytrail(["rules", "lint", "own.yml"]).run().code(1).stdout;
    assert!(lint.contains("[control-form]"), "{lint}");
}

#[test]
fn the_list_for_programs_has_everything() {
    let sandbox = Sandbox::new();
    sandbox.write("own.yml", RULE);
    let words = ["rules", "list", "-f", "json", "--rules=own.yml"];
    let list = json(&sandbox.keytrail(words).run().code(0).stdout);
    assert_eq!(list["schema"], "keytrail.rules/v1");
    let rules = list["rules"].as_array().unwrap();
    let of = |id: &str| rules.iter().find(|rule| rule["id"] == id).unwrap();
    let deleted = of("key-deletion-scheduled");
    assert_eq!([&deleted["level"], &deleted["group"]], ["high", "lifecycle"]);
    assert_eq!(deleted["attack"][0], "T1485");
    assert_eq!(deleted["controls"][0], "PCI:3.7.5");
    assert_eq!(deleted["origin"], "rules/lifecycle/key-deletion-scheduled.yml");
    let own = of("0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a01");
    assert_eq!([&own["group"], &own["tier"]], [&Value::Null, &Value::Null]);
    assert_eq!([&own["origin"], &own["false_positives"][0]], ["own.yml", "Maintenance"]);
    let order: Vec<(bool, &str, &str)> = rules
        .iter()
        .map(|rule| {
            let group = rule["group"].as_str();
            (group.is_none(), group.unwrap_or_default(), rule["id"].as_str().unwrap())
        })
        .collect();
    assert!(order.is_sorted(), "{order:?}");
}

#[test]
fn a_built_in_rule_is_explained() {
    let sandbox = Sandbox::new();
    let page = sandbox.keytrail(["rules", "show", "key-deletion-scheduled"]).run().code(0).stdout;
    assert!(page.starts_with("# key-deletion-scheduled: "), "{page}");
    for part in ["* Level: high\n", "* ATT&CK: T1485\n", "* Whitepaper: MFA: ", "## What to do\n"] {
        assert!(page.contains(part), "no {part:?} in {page}");
    }
    assert!(
        page.contains(
            "* FSBP:KMS.3: Keys are not deleted by mistake. <https://docs.aws.amazon.com/"
        )
    );
    assert!(page.contains("\n## False positives\n\n* ") && page.contains("\n## Advice\n"));
    assert!(!page.contains("eventName: ScheduleKeyDeletion"));
    let words = ["rules", "show", "key-deletion-scheduled", "--yaml"];
    let with_yaml = sandbox.keytrail(words).run().code(0).stdout;
    assert!(with_yaml.starts_with(&page) && with_yaml.contains("eventName: ScheduleKeyDeletion"));
}

#[test]
fn a_rule_of_the_users_is_explained_by_its_own_words() {
    let sandbox = Sandbox::new();
    sandbox.write("own.yml", RULE.replace("Somebody", "Some\x1b[2Jbody"));
    let id = "0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a01";
    let words = ["rules", "show", id, "--rules=own.yml"];
    // Control characters are no YAML.
    sandbox.keytrail(words).run().code(2).stdout("");
    sandbox.write("own.yml", RULE.replace("Somebody", "Some\u{202e}body"));
    let page = sandbox.keytrail(words).run().code(0).stdout;
    assert!(page.contains("Some\\u{202e}body switched"), "{page}");
    assert!(page.contains("        eventName: DisableKey\n"), "{page}");
    let ended = sandbox.keytrail(["rules", "show", id]).run().code(2).stdout("");
    assert!(ended.stderr.contains(&format!("'{id}' names no rule")), "{}", ended.stderr);
    let near = sandbox.keytrail(["rules", "show", "key-delted"]).run().code(2).stderr;
    assert!(near.contains("did you mean key-deleted"), "{near}");
}

#[test]
fn lint_says_what_is_wrong_and_where() {
    let sandbox = Sandbox::new();
    sandbox.write("good.yml", RULE);
    let good = sandbox.keytrail(["rules", "lint", "good.yml"]).run();
    good.code(0).stdout("1 file: nothing is wrong\n").stderr("");
    let bad = RULE.replace("eventName:", "eventname:").replace("level: high", "level: severe");
    sandbox.write("rules/bad.yml", bad);
    sandbox.write("rules/other.yml", RULE.replace("service: cloudtrail", "service: route53"));
    let ended = sandbox.keytrail(["rules", "lint", "rules"]).run().code(1);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(
        lines[0],
        "warning: rules/bad.yml:11:9: CloudTrail records have no member 'eventname' \
         [unknown-field]"
    );
    assert_eq!(lines[1], "hint: use eventName: names of members are case-sensitive");
    assert!(lines[2].starts_with("error: rules/bad.yml:15:1: "), "{}", ended.stdout);
    assert_eq!(*lines.last().unwrap(), "2 files: 1 error, 1 warning");
    assert!(ended.stderr.contains("note: rule skipped: rules/other.yml: "), "{}", ended.stderr);
    let ended = sandbox.keytrail(["rules", "lint", "-fjson", "rules"]).run().code(1).stderr("");
    let document = json(&ended.stdout);
    assert_eq!(document["schema"], "keytrail.lint/v1");
    let flaw = &document["flaws"][0];
    assert_eq!([&flaw["line"], &flaw["column"]], [11, 9]);
    assert_eq!([&flaw["severity"], &flaw["code"]], ["warning", "unknown-field"]);
    assert_eq!(document["skipped"].as_array().unwrap().len(), 1);
    sandbox.keytrail(["rules", "lint"]).run().code(2).stdout("");
    sandbox.keytrail(["rules", "lint", "nowhere.yml", "-fxml"]).run().code(2).stdout("");
}

#[test]
fn the_built_in_rules_pass_wherever_they_are() {
    let ended = Sandbox::new().keytrail(["rules", "test"]).run().code(0).stderr("");
    let last = ended.stdout.lines().last().unwrap();
    assert!(last.ends_with(": all passed"), "{last}");
    assert!(ended.stdout.contains("pass: key-disabled ("), "{}", ended.stdout);
    assert!(ended.stdout.contains("skip: log-tampering ("), "{}", ended.stdout);
}

#[test]
fn rules_of_the_users_are_tested_on_the_samples_beside_them() {
    let sandbox = Sandbox::new();
    sandbox.write("r/own.yml", RULE);
    let ended = sandbox.keytrail(["rules", "test", "r"]).run().code(1).stderr("");
    assert!(ended.stdout.contains("error: no match sample: "), "{}", ended.stdout);
    let enabled = with(disable("e-1"), &[("/eventName", "EnableKey".into())]);
    sandbox.write("r/own/match.json", disable("e-1").to_string());
    sandbox.write("r/samples/own/clean-enabled.json", enabled.to_string());
    sandbox.keytrail(["rules", "test", "r/own.yml"]).run().code(0).stdout(
        "pass: 0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a01 (1 match, 1 clean)\n\
         1 rule, 2 samples: all passed\n",
    );
    sandbox.write("r/own/clean.json", disable("e-2").to_string());
    let ended = sandbox.keytrail(["rules", "test", "r", "-v"]).run().code(1);
    ended.stdout(
        "FAIL: 0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a01 (1 match, 2 clean)\n  \
         sample: match: high (others: critical-call-without-mfa: high, key-disabled: high, key-outside-region: medium)\n  \
         sample: clean: high (others: critical-call-without-mfa: high, key-disabled: high, key-outside-region: medium)\n  \
         sample: clean-enabled (others: key-enabled: informational, key-outside-region: medium)\n  \
         error: r/own/clean.json: expected no finding, got 1 finding\n\
         1 rule, 3 samples: 1 failed\n",
    );
    sandbox.keytrail(["rules", "test", "nowhere"]).run().code(2).stdout("");
    sandbox.write("other/x.yml", RULE.replace("aws", "gcp"));
    let none = sandbox.keytrail(["rules", "test", "other"]).run().code(2).stdout("");
    assert!(none.stderr.contains("error: no rule to test"), "{}", none.stderr);
}
