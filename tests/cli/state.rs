//! Runs that go on from each other: nothing is missed, nothing is said twice, whatever ends them.

mod flood;
mod reread;
mod rules;
mod settled;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::bucket::{Server, Trouble};
use crate::chain::{Chain, gunzip, gzip, sidecar_of};
use crate::harness::{Ended, Lines, Sandbox};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-central-1";

/// A record of the example user's: `number` is its id, `key` which key it is about.
fn record(number: usize, name: &str, key: usize, time: &str) -> Value {
    let key = format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-0000-4000-8000-{key:012}");
    json!({
        "eventVersion": "1.11", "eventSource": "kms.amazonaws.com", "eventName": name,
        "eventTime": time, "awsRegion": REGION, "recipientAccountId": ACCOUNT,
        "eventType": "AwsApiCall", "eventID": format!("10000000-0000-4000-8000-{number:012}"),
        "userIdentity": {"type": "IAMUser", "accountId": ACCOUNT,
            "arn": format!("arn:aws:iam::{ACCOUNT}:user/example"), "userName": "example"},
        "sourceIPAddress": "192.0.2.1", "userAgent": "example", "readOnly": false,
        "requestParameters": {"keyId": key, "pendingWindowInDays": 30},
        "responseElements": {"keyId": key},
        "resources": [{"ARN": key, "accountId": ACCOUNT, "type": "AWS::KMS::Key"}],
    })
}

fn deletion(number: usize, key: usize) -> Value {
    record(number, "ScheduleKeyDeletion", key, "2026-11-02T14:05:00Z")
}

fn file(records: &[Value]) -> Vec<u8> {
    gzip(json!({"Records": records}).to_string().as_bytes())
}

const SCAN: [&str; 6] =
    ["scan", "logs", "-fjson", "--state", "state", "--select=key-deletion-scheduled"];

fn scan(sandbox: &Sandbox, more: &[&str]) -> (Ended, Value) {
    let ended = sandbox.keytrail(SCAN.iter().chain(more)).run();
    let report = serde_json::from_str(&ended.stdout).unwrap_or(Value::Null);
    (ended, report)
}

/// Key and status of each finding, and how many events it has.
fn found(report: &Value) -> BTreeSet<(usize, String, u64)> {
    let findings = report["findings"].as_array().unwrap_or_else(|| panic!("{report:#}"));
    let one = |finding: &Value| {
        let arn = finding["key"]["arn"].as_str().unwrap();
        let status = finding["status"].as_str().unwrap().to_owned();
        (arn[arn.len() - 12..].parse().unwrap(), status, finding["count"].as_u64().unwrap())
    };
    findings.iter().map(one).collect()
}

fn of(findings: &[(usize, &str, u64)]) -> BTreeSet<(usize, String, u64)> {
    findings.iter().map(|(key, status, count)| (*key, (*status).to_owned(), *count)).collect()
}

#[test]
fn each_run_reads_what_is_new_and_tells_new_from_ongoing() {
    let sandbox = Sandbox::new();
    sandbox.write("logs/a.json.gz", file(&[deletion(1, 1), deletion(2, 2)]));
    let (ended, report) = scan(&sandbox, &["--fail-on=high"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(found(&report), of(&[(1, "new", 1), (2, "new", 1)]));
    // Nothing new is no failure, and no finding.
    let (ended, report) = scan(&sandbox, &["--fail-on=high"]);
    assert_eq!((ended.code, found(&report).len()), (Some(0), 0), "{}", ended.stderr);
    assert_eq!(report["totals"]["blobs"], 0);
    assert_eq!(report["run"]["state"]["read_before"], 1, "{report:#}");
    let table = sandbox.keytrail(["scan", "logs", "--state", "state"]).run();
    assert!(table.stdout.contains("everything was read before"), "{}", table.stdout);
    assert!(table.stdout.contains("1 file read before"), "{}", table.stdout);
    // Late, in a folder that is read before the first: one known finding goes on, one is new.
    sandbox.write("logs/0/late.json.gz", file(&[deletion(3, 1), deletion(4, 3)]));
    let (ended, report) = scan(&sandbox, &["--fail-on=high"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(found(&report), of(&[(1, "ongoing", 1), (3, "new", 1)]));
    assert_eq!(report["totals"]["blobs"], 1);
    // Records that are delivered again are nothing new, in whatever file.
    sandbox.write("logs/b.json.gz", file(&[deletion(4, 3), deletion(1, 1), deletion(5, 5)]));
    let (_, report) = scan(&sandbox, &[]);
    assert_eq!(found(&report), of(&[(5, "new", 1)]));
    // A file that was replaced is read again.
    sandbox.write("logs/a.json.gz", file(&[deletion(1, 1), deletion(2, 2), deletion(6, 6)]));
    let (_, report) = scan(&sandbox, &[]);
    assert_eq!(found(&report), of(&[(6, "new", 1)]));
    assert_eq!(sandbox.names(), ["logs", "state", "state.lock"]);
}

#[test]
fn what_could_not_be_read_is_tried_again_and_what_is_damaged_is_not() {
    let sandbox = Sandbox::new();
    let mut cut = file(&[deletion(1, 1)]);
    cut.truncate(cut.len() - 9);
    sandbox.write("logs/cut.json.gz", cut);
    sandbox.write("logs/good.json.gz", file(&[deletion(2, 2)]));
    std::os::unix::fs::symlink("nowhere", sandbox.path("logs/link")).unwrap();
    let (ended, report) = scan(&sandbox, &[]);
    assert_eq!(ended.code, Some(3));
    assert_eq!(report["problems"].as_array().unwrap().len(), 2, "{report:#}");
    // The damaged file is as it was; the link may lead somewhere one day.
    let (ended, report) = scan(&sandbox, &[]);
    assert_eq!(ended.code, Some(3));
    assert_eq!(report["problems"].as_array().unwrap().len(), 1, "{report:#}");
    fs::remove_file(sandbox.path("logs/link")).unwrap();
    assert_eq!(scan(&sandbox, &[]).0.code, Some(0));
}

#[test]
fn a_state_that_cannot_be_used_ends_the_run_before_it_begins() {
    let sandbox = Sandbox::new();
    sandbox.write("logs/a.json.gz", file(&[deletion(1, 1)]));
    sandbox.write("state", b"{\"schema\":\"other\"}");
    let (ended, _) = scan(&sandbox, &[]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("state: is "), "{}", ended.stderr);
    fs::remove_file(sandbox.path("state")).unwrap();
    assert_eq!(scan(&sandbox, &[]).0.code, Some(0));
    let whole = fs::read(sandbox.path("state")).unwrap();
    fs::write(sandbox.path("state"), &whole[..whole.len() - 3]).unwrap();
    let (ended, _) = scan(&sandbox, &[]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("is damaged"), "{}", ended.stderr);
    let (ended, _) = scan(&sandbox, &["--baseline=x"]);
    assert_eq!(ended.code, Some(2));
}

#[test]
fn two_runs_at_once_do_not_share_a_state() {
    let sandbox = Sandbox::new();
    sandbox.write("logs/a.json.gz", file(&[deletion(1, 1)]));
    let words = ["scan", "-", "-fjson", "--state", "state", "--progress=always"];
    let mut first = sandbox.keytrail(words);
    let mut child = first.spawn();
    // It has its state before it shows progress, and keeps it as long as its input is open.
    let said = Lines::of(child.stderr.take().unwrap());
    said.wait_for("progress: ");
    let (ended, _) = scan(&sandbox, &[]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("used by another run"), "{}", ended.stderr);
    first.end(child);
    assert_eq!(scan(&sandbox, &[]).0.code, Some(0));
}

#[test]
fn a_state_in_s3_is_written_only_over_the_one_that_was_read() {
    let server = Server::start(1000);
    let key = "AWSLogs/111122223333/CloudTrail/eu-central-1/2026/11/02/a.json.gz";
    server.put(key, file(&[deletion(1, 1)]));
    let sandbox = Sandbox::new();
    // The state lies among what is read, and is not read as a log.
    let words = ["scan", "s3://example-logs", "-fjson", "--select=key-deletion-scheduled"];
    let words: Vec<&str> =
        words.iter().chain(&["--state", "s3://example-logs/keytrail/state"]).copied().collect();
    let run = || {
        let ended = server.keytrail(&sandbox, &words).run();
        (ended.code, serde_json::from_str(&ended.stdout).unwrap_or(Value::Null), ended.stderr)
    };
    // The answer to the first try at writing it is lost.
    server.lose_answer();
    let (code, report, stderr) = run();
    assert_eq!((code, found(&report)), (Some(0), of(&[(1, "new", 1)])), "{stderr}");
    let (code, report, _) = run();
    assert_eq!((code, found(&report).len()), (Some(0), 0));
    assert_eq!(server.counts().1, 4, "the state each time and once again, the log once");
    // Another run writes in between: this one's is not written, and it says so.
    let other = server.get("keytrail/state").unwrap();
    server.put(&key.replace("a.json", "b.json"), file(&[deletion(2, 2)]));
    let mut changed = other.clone();
    changed.extend(zstd::encode_all(&b""[..], 1).unwrap());
    // A log is asked for after the state was read.
    server.reading(move |key, _| match key.ends_with("b.json.gz") {
        true => Trouble::Overtaken("keytrail/state", changed.clone()),
        false => Trouble::Nothing,
    });
    let (code, report, stderr) = run();
    assert_eq!((code, found(&report)), (Some(3), of(&[(2, "new", 1)])), "{stderr}");
    assert!(stderr.contains("another run has written it meanwhile"), "{stderr}");
    server.reading(|_, _| Trouble::Nothing);
    server.put("keytrail/state", other);
    let (code, report, _) = run();
    assert_eq!((code, found(&report)), (Some(0), of(&[(2, "new", 1)])));
}

#[test]
fn objects_are_read_once_and_those_that_were_refused_again() {
    let server = Server::start(1000);
    let key = |n: usize| format!("AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/11/02/{n}.json.gz");
    (1..=20).for_each(|n| server.put(&key(n), file(&[deletion(n, n)])));
    server.reading(|key, _| match key.ends_with("/7.json.gz") {
        true => Trouble::Refused("AccessDenied", 403, "Access Denied"),
        false => Trouble::Nothing,
    });
    let sandbox = Sandbox::new();
    let words =
        ["scan", "s3://example-logs", "-fjson", "--select=key-deletion-scheduled", "--state=s"];
    let run = || {
        let ended = server.keytrail(&sandbox, &words).run();
        (ended.code, serde_json::from_str::<Value>(&ended.stdout).unwrap())
    };
    let (code, report) = run();
    assert_eq!((code, found(&report).len()), (Some(3), 19));
    server.put(&key(21), file(&[deletion(21, 21)]));
    server.reading(|_, _| Trouble::Nothing);
    let before = server.counts().1;
    let (code, report) = run();
    assert_eq!((code, found(&report)), (Some(0), of(&[(7, "new", 1), (21, "new", 1)])));
    assert_eq!(server.counts().1 - before, 2);
    // An object that was removed, and one that was replaced.
    server.remove(&key(1));
    server.put(&key(2), file(&[deletion(2, 2), deletion(30, 2)]));
    let (code, report) = run();
    assert_eq!((code, found(&report)), (Some(0), of(&[(2, "ongoing", 1)])));
}

#[test]
fn what_was_said_once_is_not_said_again() {
    let sandbox = Sandbox::new();
    // The same id with other content, and a record without an id in a file that is read again.
    let mut forged = deletion(1, 1);
    forged["sourceIPAddress"] = json!("192.0.2.2");
    let mut nameless = deletion(9, 9);
    nameless.as_object_mut().unwrap().remove("eventID");
    sandbox.write("logs/b.json.gz", file(&[deletion(1, 1), forged, nameless]));
    let (ended, report) = scan(&sandbox, &[]);
    assert_eq!((ended.code, found(&report).len()), (Some(3), 2), "{report:#}");
    assert_eq!(report["problems"].as_array().unwrap().len(), 1);
    sandbox.write("logs/a.json.gz", file(&[deletion(2, 2)]));
    // A file is known by its times too; those of some file systems are coarser than this test.
    let again = fs::File::options().write(true).open(sandbox.path("logs/b.json.gz")).unwrap();
    again.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let (ended, report) = scan(&sandbox, &[]);
    assert_eq!(found(&report), of(&[(2, "new", 1)]), "{report:#}");
    assert_eq!(ended.code, Some(3), "the file was read again");
    assert_eq!(scan(&sandbox, &[]).0.code, Some(0));
}

#[test]
fn a_finding_that_was_not_listed_is_new_when_it_is() {
    let sandbox = Sandbox::new();
    sandbox.write("logs/a.json.gz", file(&[deletion(1, 1)]));
    let (_, report) = scan(&sandbox, &["--min-level=critical"]);
    assert_eq!(found(&report).len(), 0);
    sandbox.write("logs/b.json.gz", file(&[deletion(2, 1)]));
    let (_, report) = scan(&sandbox, &[]);
    assert_eq!(found(&report), of(&[(1, "new", 1)]));
    sandbox.write("logs/c.json.gz", file(&[deletion(3, 1)]));
    let (_, report) = scan(&sandbox, &[]);
    assert_eq!(found(&report), of(&[(1, "ongoing", 1)]));
}

#[test]
fn a_state_does_not_go_with_an_end_nor_into_the_report() {
    let sandbox = Sandbox::new();
    sandbox.write("logs/a.json.gz", file(&[deletion(1, 1)]));
    assert_eq!(scan(&sandbox, &["--until=1d"]).0.code, Some(2));
    let (ended, _) = scan(&sandbox, &["-o", "./state"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(!sandbox.path("state").exists());
    // Other filters see only what is new, and that is said.
    assert_eq!(scan(&sandbox, &["--account=444455556666"]).0.code, Some(3));
    let (ended, report) = scan(&sandbox, &[]);
    assert_eq!((ended.code, found(&report).len()), (Some(0), 0));
    assert!(ended.stderr.contains("not those of the last run"), "{}", ended.stderr);
}

/// The invented trail's files in the order of delivery, spread over nights.
fn nights(count: usize) -> Vec<Vec<(String, Vec<u8>)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/trail");
    let mut files: Vec<PathBuf> = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    files.sort_by_key(|path| name(path).split('_').nth(3).unwrap().to_owned());
    // One in five comes a night late.
    let mut nights = vec![Vec::new(); count];
    for (number, path) in files.iter().enumerate() {
        let late = usize::from(number % 5 == 3);
        let night = (number * count / files.len() + late).min(count - 1);
        nights[night].push((name(path), fs::read(path).unwrap()));
    }
    nights
}

/// Fingerprints of a whole report, and the rules they are of.
fn fingerprints(report: &Value) -> BTreeMap<String, String> {
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let findings = report["findings"].as_array().unwrap();
    findings.iter().map(|f| (text(f, "fingerprint"), text(f, "rule"))).collect()
}

/// A number from 0 to `below`, another one each time.
fn random(seed: &mut u64, below: u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed % below
}

/// Kills runs at random instants, `KEYTRAIL_KILLS` times in all.
#[test]
fn runs_that_are_killed_lose_nothing_and_say_the_same_again() {
    let kills = std::env::var("KEYTRAIL_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    let mut seed = u64::from(std::process::id()) << 7 | 1;
    let sandbox = Sandbox::new();
    let nights = nights(5);
    let (mut done, mut number, mut repeated) = (0, 0, 0);
    let mut all = BTreeMap::new();
    let mut lasted = Duration::from_millis(400);
    for (night, files) in nights.iter().enumerate() {
        for (name, bytes) in files {
            sandbox.write(&format!("logs/{name}"), bytes);
        }
        let mut before = BTreeMap::new();
        loop {
            number += 1;
            let report = format!("report-{number}.json");
            let words =
                ["scan", "logs", "--state", "state", "-fjson", "-o", &report, "--min-level"];
            let mut run = sandbox.keytrail(words.iter().chain(&["informational", "-q"]));
            let begun = Instant::now();
            let mut child = run.spawn();
            let is_killed = done * nights.len() < kills * (night + 1);
            if is_killed {
                done += 1;
                let after = random(&mut seed, lasted.as_micros() as u64 * 11 / 10);
                thread::sleep(Duration::from_micros(after));
                // One that has ended by itself meanwhile is as good.
                let _ = child.kill();
            }
            let ended = run.end(child);
            assert!(is_killed || ended.code == Some(0), "{}", ended.stderr);
            if ended.code.is_some() {
                lasted = begun.elapsed();
            }
            // Whole or absent.
            if let Ok(text) = fs::read(sandbox.path(&report)) {
                let text: Value = serde_json::from_slice(&text).unwrap();
                let found = fingerprints(&text);
                repeated += found.keys().filter(|f| before.contains_key(*f)).count();
                before.extend(found.clone());
                all.extend(found);
            }
            if !is_killed {
                break;
            }
        }
        // All of it was said, and is said no more.
        let (ended, report) = {
            let words = ["scan", "logs", "--state", "state", "-fjson", "--min-level=informational"];
            let ended = sandbox.keytrail(words).run();
            let report: Value = serde_json::from_str(&ended.stdout).unwrap();
            (ended, report)
        };
        assert_eq!((ended.code, fingerprints(&report).len()), (Some(0), 0), "{report:#}");
    }
    same_as_straight(&sandbox, &all);
    println!("{done} kills, {number} runs, {repeated} findings said again");
}

/// Whether many runs have found what one finds.
fn same_as_straight(sandbox: &Sandbox, all: &BTreeMap<String, String>) {
    let words = ["scan", "logs", "-fjson", "--min-level=informational"];
    let straight: Value = serde_json::from_str(&sandbox.keytrail(words).run().stdout).unwrap();
    let straight = fingerprints(&straight);
    assert!(straight.len() > 40, "{}", straight.len());
    let missed: Vec<_> = straight.iter().filter(|(f, _)| !all.contains_key(*f)).collect();
    // What was not known before a later night is no fault.
    let early = |(f, rule): &(&String, &String)| {
        !straight.contains_key(*f) && rule.as_str() != "subject-tags-unknown"
    };
    let more: Vec<_> = all.iter().filter(early).collect();
    assert!(missed.is_empty() && more.is_empty(), "missed {missed:#?}, more {more:#?}");
}

#[test]
fn the_first_run_of_all_finds_what_a_run_without_a_state_finds() {
    let sandbox = Sandbox::new();
    for (name, bytes) in nights(1).into_iter().flatten() {
        sandbox.write(&format!("logs/{name}"), bytes);
    }
    let report = |more: &[&str]| {
        let words = ["scan", "logs", "-fjson", "--min-level=informational"];
        let ended = sandbox.keytrail(words.iter().chain(more)).run();
        let mut report: Value = serde_json::from_str(&ended.stdout).unwrap();
        report["run"] = Value::Null;
        report
    };
    assert_eq!(report(&["--state=state"]), report(&[]));
    assert!(gunzip(&nights(1)[0][0].1).starts_with(b"{"));
}

/// Scans the chain's bucket, verified, and goes on from the last run. The exit code, and of each
/// finding the rule, the status, the count.
fn verified_night(
    server: &Server,
    sandbox: &Sandbox,
) -> (Option<i32>, BTreeSet<(String, String, u64)>) {
    let words = [
        "scan",
        "s3://example-logs",
        "--verify",
        "--public-keys",
        "keys.json",
        "--state",
        "state",
        "-fjson",
        "--select=key-deletion-scheduled",
    ];
    let ended = server.keytrail(sandbox, &words).run();
    let report: Value =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.stderr));
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let one = |f: &Value| (text(f, "rule"), text(f, "status"), f["count"].as_u64().unwrap());
    (ended.code, report["findings"].as_array().unwrap().iter().map(one).collect())
}

#[test]
fn verified_nights_miss_no_log_that_an_earlier_one_has_read() {
    let server = Server::start(1000);
    let sandbox = Sandbox::new();
    let mut chain = Chain::empty();
    let deliver = |chain: &Chain, server: &Server| {
        for (key, bytes) in chain.files.iter().filter(|(key, _)| !key.ends_with(".metadata.json")) {
            let sidecar = chain.files.get(&sidecar_of(key));
            let sidecar: Value =
                sidecar.map_or(Value::Null, |text| serde_json::from_slice(text).unwrap());
            match sidecar["Metadata"]["signature"].as_str() {
                Some(signature) => server.put_with(key, bytes.clone(), &[("signature", signature)]),
                None => server.put(key, bytes.clone()),
            }
        }
    };
    sandbox.write("keys.json", chain.public_keys.to_string());
    let found = |rule: &str, status: &str, count| (rule.to_owned(), status.to_owned(), count);
    let deletions = |status, count| found("key-deletion-scheduled", status, count);
    (0..3).for_each(|hour| chain.hour(hour));
    // A log of the next hour whose digest comes the next night is evaluated then.
    let mut later = Chain::empty();
    (0..4).for_each(|hour| later.hour(hour));
    server.put(&later.logs[6], later.files[&later.logs[6]].clone());
    deliver(&chain, &server);
    let (_, first) = verified_night(&server, &sandbox);
    assert!(first.contains(&deletions("new", 6)), "{first:?}");
    (3..6).for_each(|hour| chain.hour(hour));
    deliver(&chain, &server);
    let (code, second) = verified_night(&server, &sandbox);
    assert_eq!((code, second), (Some(0), [deletions("ongoing", 6)].into()));
    // A log of the first night is gone, and one of the second is another now.
    server.remove(&chain.logs[0]);
    let mut forged = chain.files[&chain.logs[8]].clone();
    forged.extend(gzip(b""));
    server.put(&chain.logs[8], forged);
    let (code, third) = verified_night(&server, &sandbox);
    let tampering = found("log-tampering", "new", 1);
    assert_eq!((code, third), (Some(0), [tampering].into()));
}
