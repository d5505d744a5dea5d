//! How long each step of a scan takes, on one thread: `cargo bench --locked`.
//!
//! ```text
//! inflate    a file of a trail to text
//! split      text to records, with marks at their structure
//! route      a record to the rules that could match
//! evaluate   what these rules say of it
//! facts      all of it up to what was found, as a file
//! conclude   what was found to an outcome
//! report     an outcome to text
//! trail      the invented input
//! ```
//!
//! Each figure has a throughput, mostly in bytes of text, so that steps can be compared. `split` is part of
//! `route`, and `route` of `evaluate`: their differences are what a step adds. What must stay true: a step
//! is called as a scan calls it, and its answer is used.

#![expect(clippy::expect_used, reason = "a benchmark stops at the first surprise")]

mod trail;

use std::hint::black_box;
use std::io::{self, Cursor, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use criterion::{BenchmarkId, Criterion, Throughput};
use keytrail::detect::RuleSet;
use keytrail::detect::case::Case;
use keytrail::engine::{Head, Part, Plan, Progress, conclude_facts, fresh_seed, scan_to_facts};
use keytrail::model::estate::Estate;
use keytrail::model::other_document::OtherDocument;
use keytrail::model::outcome::Outcome;
use keytrail::model::problem::Stage;
use keytrail::model::time::Time;
use keytrail::model::window::{Whole, Window};
use keytrail::record::container::{Reader, Sink};
use keytrail::record::event::Marked;
use keytrail::record::kms::View;
use keytrail::record::scan;
use keytrail::report::{self, Format, Report, Run, Style};
use keytrail::source::{Blob, Inflater, Limits, Listing};

/// How many records the text has.
const RECORDS: u64 = 20_000;
/// The largest record that a reader holds.
const LARGEST: usize = 64 << 20;

/// A sink that hands each record to a function, and expects nothing else.
struct Each<F>(F);

impl<F: FnMut(&Marked<'_>)> Sink for Each<F> {
    fn record(&mut self, _: u64, record: Marked<'_>) {
        (self.0)(&record);
    }
    fn bad(&mut self, number: u64, message: String) {
        panic!("record {number}: {message}");
    }
    fn problem(&mut self, _: Stage, message: String) {
        panic!("{message}");
    }
    fn other(&mut self, kind: OtherDocument) {
        panic!("{kind:?}");
    }
    fn ready(&mut self) -> bool {
        true
    }
}

/// Reads all records of a text.
fn each(reader: &mut Reader, text: &str, take: impl FnMut(&Marked<'_>)) {
    reader.read(&mut Whole::new(text.as_bytes()), &mut Each(take));
}

fn rules() -> RuleSet {
    RuleSet::load(true, &[], &Arc::new(Estate::default())).expect("the built-in rules load").rules
}

/// Inflates a file, and counts its text.
fn inflated(inflater: &mut Inflater, blob: &Blob) -> usize {
    let mut text = inflater.open(blob).expect("the file opens");
    let mut bytes = 0;
    loop {
        let held = text.text().len();
        bytes += held;
        text.consume(held);
        if !text.fill().expect("the file is whole") {
            return bytes + text.text().len();
        }
    }
}

/// What one scan of a file found, as `keytrail facts` writes it.
fn facts(path: &PathBuf, plan: &Plan) -> Vec<u8> {
    let mut source = Listing::open(&[path]).expect("the file is there");
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    let mut out = Vec::new();
    let given = (head(plan), &mut out as &mut dyn io::Write);
    let (outcome, _) =
        scan_to_facts(&mut source, plan, (&progress, &stop), given).expect("memory takes all");
    assert_eq!(outcome.totals.records, RECORDS);
    out
}

fn head(plan: &Plan) -> Head {
    Head {
        program: String::new(),
        id: String::new(),
        seed: plan.seed.unwrap_or_default(),
        rules: String::new(),
        settings: Vec::new(),
        range: [None; 2],
        places: [Vec::new(), Vec::new()],
        sources: Vec::new(),
        decided: false,
    }
}

/// The outcome of what was found.
fn concluded(facts: &Arc<[u8]>, plan: &Plan) -> Outcome {
    let bytes = Arc::clone(facts);
    let part = Part::new("part", move || {
        Ok(Box::new(Cursor::new(Arc::clone(&bytes))) as Box<dyn Read + Send>)
    });
    let head = head(plan);
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    conclude_facts((&[part], &head, &[]), plan, &progress, &stop).expect("the facts are whole").0
}

/// A run as a report describes it.
fn described(rules: &RuleSet) -> Run {
    Run {
        sources: vec!["trail".to_owned()],
        rules_enabled: rules.len(),
        rules: rules.reported().cloned().collect(),
        rules_digest: rules.digest(),
        ..Run::at(Time::from_secs(1_793_620_800))
    }
}

/// The steps that look at one record after another.
fn records(criterion: &mut Criterion, text: &str, rules: &RuleSet) {
    let mut group = criterion.benchmark_group("records");
    group.throughput(Throughput::Bytes(text.len() as u64));
    let mut reader = Reader::new(scan::fastest(), LARGEST);
    group.bench_function("split", |bencher| {
        bencher.iter(|| {
            let mut count = 0_u64;
            each(&mut reader, text, |_| count += 1);
            assert_eq!(count, RECORDS);
        });
    });
    group.bench_function("route", |bencher| {
        bencher.iter(|| {
            each(&mut reader, text, |record| {
                black_box(rules.candidates_of(&record.header()).is_empty());
            });
        });
    });
    group.bench_function("evaluate", |bencher| {
        bencher.iter(|| {
            let mut hits = 0_u64;
            each(&mut reader, text, |record| {
                let candidates = rules.candidates_of(&record.header());
                if candidates.is_empty() {
                    return;
                }
                let event = record.event().expect("the records are UTF-8");
                let view = View::new(&event);
                for rule in candidates.of(|| Case::of(&view)) {
                    // A history is not asked of one record.
                    let asked = rules.history(*rule as usize).is_none();
                    hits += u64::from(asked && rules.check(*rule, &event, &view).is_some());
                }
            });
            assert!(hits > 0, "the rules find something");
        });
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let text = trail::text(RECORDS);
    let folder = tempfile::tempdir().expect("a folder for the file");
    let path = folder.path().join("trail.json.gz");
    std::fs::write(&path, trail::gzip(&text)).expect("the file can be written");
    let bytes = Throughput::Bytes(text.len() as u64);

    let mut group = criterion.benchmark_group("file");
    group.throughput(bytes.clone());
    let mut inflater = Inflater::new(Limits::default());
    let blob = Blob::file(path.clone());
    group.bench_function("inflate", |bencher| {
        bencher.iter(|| assert_eq!(inflated(&mut inflater, &blob), text.len()));
    });
    let plan = Plan { seed: Some(fresh_seed(1)), ..Plan::new(rules()) };
    group.bench_function("facts", |bencher| bencher.iter(|| facts(&path, &plan)));
    let found: Arc<[u8]> = facts(&path, &plan).into();
    group.bench_function("conclude", |bencher| bencher.iter(|| concluded(&found, &plan)));
    group.finish();

    records(&mut criterion, &text, &plan.rules);

    let (run, outcome) = (described(&plan.rules), concluded(&found, &plan));
    let report = Report::new(&run, &outcome);
    let mut group = criterion.benchmark_group("report");
    for (name, format) in [("json", Format::Json), ("html", Format::Html), ("table", Format::Table)]
    {
        let written = || {
            let mut out = Vec::new();
            report::write(format, &report, &Style::default(), &mut out).expect("memory takes all");
            out.len() as u64
        };
        group.throughput(Throughput::Bytes(written()));
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| bencher.iter(written));
    }
    group.finish();
    criterion.final_summary();
}
