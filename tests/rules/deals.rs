//! An estate dealt to many machines in random ways: the report is that of one scan, byte for byte.
//!
//! A deal says which files a shard has, which shards are read twice, which are put together as a bucket, and in
//! which order all is taken up. `KEYTRAIL_DEAL=FOLDER` deals another estate: the folder with its logs.

use std::collections::BTreeSet;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock};

use keytrail::detect::RuleSet;
use keytrail::engine::{
    Head, Part, Plan, Progress, conclude_facts, join_facts, scan, scan_to_facts,
};
use keytrail::model::estate::Estate;
use keytrail::model::keys::asked::KeysAsked;
use keytrail::model::outcome::Outcome;
use keytrail::model::time::Time;
use keytrail::report::{Format, Report, Run, Style, write};
use keytrail::source::listing::Listing;
use serde_json::{Value, json};

use crate::estate::{File, Rng, estate};

/// Hashes of one key, as all machines of a dataset have them.
pub const SEED: u64 = 7;

/// How all of an estate is concluded. Made once: to load the rules takes longest.
static WHOLE: LazyLock<Plan> = LazyLock::new(|| plan(2));

/// How a machine leaves facts.
pub static WORKER: LazyLock<Plan> = LazyLock::new(|| {
    let keys = Some(KeysAsked::default());
    Plan { lists_uses: true, names_files: true, keys, ..plan(1) }
});

pub fn plan(threads: usize) -> Plan {
    let estate = Arc::new(Estate::of_samples());
    let rules = RuleSet::load(true, &[], &estate).unwrap().rules;
    let now = Time::parse("2026-11-01T00:00:00Z").unwrap();
    Plan { estate, threads, now, seed: Some(SEED), ..Plan::new(rules) }
}

pub fn head(id: &str) -> Head {
    Head { id: id.to_owned(), seed: SEED, ..Head::default() }
}

fn part(bytes: Vec<u8>) -> Part {
    Part::new("part", move || Ok(Box::new(Cursor::new(bytes.clone()))))
}

/// What a machine leaves of some files.
pub fn facts(files: &[PathBuf], id: &str) -> Part {
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    let mut bytes = Vec::new();
    let mut listing = Listing::open(files).unwrap();
    let out = (head(id), &mut bytes as _);
    scan_to_facts(&mut listing, &WORKER, (&progress, &stop), out).unwrap();
    part(bytes)
}

/// The report of an outcome, with nothing in it that says how it was made.
fn report(outcome: &Outcome) -> String {
    let run = Run::at(Time(0));
    let report =
        Report { run: &run, outcome, keys: None, frameworks: &[], nights: &[], limits: None };
    let mut bytes = Vec::new();
    write(Format::Json, &report, &Style::default(), &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Writes the files of an estate into a folder.
pub fn write_files(files: &[File], folder: &Path) -> Vec<PathBuf> {
    let write = |file: &File| {
        let path = folder.join(&file.name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, json!({"Records": file.records}).to_string()).unwrap();
        path
    };
    files.iter().map(write).collect()
}

/// Deals files to shards, shards to buckets, and all of it to an order, and gives the report.
fn dealt(files: &[PathBuf], rng: &mut Rng) -> String {
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    let mut shards = vec![Vec::new(); 2 + rng.below(5)];
    let count = shards.len();
    files.iter().for_each(|file| shards[rng.below(count)].push(file.clone()));
    shards.retain(|shard| !shard.is_empty());
    let mut buckets: Vec<Vec<Part>> = (0..1 + rng.below(3)).map(|_| Vec::new()).collect();
    for (number, shard) in shards.iter_mut().enumerate() {
        rng.shuffle(shard);
        let bucket = rng.below(buckets.len());
        for _ in 0..1 + usize::from(rng.chance(30)) {
            // Again, as a machine does that another one took for lost.
            buckets[bucket].push(facts(shard, &format!("shard {number}")));
        }
    }
    let mut parts = Vec::new();
    for (number, bucket) in buckets.into_iter().enumerate() {
        if bucket.is_empty() || rng.chance(30) {
            parts.extend(bucket);
            continue;
        }
        let (mut whole, mut left) = (Vec::new(), Vec::new());
        let head = head(&format!("bucket {number}"));
        let out = (&mut whole as _, &mut left as _);
        join_facts((&bucket, &head), &WORKER, (&progress, &stop), out).unwrap();
        let whole = part(whole);
        // What was decided may be left alone.
        parts.push(if rng.chance(30) { whole } else { part(left).decided_of(whole) });
    }
    rng.shuffle(&mut parts);
    let head = head("");
    report(&conclude_facts((&parts, &head, &[]), &WHOLE, &progress, &stop).unwrap().0)
}

fn scanned(sources: &[PathBuf]) -> String {
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    let mut listing = Listing::open(sources).unwrap();
    report(&scan(&mut listing, &WHOLE, None, &progress, &stop).unwrap())
}

/// The ids of the rules that a report has findings of.
fn rules(report: &str) -> BTreeSet<String> {
    let report: Value = serde_json::from_str(report).unwrap();
    let id = |finding: &Value| finding["rule"].as_str().unwrap().to_owned();
    report["findings"].as_array().unwrap().iter().map(id).collect()
}

/// The first line that is not the same in both.
fn same(found: &str, expected: &str, what: &str) {
    let mut lines = found.lines().zip(expected.lines());
    let first = lines.find(|(found, expected)| found != expected);
    assert!(first.is_none() && found.len() == expected.len(), "{what}: {first:#?}");
}

#[test]
fn an_estate_is_the_same_however_it_is_dealt() {
    let mut all = BTreeSet::new();
    for seed in 0..2 {
        let folder = tempfile::tempdir().unwrap();
        let files = write_files(&estate(seed), folder.path());
        let expected = scanned(&[folder.path().to_owned()]);
        all.extend(rules(&expected));
        for deal in 0..2 {
            let found = dealt(&files, &mut Rng(seed << 8 | deal));
            same(&found, &expected, &format!("estate {seed}, deal {deal}"));
        }
    }
    let chains = all.iter().filter(|id| id.starts_with("chain-")).count();
    assert!(all.len() >= 45 && chains >= 7, "{} rules, {chains} chains: {all:?}", all.len());
}

/// A folder that is named by `KEYTRAIL_DEAL`, in as many deals as `KEYTRAIL_DEALS` says.
#[test]
#[ignore = "for an estate that is named"]
fn another_estate_is_the_same_however_it_is_dealt() {
    let folder = PathBuf::from(std::env::var_os("KEYTRAIL_DEAL").expect("KEYTRAIL_DEAL=FOLDER"));
    let deals = std::env::var("KEYTRAIL_DEALS").ok().and_then(|text| text.parse().ok());
    let mut files = Vec::new();
    list(&folder, &mut files);
    let expected = scanned(&[folder]);
    let all = rules(&expected);
    for deal in 0..deals.unwrap_or(2) {
        same(&dealt(&files, &mut Rng(deal)), &expected, &format!("deal {deal}"));
    }
    println!("{} files, findings of {} rules: {all:?}", files.len(), all.len());
}

/// Every file below a folder.
fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() { list(&path, files) } else { files.push(path) }
    }
}
