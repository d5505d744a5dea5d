//! The samples of every rule, their records spread over two machines: what these found, put together, is
//! what one scan finds, to the last word.

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use keytrail::detect::RuleSet;
use keytrail::engine::{
    Head, Part, Plan, Progress, conclude_facts, join_facts, scan, scan_to_facts,
};
use keytrail::model::estate::Estate;
use keytrail::model::keys::asked::KeysAsked;
use keytrail::model::outcome::Outcome;
use keytrail::source::listing::Listing;
use serde_json::{Value, json};

use crate::order::samples;

/// Hashes of one key, some of which an outcome hands on.
fn plan() -> Plan {
    let estate = Arc::new(Estate::of_samples());
    let rules = RuleSet::load(true, &[], &estate).unwrap().rules;
    Plan { estate, threads: 2, seed: Some(7), ..Plan::new(rules) }
}

/// Everything that an outcome says.
fn told(outcome: Outcome) -> String {
    let findings = outcome.findings.all().unwrap();
    let rest = Outcome { findings: Default::default(), read: Vec::new(), ..outcome };
    format!("{findings:#?}\n{rest:#?}")
}

/// What one machine leaves of a file.
fn part(worker: &Plan, path: &Path) -> Part {
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    let head = Head { id: path.display().to_string(), ..Head::default() };
    let mut bytes = Vec::new();
    let mut listing = Listing::open(&[path]).unwrap();
    let out = (head, &mut bytes as _);
    scan_to_facts(&mut listing, worker, (&progress, &stop), out).unwrap();
    Part::new("part", move || Ok(Box::new(Cursor::new(bytes.clone()))))
}

/// What is left of some parts once what their accounts alone decide is decided.
fn decided(worker: &Plan, parts: &[Part], id: &str) -> Part {
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    let (mut whole, mut left) = (Vec::new(), Vec::new());
    let head = Head { id: id.to_owned(), seed: 7, ..Head::default() };
    let out = (&mut whole as _, &mut left as _);
    join_facts((parts, &head), worker, (&progress, &stop), out).unwrap();
    let of = |bytes: Vec<u8>| Part::new("bucket", move || Ok(Box::new(Cursor::new(bytes.clone()))));
    of(left).decided_of(of(whole))
}

/// Records as two machines get them.
#[derive(Debug, Clone, Copy)]
enum Deal {
    /// Every second one, and nothing is decided.
    InTurn,
    /// Every second one, and each machine decides for its accounts.
    InTurnDecided,
    /// By account, and each machine decides for its own.
    ByAccount,
}

impl Deal {
    /// Which of both gets a record.
    fn half(self, at: usize, record: &Value) -> usize {
        match self {
            Deal::ByAccount => {
                let account = record["recipientAccountId"].as_str().unwrap_or_default();
                usize::from(account != "111122223333")
            }
            _ => at % 2,
        }
    }
}

#[test]
fn two_machines_find_what_one_finds() {
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    let one = plan();
    let keys = Some(KeysAsked::default());
    let worker = Plan { lists_uses: true, names_files: true, keys, ..plan() };
    let head = Head { seed: 7, ..Head::default() };
    let mut wrong = Vec::new();
    let deals = [Deal::InTurn, Deal::InTurnDecided, Deal::ByAccount];
    for (path, records) in samples() {
        for deal in deals {
            let folder = tempfile::tempdir().unwrap();
            let halves = [0, 1].map(|half| {
                let own = records.iter().enumerate();
                let own = own.filter(|(at, record)| deal.half(*at, record) == half);
                let own: Vec<&Value> = own.map(|(_, record)| record).collect();
                let file = folder.path().join(format!("{half}.json"));
                fs::write(&file, json!({"Records": own}).to_string()).unwrap();
                file
            });
            let mut listing = Listing::open(&[folder.path()]).unwrap();
            let expected = scan(&mut listing, &one, None, &progress, &stop).unwrap();
            let of_half = |half| match (deal, part(&worker, half)) {
                (Deal::InTurn, part) => part,
                (_, part) => decided(&worker, &[part], &half.display().to_string()),
            };
            let parts: Vec<Part> = halves.iter().rev().map(|half| of_half(half)).collect();
            let found = conclude_facts((&parts, &head, &[]), &one, &progress, &stop).unwrap().0;
            let (found, expected) = (told(found), told(expected));
            let differing = found.lines().zip(expected.lines()).find(|(a, b)| a != b);
            if let Some((found, expected)) = differing {
                wrong.push(format!("{} {deal:?}: {found} for {expected}", path.display()));
            } else if found.len() != expected.len() {
                wrong.push(format!("{} {deal:?}: more or less is told", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
