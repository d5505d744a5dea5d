//! The slow, obvious twin: every hour by itself, in sets, whole range by whole range.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::detect::RuleSet;
use crate::engine::{Filter, Plan, Progress, scan};
use crate::model::coverage::{Coverage, Gap, Hour, Place, hour_of};
use crate::model::outcome::Outcome;
use crate::model::time::Time;
use crate::source::Listing;

/// Midnight of 1 January 2024.
const BEGIN: Hour = 473_352;

const REGIONS: [&str; 3] = ["eu-west-1", "eu-central-1", "us-east-1"];

fn time(hour: Hour, minute: i64) -> Time {
    Time::from_secs(((BEGIN + hour) * 60 + minute) * 60)
}

fn hours(from: Hour, to: Hour) -> Gap {
    Gap { from: BEGIN + from, to: BEGIN + to }
}

fn record(hour: Hour, region: &str, source: &str, name: &str, read_only: Option<bool>) -> Value {
    json!({
        "eventTime": time(hour, 10), "eventSource": format!("{source}.amazonaws.com"),
        "eventName": name, "awsRegion": region, "recipientAccountId": "111122223333",
        "readOnly": read_only, "eventID": format!("{region}-{hour}-{name}"),
    })
}

/// What happened in an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Plain,
    Read,
    Write,
    Rotated,
    Global,
}

impl Event {
    fn record(self, hour: Hour, region: &str) -> Value {
        match self {
            Event::Plain => record(hour, region, "ec2", "RunInstances", Some(false)),
            Event::Read => record(hour, region, "kms", "Decrypt", None),
            Event::Write => record(hour, region, "kms", "RetireGrant", Some(false)),
            Event::Rotated => record(hour, region, "kms", "RotateKey", None),
            Event::Global => record(hour, "us-east-1", "iam", "ListUsers", Some(true)),
        }
    }
}

/// A file: its name says so where there is a minute, its records, and the Region it is of.
#[derive(Debug, Clone)]
struct File {
    region: usize,
    named: Option<i64>,
    events: Vec<(Hour, Event)>,
}

impl File {
    /// When it was delivered: after the last of its records.
    fn delivered(&self) -> Option<Time> {
        let last = self.events.iter().map(|(hour, _)| *hour).max()?;
        Some(time(last, self.named?))
    }

    fn write(&self, folder: &Path, number: usize) {
        let region = REGIONS[self.region];
        let name = match self.delivered() {
            Some(time) => {
                let date = time.to_string().replace(['-', ':'], "");
                format!("111122223333_CloudTrail_{region}_{}Z_{number}.json", &date[..13])
            }
            None => format!("{number}.json"),
        };
        let records: Vec<Value> = self.events.iter().map(|(h, e)| e.record(*h, region)).collect();
        fs::write(folder.join(name), json!({"Records": records}).to_string()).unwrap();
    }
}

/// Loaded once, since that takes longer than a scan.
static PLAN: LazyLock<Mutex<Plan>> = LazyLock::new(|| {
    let rules = RuleSet::load(true, &[], &Arc::default()).unwrap().rules;
    let rules = rules.select(&["audit-gap".to_owned()], &[]).unwrap();
    Mutex::new(Plan { now: time(100_000, 0), ..Plan::new(rules) })
});

fn scanned(folder: &Path, filter: Filter, earlier: Coverage, threads: usize) -> Outcome {
    let mut plan = PLAN.lock().unwrap_or_else(PoisonError::into_inner);
    (plan.filter, plan.coverage, plan.threads) = (filter, earlier, threads);
    let mut listing = Listing::open(&[folder]).unwrap();
    scan(&mut listing, &plan, None, &Progress::default(), &AtomicBool::new(false)).unwrap()
}

fn outcome(files: &[File], filter: Filter, earlier: &Coverage) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    files.iter().enumerate().for_each(|(number, file)| file.write(folder.path(), number));
    scanned(folder.path(), filter, earlier.clone(), 2)
}

/// One unnamed file of a Region with one event in each of these hours.
fn file(region: usize, event: Event, hours: impl IntoIterator<Item = Hour>) -> File {
    File { region, named: None, events: hours.into_iter().map(|hour| (hour, event)).collect() }
}

/// Region, what is missing, from, to, of each gap of each finding, sorted.
fn gaps(outcome: &Outcome) -> Vec<(String, String, String, String)> {
    let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
    let of = |finding: &crate::model::finding::Finding| {
        let gaps = finding.details["gaps"].as_array().unwrap().clone();
        assert_eq!(finding.count, gaps.len() as u64);
        let region = finding.region.clone().unwrap();
        gaps.into_iter()
            .map(move |gap| {
                (region.clone(), text(&gap, "missing"), text(&gap, "from"), text(&gap, "to"))
            })
            .collect::<Vec<_>>()
    };
    let mut gaps: Vec<_> = outcome.findings.all().unwrap().iter().flat_map(of).collect();
    gaps.sort();
    gaps
}

fn gap(region: usize, what: &str, from: Hour, to: Hour) -> (String, String, String, String) {
    let [from, to] = [from, to].map(|hour| time(hour, 0).to_string());
    (REGIONS[region].to_owned(), what.to_owned(), from, to)
}

#[test]
fn a_gap_between_two_runs_is_in_the_second() {
    let first = outcome(&[file(0, Event::Plain, 0..100)], Filter::default(), &Coverage::default());
    assert_eq!(gaps(&first), []);
    let text = serde_json::to_string(&first.coverage).unwrap();
    let carried: Coverage = serde_json::from_str(&text).unwrap();
    let second = outcome(&[file(0, Event::Plain, 130..140)], Filter::default(), &carried);
    assert_eq!(gaps(&second), [gap(0, "events", 100, 130)]);
    let row = &second.covered[0];
    assert_eq!((row.range, row.hours_covered, row.counts.records), (hours(100, 140), 10, 10));
    // It ended: the next run has nothing to say of it.
    let third = outcome(&[file(0, Event::Plain, 140..150)], Filter::default(), &second.coverage);
    assert_eq!(gaps(&third), []);
    assert_eq!(third.covered[0].gaps, []);
}

/// A run over these files and one that cannot be read.
fn broken(files: &[File], filter: Filter, earlier: &Coverage) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    files.iter().enumerate().for_each(|(number, file)| file.write(folder.path(), number));
    fs::write(folder.path().join("broken.json.gz"), [0x1f, 0x8b, 8, 0, 1]).unwrap();
    scanned(folder.path(), filter, earlier.clone(), 2)
}

#[test]
fn a_gap_that_a_run_could_not_judge_is_judged_by_a_later_one() {
    let all = Filter::default;
    let first = outcome(&[file(0, Event::Plain, 0..100)], all(), &Coverage::default());
    let second = broken(&[file(0, Event::Plain, 130..140)], all(), &first.coverage);
    assert_eq!(gaps(&second), [], "the file may hold what is missing");
    let third = broken(&[file(0, Event::Plain, 140..150)], all(), &second.coverage);
    assert_eq!(gaps(&third), []);
    // A run that looks at something else has not judged it either.
    let one = || Filter { regions: vec![REGIONS[1].to_owned()], ..all() };
    let other = outcome(&[file(0, Event::Plain, 150..155)], one(), &third.coverage);
    let fourth = outcome(&[file(0, Event::Plain, 155..160)], all(), &other.coverage);
    assert_eq!(gaps(&fourth), [gap(0, "events", 100, 130)]);
    assert_eq!(fourth.covered[0].gaps, [], "it is no gap of this run");
    let fifth = outcome(&[file(0, Event::Plain, 160..170)], all(), &fourth.coverage);
    assert_eq!(gaps(&fifth), [], "once is enough");
    // With a beginning, what lies before it is left out, and the rest told once.
    let since = |hour| Filter { since: Some(time(hour, 0)), ..all() };
    let next = outcome(&[file(0, Event::Plain, 140..150)], since(120), &second.coverage);
    assert_eq!(gaps(&next).len(), 1);
    let again = outcome(&[file(0, Event::Plain, 150..160)], since(121), &next.coverage);
    assert_eq!(gaps(&again), []);
    let late = outcome(&[file(0, Event::Plain, 140..150)], since(140), &second.coverage);
    assert_eq!(gaps(&late), []);
    let whole = outcome(&[file(0, Event::Plain, 150..160)], all(), &late.coverage);
    assert_eq!(gaps(&whole), [gap(0, "events", 100, 130)], "nobody has told it");
    // What was unreadable may have been what was missing.
    let late = [file(0, Event::Plain, 100..130), file(0, Event::Plain, 140..150)];
    assert_eq!(gaps(&outcome(&late, all(), &second.coverage)), []);
}

#[test]
fn a_gap_stays_open_while_others_go_on_or_until_says_so() {
    let both = [file(0, Event::Plain, 0..100), file(1, Event::Plain, 0..100)];
    let carried = outcome(&both, Filter::default(), &Coverage::default()).coverage;
    let on = [file(1, Event::Plain, 100..140)];
    assert_eq!(gaps(&outcome(&on, Filter::default(), &carried)), [gap(0, "events", 100, 139)]);
    let until = |hour| Filter { until: Some(time(hour, 30)), ..Filter::default() };
    assert_eq!(gaps(&outcome(&on, until(125), &carried)), [gap(0, "events", 100, 125)]);
    assert_eq!(gaps(&outcome(&on, until(124), &carried)), [], "a day is no more than a day");
    // Nothing new at all.
    let silent = gaps(&outcome(&[], until(150), &carried));
    assert_eq!(silent, [gap(1, "events", 100, 150), gap(0, "events", 100, 150)]);
    assert_eq!(gaps(&outcome(&[], Filter::default(), &carried)), []);
    // What is still to come cannot have been recorded.
    let far = gaps(&outcome(&[], until(200_000), &carried));
    assert_eq!(far[0], gap(1, "events", 100, 100_000));
}

#[test]
fn logs_of_two_times_side_by_side_are_no_gap() {
    let files = [file(0, Event::Plain, 0..100), file(1, Event::Plain, 1000..1100)];
    let found = outcome(&files, Filter::default(), &Coverage::default());
    assert_eq!(gaps(&found), []);
    assert!(found.covered.iter().all(|row| row.gap_count == 0));
}

#[test]
fn a_record_of_the_future_is_no_end() {
    let late = file(1, Event::Plain, (0..100).chain([5_000_000]));
    let files = [file(0, Event::Plain, 0..90), late];
    let found = outcome(&files, Filter::default(), &Coverage::default());
    assert_eq!(gaps(&found), [gap(1, "events", 100, 5_000_000)]);
    assert_eq!(found.covered[1].gaps, [hours(90, 99)]);
}

#[test]
fn reads_that_end_are_told_from_silence() {
    let found = |files: &[File]| gaps(&outcome(files, Filter::default(), &Coverage::default()));
    let reads = || file(0, Event::Read, 0..100);
    assert_eq!(found(&[reads(), file(0, Event::Plain, 100..126)]), [gap(0, "kms-reads", 100, 125)]);
    assert_eq!(found(&[reads(), file(0, Event::Plain, 100..125)]), []);
    assert_eq!(found(&[reads(), file(0, Event::Plain, [130])]), [gap(0, "events", 100, 130)]);
    let both = found(&[reads(), file(0, Event::Plain, 130..160)]);
    assert_eq!(both, [gap(0, "events", 100, 130), gap(0, "kms-reads", 100, 159)]);
    // The same hours tell both that reads ended and that only writes are left: once.
    let writes = || file(0, Event::Write, (0..26).map(|n| 100 + 3 * n));
    assert_eq!(found(&[reads(), writes()]), [gap(0, "kms-reads", 100, 175)]);
    assert_eq!(found(&[writes()]), [gap(0, "kms-reads", 100, 176)]);
    assert_eq!(found(&[file(0, Event::Read, [99]), writes()]), [gap(0, "kms-reads", 100, 176)]);
    assert_eq!(found(&[file(0, Event::Read, [175]), writes()]), []);
    let few = |n: Hour| file(0, Event::Write, (0..n).map(|n| 4 * n));
    assert_eq!((found(&[few(23)]).len(), found(&[few(24)]).len()), (0, 1));
    assert_eq!(found(&[file(0, Event::Write, 0..72)]), [], "three days, and more");
    assert_eq!(found(&[file(0, Event::Rotated, (0..100).map(|n| 3 * n))]), []);
}

/// What the twin knows of a place: hours of files, of its own records, of reads, of writes.
#[derive(Debug, Default, Clone)]
struct Twin {
    files: BTreeSet<Hour>,
    events: BTreeSet<Hour>,
    reads: BTreeSet<Hour>,
    writes: BTreeSet<Hour>,
    regional: bool,
    counts: [u64; 4],
}

fn twins(files: &[File]) -> BTreeMap<usize, Twin> {
    let mut twins: BTreeMap<usize, Twin> = BTreeMap::new();
    for file in files {
        let mut of = BTreeSet::new();
        for (hour, event) in &file.events {
            let own = if *event == Event::Global { 2 } else { file.region };
            let home = if file.named.is_some() { file.region } else { own };
            let twin = twins.entry(home).or_default();
            of.insert(home);
            twin.files.insert(*hour);
            twin.regional |= file.named.is_some();
            twin.counts[1] += 1;
            twin.counts[2] += u64::from(*event == Event::Read);
            twin.counts[3] += u64::from(matches!(event, Event::Write | Event::Rotated));
            let twin = twins.entry(own).or_default();
            twin.regional |= *event != Event::Global;
            twin.events.insert(*hour);
            if *event == Event::Read {
                twin.reads.insert(*hour);
            }
            if *event == Event::Write {
                twin.writes.insert(*hour);
            }
        }
        of.into_iter().for_each(|home| twins.entry(home).or_default().counts[0] += 1);
        if let Some(delivered) = file.delivered() {
            let hour = hour_of(Time(delivered.0 - 300_000_000)) - BEGIN;
            twins.entry(file.region).or_default().files.insert(hour);
        }
    }
    twins
}

/// The end of the input for a place that was last seen then.
fn end(twins: &BTreeMap<usize, Twin>, last: Hour) -> Hour {
    let all = twins.values().map(|twin| twin.files.union(&twin.events).copied());
    let ends = all.filter(|all| all.clone().min().is_some_and(|first| first <= last));
    ends.filter_map(Iterator::max).max().unwrap().max(last + 1)
}

/// Stretches of a range that have none of these hours, hour by hour.
fn without(hours: &BTreeSet<Hour>, range: std::ops::Range<Hour>) -> Vec<(Hour, Hour)> {
    let mut found: Vec<(Hour, Hour)> = Vec::new();
    for hour in range.filter(|hour| !hours.contains(hour)) {
        match found.last_mut() {
            Some((_, to)) if *to == hour => *to += 1,
            _ => found.push((hour, hour + 1)),
        }
    }
    found
}

/// The silent stretches of a day and more that follow on hours that are nearly all there.
fn silences(hours: &BTreeSet<Hour>, end: Hour) -> Vec<(Hour, Hour)> {
    let Some(first) = hours.first() else { return Vec::new() };
    let long = without(hours, *first..end).into_iter().filter(|(from, to)| to - from > 24);
    let usual = |from: Hour| {
        let before = (*first).max(from - 168)..from;
        let all = before.clone().count();
        all >= 72 && before.filter(|hour| hours.contains(hour)).count() * 4 >= all * 3
    };
    long.filter(|(from, _)| usual(*from)).collect()
}

fn files() -> impl Strategy<Value = Vec<File>> {
    let event = prop_oneof![
        4 => Just(Event::Plain), 3 => Just(Event::Read), 1 => Just(Event::Write),
        1 => Just(Event::Rotated), 1 => Just(Event::Global),
    ];
    // Long stretches without a pause, so that there is something usual.
    let stretch = (0..3usize, 0..300i64, 1..120i64, 1..4usize, event);
    let odd = (
        0..3usize,
        prop::option::of(10..60i64),
        prop::collection::vec(
            (0..400i64, prop_oneof![Just(Event::Plain), Just(Event::Global), Just(Event::Read)]),
            1..4,
        ),
    );
    (prop::collection::vec(stretch, 1..5), prop::collection::vec(odd, 0..4)).prop_map(
        |(stretches, odd)| {
            let stretch = |(region, from, length, step, event)| {
                file(region, event, (from..from + length).step_by(step))
            };
            let odd = odd.into_iter().map(|(region, named, events)| File { region, named, events });
            stretches.into_iter().map(stretch).chain(odd).collect()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Any hours of any Regions, in any order: what every hour by itself says.
    #[test]
    fn coverage_is_that_of_the_plain_twin(files in files()) {
        let twins = twins(&files);
        let found = outcome(&files, Filter::default(), &Coverage::default());
        let mut rows = found.covered.iter();
        let mut places: Vec<(&usize, &Twin)> = twins.iter().collect();
        places.sort_by_key(|(region, _)| REGIONS[**region]);
        let mut expected = Vec::new();
        for (region, twin) in places.into_iter().filter(|(_, twin)| twin.regional) {
            if let (Some(first), Some(last)) = (twin.files.first(), twin.files.last()) {
                let row = rows.next().unwrap();
                let range = *first..end(&twins, *last).max(last + 1);
                let gaps = without(&twin.files, range.clone());
                prop_assert_eq!(row.place.region.as_str(), REGIONS[*region]);
                prop_assert_eq!(row.range, hours(range.start, range.end));
                prop_assert_eq!(row.hours_covered, twin.files.len() as u64);
                prop_assert_eq!(
                    row.hours_missing(), gaps.iter().map(|(from, to)| (to - from) as u64).sum::<u64>()
                );
                prop_assert_eq!(row.gap_count, gaps.len() as u64);
                if gaps.len() <= 100 {
                    let listed: Vec<Gap> = gaps.iter().map(|(a, b)| hours(*a, *b)).collect();
                    prop_assert_eq!(&row.gaps, &listed);
                }
                let counts = row.counts;
                let counts = [counts.files, counts.records, counts.kms_reads, counts.kms_writes];
                prop_assert_eq!(counts, twin.counts);
            }
            let Some(last) = twin.events.last() else { continue };
            let silent = silences(&twin.events, end(&twins, *last));
            expected.extend(silent.iter().map(|(a, b)| gap(*region, "events", *a, *b)));
        }
        prop_assert!(rows.next().is_none());
        let mut silent: Vec<_> = gaps(&found).into_iter().filter(|gap| gap.1 == "events").collect();
        silent.sort();
        expected.sort();
        prop_assert_eq!(silent, expected);
    }

    /// However the records are split over unnamed files and workers, and some of them twice.
    #[test]
    fn order_files_and_copies_do_no_harm(
        files in files(), seed in any::<u64>(), parts in 1..4usize, copies in 0..9usize,
    ) {
        let mut records: Vec<Value> = Vec::new();
        for file in &files {
            records.extend(file.events.iter().map(|(h, e)| e.record(*h, REGIONS[file.region])));
        }
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("all.json"), json!({"Records": records}).to_string()).unwrap();
        let whole = scanned(folder.path(), Filter::default(), Coverage::default(), 1);
        let again: Vec<Value> = records.iter().take(copies).cloned().collect();
        records.extend(again);
        let shuffled = |at: usize| (at as u64 + 1).wrapping_mul(seed | 1).rotate_left(17);
        let mut order: Vec<usize> = (0..records.len()).collect();
        order.sort_by_key(|at| shuffled(*at));
        let folder = tempfile::tempdir().unwrap();
        for (number, part) in order.chunks(order.len().div_ceil(parts)).enumerate() {
            let part: Vec<&Value> = part.iter().map(|at| &records[*at]).collect();
            let text = json!({"Records": part}).to_string();
            fs::write(folder.path().join(format!("{number}.json")), text).unwrap();
        }
        let split = scanned(folder.path(), Filter::default(), Coverage::default(), 3);
        prop_assert_eq!(split.findings.all().unwrap(), whole.findings.all().unwrap());
        let hours = |outcome: &Outcome| -> Vec<(Place, Gap, u64, Vec<Gap>, bool)> {
            let row = |row: &crate::model::coverage::Covered| (
                row.place.clone(), row.range, row.hours_covered, row.gaps.clone(),
                row.kms_reads_missing,
            );
            outcome.covered.iter().map(row).collect()
        };
        prop_assert_eq!(hours(&split), hours(&whole));
    }
}
