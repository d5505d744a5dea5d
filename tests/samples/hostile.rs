//! Hostile input: one file a fault, and what a scan of it must say.
//!
//! Every case is built around plain DisableKey calls by a role with MFA (`disable`), of which
//! exactly one rule has something to say, so that a count tells what was read and what was lost.
//! What the cases hold the reader to:
//!
//! * what is readable before and, where a boundary is certain, after a fault is evaluated;
//! * after a broken record reading goes on at its balanced end, in JSON lines at a line's end;
//! * balanced text of wrong grammar is one bad record; a member missing or odd makes none;
//! * one fault is one problem, and a cut that decompression reports is not reported again as the
//!   record it cut;
//! * `records` and `records_bad` share no record.

mod compression;
mod containers;
mod fields;
mod foreign;
mod grammar;

pub use foreign::NO_TRAIL_FILES;

use crate::ids::Ids;
use crate::record::{Key, Record, envelope};
use crate::who::Who;

/// Stage and a distinctive part of the message, without regard to case.
pub type Expected = (&'static str, &'static str);

/// A file and what is to be said of it.
pub struct Case {
    /// Name below `samples/hostile`.
    pub file: &'static str,
    /// What it is, for the table.
    pub about: &'static str,
    /// Makes the bytes.
    pub make: fn() -> Vec<u8>,
    /// Records read (`totals.records`).
    pub records: u64,
    /// Records that could not be read (`totals.records_bad`).
    pub records_bad: u64,
    /// Every problem there is.
    pub problems: &'static [Expected],
    /// Every rule that fires, with its count of events over all groups.
    pub findings: &'static [(&'static str, u64)],
    /// The exit status.
    pub exit: i32,
}

/// A file without records or fault: what cases spell out is how they differ.
const NOTHING: Case = Case {
    file: "",
    about: "",
    make: Vec::new,
    records: 0,
    records_bad: 0,
    problems: &[],
    findings: &[],
    exit: 0,
};

const ONE: &[(&str, u64)] = &[("key-disabled", 1)];
const TWO: &[(&str, u64)] = &[("key-disabled", 2)];
const THREE: &[(&str, u64)] = &[("key-disabled", 3)];
const FOUR: &[(&str, u64)] = &[("key-disabled", 4)];

/// Every case, in the order of the table.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    [compression::CASES, containers::CASES, grammar::CASES, fields::CASES, foreign::CASES]
        .into_iter()
        .flatten()
}

/// Where everything hostile happens.
const ACCOUNT: &str = "111122223333";
const KEY: Key =
    Key { id: "1234abcd-12ab-34cd-56ef-1234567890ab", account: ACCOUNT, region: "eu-west-1" };

/// The caller of every case: a role whose session has MFA, one minute old.
fn operator() -> Who {
    Who::role(ACCOUNT, "Operator", "noor", true, "2026-03-12T09:59:00Z")
}

/// Call number `n` of the case `of`: a plain KMS call on one key.
pub fn call(of: &str, n: u32, name: &str) -> Record {
    let mut ids = Ids::of(&format!("{of} {n}"));
    Record::kms(
        &mut ids,
        &operator(),
        &format!("2026-03-12T10:{:02}:{:02}Z", n / 60, n % 60),
        name,
        &KEY,
    )
}

/// Call number `n` of the case `of`: one finding, of `key-disabled`.
pub fn disable(of: &str, n: u32) -> Record {
    call(of, n, "DisableKey")
}

/// A trail file of `disable(of, 0)`, this text in place of a record, and `disable(of, 2)`.
fn around(of: &str, middle: &str) -> Vec<u8> {
    envelope(&[&disable(of, 0).json(), middle, &disable(of, 2).json()]).into_bytes()
}

/// `disable(of, 1)` with one member's text replaced as text, so that the result need not be JSON.
fn spoiled(of: &str, good: &str, bad: &str) -> String {
    let record = disable(of, 1).json();
    assert!(record.contains(good), "{of}: no {good} in {record}");
    record.replacen(good, bad, 1)
}

/// `samples/hostile.md`.
pub fn readme() -> String {
    let mut text = String::from(
        "# Hostile input\n\n\
         One file a fault, and what `keytrail scan --min-level informational FILE` must make of it. \
         Everything is\ninvented. Made from `tests/samples/hostile/`, this table included; what is \
         too large to store is made by\n`tests/samples/large.rs` when it runs.\n\n\
         | file | what it is | records | bad | problems | findings | exit |\n\
         | --- | --- | ---: | ---: | --- | --- | ---: |\n",
    );
    for case in cases() {
        let problems: Vec<String> =
            case.problems.iter().map(|(stage, part)| format!("{stage}: …{part}…")).collect();
        let findings: Vec<String> =
            case.findings.iter().map(|(rule, count)| format!("{rule} × {count}")).collect();
        text.push_str(&format!(
            "| `{}` | {} | {} | {} | {} | {} | {} |\n",
            case.file,
            case.about.replace('|', "\\|"),
            case.records,
            case.records_bad,
            problems.join("; "),
            findings.join("; "),
            case.exit
        ));
    }
    text
}

/// The manifest does not contradict itself.
#[test]
fn a_problem_makes_an_exit_of_3() {
    let mut names = std::collections::BTreeSet::new();
    for case in cases() {
        assert!(names.insert(case.file), "{} is there twice", case.file);
        let foreign = case.records == 0;
        assert_eq!(case.exit == 3, foreign || !case.problems.is_empty(), "{}", case.file);
        assert!(case.records_bad == 0 || !case.problems.is_empty(), "{}", case.file);
    }
}
