//! The engine as a whole against a plain, slow twin, over random histories of uses of keys.
//!
//! ```text
//! chained   correlations over correlations
//! history   the records of a random history
//! twin      records as JSON values, and uses as lists of them
//! rules     what the rules say of them
//! settled   which blobs need not be given again
//! spill     what does not fit into memory, and folders that cannot be written
//! stop      a signal that comes after the reading
//! flood     more findings of one actor than are told one by one
//! together  one finding of many keys of one account
//! usual     reads and sources that are judged by other days
//! listed    findings that do not fit into memory on their way to the report
//! faults    what is known to be wrong
//! examined  how many records each rule looked at
//! ```
//!
//! Whatever the order, the files, the copies, the threads and the limits are, the engine must say
//! what the twin says.

mod chained;
mod examined;
mod faults;
mod flood;
mod history;
mod listed;
mod parts;
mod reads;
mod rules;
mod settled;
mod spill;
mod stop;
mod together;
mod twin;
mod usual;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};

use super::{Filter, Limits, Plan, Progress, scan};
use crate::detect::RuleSet;
use crate::model::estate::{Estate, Thresholds};
use crate::model::finding::Finding;
use crate::model::outcome::Outcome;
use crate::model::pattern::Patterns;
use crate::model::time::Time;
use crate::source::Listing;
use history::{Rng, history};
use twin::Told;

/// The rules that the twin knows.
const RULES: [&str; 9] = [
    "admin-and-use",
    "decrypt-burst",
    "encrypt-only-role-decrypts",
    "first-use-of-key",
    "key-blast-radius",
    "key-deletion-scheduled",
    "lambda-env-default-key",
    "service-only-key-used-directly",
    "ssm-securestring-downgraded",
];

/// How many histories are looked at: one takes a tenth of a second in a debug build.
const CASES: u64 = 60;

/// How a history is scanned.
#[derive(Debug, Clone, Default)]
struct How {
    threads: usize,
    each: bool,
    /// Since, and until.
    range: [Option<Time>; 2],
    limits: Limits,
}

fn estate() -> Estate {
    let [blast_services, blast_accounts, blast_principals, encrypt_only] = rules::LOW;
    let role = |role: &str| Patterns::new([format!("*:{role}")]);
    Estate {
        encrypt_only_roles: role(rules::ROLES[0]),
        automation_roles: role(rules::ROLES[1]),
        thresholds: Thresholds {
            blast_services,
            blast_accounts,
            blast_principals,
            encrypt_only_uses: encrypt_only as u64,
            ..Thresholds::default()
        },
        ..Estate::default()
    }
}

fn plan(how: &How) -> Plan {
    let estate = Arc::new(estate());
    let loaded = RuleSet::load_some(|id| RULES.contains(&id), &[], &estate).unwrap();
    let mut plan = Plan::new(loaded.rules);
    plan.estate = estate;
    plan.threads = how.threads;
    plan.each = how.each;
    // The twin knows findings, and not which of them a report folds.
    plan.limits = Limits { alike: usize::MAX, ..how.limits };
    plan.filter = Filter { since: how.range[0], until: how.range[1], ..Filter::default() };
    plan
}

/// What the engine says of some files.
fn outcome(files: &[Vec<Value>], plan: &Plan) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    write(files, folder.path());
    scan_folder(folder.path(), plan)
}

fn write(files: &[Vec<Value>], folder: &Path) {
    for (at, records) in files.iter().enumerate() {
        let text = json!({"Records": records}).to_string();
        std::fs::write(folder.join(format!("{at}.json")), text).unwrap();
    }
}

fn scan_folder(folder: &Path, plan: &Plan) -> Outcome {
    let mut listing = Listing::open(&[folder]).unwrap();
    scan(&mut listing, plan, None, &Progress::default(), &AtomicBool::new(false)).unwrap()
}

fn told(finding: &Finding) -> Told {
    Told {
        rule: finding.rule.clone(),
        level: finding.level,
        attempt: finding.attempt,
        about: [
            finding.account.clone(),
            finding.region.clone(),
            finding.principal.arn.clone(),
            finding.key.as_ref().map(|key| key.arn.clone()),
            finding.resource.as_ref().map(|resource| resource.arn.clone()),
        ],
        count: finding.count,
        times: (finding.first_seen, finding.last_seen),
        events: finding.events.iter().map(|event| event.id.clone()).collect(),
    }
}

/// Findings as the twin tells them, in order.
fn all_told(outcome: &Outcome) -> Vec<Told> {
    let mut all: Vec<Told> = outcome.findings.all().unwrap().iter().map(told).collect();
    all.sort();
    all
}

/// Records in any order, split over files, some of them twice.
fn files(records: &[Value], rng: &mut Rng) -> Vec<Vec<Value>> {
    let mut all = records.to_vec();
    let twice = records.iter().filter(|record| record.get("eventID").is_some());
    all.extend(twice.filter(|_| rng.chance(20)).cloned());
    rng.shuffle(&mut all);
    let mut files = vec![Vec::new(); 1 + rng.below(4)];
    for record in all {
        rng.pick_mut(&mut files).push(record);
    }
    files
}

fn how(records: &[Value], rng: &mut Rng) -> How {
    let range = [0, 1].map(|_| {
        let time = rng.pick(records)["eventTime"].as_str().and_then(Time::parse);
        time.filter(|_| rng.chance(25))
    });
    let [since, until] = range;
    let range = match since.zip(until) {
        Some((since, until)) if until < since => [Some(until), Some(since)],
        _ => range,
    };
    let limits = Limits {
        uses: 1 + rng.below(7),
        facts: 5 + rng.below(40),
        notes: 1 + rng.below(30),
        ..Limits::default()
    };
    How { threads: 1 + rng.below(3), each: rng.chance(50), range, limits }
}

#[test]
fn uses_mean_what_the_plain_twin_says() {
    let mut fired: BTreeMap<String, u64> = BTreeMap::new();
    for seed in 0..CASES {
        let records = history(seed);
        let mut rng = Rng(!seed);
        let how = how(&records, &mut rng);
        let expected = rules::findings(&records, how.each, how.range);
        let outcome = outcome(&files(&records, &mut rng), &plan(&how));
        assert!(outcome.problems.is_empty(), "{seed}: {:?}", outcome.problems);
        let found = all_told(&outcome);
        let missing: Vec<&Told> = expected.iter().filter(|one| !found.contains(one)).collect();
        let extra: Vec<&Told> = found.iter().filter(|one| !expected.contains(one)).collect();
        assert!(
            missing.is_empty() && extra.is_empty() && found.len() == expected.len(),
            "{seed}: {how:?}\nmissing {missing:#?}\nextra {extra:#?}"
        );
        let mut rules: Vec<&String> = expected.iter().map(|one| &one.rule).collect();
        rules.dedup();
        rules.into_iter().for_each(|rule| *fired.entry(rule.clone()).or_default() += 1);
    }
    for rule in RULES {
        let cases = fired.get(rule).copied().unwrap_or_default();
        assert!(cases >= CASES / 10, "{rule} in {cases} of {CASES} cases: {fired:?}");
    }
}
