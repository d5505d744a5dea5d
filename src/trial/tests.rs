//! Samples of users' rules are found where they may lie, and judged by what a scan finds.

use std::fs;
use std::path::Path;

use super::*;

const RULE: &str = "title: T\nid: disabled\nlogsource: {product: aws, service: cloudtrail}\n\
    detection: {a: {eventSource: kms.amazonaws.com, eventName: DisableKey}, condition: a}\n";

fn record(name: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.08","eventID":"e","eventTime":"2026-11-23T20:00:00Z",
        "eventSource":"kms.amazonaws.com","eventName":"{name}","awsRegion":"eu-central-1",
        "recipientAccountId":"111122223333"}}"#
    )
}

/// The failures of every rule in a folder with these files, with `[DIR]` for it.
fn failures(files: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let rules = RuleSet::load(true, &[folder.path().to_owned()], &Arc::default()).unwrap().rules;
    let places = users(rules.reported());
    let trials = run(rules, places).unwrap();
    let root = folder.path().display().to_string();
    trials.iter().flat_map(Trial::failures).map(|why| why.replace(&root, "[DIR]")).collect()
}

#[test]
fn samples_lie_beside_the_rule_or_below_samples() {
    let (hit, miss) = (record("DisableKey"), record("EnableKey"));
    let (hit, miss) = (hit.as_str(), miss.as_str());
    for [first, second] in [
        ["rule/match.json", "rule/clean.json"],
        ["samples/rule/match-1.json", "samples/disabled/clean-1.json"],
        ["disabled/match.json", "samples/rule/clean.json"],
    ] {
        let found = failures(&[("rule.yml", RULE), (first, hit), (second, miss)]);
        assert!(found.is_empty(), "{found:?}");
    }
}

#[test]
fn what_is_not_as_it_should_be_is_told() {
    let (hit, miss) = (record("DisableKey"), record("EnableKey"));
    let found = failures(&[
        ("rule.yml", RULE),
        ("rule/match-a.json", &miss),
        ("rule/match-b.json", "{\"Records\":[]}"),
        ("rule/match-c.json", "{\"Records\":["),
        ("rule/clean-a.json", &hit),
        ("rule/other.json", &hit),
        ("rule/notes.md", "no sample"),
    ]);
    assert_eq!(found.len(), 5, "{found:#?}");
    assert!(found[0].starts_with("[DIR]/rule/other.json: named neither"), "{found:#?}");
    assert_eq!(
        found[1],
        "[DIR]/rule/match-a.json: expected a finding, got none; found by key-enabled"
    );
    assert_eq!(found[2], "[DIR]/rule/match-b.json: holds no record");
    assert!(found[3].starts_with("[DIR]/rule/match-c.json: "), "{found:#?}");
    assert_eq!(found[4], "[DIR]/rule/clean-a.json: expected no finding, got 1 finding");
}

#[test]
fn a_rule_without_samples_is_not_tested() {
    let found = failures(&[("rule.yml", RULE)]);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].contains("[DIR]/samples/rule, [DIR]/disabled"), "{found:#?}");
}

#[test]
fn the_pack_is_what_lies_in_the_source_tree() {
    let samples = Samples::unpack().unwrap();
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/rules");
    let list = |folder: &Path| {
        let walk = walkdir::WalkDir::new(folder).min_depth(2).sort_by_file_name();
        let files = walk.into_iter().map(|entry| entry.unwrap().into_path());
        files
            .map(|path| (path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap()))
            .collect::<Vec<_>>()
    };
    assert!(list(samples.path()) == list(&tree), "the pack differs from samples/rules");
}
