//! The samples of every rule, their records turned round, split over files and some of them twice:
//! the findings are the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use keytrail::detect::RuleSet;
use keytrail::engine::{Plan, Progress, scan};
use keytrail::model::estate::Estate;
use keytrail::source::listing::Listing;
use serde_json::{Value, json};

/// What is the same whatever the order: all of a finding but where its records lay.
fn findings(plan: &Plan, path: &Path) -> BTreeSet<String> {
    let mut listing = Listing::open(&[path]).unwrap();
    let stop = AtomicBool::new(false);
    let outcome = scan(&mut listing, plan, None, &Progress::default(), &stop).unwrap();
    let told = outcome.findings.all().unwrap().into_iter().map(|mut finding| {
        for event in &mut finding.events {
            event.origin = keytrail::model::origin::Origin::blob("*");
        }
        // Hashes under a key that is the run's own.
        finding.members.clear();
        format!("{finding:?}")
    });
    told.collect()
}

/// The samples that hold several records.
pub fn samples() -> Vec<(PathBuf, Vec<Value>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/rules");
    let mut found = Vec::new();
    for folder in fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
        for path in fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
            let value = fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
            let Some(value): Option<Value> = value else { continue };
            let records = value["Records"].as_array().cloned().unwrap_or_default();
            if records.len() > 1 {
                found.push((path, records));
            }
        }
    }
    found
}

#[test]
fn no_order_changes_what_the_samples_give() {
    let estate = Arc::new(Estate::of_samples());
    let rules = RuleSet::load(true, &[], &estate).unwrap().rules;
    let plan = Plan { estate, threads: 2, ..Plan::new(rules) };
    let samples = samples();
    assert!(samples.len() > 150, "{}", samples.len());
    for (path, mut records) in samples {
        let plain = findings(&plan, &path);
        let folder = tempfile::tempdir().unwrap();
        records.reverse();
        let twice = records[0].clone();
        let (left, right) = records.split_at(records.len() / 2);
        let mut left = left.to_vec();
        left.push(twice);
        for (name, records) in [("a.json", right), ("b.json", &left[..])] {
            let text = json!({"Records": records}).to_string();
            fs::write(folder.path().join(name), text).unwrap();
        }
        assert_eq!(findings(&plan, folder.path()), plain, "{}", path.display());
    }
}
