//! The samples of every rule, their records spread over two machines: what these found, put together, is
//! what one scan finds, to the last word.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
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
use tempfile::TempDir;

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

/// Which of two machines gets a record, by its place and what it says.
type Half = fn(usize, &Value) -> usize;

/// Every second record.
fn in_turn(at: usize, _: &Value) -> usize {
    at % 2
}

/// The records of one account, and all others.
fn by_account(_: usize, record: &Value) -> usize {
    usize::from(record["recipientAccountId"] != "111122223333")
}

/// How many tests share the samples, so that none of them takes long.
const SHARES: usize = 8;

/// Two plans: of one machine that scans, and of machines that leave facts.
struct Plans {
    one: Plan,
    worker: Plan,
}

/// Records in two files, and what one scan of both finds.
struct Halves {
    folder: TempDir,
    expected: String,
    parts: [Part; 2],
}

impl Halves {
    /// Where a half is.
    fn path(folder: &Path, half: usize) -> PathBuf {
        folder.join(format!("{half}.json"))
    }

    fn new(records: &[Value], half_of: Half, plans: &Plans) -> Halves {
        let folder = tempfile::tempdir().unwrap();
        for half in [0, 1] {
            let own = records.iter().enumerate();
            let own = own.filter(|(at, record)| half_of(*at, record) == half);
            let own: Vec<&Value> = own.map(|(_, record)| record).collect();
            let text = json!({"Records": own}).to_string();
            fs::write(Halves::path(folder.path(), half), text).unwrap();
        }
        let (progress, stop) = (Progress::default(), AtomicBool::new(false));
        let mut listing = Listing::open(&[folder.path()]).unwrap();
        let expected = told(scan(&mut listing, &plans.one, None, &progress, &stop).unwrap());
        let parts = [1, 0].map(|half| part(&plans.worker, &Halves::path(folder.path(), half)));
        Halves { folder, expected, parts }
    }

    /// The same files, and each machine has decided for its accounts.
    fn decided(&self, plans: &Plans) -> Vec<Part> {
        let of = |(at, part): (usize, &Part)| {
            let path = Halves::path(self.folder.path(), 1 - at);
            decided(&plans.worker, std::slice::from_ref(part), &path.display().to_string())
        };
        self.parts.iter().enumerate().map(of).collect()
    }

    /// What files tell that one scan does not.
    fn differs(&self, parts: &[Part], plans: &Plans) -> Option<String> {
        let (progress, stop) = (Progress::default(), AtomicBool::new(false));
        let head = Head { seed: 7, ..Head::default() };
        let found = conclude_facts((parts, &head, &[]), &plans.one, &progress, &stop).unwrap().0;
        let (found, expected) = (told(found), &self.expected);
        if let Some((a, b)) = found.lines().zip(expected.lines()).find(|(a, b)| a != b) {
            return Some(format!("{a} for {b}"));
        }
        (found.len() != expected.len()).then(|| "more or less is told".to_owned())
    }
}

/// Deals every file of a share to two machines.
fn two_machines_find_what_one_finds(share: usize) {
    let keys = Some(KeysAsked::default());
    let worker = Plan { lists_uses: true, names_files: true, keys, ..plan() };
    let plans = Plans { one: plan(), worker };
    let mut samples = samples();
    samples.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut wrong = Vec::new();
    let own: Vec<_> = samples.into_iter().skip(share).step_by(SHARES).collect();
    assert!(own.len() > 150 / SHARES, "{} files", own.len());
    for (path, records) in own {
        let mut compare = |halves: &Halves, parts: &[Part], deal: &str| {
            if let Some(differs) = halves.differs(parts, &plans) {
                wrong.push(format!("{} {deal}: {differs}", path.display()));
            }
        };
        let halves = Halves::new(&records, in_turn, &plans);
        compare(&halves, &halves.parts, "in turn");
        compare(&halves, &halves.decided(&plans), "in turn, decided");
        let halves = Halves::new(&records, by_account, &plans);
        compare(&halves, &halves.decided(&plans), "by account, decided");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Makes a test of each share.
macro_rules! shares {
    ($($name:ident: $share:literal),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                two_machines_find_what_one_finds($share);
            }
        )+

        #[test]
        fn every_share_has_a_test() {
            assert_eq!(Vec::from([$($share),+]), Vec::from_iter(0..SHARES));
        }
    };
}

shares! {
    two_machines_find_what_one_finds_0: 0,
    two_machines_find_what_one_finds_1: 1,
    two_machines_find_what_one_finds_2: 2,
    two_machines_find_what_one_finds_3: 3,
    two_machines_find_what_one_finds_4: 4,
    two_machines_find_what_one_finds_5: 5,
    two_machines_find_what_one_finds_6: 6,
    two_machines_find_what_one_finds_7: 7,
}
