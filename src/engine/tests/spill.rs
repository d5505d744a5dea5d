//! What does not fit into memory goes to temporary files and comes back; where there can be none,
//! the findings are exact all the same, or a problem says what is missing.
//!
//! The folder for temporary files is a setting of the process, so a process of its own has one that
//! does not exist. Folders without permission would not do: root may write them.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::history::{Rng, history, policy};
use super::twin::Told;
use super::{How, all_told, plan, rules, scan_folder, write};
use crate::engine::Limits;

/// Tells the other process what to scan.
const FOLDER: &str = "KEYTRAIL_TEST_FOLDER";

/// Limits of a few rows.
fn tight() -> How {
    let limits = Limits { uses: 3, facts: 5, notes: 2, ..Limits::default() };
    How { threads: 2, limits, ..How::default() }
}

/// A long text that does not become shorter when it is compressed by much.
fn long(rng: &mut Rng, bytes: usize) -> String {
    let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    let word = |mut number: u64| {
        (0..10).map(move |_| {
            number >>= 6;
            char::from(letters[(number & 63) as usize])
        })
    };
    (0..bytes / 10).map(|_| rng.next()).flat_map(word).collect()
}

/// A history with so much in one member of some records that what is kept of it fills a temporary
/// file.
fn fat(seed: u64, fill: fn(&mut Value, String), (count, bytes): (usize, usize)) -> Vec<Value> {
    let mut records = history(seed);
    let mut rng = Rng(seed);
    let is_use = |record: &&mut Value| {
        record["eventName"] == "Decrypt" && record["userIdentity"]["type"] != "AWSService"
    };
    let mut some: Vec<&mut Value> = records.iter_mut().filter(is_use).collect();
    assert!(!some.is_empty(), "a history without any Decrypt: {seed}");
    let mut more = Vec::new();
    for number in 0..count {
        let mut record = rng.pick_mut(&mut some).clone();
        fill(&mut record, long(&mut rng, bytes));
        record["eventID"] = json!(format!("{number:08x}-1111-4222-9333-{seed:012x}"));
        more.push(record);
    }
    records.extend(more);
    records
}

/// Records whose texts behind rows are long, whose names are, and whose own text is kept.
fn cases() -> Vec<(&'static str, Vec<Value>)> {
    let object = |record: &mut Value, text: String| {
        let arn = format!("arn:aws:s3:::bucket-0/{text}");
        record["requestParameters"]["encryptionContext"] = json!({"aws:s3:arn": arn});
    };
    let agent = |record: &mut Value, text: String| record["userAgent"] = json!(text);
    let set_policy = |record: &mut Value, text: String| {
        record["eventName"] = json!("PutKeyPolicy");
        record["requestParameters"] = json!({"policy": policy(0), "x": text});
    };
    vec![
        ("rows", history(7)),
        ("behind rows", fat(8, object, (64, 120_000))),
        ("names", fat(9, agent, (26, 900_000))),
        ("kept records", fat(10, set_policy, (64, 120_000))),
    ]
}

fn lines(told: &[Told]) -> Vec<String> {
    told.iter().map(|told| format!("told {told:?}")).collect()
}

/// What a process says that has no folder for temporary files: its findings, and its problems.
fn without_temporary_files(folder: &Path) -> (Vec<String>, usize) {
    let other = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "engine::tests::spill::no_temporary_files", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env("TMPDIR", folder.join("missing"))
        .output()
        .unwrap();
    let text = String::from_utf8(other.stdout).unwrap();
    assert!(other.status.success(), "{text}{}", String::from_utf8_lossy(&other.stderr));
    let told = text.lines().filter(|line| line.starts_with("told ")).map(str::to_owned).collect();
    let problems = text.lines().find_map(|line| line.strip_prefix("problems ")).unwrap();
    (told, problems.parse().unwrap())
}

#[test]
fn without_temporary_files_findings_are_exact_or_a_problem_says_so() {
    for (what, records) in cases() {
        let folder = tempfile::tempdir().unwrap();
        write(std::slice::from_ref(&records), folder.path());
        let expected = lines(&rules::findings(&records, false, [None, None]));
        assert!(!expected.is_empty(), "{what}");
        let outcome = scan_folder(folder.path(), &plan(&tight()));
        assert!(outcome.problems.is_empty(), "{what}: {:?}", outcome.problems);
        assert_eq!(lines(&all_told(&outcome)), expected, "{what}");
        let (found, problems) = without_temporary_files(folder.path());
        match what {
            "rows" => assert_eq!((found, problems), (expected, 0), "{what}"),
            // Memory holds it instead, and that is said: once, however many records there are.
            _ => assert_eq!((found, problems), (expected, 1), "{what}"),
        }
    }
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn no_temporary_files() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    assert!(tempfile::tempfile().is_err(), "there is a folder for temporary files");
    let outcome = scan_folder(Path::new(&folder), &plan(&tight()));
    println!("\nproblems {}", outcome.problems.len());
    lines(&all_told(&outcome)).iter().for_each(|line| println!("{line}"));
}
