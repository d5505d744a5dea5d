//! Correlations against a slow, obvious twin: every set of records of the window is looked at.
//!
//! Records come in any order, split over files that are read by one worker or two, some of them
//! twice, and many in the same second.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;

use crate::detect::RuleSet;
use crate::engine::{Limits, Outcome, Plan, Progress, scan};
use crate::source::listing::Listing;

/// A record: second, which calls it is, account, value.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Record {
    id: usize,
    second: i64,
    calls: BTreeSet<usize>,
    group: usize,
    value: usize,
}

/// What the twin asks of the records of a group.
#[derive(Debug, Clone)]
enum Ask {
    Events(&'static str, u64),
    Values(&'static str, u64),
    Temporal(usize),
    Ordered(usize),
}

const STEPS: usize = 3;

fn record(record: &Record) -> String {
    let calls: Vec<String> = record.calls.iter().map(|call| format!("\"call{call}\":1")).collect();
    let value = match record.value {
        0 => String::new(),
        1 => r#","value":"""#.to_owned(),
        value => format!(r#","value":"v{value}""#),
    };
    format!(
        r#"{{"eventVersion":"1.11","eventID":"id-{:03}","eventTime":"2026-11-02T10:00:{:02}Z","eventSource":"example.amazonaws.com","eventName":"Call","awsRegion":"eu-central-1","recipientAccountId":"11112222333{}","eventType":"AwsApiCall","requestParameters":{{{}{value}}}}}"#,
        record.id,
        record.second,
        record.group,
        if calls.is_empty() { "\"none\":0".to_owned() } else { calls.join(",") },
    )
}

fn rules(ask: &Ask, span: i64) -> RuleSet {
    let mut texts: Vec<(&'static str, String)> = Vec::new();
    for (step, id) in ["one", "two", "three"].into_iter().enumerate() {
        let text = format!(
            "title: {id}\nid: 00000000-0000-4000-8000-00000000000{step}\nname: {id}\nlogsource: {{product: aws, service: cloudtrail}}\ndetection:\n  selection:\n    eventSource: example.amazonaws.com\n    requestParameters.call{step}|exists: true\n  condition: selection\nlevel: low\n"
        );
        texts.push((id, text));
    }
    let names = ["one", "two", "three"];
    let (kind, names, condition) = match ask {
        Ask::Events(than, number) => {
            ("event_count", &names[..1], format!("  condition: {{{than}: {number}}}\n"))
        }
        Ask::Values(than, number) => (
            "value_count",
            &names[..1],
            format!("  condition: {{{than}: {number}, field: requestParameters.value}}\n"),
        ),
        Ask::Temporal(steps) => ("temporal", &names[..*steps], String::new()),
        Ask::Ordered(steps) => ("temporal_ordered", &names[..*steps], String::new()),
    };
    texts.push((
        "asked",
        format!(
            "title: asked\nid: 00000000-0000-4000-8000-00000000000a\nname: asked\ncorrelation:\n  type: {kind}\n  rules: [{}]\n  group-by: [recipientAccountId]\n  timespan: {span}s\n{condition}level: high\n",
            names.join(", ")
        ),
    ));
    RuleSet::of_texts(false, &texts)
}

fn outcome(rules: RuleSet, files: &[Vec<&Record>], threads: usize, notes: usize) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    for (at, file) in files.iter().enumerate() {
        let mut text = "{\"Records\":[".to_owned();
        for (at, one) in file.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(text, "{comma}{}", record(one)).unwrap();
        }
        text.push_str("]}");
        std::fs::write(folder.path().join(format!("{at}.json")), text).unwrap();
    }
    let limits = Limits { notes, ..Limits::default() };
    let plan = Plan { threads, limits, ..Plan::new(rules) };
    let mut listing = Listing::open(&[folder.path()]).unwrap();
    scan(&mut listing, &plan, None, &Progress::default(), &AtomicBool::new(false)).unwrap()
}

/// A finding: the first second, the last, the records that are shown, how many there are.
type Seen = (i64, i64, BTreeSet<usize>, u64);

fn seen(outcome: &Outcome, group: usize) -> Option<Seen> {
    let account = format!("11112222333{group}");
    let all = outcome.findings.all().unwrap();
    let mut of_group =
        all.iter().filter(|f| f.account.as_deref() == Some(&*account) && f.rule.ends_with("0a"));
    let finding = of_group.next()?;
    assert!(of_group.next().is_none(), "one finding a group");
    let second = |time: Option<crate::model::time::Time>| time.unwrap().0 / 1_000_000 % 60;
    let id = |event: &crate::model::finding::EventRef| event.id.as_ref().unwrap()[3..].parse();
    let shown = finding.events.iter().map(|event| id(event).unwrap()).collect();
    Some((second(finding.first_seen), second(finding.last_seen), shown, finding.count))
}

fn compare(than: &str, count: u64, number: u64) -> bool {
    match than {
        "gte" => count >= number,
        "gt" => count > number,
        "lte" => count <= number,
        "lt" => count < number,
        "eq" => count == number,
        _ => unreachable!(),
    }
}

/// Whether distinct records make all steps in order, the last of them at `now`; which can be part
/// of such a way.
fn ways(records: &[&Record], steps: usize, span: i64, now: i64) -> BTreeSet<usize> {
    fn go(
        records: &[&Record],
        steps: usize,
        way: &mut Vec<usize>,
        limits: (i64, i64),
        all: &mut BTreeSet<usize>,
    ) {
        let (span, now) = limits;
        if way.len() == steps {
            let (first, last) = (records[way[0]].second, records[*way.last().unwrap()].second);
            if last == now && last - first <= span {
                all.extend(way.iter().map(|at| records[*at].id));
            }
            return;
        }
        for (at, record) in records.iter().enumerate() {
            let after = way.last().is_none_or(|last| records[*last].second <= record.second);
            if record.calls.contains(&way.len()) && after && !way.contains(&at) {
                way.push(at);
                go(records, steps, way, limits, all);
                way.pop();
            }
        }
    }
    let mut all = BTreeSet::new();
    go(records, steps, &mut Vec::new(), (span, now), &mut all);
    all
}

/// The records that the twin finds at each second at which the question holds.
fn holds(records: &[&Record], ask: &Ask, span: i64) -> Vec<(i64, BTreeSet<usize>)> {
    let wanted = |record: &&&Record| match ask {
        Ask::Events(..) => record.calls.contains(&0),
        // A record without the field is none of the question's.
        Ask::Values(..) => record.calls.contains(&0) && record.value > 0,
        Ask::Temporal(steps) | Ask::Ordered(steps) => record.calls.iter().any(|call| call < steps),
    };
    let records: Vec<&Record> = records.iter().filter(wanted).copied().collect();
    let seconds: BTreeSet<i64> = records.iter().map(|record| record.second).collect();
    let mut found = Vec::new();
    for now in seconds {
        let window: Vec<&Record> =
            records.iter().filter(|r| (now - span..=now).contains(&r.second)).copied().collect();
        let all = || window.iter().map(|record| record.id).collect();
        let held = match ask {
            Ask::Events(than, number) => compare(than, window.len() as u64, *number).then(all),
            Ask::Values(than, number) => {
                let values: BTreeSet<usize> = window.iter().map(|r| r.value).collect();
                compare(than, values.len() as u64, *number).then(all)
            }
            Ask::Temporal(steps) => {
                let made = |step| window.iter().any(|record| record.calls.contains(&step));
                (0..*steps).all(made).then(all)
            }
            Ask::Ordered(steps) => {
                Some(ways(&window, *steps, span, now)).filter(|made| !made.is_empty())
            }
        };
        found.extend(held.map(|ids| (now, ids)));
    }
    found
}

fn check(records: &[Record], ask: &Ask, span: i64, outcome: &Outcome) -> Result<(), TestCaseError> {
    prop_assert!(outcome.problems.is_empty(), "{:?}", outcome.problems);
    for group in 0..2 {
        let own: Vec<&Record> = records.iter().filter(|r| r.group == group).collect();
        let expected = holds(&own, ask, span);
        let Some((first, last, shown, count)) = seen(outcome, group) else {
            prop_assert!(expected.is_empty(), "not found: {:?}", expected);
            continue;
        };
        prop_assert!(!expected.is_empty(), "found: {:?}", shown);
        let all: BTreeSet<usize> = expected.iter().flat_map(|(_, ids)| ids).copied().collect();
        prop_assert!(shown.is_subset(&all), "{:?} of {:?}", shown, all);
        prop_assert_eq!(last, expected.last().unwrap().0);
        if matches!(ask, Ask::Ordered(_)) {
            // One way for each second, which shares records with others: as many as are shown.
            prop_assert!(count <= all.len() as u64);
            prop_assert!(
                count == shown.len() as u64 || shown.len() == crate::engine::partial::group::SHOWN
            );
        } else {
            prop_assert_eq!(count, all.len() as u64);
        }
        let second = |id: &usize| own.iter().find(|record| record.id == *id).unwrap().second;
        prop_assert!(shown.iter().map(second).min() == Some(first));
    }
    Ok(())
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let calls = prop::collection::btree_set(0..STEPS, 0..=STEPS);
    let one = (0..8i64, calls, 0..2usize, 0..4usize);
    prop::collection::vec(one, 0..9).prop_map(|all| {
        let of = |(id, (second, calls, group, value))| Record { id, second, calls, group, value };
        all.into_iter().enumerate().map(of).collect()
    })
}

fn asks() -> impl Strategy<Value = Ask> {
    let than = prop::sample::select(vec!["gte", "gt", "lte", "lt", "eq"]);
    prop_oneof![
        (than.clone(), 1..4u64).prop_map(|(than, number)| Ask::Events(than, number)),
        (than, 1..3u64).prop_map(|(than, number)| Ask::Values(than, number)),
        (2..=STEPS).prop_map(Ask::Temporal),
        (2..=STEPS).prop_map(Ask::Ordered),
        (2..=STEPS).prop_map(Ask::Ordered),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_question_has_the_answer_of_the_twin(
        records in records(), ask in asks(), span in 1..5i64,
        (files, again, threads, notes) in (1..4usize, 0..4usize, 1..3usize, 1..6usize),
        seed in any::<u64>(),
    ) {
        let mut order: Vec<&Record> = records.iter().chain(records.iter().take(again)).collect();
        order.sort_by_key(|record| (record.id as u64 ^ seed).wrapping_mul(seed | 1));
        let mut parts: Vec<Vec<&Record>> = vec![Vec::new(); files];
        for (at, record) in order.into_iter().enumerate() {
            parts[(at as u64 ^ seed >> 7) as usize % files].push(record);
        }
        let outcome = outcome(rules(&ask, span), &parts, threads, notes);
        check(&records, &ask, span, &outcome)?;
    }
}
