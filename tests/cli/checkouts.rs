//! Folders of rules as they are checked out, and correlations that ask for some of their rules.

use crate::harness::Sandbox;
use crate::trail::{at, counts, disable, file, with};

const WORDS: [&str; 4] =
    ["--rules=rules", "--no-builtin-rules", "--min-level=informational", "trail.json"];

/// A rule that finds calls of this name.
fn rule(id: &str, name: &str) -> String {
    format!(
        "title: Invented {id}\nid: {id}\nlogsource: {{product: aws, service: cloudtrail}}\ndetection:\n    selection: {{eventSource: kms.amazonaws.com, eventName: {name}}}\n    condition: selection\nlevel: low\n"
    )
}

fn correlation(kind: &str, condition: &str) -> String {
    format!(
        "title: Invented Several\nid: several\ncorrelation:\n    type: {kind}\n    rules: [a, b, c]\n    group-by: [userIdentity.arn]\n    timespan: 10m\n{condition}level: high\n"
    )
}

#[test]
fn one_bad_file_stops_no_other() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&[disable("e-1")]));
    sandbox.write("rules/good.yml", rule("good", "DisableKey"));
    sandbox.write("rules/tests/settings.yml", "title: Settings\norder: 20\nlogsources: {}\n");
    sandbox.write("rules/helm.yaml", "{{- if .Values.x }}\nkind: X\n{{- end }}\n");
    sandbox.write("rules/empty.yml", "# nothing\n");
    let report = sandbox.report(0, WORDS);
    assert_eq!(counts(&report).into_keys().collect::<Vec<_>>(), ["good"]);
    let ended = sandbox.keytrail(["scan"].iter().chain(&WORDS)).run().code(0);
    for told in [
        "rules/tests/settings.yml: 'Settings': it is no",
        "rules/helm.yaml: it is no YAML",
        "rules/empty.yml: it holds no rule",
    ] {
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
    }
    sandbox.keytrail(["rules", "lint", "rules"]).run();
    let level = rule("odd", "DisableKey").replace("level: low", "level: info");
    sandbox.write("rules/odd.yml", level);
    sandbox.write("rules/many.yml", correlation("temporal", ""));
    let report = sandbox.report(3, WORDS);
    assert_eq!(counts(&report).into_keys().collect::<Vec<_>>(), ["good"]);
    assert_eq!(report["problems"].as_array().unwrap().len(), 2, "{report}");
    for (id, reason) in [
        ("odd", "invalid level"),
        ("several", "names 'a', which is no rule"),
        ("Settings", "it is no Sigma"),
    ] {
        let shown = sandbox.keytrail(["rules", "show", id, "--rules=rules"]).run().code(2).stderr;
        assert!(shown.contains(&format!("'{id}' is not evaluated: rules/")), "{shown}");
        assert!(shown.contains(reason), "{shown}");
    }
}

#[test]
fn a_correlation_may_ask_for_some_of_its_rules() {
    let sandbox = Sandbox::new();
    let other = |id: &str, name: &str, second| {
        with(at(disable(id), second), &[("/eventName", name.into())])
    };
    sandbox.write(
        "trail.json",
        file(&[disable("e-1"), at(disable("e-2"), 5), other("e-3", "EnableKey", 60)]),
    );
    let rules = [rule("a", "DisableKey"), rule("b", "EnableKey"), rule("c", "CancelKeyDeletion")];
    sandbox.write("rules/rules.yml", rules.join("---\n"));
    for (condition, found) in [
        ("", 0),
        ("    condition: {gte: 1}\n", 1),
        ("    condition: {gte: 2}\n", 1),
        ("    condition: {eq: 2}\n", 1),
        ("    condition: {gte: 3}\n", 0),
        ("    condition: {gte: 4}\n", 0),
    ] {
        sandbox.write("rules/several.yml", correlation("temporal", condition));
        assert_eq!(counts(&sandbox.report(0, WORDS)).len(), found, "{condition}");
    }
    for (condition, told) in
        [("", false), ("    condition: {gte: 3}\n", false), ("    condition: {gte: 2}\n", true)]
    {
        sandbox.write("rules/several.yml", correlation("temporal_ordered", condition));
        let ended = sandbox.keytrail(["scan"].iter().chain(&WORDS)).run().code(0);
        assert_eq!(ended.stderr.contains("`temporal_ordered` asks for all"), told, "{condition}");
    }
}

#[test]
fn records_without_what_is_grouped_by_are_one_group() {
    let sandbox = Sandbox::new();
    let region = |id: &str, second, region: &str| {
        with(at(disable(id), second), &[("/requestParameters/x", region.into())])
    };
    let records =
        [disable("e-1"), at(disable("e-2"), 5), region("e-3", 6, "x"), region("e-4", 7, "y")];
    sandbox.write("trail.json", file(&records)).write("rules/a.yml", rule("a", "DisableKey"));
    let many = correlation("event_count", "    condition: {gte: 2}\n")
        .replace("[a, b, c]", "[a]")
        .replace("userIdentity.arn", "requestParameters.x");
    sandbox.write("rules/many.yml", many);
    assert_eq!(
        counts(&sandbox.report(0, WORDS)).into_iter().collect::<Vec<_>>(),
        [("several".to_owned(), 2)]
    );
}
