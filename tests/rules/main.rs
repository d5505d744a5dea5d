//! Every built-in rule against its own samples and everybody else's, and its papers.
//!
//! `samples/rules/<id>/match*.json` are records that the rule must find, `clean*.json` such that
//! look alike and that it must not. A clean sample of one rule may be a hit of another; which are,
//! is kept in `samples/rules/others.txt`, so that a rule that begins to find more is seen in a
//! review. `UPDATE_SAMPLES=1 cargo test` rewrites it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests are tests; clippy knows only functions marked so"
)]

mod deals;
mod estate;
mod facts;
mod key_description_foreign;
mod nights;
mod order;
mod readme;
mod reference;
mod shards;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use keytrail::detect::RuleSet;
use keytrail::detect::registry;
use keytrail::model::estate::Estate;
use keytrail::record::event::Marked;
use keytrail::record::kms::View;
use keytrail::record::scan::{self, Index};
use keytrail::trial::{self, Samples, Trial, Wanted};
use serde_json::Value;

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
    RuleSet::load(true, &[], &Arc::new(Estate::of_samples()))
        .expect("the built-in rules load")
        .rules
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/rules")
}

/// Every rule on its samples, once for all tests that ask.
static TRIALS: LazyLock<Vec<Trial>> = LazyLock::new(|| {
    let rules = builtin();
    let samples = Samples::unpack().unwrap();
    let places = trial::builtin(rules.reported(), samples.path());
    trial::run(rules, places).unwrap()
});

#[test]
fn every_rule_passes_on_its_samples() {
    let failures: Vec<String> = TRIALS.iter().flat_map(Trial::failures).collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    // All but the one that judges files: tests/cli/verified.rs shows what it finds.
    assert_eq!(TRIALS.len() + 1, builtin().len());
    assert!(TRIALS.iter().all(|trial| trial.rule != registry::INTEGRITY));
    for trial in TRIALS.iter() {
        let clean = trial.count(Wanted::Clean);
        assert!(clean >= 2, "{}: {clean} clean samples, two or more are wanted", trial.rule);
    }
}

/// A finding of a call that failed is an attempt, and of no other.
#[test]
fn failed_calls_are_attempts() {
    for trial in TRIALS.iter() {
        let rule = registry::RULES.iter().find(|rule| rule.id == trial.rule).unwrap();
        // A rule that looks for errors finds no attempts.
        let looks_for_errors = rule.yaml.contains("errors: selected");
        for verdict in &trial.verdicts {
            let file = verdict.sample.path.file_name().unwrap();
            let text = fs::read(samples().join(&trial.rule).join(file)).unwrap();
            let record: Value = serde_json::from_slice(&text).unwrap_or_default();
            // Of a file of several records nobody can say which the finding is about.
            let (Some(found), Some(_)) = (verdict.found.get(&trial.rule), record.get("eventName"))
            else {
                continue;
            };
            let failed = ["errorCode", "errorMessage"].iter().any(|name| !record[name].is_null());
            let name = &verdict.sample.name;
            assert_eq!(found.attempt, failed && !looks_for_errors, "{}/{name}", trial.rule);
        }
    }
}

#[test]
fn what_other_rules_find_in_clean_samples_is_known() {
    let mut lines = Vec::new();
    for trial in TRIALS.iter() {
        let clean = trial.verdicts.iter().filter(|v| v.sample.wanted == Wanted::Clean);
        for verdict in clean.filter(|verdict| !verdict.found.is_empty()) {
            let others: Vec<&str> = verdict.found.keys().map(String::as_str).collect();
            lines.push(format!("{}/{}: {}\n", trial.rule, verdict.sample.name, others.join(" ")));
        }
    }
    lines.sort();
    let path = samples().join("others.txt");
    let (found, known) = (lines.concat(), fs::read_to_string(&path).unwrap_or_default());
    if found == known {
        return;
    }
    if std::env::var_os("UPDATE_SAMPLES").is_some() {
        fs::write(&path, found).unwrap();
        return;
    }
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let (new, old) = (lines(&found), lines(&known));
    let minus = old.difference(&new).map(|line| format!("-{line}"));
    let plus = new.difference(&old).map(|line| format!("+{line}"));
    let changed: Vec<String> = minus.chain(plus).collect();
    panic!(
        "what other rules find in clean samples has changed; if rightly so, UPDATE_SAMPLES=1 \
         cargo test rewrites samples/rules/others.txt\n{}",
        changed.join("\n")
    );
}

#[test]
fn every_folder_of_samples_belongs_to_a_rule() {
    let rules = builtin();
    let mut ids: BTreeSet<String> = rules.reported().map(|meta| meta.id.clone()).collect();
    assert!(ids.remove(registry::INTEGRITY), "no record can show it");
    let folders: BTreeSet<String> = fs::read_dir(samples())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(folders, ids);
}

#[test]
fn every_rule_has_its_papers() {
    let rules = builtin();
    for meta in rules.reported() {
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
    let groups = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    for group in groups.filter(|path| path.is_dir()) {
        for file in fs::read_dir(group).unwrap() {
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
        .filter(|text| !text.starts_with("{\"Records\""))
        .find(|text| text.contains("deletionDate") && !text.contains("errorCode"))
        .expect("a sample with a date");
    let rules = builtin();
    let mut index = Index::default();
    scan::plain::scan(text.trim().as_bytes(), &mut index).unwrap();
    let event = Marked::new(text.trim().as_bytes(), &index).event().unwrap();
    let view = View::new(&event);
    let hits = (0..rules.len() as u32).filter_map(|rule| rules.check(rule, &event, &view));
    let dates: Vec<_> = hits.filter_map(|hit| hit.details.get("deletionDate").cloned()).collect();
    assert!(dates.iter().any(|date| date.is_string()), "{dates:?}");
}
