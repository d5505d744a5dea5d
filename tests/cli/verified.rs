//! `scan --verify`: findings rest on verified files only, and what is not verified is a finding.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::chain::tamperings::{OF_DIGESTS, OF_LOGS, Tampering};
use crate::chain::{ACCOUNT, Chain, Place, gunzip, gzip, sidecar_of};
use crate::harness::Sandbox;
use crate::trail::{findings, parse};
use crate::verify::{faults, until_now};

const VERIFY: [&str; 4] = ["bucket", "--verify", "--public-keys", "keys.json"];

fn sandbox(chain: &Chain) -> Sandbox {
    let sandbox = Sandbox::new();
    chain.write(&sandbox);
    sandbox
}

/// A report of the deletions in the logs, one a finding.
fn scan(sandbox: &Sandbox, more: &[&str]) -> (Option<i32>, Value) {
    let words = ["scan", "-fjson", "--select=key-deletion-scheduled", "--each"];
    let words = words.iter().chain(&VERIFY).chain(more);
    let ended = sandbox.keytrail(words).run();
    let report = serde_json::from_str(&ended.stdout);
    (ended.code, report.unwrap_or_else(|_| panic!("{}", ended.stderr)))
}

/// The files that findings about records rest on.
fn evaluated(report: &Value) -> BTreeSet<String> {
    let of_records = findings(report).into_iter().filter(|f| f["rule"] == "key-deletion-scheduled");
    let origin = |finding: &Value| {
        let origin = finding["events"][0]["origin"].as_str().unwrap();
        origin.rsplit_once('#').unwrap().0.to_owned()
    };
    of_records.map(|finding| origin(&finding)).collect()
}

/// How many files are found to be what.
fn tampering(report: &Value) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for finding in findings(report).iter().filter(|f| f["rule"] == "log-tampering") {
        assert_eq!(finding["level"], "critical");
        let part = |name: &str| finding["details"][name].as_str().unwrap().to_owned();
        let name = format!("{}s {}", part("kind"), part("verdict"));
        *counts.entry(name).or_default() += finding["count"].as_u64().unwrap();
    }
    counts
}

/// The files that `verify -v` calls verified.
fn verified(report: &Value) -> BTreeSet<String> {
    let items = report["items"].as_array().unwrap();
    let logs = items.iter().filter(|item| item["kind"] == "log" && item["verdict"] == "verified");
    logs.map(|item| item["origin"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn findings_rest_on_what_verify_calls_verified_and_the_rest_is_found() {
    let intact: &[Tampering] = &[("nothing", |_| (), &[])];
    for (name, tamper, expected) in intact.iter().chain(OF_LOGS).chain(OF_DIGESTS) {
        let mut chain = Chain::new();
        tamper(&mut chain);
        let sandbox = sandbox(&chain);
        let (_, told) = chain.verify(&["-v"]);
        let (code, report) = scan(&sandbox, &[]);
        assert_eq!(evaluated(&report), verified(&told), "{name}: {report:#}");
        assert_eq!(faults(&report["verify"]), faults(&told), "{name}");
        for member in ["chains", "others", "pending", "public_keys"] {
            assert_eq!(report["verify"][member], told[member], "{name}: {member}");
        }
        let mut found = tampering(&report);
        let chains: u64 = ["chains gap", "chains ends-early"]
            .iter()
            .filter_map(|verdict| found.remove(*verdict))
            .sum();
        let gaps = told["chains"].as_array().unwrap().iter();
        let gaps: usize = gaps.map(|chain| chain["gaps"].as_array().unwrap().len()).sum();
        assert!(chains >= gaps as u64, "{name}: {report:#}");
        let expected: BTreeMap<_, _> =
            expected.iter().map(|(verdict, n)| ((*verdict).to_owned(), *n)).collect();
        assert_eq!(found, expected, "{name}: {report:#}");
        // What cannot be inflated to its end is a problem too, and so is no log at all.
        let broken = !report["problems"].as_array().unwrap().is_empty();
        assert_eq!(code, Some(if broken { 3 } else { 0 }), "{name}: {report:#}");
        let is_broken = |verdict: &str| {
            expected.contains_key(verdict) || (*name).starts_with("every log") || *name == "junk"
        };
        let may_be = is_broken("logs unreadable") || is_broken("logs trailing-data");
        assert!(!broken || may_be, "{name}: {report:#}");
    }
}

#[test]
fn tampering_counts_for_fail_on_whatever_is_selected() {
    let mut chain = Chain::new();
    let log = chain.logs[4].clone();
    chain.edit(&log, |text| text.replace("192.0.2.1", "192.0.2.2"));
    let sandbox = sandbox(&chain);
    sandbox.write("own.yml", "title: x\nid: 8d2d5c3e-0000-4000-8000-000000000001\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {eventName: CreateKey}, condition: s}\n");
    let code = |more: &[&str]| {
        let words = ["scan", "--fail-on=critical"].iter().chain(&VERIFY).chain(more);
        sandbox.keytrail(words).run().code
    };
    assert_eq!(code(&[]), Some(1));
    assert_eq!(code(&["--select=key-created"]), Some(1));
    assert_eq!(code(&["--no-builtin-rules", "--rules=own.yml"]), Some(1));
    assert_eq!(code(&["--ignore=log-tampering"]), Some(0), "who says so has said so");
    assert_eq!(code(&["--each", "-fndjson", "--select=key-created"]), Some(1));
}

#[test]
fn without_verify_digests_and_signatures_are_other_files() {
    let chain = Chain::new();
    let sandbox = sandbox(&chain);
    let report = parse(&sandbox.keytrail(["scan", "-fjson", "bucket"]).run().code(0));
    assert_eq!((&report["totals"]["blobs_other"], &report["verify"]), (&json!(12), &Value::Null));
    let with = sandbox.keytrail(["scan", "-fjson"].iter().chain(&VERIFY)).run().code(0);
    let with = parse(&with);
    assert_eq!(with["findings"], report["findings"]);
    assert_eq!(with["totals"]["blobs_other"], 12);
    assert_eq!(with["totals"]["bytes_read"], report["totals"]["bytes_read"]);
}

#[test]
fn a_folder_that_is_gone_is_one_finding_that_shows_ten() {
    let mut chain = Chain::new();
    chain.logs[..11].to_vec().iter().for_each(|log| chain.remove(log));
    let sandbox = sandbox(&chain);
    let words = ["scan", "-fjson", "--select=log-tampering"].iter().chain(&VERIFY);
    let report = parse(&sandbox.keytrail(words).run().code(0));
    let [finding] = &findings(&report)[..] else { panic!("{report:#}") };
    assert_eq!((&finding["count"], &finding["account"]), (&json!(11), &json!(ACCOUNT)));
    let items = finding["details"]["items"].as_array().unwrap();
    assert_eq!((items.len(), &finding["details"]["items_not_listed"]), (10, &json!(1)));
    assert_eq!(finding["details"]["trails"], json!(["my_trail (us-east-1)"]));
    assert_eq!(finding["first_seen"], "2025-11-02T00:05:00Z");
    let resource = format!("arn:aws:s3:::example-logs/{}", chain.logs[0]);
    assert_eq!(
        (&finding["resource"]["arn"], &finding["resource"]["type"]),
        (&json!(resource), &json!("AWS::S3::Object"))
    );
    assert_eq!(items[0]["object"], format!("s3://example-logs/{}", chain.logs[0]));
    // The same wherever the copy lies, and with one more gone.
    let fingerprint = finding["fingerprint"].clone();
    chain.files = chain.files.into_iter().map(|(key, bytes)| (format!("a/{key}"), bytes)).collect();
    let words = ["scan", "-fjson", "--select=log-tampering"].iter().chain(&VERIFY);
    let moved = parse(&self::sandbox(&chain).keytrail(words).run().code(0));
    assert_eq!(findings(&moved)[0]["fingerprint"], fingerprint);
}

#[test]
fn copies_in_pieces_are_evaluated_from_the_bytes_that_were_hashed() {
    let mut chain = Chain::new();
    let files = std::mem::take(&mut chain.files).into_iter();
    chain.files = files
        .map(|(key, bytes)| match key.strip_suffix(".gz") {
            Some(plain) => {
                (format!("{plain}.zst"), zstd::encode_all(&gunzip(&bytes)[..], 3).unwrap())
            }
            None => (key, bytes),
        })
        .collect();
    let (code, report) = scan(&sandbox(&chain), &[]);
    assert_eq!((code, evaluated(&report).len()), (Some(0), 12), "{report:#}");
    assert_eq!(tampering(&report), BTreeMap::new());
}

#[test]
fn a_live_report_is_the_same_with_any_number_of_threads() {
    let mut chain = Chain::new();
    for n in [1, 4, 7] {
        let log = chain.logs[n].clone();
        chain.edit(&log, |text| text.replace("192.0.2.1", "192.0.2.2"));
    }
    chain.remove(&chain.digests[3].clone());
    let sandbox = sandbox(&chain);
    let run = |threads: &str, more: &[&str]| {
        let words = ["scan", "--threads", threads];
        let words = words.iter().chain(&VERIFY).chain(more);
        sandbox.keytrail(words).run().code(0).stdout
    };
    for format in [&["-fndjson", "--each"][..], &["-fndjson"]] {
        let one = run("1", format);
        assert_eq!(one, run("2", format));
        assert_eq!(one, run("8", format));
        let found: Vec<Value> =
            one.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let of_files = found.iter().filter(|f| f["rule"] == "log-tampering").count();
        // Of logs three are modified, one of them in the hour without a digest; one gap.
        assert_eq!(of_files, if format.len() == 2 { 2 + 2 + 1 + 1 } else { 4 }, "{one}");
    }
}

#[test]
fn options_that_need_each_other_are_all_named_at_once() {
    let sandbox = sandbox(&Chain::empty());
    let wrong = |words: &[&str], count: usize| {
        let ended = sandbox.keytrail(["scan"].iter().chain(words)).run().code(2);
        let errors = ended.stderr.lines().filter(|line| line.starts_with("error: "));
        assert_eq!(errors.count(), count, "{}", ended.stderr);
    };
    wrong(&["bucket", "--verify"], 1);
    wrong(&["bucket", "--public-keys=keys.json"], 1);
    wrong(&["bucket", "--verify", "--public-keys=none.json"], 1);
    wrong(&["--verify", "--public-keys=keys.json", "-"], 1);
    wrong(&["bucket", "--public-keys=none.json", "--since=tomorrow", "--select=nothing"], 4);
    sandbox.write("bad.json", "{}");
    wrong(&["bucket", "gone", "--verify", "--public-keys=bad.json"], 2);
}

#[test]
fn what_is_too_new_is_counted_and_said() {
    let (mut chain, hours) = until_now();
    chain.log(hours, "00");
    let sandbox = sandbox(&chain);
    let (code, report) = scan(&sandbox, &["--fail-on=critical"]);
    assert_eq!((code, evaluated(&report).len()), (Some(0), 8));
    assert_eq!(tampering(&report), BTreeMap::new());
    assert_eq!(
        (&report["verify"]["pending"], &report["verify"]["left_out"]),
        (&json!(1), &json!(1))
    );
    let live = ["scan", "-fndjson", "--each"];
    let live = sandbox.keytrail(live.iter().chain(&VERIFY)).run().code(0);
    live.says("note: 1 log file too new to be verified yet: no digest is due");
    let table = sandbox.keytrail(["scan"].iter().chain(&VERIFY)).run().code(0).stdout;
    assert!(table.contains("1 log file too new to be verified yet"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
}

#[test]
fn the_manifest_covers_contents() {
    let mut chain = Chain::new();
    let manifest = |chain: &Chain| scan(&sandbox(chain), &[]).1["run"]["manifest"].clone();
    let before = manifest(&chain);
    assert_eq!(before, manifest(&chain));
    let log = chain.logs[4].clone();
    let size = chain.files[&log].len();
    // Of one size, with another text.
    let other = (1_u8..).map(|n| gzip(format!("{{\"Records\":[{n}]}}").as_bytes()));
    let mut other = other.take(1).collect::<Vec<_>>().remove(0);
    chain.files.insert(log.clone(), other.clone());
    let first = manifest(&chain);
    assert_ne!((before, size), (first.clone(), other.len()));
    other = gzip(b"{\"Records\":[2]}");
    chain.files.insert(log, other);
    assert_ne!(first, manifest(&chain));
}

#[test]
fn logs_after_the_range_may_hold_what_happened_in_it() {
    let mut chain = Chain::new();
    let log = chain.logs[6].clone();
    chain.edit(&log, |text| text.replace("192.0.2.1", "192.0.2.2"));
    let sandbox = sandbox(&chain);
    let found = |until: &str| tampering(&scan(&sandbox, &["--until", until]).1).len();
    assert_eq!(found("2025-11-02T03:00:00Z"), 1, "its log is of 03:05");
    assert_eq!(found("2025-11-02T02:00:00Z"), 0);
}

#[test]
fn other_files_and_insights_are_counted_and_not_evaluated() {
    let mut chain = Chain::new();
    let log = gunzip(&chain.files[&chain.logs[0]]);
    let insight = chain.logs[0].replace("_CloudTrail_", "_CloudTrail-Insight_");
    chain.files.insert(insight, gzip(&log));
    chain.files.insert("notes.txt".into(), b"what we did".to_vec());
    let lone = sidecar_of("AWSLogs/lone.json.gz");
    chain.files.insert(lone, b"{}".to_vec());
    let (code, report) = scan(&sandbox(&chain), &[]);
    assert_eq!((code, evaluated(&report).len()), (Some(0), 12), "{report:#}");
    assert_eq!(
        (&report["verify"]["left_out"], &report["verify"]["others"]),
        (&json!(1), &json!(3))
    );
    assert_eq!(tampering(&report), BTreeMap::new());
}

#[test]
fn accounts_are_verified_apart() {
    let mut chain = Chain::new();
    let mut other = Chain::of(Place { account: "444455556666", ..Place::new() });
    (0..6).for_each(|hour| other.hour(hour));
    other.remove(&other.digests[2].clone());
    chain.join(other);
    let sandbox = sandbox(&chain);
    let found = |more: &[&str]| {
        let report = scan(&sandbox, more).1;
        let all = findings(&report).into_iter().filter(|f| f["rule"] == "log-tampering");
        all.map(|f| f["account"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    assert_eq!(found(&[]), BTreeSet::from(["444455556666".to_owned()]));
    assert_eq!(found(&["--account", ACCOUNT]), BTreeSet::new());
}

/// Whoever deletes all that a Region has, digests too, leaves no chain with a gap.
#[test]
fn a_region_that_is_named_and_gone_is_tampering() {
    let chain = Chain::new();
    let sandbox = sandbox(&chain);
    let both = ["--region=eu-central-1", "--region=us-east-1"];
    let (code, report) = scan(&sandbox, &[&both[..], &["--fail-on=critical"]].concat());
    // A name that is nowhere may be misspelt as well, so that the run is not complete.
    assert_eq!((code, tampering(&report)["digests missing"]), (Some(3), 1), "{report:#}");
    let gone = findings(&report).into_iter().find(|f| f["rule"] == "log-tampering").unwrap();
    assert_eq!(gone["region"], "us-east-1");
    let detail = gone["details"].to_string();
    assert!(detail.contains("no digest of it was read, and --region names it"), "{detail}");
    let (code, said) = chain.verify(&both);
    assert_eq!((code, &said["digests"]["missing"]), (Some(1), &1.into()), "{said:#}");
    let (code, report) = scan(&sandbox, &["--account=444455556666", "--fail-on=critical"]);
    // A name that is nowhere may be misspelt as well, so that the run is not complete.
    assert_eq!((code, tampering(&report)["digests missing"]), (Some(3), 1), "{report:#}");
}

#[test]
fn the_files_of_a_list_are_verified_as_those_of_a_folder() {
    let sandbox = sandbox(&Chain::new());
    let find = std::process::Command::new("find")
        .args(["bucket", "-type", "f"])
        .current_dir(sandbox.path(""))
        .output()
        .unwrap();
    sandbox.write("list", find.stdout);
    let run = |words: &[&str]| sandbox.keytrail(words).run().stdout;
    let told = |source: &str| -> [Value; 2] {
        let scan = ["scan", "-fjson", "--verify", "--public-keys=keys.json", source];
        let scan: Value = serde_json::from_str(&run(&scan)).unwrap();
        let verify = ["verify", "-fjson", "-v", "--public-keys=keys.json", source];
        let found = json!([scan["findings"], scan["verify"], scan["problems"], scan["totals"]]);
        [found, serde_json::from_str(&run(&verify)).unwrap()]
    };
    let listed = told("--files-from=list");
    assert_eq!(listed, told("bucket"));
    assert!(!verified(&listed[1]).is_empty());
}
