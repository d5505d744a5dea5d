//! What the scanner says of the samples is what the manifests say it must.

use std::collections::BTreeMap;

use crate::hostile::{self, Case};
use crate::run::{Scan, scan};
use crate::story;

/// Panics with everything that is wrong at once.
fn report(failures: &[String]) {
    assert!(failures.is_empty(), "{} wrong:\n{}", failures.len(), failures.join("\n"));
}

/// Names what differs.
fn expect<T: PartialEq + std::fmt::Debug>(wrong: &mut Vec<String>, what: &str, got: T, want: T) {
    if got != want {
        wrong.push(format!("{what}: {got:?}, expected {want:?}"));
    }
}

/// Every expected problem has one of its own, and none is left over.
fn problems(wrong: &mut Vec<String>, got: Vec<(String, String)>, want: &[hostile::Expected]) {
    let mut left = got;
    // The longest part first, so that a general one does not take the message of a special one.
    let mut want = want.to_vec();
    want.sort_by_key(|(_, part)| std::cmp::Reverse(part.len()));
    for (stage, part) in &want {
        let found = left.iter().position(|(s, message)| {
            s == stage && message.to_lowercase().contains(&part.to_lowercase())
        });
        match found {
            Some(at) => drop(left.remove(at)),
            None => wrong.push(format!("no problem at {stage} that says {part:?}")),
        }
    }
    for (stage, message) in left {
        wrong.push(format!("an unexpected problem at {stage}: {message}"));
    }
}

fn findings(of: &Case) -> BTreeMap<String, u64> {
    of.findings.iter().map(|(rule, count)| ((*rule).to_owned(), *count)).collect()
}

/// What is wrong with the scan of one hostile file.
fn check(case: &Case, scan: &Scan) -> Vec<String> {
    let mut wrong = Vec::new();
    expect(&mut wrong, "exit", scan.exit, case.exit);
    expect(&mut wrong, "records", scan.total("records"), Some(case.records));
    expect(&mut wrong, "records_bad", scan.total("records_bad"), Some(case.records_bad));
    expect(&mut wrong, "findings", scan.rules(), findings(case));
    let mut said = scan.problems();
    if case.exit == 3 && case.problems.is_empty() {
        // The run as a whole may say so on standard error or in the report; the file has no fault.
        let all = said.len();
        said.retain(|(_, message)| message != hostile::NO_TRAIL_FILES);
        let told = said.len() < all || scan.stderr.contains(hostile::NO_TRAIL_FILES);
        expect(&mut wrong, "says that no trail files were found", told, true);
        expect(&mut wrong, "blobs_other", scan.total("blobs_other"), Some(1));
    }
    problems(&mut wrong, said, case.problems);
    wrong
}

#[test]
fn every_hostile_file_is_read_as_its_case_says() {
    let mut failures = Vec::new();
    for case in hostile::cases() {
        let wrong = match scan(&[format!("samples/hostile/{}", case.file)]) {
            Ok(scan) => check(case, &scan),
            Err(error) => vec![error],
        };
        failures.extend(wrong.iter().map(|text| format!("{}: {text}", case.file)));
    }
    report(&failures);
}

/// No file takes anything from another one.
#[test]
fn all_hostile_files_together_are_the_sum() {
    let files: Vec<String> =
        hostile::cases().map(|case| format!("samples/hostile/{}", case.file)).collect();
    let scan = scan(&files).unwrap_or_else(|error| panic!("all files: {error}"));
    let (mut want, mut records, mut bad) = (BTreeMap::new(), 0, 0);
    for case in hostile::cases() {
        (records, bad) = (records + case.records, bad + case.records_bad);
        for (rule, count) in case.findings {
            *want.entry((*rule).to_owned()).or_default() += count;
        }
    }
    let mut wrong = Vec::new();
    expect(&mut wrong, "exit", scan.exit, 3);
    expect(&mut wrong, "blobs", scan.total("blobs"), Some(files.len() as u64));
    expect(&mut wrong, "records", scan.total("records"), Some(records));
    expect(&mut wrong, "records_bad", scan.total("records_bad"), Some(bad));
    expect(&mut wrong, "findings", scan.rules(), want);
    // What each of them says is checked file by file.
    let all = hostile::cases().map(|case| case.problems.len()).sum();
    expect(&mut wrong, "problems", scan.problems().len(), all);
    report(&wrong);
}

#[test]
fn the_story_is_found_as_its_readme_says() {
    let trail = story::trail();
    let scan = scan(&["samples/trail"]).unwrap_or_else(|error| panic!("the story: {error}"));
    let mut wrong = Vec::new();
    expect(&mut wrong, "exit", scan.exit, 0);
    problems(&mut wrong, scan.problems(), &[]);
    expect(&mut wrong, "blobs", scan.total("blobs"), Some(trail.files.len() as u64));
    expect(&mut wrong, "records", scan.total("records"), Some(trail.records));
    expect(&mut wrong, "records_bad", scan.total("records_bad"), Some(0));
    expect(&mut wrong, "kms_records", scan.total("kms_records"), Some(trail.kms_records));
    expect(&mut wrong, "duplicates", scan.total("duplicates"), Some(trail.copies));

    let mut got = scan.findings();
    for (rule, level, attempt, count) in story::EXPECTED {
        let kind = ((*rule).to_owned(), (*level).to_owned(), *attempt);
        let what = format!("{rule}, {level}, attempt {attempt}");
        expect(&mut wrong, &what, got.remove(&kind), Some(*count));
    }
    for (kind, count) in got {
        wrong.push(format!("{kind:?} was not expected, {count} times"));
    }
    report(&wrong);
}
