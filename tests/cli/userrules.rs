//! Rules of the user's, beside the built-in ones and in their place.

use crate::harness::Sandbox;
use crate::trail::{counts, disable, file, findings, refused, texts};

#[test]
fn show_knows_the_rules_of_the_configuration_and_of_the_environment() {
    let sandbox = Sandbox::new();
    sandbox.write("rules/any.yml", ANY_DISABLE);
    let id = "0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a01";
    let show = || sandbox.keytrail(["rules", "show", id]);
    show().run().code(2);
    let ended = show().env("KEYTRAIL_RULES", "rules").run().code(0);
    assert!(ended.stdout.contains("Key Disabled By Anybody"), "{ended:?}");
    sandbox.write("other.toml", "[scan]\nrules = [\"rules\"]\n");
    show().env("KEYTRAIL_CONFIG", "other.toml").run().code(0);
    sandbox.write("keytrail.toml", "[scan]\nrules = [\"rules\"]\n");
    show().run().code(0);
    sandbox.write("keytrail.toml", "[scan]\nrule = 1\n");
    let wrong = show().run().code(2);
    assert!(wrong.stderr.starts_with("error: keytrail.toml:2"), "{}", wrong.stderr);
}

/// A rule in the style of the public collections.
const ANY_DISABLE: &str = "\
title: Key Disabled By Anybody
id: 0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a01
status: experimental
description: Detects a disabled key.
author: Nobody In Particular
date: 2026-01-15
tags:
    - attack.impact
    - attack.t1489
    - house.keys
logsource:
    product: aws
    service: cloudtrail
detection:
    selection_source:
        eventSource: 'kms.amazonaws.com'
    selection_call:
        eventName|startswith: 'Disable'
    filter_main_robot:
        userIdentity.arn|contains: ':user/robot'
    condition: all of selection_* and not 1 of filter_*
falsepositives:
    - Maintenance
level: high
";

const WINDOWS: &str = "\
title: Something Else Entirely
id: 0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a02
logsource:
    product: windows
    category: process_creation
detection:
    selection:
        Image|endswith: '\\cmd.exe'
    condition: selection
level: low
";

#[test]
fn a_folder_of_rules_is_evaluated_beside_the_built_in_ones() {
    let sandbox = Sandbox::new();
    sandbox.write("rules/cloud/any.yml", ANY_DISABLE);
    sandbox.write(
        "rules/no-id.yaml",
        ANY_DISABLE
            .lines()
            .filter(|l| !l.starts_with("id:"))
            .fold(String::new(), |text, line| text + line + "\n"),
    );
    sandbox.write("rules/notes.md", "no rule");
    sandbox.write("trail.json", file(&[disable("e-1")]));
    let rules = |words: &[&str]| {
        let fixed = ["--rules", "rules", "trail.json"];
        counts(&sandbox.report(0, fixed.iter().chain(words).copied())).into_keys().collect()
    };
    let id = "0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a01";
    let all: Vec<String> = rules(&[]);
    assert_eq!(all, [id, "critical-call-without-mfa", "key-disabled", "no-id"]);
    let own: Vec<String> = rules(&["--no-builtin-rules"]);
    assert_eq!(own, [id, "no-id"]);
    let tagged: Vec<String> = rules(&["--select=house.keys", "--ignore=no-id"]);
    assert_eq!(tagged, [id]);
    let report = sandbox.report(0, ["--rules=rules", "--select=T1489", "trail.json"]);
    let found = findings(&report);
    assert_eq!(found[0]["title"], "Key Disabled By Anybody");
    assert_eq!(texts(&found, "/attack/0"), ["T1489", "T1489"]);
}

#[test]
fn users_rules_are_taken_as_they_are_for_failed_calls() {
    let sandbox = Sandbox::new();
    sandbox.write("any.yml", ANY_DISABLE).write("trail.json", file(&[refused(disable("e-1"))]));
    let words = ["--rules=any.yml", "--ignore=use", "trail.json"];
    let found = findings(&sandbox.report(0, words));
    let rules = ["0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a01", "key-disabled"];
    assert_eq!(texts(&found, "/rule"), rules);
    assert_eq!(texts(&found, "/level"), ["high", "medium"]);
    assert_eq!([&found[0]["attempt"], &found[1]["attempt"]], [false, true]);
}

#[test]
fn broken_rules_end_the_run_before_anything_is_read() {
    let sandbox = Sandbox::new();
    let broken = ANY_DISABLE.replace("all of selection_*", "all of (selection_*");
    let no_yaml = ANY_DISABLE.replace("    selection_call:\n", "   selection_call: [\n");
    sandbox.write("rules/any.yml", ANY_DISABLE);
    sandbox.write("rules/broken.yml", &broken).write("rules/no-yaml.yml", &no_yaml);
    let mut keytrail = sandbox.keytrail(["scan", "--rules", "rules", "-"]);
    // Standard input stays open: a program that reads it first would wait for ever.
    let child = keytrail.spawn();
    let ended = keytrail.end_with_open_input(child).code(2).stdout("");
    let errors: Vec<&str> = ended.stderr.lines().filter(|l| l.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 2, "{}", ended.stderr);
    let place = |name: &str| {
        let start = format!("error: rules/{name}:");
        let rest = errors.iter().find_map(|line| line.strip_prefix(&start));
        let rest = rest.unwrap_or_else(|| panic!("no place in {}: {}", name, ended.stderr));
        rest.split(':').next().unwrap().parse::<usize>().expect(rest)
    };
    let line = broken.lines().position(|l| l.contains("condition:")).unwrap() + 1;
    assert_eq!(place("broken.yml"), line);
    assert!(place("no-yaml.yml") > 1);
}

#[test]
fn rules_for_other_logs_are_left_out_with_a_note() {
    let sandbox = Sandbox::new();
    sandbox.write("rules/any.yml", ANY_DISABLE).write("rules/windows.yml", WINDOWS);
    sandbox.write("trail.json", file(&[disable("e-1")]));
    let words = ["scan", "-fndjson", "--rules=rules", "--no-builtin-rules", "trail.json"];
    let ended = sandbox.keytrail(words).run().code(0);
    assert_eq!(ended.stdout.lines().count(), 1);
    assert!(ended.stderr.contains("rules/windows.yml"), "{}", ended.stderr);
    let quiet = sandbox.keytrail(words.iter().chain(&["-q"])).run().code(0);
    assert_eq!(quiet.stderr, "note: 1 rule skipped\n");
}

#[test]
fn a_rule_of_the_users_replaces_a_built_in_one() {
    let sandbox = Sandbox::new();
    let by_name = ANY_DISABLE.replace("status:", "name: key-disabled\nstatus:");
    let ours = "f546b655-14ed-4f7c-8d57-f91fbc5d4b7b";
    let by_id = ANY_DISABLE.replace("0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a01", ours);
    sandbox.write("trail.json", file(&[disable("e-1")]));
    for (rule, id) in [(by_name, "0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a01"), (by_id, ours)] {
        sandbox.write("own.yml", rule.replace("level: high", "level: critical"));
        let words = ["scan", "-fjson", "--rules=own.yml", "--select=key-disabled", "trail.json"];
        let ended = sandbox.keytrail(words).run().code(0);
        let found = findings(&crate::trail::parse(&ended));
        assert_eq!(texts(&found, "/rule"), [id]);
        assert_eq!(texts(&found, "/level"), ["critical"]);
        assert!(ended.stderr.contains("own.yml: replaces key-disabled"), "{}", ended.stderr);
    }
}
