//! `keytrail follow -`: lines on standard input, which may never end.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::process::Child;

use flate2::write::GzDecoder;
use serde_json::{Value, json};

use super::many::Dice;
use super::{Told, assert_same, problems, told, trail, wait_until};
use crate::harness::{Sandbox, signal};

/// Whose accounts are whose. Otherwise it depends on what was read first.
pub const OWN: &str = "[accounts]\nown = [\"111122223333\", \"444455556666\", \"777788889999\"]\n";

/// Rules that tell of what did not happen.
const OF_MISSING: [&str; 4] =
    ["trail-coverage-missing", "rotation-never-enabled", "key-untagged", "policy-default-unedited"];

/// The records of the sample trail.
fn records() -> Vec<Value> {
    let read = |bytes: &[u8]| -> Vec<Value> {
        let mut decoder = GzDecoder::new(Vec::new());
        decoder.write_all(bytes).unwrap();
        serde_json::from_slice::<Value>(&decoder.finish().unwrap()).unwrap()["Records"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    };
    let logs = trail().into_iter().filter(|(key, _)| key.contains("/CloudTrail/"));
    logs.flat_map(|(_, bytes)| read(&bytes)).collect()
}

/// The same records as a stream: most in the order of time, some late, some twice, some broken lines among
/// them, some in documents of several, in accounts and Regions of their own.
fn lines(dice: &mut Dice) -> Vec<String> {
    let mut all: BTreeMap<(String, u64, usize), String> = BTreeMap::new();
    for (number, record) in records().into_iter().enumerate() {
        let time = record["eventTime"].as_str().unwrap().to_owned();
        let late = if dice.roll(10) == 0 { "2100".to_owned() } else { time };
        let line = match dice.roll(8) {
            0 => json!({"Records": [record, record]}).to_string(),
            _ => record.to_string(),
        };
        if dice.roll(10) == 0 {
            all.insert((late.clone(), dice.roll(9), number), line.clone());
        }
        all.insert((late, 9 + dice.roll(9), number), line);
    }
    let mut lines: Vec<String> = all.into_values().collect();
    for odd in ["no JSON", "{\"eventVersion\": \"1.08\", \"eventName\": ", "\u{1f}\u{8b}", "{}"] {
        let at = dice.roll(lines.len() as u64) as usize;
        lines.insert(at, odd.to_owned());
    }
    lines
}

fn scanned(sandbox: &Sandbox, lines: &[String]) -> Told {
    sandbox.write("all.ndjson", lines.join("\n") + "\n");
    told(&sandbox.keytrail(["scan", "all.ndjson", "-f", "ndjson"]).run().code(3).stdout)
}

fn feed(child: &mut Child, lines: &[String]) {
    let stdin = child.stdin.as_mut().unwrap();
    stdin.write_all((lines.join("\n") + "\n").as_bytes()).unwrap();
    stdin.flush().unwrap();
}

fn segments(sandbox: &Sandbox) -> usize {
    fs::read_dir(sandbox.path("state.segments")).map_or(0, Iterator::count)
}

/// Bytes of lines in closed segments: each begins with an empty line.
fn put_aside(sandbox: &Sandbox) -> usize {
    let files = fs::read_dir(sandbox.path("state.segments")).into_iter().flatten();
    let closed = files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_none());
    closed.map(|path| fs::read(path).map_or(0, |bytes| bytes.len() - 1)).sum()
}

#[test]
fn a_stream_is_followed_to_what_a_scan_of_its_bytes_finds() {
    let mut dice = Dice(u64::from(std::process::id()) | 1);
    eprintln!("seed {}", dice.0);
    let sandbox = Sandbox::new();
    sandbox.write("keytrail.toml", OWN);
    let lines = lines(&mut dice);
    let expected = scanned(&sandbox, &lines);
    assert!(expected.len() > 30);
    // Each part is concluded over before the next comes, and the last at the end of input.
    let words = ["follow", "-", "--state", "state", "--append", "told", "--settle", "0s"];
    let mut begun = sandbox.keytrail(words);
    let mut child = begun.spawn();
    let mut from = 0;
    for part in 1..=2 {
        let until = lines.len() * part / 3 + dice.roll(20) as usize;
        let before = fs::read(sandbox.path("state")).ok();
        feed(&mut child, &lines[from..until]);
        from = until;
        wait_until(|| fs::read(sandbox.path("state")).ok() != before && segments(&sandbox) == 0);
    }
    feed(&mut child, &lines[from..]);
    begun.end(child).code(0);
    let text = sandbox.read("told");
    let mut told = told(&text);
    // What is missing when it is concluded over may come later.
    told.retain(|name, lines| {
        expected.contains_key(name) || !OF_MISSING.contains(&lines[0]["rule"].as_str().unwrap())
    });
    assert_same(&told, &expected);
    assert!(problems(&text).len() >= 3, "{text}");
    assert_eq!(segments(&sandbox), 0);
}

#[test]
fn a_stream_that_goes_on_is_told_of_by_all_rules_and_ends_at_a_signal() {
    let sandbox = Sandbox::new();
    let mut all: Vec<String> = records().iter().map(ToString::to_string).collect();
    let words = ["follow", "-", "--append", "told", "--settle", "7d"];
    let mut begun = sandbox.keytrail(words);
    let mut child = begun.spawn();
    let is_told = |rule: &str| {
        let text = fs::read_to_string(sandbox.path("told")).unwrap_or_default();
        text.ends_with('\n') && told(&text).values().flatten().any(|line| line["rule"] == rule)
    };
    feed(&mut child, &all);
    wait_until(|| is_told("root-user-kms") && is_told("trail-stopped"));
    assert!(!is_told("chain-recon-then-act"));
    // Events of each account and Region that are later by --settle.
    let mut later: BTreeMap<(String, String), Value> = BTreeMap::new();
    for record in records() {
        let of = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        later.insert((of("recipientAccountId"), of("awsRegion")), record.clone());
    }
    let later = later.into_values().enumerate().map(|(number, mut record)| {
        record["eventTime"] = json!("2026-11-20T00:00:00Z");
        record["eventID"] = json!(format!("00000000-0000-4000-8000-{number:012x}"));
        record.to_string()
    });
    let later: Vec<String> = later.collect();
    feed(&mut child, &later);
    wait_until(|| is_told("chain-recon-then-act"));
    // What was read when the signal comes counts, and nothing is waited for.
    signal("TERM", child.id());
    begun.end_with_open_input(child).code(0);
    all.extend(later);
    sandbox.write("all.ndjson", all.join("\n"));
    let expected = sandbox.keytrail(["scan", "all.ndjson", "-f", "ndjson"]).run().code(0);
    let (told, expected) = (told(&sandbox.read("told")), told(&expected.stdout));
    assert!(expected.keys().all(|name| told.contains_key(name)));
}

#[test]
fn lines_outlive_a_follower_that_is_killed() {
    let sandbox = Sandbox::new();
    let all: Vec<String> = records().iter().map(ToString::to_string).collect();
    sandbox.write("all.ndjson", all.join("\n"));
    let expected = sandbox.keytrail(["scan", "all.ndjson", "-f", "ndjson"]).run().code(0);
    let words = ["follow", "-", "--state", "state", "--append", "told", "--settle", "7d"];
    let mut begun = sandbox.keytrail(words);
    let mut child = begun.spawn();
    feed(&mut child, &all);
    wait_until(|| put_aside(&sandbox) == all.iter().map(|line| line.len() + 1).sum::<usize>());
    child.kill().unwrap();
    child.wait().unwrap();
    let again = sandbox.keytrail(words).run().code(0);
    assert_eq!((again.stdout.as_str(), segments(&sandbox)), ("", 0));
    let text = sandbox.read("told");
    let whole = text.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok());
    let whole: Vec<&str> = whole.collect();
    assert_same(&told(&whole.join("\n")), &told(&expected.stdout));
}

#[test]
fn a_stream_that_cannot_be_followed_is_refused() {
    let sandbox = Sandbox::new();
    let packed = sandbox.keytrail(["follow", "-"]).stdin(super::zipped("{}")).run().code(2);
    assert!(packed.stderr.contains("gzip -dc"), "{}", packed.stderr);
    let two = sandbox.keytrail(["follow", "-", "logs"]).run().code(2);
    assert!(two.stderr.contains("standard input is followed alone"), "{}", two.stderr);
    let none = sandbox.keytrail(["follow", "logs"]).run().code(2);
    assert!(none.stderr.contains("--state is missing"), "{}", none.stderr);
    let empty = sandbox.keytrail(["follow", "-"]).run().code(0);
    assert_eq!(
        (empty.stdout.as_str(), empty.stderr.as_str()),
        ("", "note: ended: 0 objects judged\n")
    );
}

#[test]
fn what_is_to_be_known_is_said_once_however_often_it_is_concluded() {
    let sandbox = Sandbox::new();
    let expired =
        "[[suppress]]\nrule = \"direct-decrypt\"\nreason = \"known\"\nexpires = 2020-01-01\n";
    sandbox.write("keytrail.toml", expired);
    let mut all = records();
    all.iter_mut().for_each(|record| record["eventVersion"] = json!("9.01"));
    let all: Vec<String> = all.iter().map(ToString::to_string).collect();
    let words = ["follow", "-", "--state", "state", "--append", "told", "--settle", "0s"];
    let mut begun = sandbox.keytrail(words);
    let mut child = begun.spawn();
    let (first, second) = all.split_at(all.len() / 2);
    feed(&mut child, first);
    wait_until(|| sandbox.path("state").exists() && segments(&sandbox) == 0);
    feed(&mut child, second);
    let ended = begun.end(child).code(0);
    let lines = |word: &str| ended.stderr.lines().filter(|line| line.contains(word)).count();
    assert_eq!(
        (lines("eventVersion 9 is not known"), lines("expired on 2020-01-01")),
        (1, 1),
        "{}",
        ended.stderr
    );
}
