//! Rules as people keep them: folders with copies, correlations, filters and rules of older days.

use crate::harness::Sandbox;
use crate::trail::{at, call, counts, disable, file, findings, parse, texts, with};

const ID: &str = "5d0d3c0e-41b7-4c8e-8c55-0a6f7f1c2b01";

/// A rule that finds who disables a key.
const RULE: &str = "\
title: Invented Disabling
id: 5d0d3c0e-41b7-4c8e-8c55-0a6f7f1c2b01
status: experimental
date: 2024/11/02
logsource:
    product: aws
    service: cloudtrail
detection:
    selection:
        eventSource: kms.amazonaws.com
        eventName: DisableKey
    condition: selection
falsepositives:
level: high
";

/// The same rule as it is copied from file to file.
const COPY: &str = "\
---
# Copied from our rules.
id: '5d0d3c0e-41b7-4c8e-8c55-0a6f7f1c2b01'
title: 'Invented Disabling'
level: high
detection:
    condition: selection
    selection: { eventName: DisableKey, eventSource: kms.amazonaws.com }
logsource: { service: cloudtrail, product: aws }
";

/// Two calls that disable a key within an hour.
const CORRELATION: &str = "\
title: Invented Disabling In A Row
id: 5d0d3c0e-41b7-4c8e-8c55-0a6f7f1c2b02
status: test
correlation:
    type: event_count
    rules:
        - 5d0d3c0e-41b7-4c8e-8c55-0a6f7f1c2b01
    group-by:
        - userIdentity.arn
    timespan: 1h
    condition:
        gte: 2
    generate: true
level: critical
";

const FILTER: &str = "\
title: Nothing Of Our Robots
id: 5d0d3c0e-41b7-4c8e-8c55-0a6f7f1c2b03
logsource:
    product: aws
    service: cloudtrail
filter:
    rules:
        - 5d0d3c0e-41b7-4c8e-8c55-0a6f7f1c2b01
    selection:
        userAgent|contains: robot
    condition: not selection
";

const WORDS: [&str; 4] =
    ["--rules=rules", "--no-builtin-rules", "--min-level=informational", "trail.json"];

/// The findings of each rule, and the exit code.
fn found(sandbox: &Sandbox, code: i32) -> Vec<(String, u64)> {
    counts(&sandbox.report(code, WORDS)).into_iter().collect()
}

#[test]
fn a_correlation_may_carry_its_own_copy_of_a_rule() {
    let sandbox = Sandbox::new();
    sandbox.write("rules/disabling.yml", RULE);
    sandbox.write("rules/a/in-a-row.yml", CORRELATION.to_owned() + COPY);
    sandbox.write("trail.json", file(&[disable("e-1"), at(disable("e-2"), 60)]));
    let many = "5d0d3c0e-41b7-4c8e-8c55-0a6f7f1c2b02";
    assert_eq!(found(&sandbox, 0), [(ID.to_owned(), 2), (many.to_owned(), 2)]);
    let lint = sandbox.keytrail(["rules", "lint", "rules"]).run().code(0).stdout;
    assert!(lint.contains("nothing is wrong"), "{lint}");
}

#[test]
fn different_rules_with_one_id_are_a_problem_that_names_both_files() {
    let sandbox = Sandbox::new();
    sandbox.write("rules/disabling.yml", RULE);
    sandbox.write(
        "rules/in-a-row.yml",
        CORRELATION.to_owned() + &COPY.replace("level: high", "level: low"),
    );
    let kept = RULE.replace(ID, "5d0d3c0e-41b7-4c8e-8c55-0a6f7f1c2b09");
    sandbox.write("rules/kept.yml", &kept).write("trail.json", file(&[disable("e-1")]));
    let report = sandbox.report(3, WORDS);
    assert_eq!(texts(&findings(&report), "/rule"), ["5d0d3c0e-41b7-4c8e-8c55-0a6f7f1c2b09"]);
    assert_eq!(report["run"]["complete"], false);
    let problems = report["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert_eq!([&problems[0]["origin"], &problems[0]["stage"]], ["rules/disabling.yml", "rule"]);
    let message = problems[0]["message"].as_str().unwrap();
    assert!(message.contains(ID) && message.contains("rules/in-a-row.yml"), "{message}");
    assert_eq!(problems[1]["origin"], "rules/in-a-row.yml");
    let words = ["scan", "--rules=rules", "--no-builtin-rules", "trail.json"];
    let table = sandbox.keytrail(words).run().code(3);
    let told = table.stdout + &table.stderr;
    assert!(told.contains("rules/disabling.yml") && told.contains("rules/in-a-row.yml"), "{told}");
    sandbox.keytrail(words.iter().chain(&["--allow-incomplete"])).run().code(0);
    let list = sandbox.keytrail(["rules", "list", "--rules=rules"]).run().code(0);
    assert!(list.stderr.contains("warning: rules/disabling.yml"), "{}", list.stderr);
    let lint = sandbox.keytrail(["rules", "lint", "rules"]).run().code(1).stdout;
    assert!(lint.contains("error: rules/disabling.yml") && lint.contains("[left-out]"), "{lint}");
    for command in ["keys", "actors"] {
        let ended = sandbox.keytrail([command, "--rules=rules", "trail.json"]).run().code(3);
        let told = ended.stdout + &ended.stderr;
        assert!(told.contains(ID), "{command}: {told}");
    }
}

#[test]
fn where_only_rules_of_one_id_are_left_the_problem_is_told() {
    let sandbox = Sandbox::new();
    sandbox.write("rules/a.yml", RULE).write("rules/b.yml", RULE.replace("high", "low"));
    sandbox.write("trail.json", file(&[disable("e-1")]));
    let report = sandbox.report(3, WORDS);
    let message = report["problems"][0]["message"].as_str().unwrap();
    assert!(message.contains(ID) && message.contains("rules/b.yml"), "{message}");
    assert_eq!(findings(&report).len(), 0);
}

#[test]
fn where_no_rule_is_left_the_reason_is_told() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&[disable("e-1")]));
    for number in 0..5 {
        let other =
            RULE.replace("product: aws", "product: gcp").replace("b01", &format!("c{number}"));
        sandbox.write(&format!("rules/{number}.yml"), other);
    }
    let words = ["scan", "--rules=rules", "--no-builtin-rules", "trail.json"];
    let told = sandbox.keytrail(words).run().code(2).stderr;
    assert!(told.contains(
        "no rule is left to evaluate; passed over: rules/0.yml: 'Invented Disabling': log source"
    ));
    assert!(told.contains("and 2 more") && !told.contains("select by"), "{told}");
    let words = ["scan", "--select=high", "--ignore=high", "trail.json"];
    let told = sandbox.keytrail(words).run().code(2).stderr;
    assert!(told.contains("no rule is left to evaluate\n") && told.contains("select by"), "{told}");
}

#[test]
fn a_filter_narrows_rules_and_what_correlations_count() {
    let sandbox = Sandbox::new();
    let robot =
        |id: &str, second| with(at(disable(id), second), &[("/userAgent", "our-robot/1".into())]);
    let records = [disable("e-1"), robot("e-2", 10), robot("e-3", 20)];
    sandbox.write("trail.json", file(&records)).write("rules/rule.yml", RULE);
    sandbox.write("rules/many.yml", CORRELATION);
    let many = "5d0d3c0e-41b7-4c8e-8c55-0a6f7f1c2b02".to_owned();
    assert_eq!(found(&sandbox, 0), [(ID.to_owned(), 3), (many, 3)]);
    for filter in [FILTER.to_owned(), FILTER.replace("        - ", "").replace(ID, "any")] {
        let filter = filter.replace("rules:\nany", "rules: any").replace("rules:\n5d", "rules: 5d");
        sandbox.write("rules/filter.yml", filter);
        assert_eq!(found(&sandbox, 0), [(ID.to_owned(), 1)]);
    }
    // The built-in rules find what they always find.
    let all = counts(&sandbox.report(0, ["--rules=rules", "trail.json"]));
    assert_eq!(all["key-disabled"], 3);
}

#[test]
fn what_keeps_rules_from_finding_is_in_the_report_and_on_their_page() {
    let sandbox = Sandbox::new();
    sandbox.write("log.json", file(&[disable("e-1")]));
    sandbox.write("rules/rule.yml", RULE).write("rules/filter.yml", FILTER);
    let own = RULE.replace(ID, "key-deletion-cancelled").replace("DisableKey", "CancelKeyDeletion");
    sandbox.write("rules/own.yml", own);
    let report = sandbox.report(0, ["log.json", "--rules=rules"]);
    let notes: Vec<(&str, &str)> = report["notes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| (note["message"].as_str().unwrap(), note["origin"].as_str().unwrap()))
        .collect();
    let filter = format!("The Sigma filter 'Nothing Of Our Robots' narrows {ID}.");
    assert_eq!(
        notes,
        [
            ("A rule of yours replaces the built-in rule key-deletion-cancelled.", "rules/own.yml"),
            (&*filter, "rules/filter.yml"),
        ]
    );
    let shown = sandbox.keytrail(["rules", "show", ID, "--rules=rules"]).run().code(0).stdout;
    assert!(shown.contains("Filters that narrow it"), "{shown}");
    assert!(shown.contains("'Nothing Of Our Robots' (rules/filter.yml)"), "{shown}");
    // Of a rule that is not asked, nothing is to be told.
    let report = sandbox.report(0, ["log.json", "--rules=rules", "--select=key-disabled"]);
    assert_eq!(report["notes"], serde_json::json!([]));
}

#[test]
fn a_filter_that_does_not_say_which_rules_it_narrows_is_passed_over() {
    let sandbox = Sandbox::new();
    let robot = with(disable("e-1"), &[("/userAgent", "our-robot/1".into())]);
    sandbox.write("trail.json", file(&[robot])).write("rules/rule.yml", RULE);
    let named = format!("    rules:\n        - {ID}\n");
    for rules in ["", "rules: []", "rules:", "rules: 11", "rules: [11]", "rules: ['']"] {
        let filter = FILTER.replace(&named, &format!("    {rules}\n"));
        assert_ne!(filter, FILTER);
        sandbox.write("rules/filter.yml", filter);
        assert_eq!(found(&sandbox, 0), [(ID.to_owned(), 1)], "{rules}");
        let told = sandbox.keytrail(["scan"].iter().chain(&WORDS)).run().code(0).stderr;
        assert!(told.contains("a filter names its rules"), "{rules}: {told}");
    }
    sandbox.write("rules/filter.yml", FILTER.replace(&named, "    rules: ALL\n"));
    assert_eq!(found(&sandbox, 0), []);
}

#[test]
fn the_detections_of_a_filter_have_any_name() {
    let sandbox = Sandbox::new();
    let filter =
        FILTER.replace("    selection:", "    robots:").replace("not selection", "not robots");
    sandbox.write("rules/rule.yml", RULE).write("rules/filter.yml", &filter);
    let lint = sandbox.keytrail(["rules", "lint", "rules"]).run().code(0).stdout;
    assert!(lint.contains("nothing is wrong"), "{lint}");
    let empty = filter.replace("    robots:\n        userAgent|contains: robot\n", "");
    sandbox.write("rules/filter.yml", empty);
    let lint = sandbox.keytrail(["rules", "lint", "rules"]).run().code(1).stdout;
    assert!(lint.contains("[missing-filter-selection]"), "{lint}");
}

#[test]
fn rules_name_each_other_by_title_and_have_no_ids() {
    let sandbox = Sandbox::new();
    let member = RULE
        .lines()
        .filter(|line| !line.starts_with("id:"))
        .fold(String::new(), |text, line| text + line + "\n");
    let both = CORRELATION
        .replace(ID, "Invented Disabling")
        .replace("gte: 2", "gte: 2\n        field: sourceIPAddress");
    let enabling = member.replace("Disabling", "Enabling").replace("DisableKey", "EnableKey");
    sandbox.write("rules/row.yml", format!("{both}---\n{member}---\n{enabling}"));
    let enabled = with(disable("e-3"), &[("/eventName", "EnableKey".into())]);
    sandbox.write("trail.json", file(&[disable("e-1"), at(disable("e-2"), 60), enabled]));
    let many = "5d0d3c0e-41b7-4c8e-8c55-0a6f7f1c2b02".to_owned();
    assert_eq!(found(&sandbox, 0), [(many, 2), ("row".to_owned(), 2), ("row#2".to_owned(), 1)]);
    sandbox.keytrail(["rules", "lint", "rules"]).run().code(0);
}

#[test]
fn a_count_at_the_end_of_a_condition_is_counted() {
    let sandbox = Sandbox::new();
    let counted = |count: &str| {
        RULE.replace("condition: selection", &format!("condition: selection | {count}"))
    };
    let other = |id: &str, second| {
        with(at(disable(id), second), &[("/sourceIPAddress", "203.0.113.9".into())])
    };
    sandbox.write("trail.json", file(&[disable("e-1"), at(disable("e-2"), 50), other("e-3", 90)]));
    for (count, findings) in [
        ("count() by userIdentity.arn > 2", 1),
        ("count() by userIdentity.arn > 3", 0),
        ("count() by userIdentity.arn > 2\n    timeframe: 60s", 0),
        ("count() by userIdentity.arn > 2\ntimeframe: 60s", 0),
        ("count() by userIdentity.arn, sourceIPAddress >= 2\n    timeframe: 1m", 1),
        ("count(sourceIPAddress) by userIdentity.arn >= 2\n    timeframe: 10m", 1),
        ("count(sourceIPAddress) by userIdentity.arn > 2\n    timeframe: 10m", 0),
    ] {
        sandbox.write("rules/counted.yml", counted(count));
        let report = sandbox.report(0, WORDS);
        let found = texts(&self::findings(&report), "/rule");
        assert_eq!(found, vec![ID; findings], "{count}");
    }
    for count in
        ["near other within 5m", "count() > 2\n    timeframe: 60", "count() > 2\ntimeframe: 60"]
    {
        sandbox.write("rules/counted.yml", counted(count));
        let ended = sandbox.keytrail(["scan", "--rules=rules", "trail.json"]).run().code(0);
        assert!(ended.stderr.contains("write a Sigma correlation"), "{count}: {}", ended.stderr);
    }
}

#[test]
fn words_that_must_all_be_there_may_be_in_several_texts() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&[disable("e-1")]));
    let words = |words: &str| {
        let all = format!("'|all': {words}");
        RULE.replace("eventSource: kms.amazonaws.com", &all).replace("eventName: DisableKey", "")
    };
    for (all, findings) in [
        ("[DisableKey, KMS.amazonaws]", 1),
        ("['Disable*', kms.amazonaws.com]", 1),
        ("[DisableKey, no-such-word]", 0),
        ("DisableKey", 1),
    ] {
        sandbox.write("rules/rule.yml", words(all));
        assert_eq!(findings_of(&sandbox), findings, "{all}");
    }
}

fn findings_of(sandbox: &Sandbox) -> usize {
    findings(&sandbox.report(0, WORDS)).len()
}

/// These took half a minute and more, each, even in an optimised build.
#[test]
fn what_large_files_cost_grows_with_their_size() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&[disable("e-1")]));
    let begun = std::time::Instant::now();
    let fields: String =
        (0..10_000).map(|n| format!("        requestParameters.f{n}: a\n")).collect();
    let wide = RULE.replace("        eventName: DisableKey\n", &fields);
    sandbox.write("rules/wide.yml", wide.replace(ID, "wide"));
    let many = |n: usize| RULE.replace(ID, &format!("many-{n}")).replace("DisableKey", "No");
    let all: Vec<String> = (0..3_000).map(many).collect();
    sandbox.write("rules/many.yml", all.join("---\n"));
    sandbox.write("rules/rule.yml", RULE);
    assert_eq!(found(&sandbox, 0), [(ID.to_owned(), 1)]);
    assert!(begun.elapsed() < std::time::Duration::from_secs(100), "{:?}", begun.elapsed());
}

#[test]
fn merge_keys_are_passed_over_and_a_number_is_an_id() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&[disable("e-1")]));
    let merged = RULE.replace(
        "    selection:\n",
        "    other: &other {awsRegion: us-east-1}\n    selection:\n        <<: *other\n",
    );
    sandbox.write("rules/merged.yml", merged).write("rules/number.yml", RULE.replace(ID, "11"));
    assert_eq!(found(&sandbox, 0), [("11".to_owned(), 1)]);
    let told = sandbox.keytrail(["scan"].iter().chain(&WORDS)).run().code(0).stderr;
    assert!(told.contains("rules/merged.yml: 'Invented Disabling': YAML merge keys"), "{told}");
}

#[test]
fn objects_are_searched_as_text() {
    let sandbox = Sandbox::new();
    let rule = RULE.replace("kms.amazonaws.com", "s3.amazonaws.com").replace(
        "eventName: DisableKey",
        "eventName: PutBucketVersioning\n        requestParameters|contains: 'Suspended'",
    );
    let set = |id: &str, status: &str| {
        let parameters = serde_json::json!({"bucketName": "example-ledger", "VersioningConfiguration": {"Status": status}});
        let source = ("/eventSource", "s3.amazonaws.com".into());
        with(call("PutBucketVersioning", id), &[source, ("/requestParameters", parameters)])
    };
    sandbox
        .write("rules/rule.yml", rule)
        .write("trail.json", file(&[set("e-1", "Suspended"), set("e-2", "Enabled")]));
    assert_eq!(found(&sandbox, 0), [(ID.to_owned(), 1)]);
}

#[test]
fn a_collection_for_all_logs_is_passed_over_in_few_lines() {
    let sandbox = Sandbox::new();
    for number in 0..40 {
        let other =
            RULE.replace("product: aws", "product: gcp").replace("b01", &format!("c{number:02}"));
        sandbox.write(&format!("rules/gcp/{number}.yml"), other);
    }
    sandbox
        .write("rules/own.yml", RULE)
        .write("rules/compose.yaml", "services: {web: {image: x}}\n");
    sandbox.write("trail.json", file(&[disable("e-1")]));
    let words = ["scan", "-fjson", "--rules=rules", "--no-builtin-rules", "trail.json"];
    let ended = sandbox.keytrail(words).run().code(0);
    assert_eq!(findings(&parse(&ended)).len(), 1);
    let notes = ended.stderr.lines().filter(|line| line.contains("skipped")).count();
    assert_eq!(notes, 21, "{}", ended.stderr);
    assert!(ended.stderr.contains("21 more rules skipped"), "{}", ended.stderr);
    let all = sandbox.keytrail(words.iter().chain(&["-v"])).run().code(0).stderr;
    assert_eq!(
        all.lines().filter(|line| line.starts_with("note: rule skipped: ")).count(),
        41,
        "{all}"
    );
}
