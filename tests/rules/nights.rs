//! The samples of every rule, their records spread over several runs that go on from each other:
//! together they find what one run over all of them finds.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use keytrail::detect::RuleSet;
use keytrail::engine::{Past, Plan, Progress, scan};
use keytrail::model::coverage::Coverage;
use keytrail::model::estate::Estate;
use keytrail::model::memory::Memory;
use keytrail::source::listing::Listing;
use serde_json::{Value, json};

use crate::order::samples;

const DAY: i64 = 86_400_000_000;

fn plan() -> Plan {
    let estate = Arc::new(Estate::of_samples());
    let rules = RuleSet::load(true, &[], &estate).unwrap().rules;
    Plan { estate, threads: 2, ..Plan::new(rules) }
}

/// A finding as it is the same in every run: its rule and its fingerprint.
type Found = BTreeSet<(String, String)>;

/// What one run finds, and what it leaves to the next.
fn run(plan: &Plan, path: &Path) -> (Found, Option<Memory>, Coverage) {
    let mut listing = Listing::open(&[path]).unwrap();
    let stop = AtomicBool::new(false);
    let outcome = scan(&mut listing, plan, None, &Progress::default(), &stop).unwrap();
    let found =
        outcome.findings.all().unwrap().into_iter().map(|f| (f.rule, f.fingerprint)).collect();
    (found, outcome.memory, outcome.coverage)
}

/// What runs over the parts find together.
fn nights(plan: &mut Plan, parts: &[&[Value]]) -> Found {
    let folder = tempfile::tempdir().unwrap();
    plan.past = Some(Past { late: DAY, ..Past::default() });
    let mut found = Found::new();
    for (number, part) in parts.iter().enumerate() {
        let path = folder.path().join(format!("{number}.json"));
        fs::write(&path, json!({"Records": part}).to_string()).unwrap();
        let (new, memory, coverage) = run(plan, &path);
        plan.coverage = coverage;
        found.extend(new);
        plan.past = Some(Past { memory: memory.unwrap(), late: DAY, reread: None });
    }
    plan.past = None;
    plan.coverage = Coverage::default();
    found
}

/// So many tests share the samples, so that no single one is long and all cores have work.
const SHARES: usize = 4;

#[test]
fn several_runs_find_what_one_finds_first_share() {
    several_runs_find_what_one_finds(0);
}

#[test]
fn several_runs_find_what_one_finds_second_share() {
    several_runs_find_what_one_finds(1);
}

#[test]
fn several_runs_find_what_one_finds_third_share() {
    several_runs_find_what_one_finds(2);
}

#[test]
fn several_runs_find_what_one_finds_last_share() {
    several_runs_find_what_one_finds(3);
}

fn several_runs_find_what_one_finds(share: usize) {
    let mut plan = plan();
    let mut wrong = Vec::new();
    let mut all = samples();
    // Each share is of the same order, whatever the disk gives.
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (path, mut records) in all.into_iter().skip(share).step_by(SHARES) {
        let (expected, ..) = run(&plan, &path);
        let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string();
        let mut seen: Vec<Vec<Vec<Value>>> = Vec::new();
        let mut check = |way: &str, parts: &[&[Value]]| {
            // Few records are spread in the same way by several of them.
            let same: Vec<_> = parts.iter().map(|part| part.to_vec()).collect();
            if seen.contains(&same) {
                return;
            }
            seen.push(same);
            let found = nights(&mut plan, parts);
            // What is usual is not known yet when the silence comes first, and no later night
            // looks at hours before its own.
            let silent = |rule: &str| {
                way == "late" && rule == "audit-gap" && name.starts_with("samples/rules/audit-gap/")
            };
            for (rule, _) in expected.difference(&found).filter(|(rule, _)| !silent(rule)) {
                wrong.push(format!("{name} {way}: lacks {rule}"));
            }
            // What a later night shows to be otherwise was still true before.
            let early = |rule: &str| {
                ["subject-tags-unknown", "trail-coverage-missing"].contains(&rule)
                    || name.ends_with("trust-spread/clean-taken-back.json")
                    // A short log does not know what is usual, nor which accounts are one's own.
                    || name.ends_with("decrypt-burst/clean-every-day.json")
                    || name.ends_with("key-blast-radius/clean-own-accounts.json")
                    || name.ends_with("key-deletion-burst/clean-own-young-keys.json")
            };
            for (rule, _) in found.difference(&expected).filter(|(rule, _)| !early(rule)) {
                wrong.push(format!("{name} {way}: has {rule}"));
            }
        };
        let half = records.len() / 2;
        let (first, second) = records.split_at(half);
        check("in order", &[first, second]);
        check("one by one", &records.chunks(1.max(records.len() / 4)).collect::<Vec<_>>());
        check("with copies", &[first, &records[half.saturating_sub(1)..], &records[..]]);
        records.reverse();
        let (first, second) = records.split_at(half);
        check("late", &[first, second]);
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}
