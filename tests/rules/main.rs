//! Every built-in rule against its own samples and everybody else's, and its papers.
//!
//! `samples/rules/<id>/match*.json` are records that the rule must find, `clean*.json` such that
//! look alike and that it must not. A clean sample of one rule is quiet for all others too, but
//! for the pairs that are listed here with a reason.

// Helpers of tests are tests; clippy knows only functions marked so.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keytrail::detect::{Hit, RuleSet};
use keytrail::record::event::{Event, Marked};
use keytrail::record::kms::View;
use keytrail::record::scan::{self, Index};

/// Clean samples that another rule finds, rightly: rule of the sample, sample, rule that finds it,
/// why.
const FOUND_BY_OTHERS: &[(&str, &str, &str, &str)] = &[
    (
        "external-origin-key-created",
        "clean-aws-kms-origin",
        "key-created",
        "a key was created, of another origin",
    ),
    (
        "external-origin-key-created",
        "clean-null-request",
        "key-created",
        "a key was created, its origin not logged",
    ),
    (
        "imported-material-deleted",
        "clean-expired-by-kms",
        "imported-material-expired",
        "the other way to lose material",
    ),
    (
        "key-deletion-short-window",
        "clean-default-window",
        "key-deletion-scheduled",
        "a deletion with a long window",
    ),
    (
        "key-deletion-short-window",
        "clean-eight-days",
        "key-deletion-scheduled",
        "a deletion with a long window",
    ),
    (
        "key-deletion-short-window",
        "clean-thirty-days",
        "key-deletion-scheduled",
        "a deletion with a long window",
    ),
    (
        "pending-deletion-key-use",
        "clean-deletion-requested-twice",
        "critical-call-without-mfa",
        "a critical call, by a session that may lack MFA",
    ),
    (
        "pending-deletion-key-use",
        "clean-deletion-requested-twice",
        "key-deletion-scheduled",
        "an attempt to schedule a deletion",
    ),
];

/// The headings that every explanation has, in this order.
const SECTIONS: &[&str] = &[
    "## What it finds",
    "## Why it matters",
    "## When it is harmless",
    "## What to do",
    "## Limits",
    "## References",
];

fn builtin() -> RuleSet {
    RuleSet::load(true, &[], &Arc::default()).expect("the built-in rules load").rules
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/rules")
}

/// The samples of a rule whose names start with `kind`: name and text.
fn samples_of(id: &str, kind: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = fs::read_dir(samples().join(id))
        .unwrap_or_else(|error| panic!("samples of {id}: {error}"))
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), path))
        .filter(|(name, _)| name.starts_with(kind))
        .map(|(name, path)| (name, fs::read_to_string(path).unwrap().trim().to_owned()))
        .collect();
    found.sort();
    found
}

/// What the rules find in a record, on the way that every record of a log goes.
fn hits(rules: &RuleSet, text: &str) -> Vec<Hit> {
    let mut index = Index::default();
    let (len, _) = scan::fastest()(text.as_bytes(), &mut index).expect("one record");
    assert_eq!(len, text.len(), "one record, and nothing behind it");
    let header = Marked::new(text.as_bytes(), &index).header();
    let event = Event::new(text, &index);
    let view = View::new(&event);
    let candidates = rules.candidates_of(&header);
    candidates.iter().filter_map(|&rule| rules.check(rule, &event, &view)).collect()
}

fn id_of<'r>(rules: &'r RuleSet, hit: &Hit) -> &'r str {
    &rules.metas()[hit.rule].id
}

#[test]
fn every_rule_finds_its_match_samples() {
    let rules = builtin();
    for meta in rules.metas() {
        let samples = samples_of(&meta.id, "match");
        assert!(samples.len() >= 2, "{} has {} match samples", meta.id, samples.len());
        for (name, text) in samples {
            let hits = hits(&rules, &text);
            let hit = hits.iter().find(|hit| id_of(&rules, hit) == meta.id);
            let hit = hit.unwrap_or_else(|| panic!("{} does not find {name}", meta.id));
            // The rule that looks for errors finds no attempts.
            let failed = name.contains("attempt") && meta.id != "pending-deletion-key-use";
            assert_eq!(hit.attempt, failed, "{} on {name}", meta.id);
        }
    }
}

#[test]
fn no_rule_finds_a_clean_sample() {
    let rules = builtin();
    let mut found = BTreeSet::new();
    for meta in rules.metas() {
        let samples = samples_of(&meta.id, "clean");
        assert!(samples.len() >= 2, "{} has {} clean samples", meta.id, samples.len());
        for (name, text) in samples {
            for hit in hits(&rules, &text) {
                let by = id_of(&rules, &hit);
                assert_ne!(by, meta.id, "{name}");
                found.insert(format!("{}/{name}: {by}", meta.id));
            }
        }
    }
    let known = FOUND_BY_OTHERS.iter().map(|(of, name, by, _)| format!("{of}/{name}: {by}"));
    assert_eq!(found, known.collect());
}

#[test]
fn every_folder_of_samples_belongs_to_a_rule() {
    let rules = builtin();
    let ids: BTreeSet<String> = rules.metas().iter().map(|meta| meta.id.clone()).collect();
    let folders: BTreeSet<String> = fs::read_dir(samples())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(folders, ids);
}

#[test]
fn every_rule_has_its_papers() {
    let rules = builtin();
    for meta in rules.metas() {
        let id = &meta.id;
        let text = rules.explanation(id).unwrap_or_else(|| panic!("{id} has no explanation"));
        let headings: Vec<&str> = text.lines().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(headings, SECTIONS, "{id}");
        assert!(meta.advice.as_ref().is_some_and(|advice| !advice.is_empty()), "{id}: advice");
        assert!(!meta.references.is_empty(), "{id}: references");
        assert!(meta.references.iter().all(|link| link.starts_with("https://")), "{id}");
        assert!(meta.group.is_some(), "{id}: group");
        assert!(!meta.title.ends_with('.'), "{id}: a title is no sentence");
    }
}

/// A detection named `level_…` says how serious a match is; it must not be part of what matches.
#[test]
fn no_condition_mentions_a_level() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    for group in fs::read_dir(folder).unwrap() {
        for file in fs::read_dir(group.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let condition = text.lines().find(|line| line.trim_start().starts_with("condition:"));
            if let Some(condition) = condition {
                let bad = condition.contains("level_") || condition.contains("them");
                assert!(!bad, "{}: {condition}", path.display());
            }
        }
    }
}

/// A finding of a scheduled deletion says until when it can be cancelled.
#[test]
fn a_scheduled_deletion_says_its_date() {
    let text = fs::read_dir("samples/rules/key-deletion-scheduled")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("match"))
        .map(|path| fs::read_to_string(path).unwrap())
        .find(|text| text.contains("deletionDate") && !text.contains("errorCode"))
        .expect("a sample with a date");
    let rules = RuleSet::load(true, &[], &Arc::default()).unwrap().rules;
    let mut index = Index::default();
    scan::plain::scan(text.trim().as_bytes(), &mut index).unwrap();
    let event = Marked::new(text.trim().as_bytes(), &index).event().unwrap();
    let view = View::new(&event);
    let hits = (0..rules.len() as u32).filter_map(|rule| rules.check(rule, &event, &view));
    let dates: Vec<_> = hits.filter_map(|hit| hit.details.get("deletionDate").cloned()).collect();
    assert!(dates.iter().any(|date| date.is_string()), "{dates:?}");
}
