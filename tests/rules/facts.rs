//! What `keytrail events --facts` shows, beside what `keytrail events` shows of the logs: each record that both
//! have is the same in both, in all that facts can know.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

use keytrail::engine::{Part, Plan, Progress, Records, records_of_facts};
use keytrail::model::occurrence::Occurrence;
use keytrail::query::{
    AskedKey, AskedPrincipal, AskedResource, Query, Term, Timeline, addresses, collect,
    collect_from_facts,
};
use keytrail::record::kms::is_crypto;
use keytrail::source::listing::Listing;

use crate::deals::{facts, head, plan, write_files};
use crate::estate::{OWN, Rng, estate, key};

/// Each record of some logs that is asked for.
fn of_logs(query: &Query, files: &[PathBuf]) -> Vec<Occurrence> {
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    let mut listing = Listing::open(files).unwrap();
    let read = collect(&mut listing, (query, false), 2, &progress, &stop).unwrap().0;
    rows(Timeline::new(read, false).0)
}

/// How facts are read.
static READS: LazyLock<Plan> = LazyLock::new(|| plan(2));

/// The records of facts.
fn read(parts: &[Part]) -> Records {
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    records_of_facts((parts, &head(""), &[]), &READS, &progress, &stop).unwrap().1
}

/// Each record of facts that is asked for.
fn of_facts(query: &Query, records: &Records) -> Vec<Occurrence> {
    rows(Timeline::new(collect_from_facts(records, query).unwrap(), false).0)
}

fn rows(timeline: Timeline) -> Vec<Occurrence> {
    let rows: Vec<Occurrence> = timeline.rows().unwrap().map(Result::unwrap).collect();
    assert_eq!(timeline.survey().unwrap().1, None);
    rows
}

/// What facts can know of a record of the logs.
fn known(mut row: Occurrence) -> Occurrence {
    row.keys.truncate(1);
    Occurrence { shared: None, principal_id: None, message: None, of_use: true, ..row }
}

/// Whether facts have a row of it.
fn is_use(row: &Occurrence) -> bool {
    row.source == "kms.amazonaws.com"
        && is_crypto(&row.event)
        && row.principal.invoked_by.as_deref() != Some("cloudtrail.amazonaws.com")
}

/// Compares what both show of some queries; gives how many of them had an answer.
fn compare(files: &[PathBuf], records: &Records, queries: &[Query]) -> usize {
    let all = of_facts(&Query::default(), records);
    let mut answered = 0;
    for query in queries {
        let logs = of_logs(query, files);
        let by_place: BTreeMap<_, _> = logs.iter().map(|row| (row.place.clone(), row)).collect();
        let found = of_facts(query, records);
        for row in &found {
            let expected =
                (*by_place.get(&row.place).unwrap_or_else(|| panic!("{row:#?}"))).clone();
            let expected = if row.of_use { known(expected) } else { expected };
            assert_eq!(*row, expected, "{query:?}");
        }
        let there = all.iter().filter(|row| by_place.contains_key(&row.place)).count();
        assert_eq!(found.len(), there, "{query:?}");
        answered += usize::from(!found.is_empty());
    }
    answered
}

fn queries(key: &str, alias: &str, who: &str, address: &str, resource: &str) -> Vec<Query> {
    let none = Query::default;
    let term = |text: &str| Term::parse(text).unwrap();
    vec![
        none(),
        Query { keys: vec![AskedKey::parse(key).unwrap()], ..none() },
        Query { keys: vec![AskedKey::parse(alias).unwrap()], ..none() },
        Query { principals: vec![AskedPrincipal::parse(who).unwrap()], ..none() },
        Query { principals: vec![AskedPrincipal::parse(OWN[0]).unwrap()], ..none() },
        Query { nets: vec![addresses(address).unwrap()], ..none() },
        Query { resources: vec![AskedResource::parse(resource).unwrap()], ..none() },
        Query { events: vec!["kms:*crypt".into()], ..none() },
        Query { errors: vec!["*".into()], ..none() },
        Query { errors: vec!["AccessDenied*".into()], ..none() },
        Query { agents: vec!["boto".into()], ..none() },
        Query { terms: vec![term("errorCode:absent"), term("eventName=Decrypt")], ..none() },
        Query { terms: vec![term("userIdentity.invokedBy:present")], ..none() },
        Query { terms: vec![term("eventTime:ge:2026-03-11T00:00:00Z")], ..none() },
    ]
}

#[test]
fn the_trail_shows_the_same_by_its_facts() {
    let trail = super::samples().parent().unwrap().join("trail");
    let records = read(&[facts(std::slice::from_ref(&trail), "a")]);
    let (logs, found) = (
        of_logs(&Query::default(), std::slice::from_ref(&trail)),
        of_facts(&Query::default(), &records),
    );
    let is_found = |row: &Occurrence| found.iter().any(|found| found.place == row.place);
    let lacks: Vec<_> = logs.iter().filter(|row| is_use(row) && !is_found(row)).collect();
    assert!(lacks.is_empty(), "{lacks:#?}");
    assert!(found.iter().any(|row| row.of_use) && found.iter().any(|row| !row.of_use));
    let key = "2345bcde-23bc-45de-67fa-2345678901bc";
    let asked = queries(key, "alias/payments", "DeployPipeline", "203.0.113.90", "example-ledger");
    assert!(compare(&[trail], &records, &asked) >= 9);
}

#[test]
fn an_estate_shows_the_same_by_its_facts() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = write_files(&estate(5), folder.path());
    Rng(5).shuffle(&mut files);
    let shards = files.chunks(files.len() / 3 + 1).enumerate();
    let parts: Vec<Part> =
        shards.map(|(number, shard)| facts(shard, &number.to_string())).collect();
    let arn = key(OWN[0], 2);
    let asked = queries(&arn, "alias/prod-orders-app1", "eve", "198.51.100.20", "example-orders-2");
    assert_eq!(compare(&files, &read(&parts), &asked), asked.len());
}
