//! Same records, same findings: whatever the threads, the names, the order, the copies.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::Sandbox;
use crate::trail::{
    at, disable, file, findings, gzip, ids, lines, texts, with, without_origins, without_run,
};

/// The sample trail.
fn story() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/trail/AWSLogs")
}

/// Its files, inflated, in the order of their names.
fn story_files() -> Vec<Vec<Value>> {
    let mut folders = vec![story()];
    let mut paths = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { &mut folders } else { &mut paths }.push(path);
        }
    }
    paths.sort();
    let read = |path: &PathBuf| {
        let text = inflate(&fs::read(path).unwrap());
        let batch: Value = serde_json::from_slice(&text).unwrap();
        batch["Records"].as_array().unwrap().clone()
    };
    paths.iter().map(read).collect()
}

/// One gzip member.
fn inflate(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut decoder = flate2::write::GzDecoder::new(Vec::new());
    decoder.write_all(bytes).unwrap();
    decoder.finish().unwrap()
}

/// A report as text, without its `run` where time and thread count stand.
fn bytes_but_run(text: &str) -> String {
    let (before, rest) = text.split_once("  \"run\": {").unwrap();
    let (_, after) = rest.split_once("\n  },\n").unwrap();
    format!("{before}{after}")
}

#[test]
fn threads_do_not_show() {
    let sandbox = Sandbox::new();
    let path = story();
    for more in [&[][..], &["--each"], &["--min-level", "informational"]] {
        let scan = |threads| {
            let words = ["scan", "-f", "json", "--threads", threads, path.to_str().unwrap()];
            bytes_but_run(&sandbox.keytrail(words.iter().chain(more)).run().code(0).stdout)
        };
        let one = scan("1");
        assert!(one.contains("\"findings\": [\n"), "{one}");
        assert!(scan("2") == one && scan("8") == one, "{more:?}");
    }
}

/// Reports of the story in files of these names, records as they come or turned round.
fn scanned(name: impl Fn(usize) -> String, turned: bool, each: bool) -> Value {
    let sandbox = Sandbox::new();
    for (i, mut records) in story_files().into_iter().enumerate() {
        if turned {
            records.reverse();
            let half = records.len() / 2;
            records.rotate_left(half);
        }
        // Plain, so that the order of records changes no size; `totals` must be the same.
        sandbox.write(&format!("in/{}", name(i)), file(&records));
    }
    let words = ["--min-level", "informational", "in"].into_iter();
    sandbox.report(0, words.chain(each.then_some("--each")))
}

#[test]
fn names_and_order_do_not_show() {
    for each in [false, true] {
        let plain = without_origins(scanned(|i| format!("{i:03}.json"), false, each));
        assert!(plain["totals"]["duplicates"].as_u64() > Some(0));
        let renamed = scanned(|i| format!("{:02x}/{:03}", i % 3, 900 - i), false, each);
        assert_eq!(without_origins(renamed), plain);
        let turned = scanned(|i| format!("{i:03}.json"), true, each);
        assert_eq!(without_origins(turned), plain);
    }
}

#[test]
fn a_file_twice_changes_only_what_counts_files() {
    let sandbox = Sandbox::new();
    let records = [disable("e-1"), at(disable("e-2"), 1), disable("e-3")];
    sandbox.write("in/m.json", file(&records));
    let once = sandbox.report(0, ["in"]);
    sandbox.write("in/z.json", file(&records));
    let twice = sandbox.report(0, ["in"]);
    assert_eq!(twice["findings"], once["findings"], "the smallest origin is shown");
    assert_eq!(twice["summary"], once["summary"]);
    assert_eq!([&once["totals"]["duplicates"], &twice["totals"]["duplicates"]], [0, 3]);
    assert_eq!([&once["totals"]["records"], &twice["totals"]["records"]], [3, 6]);
    assert_eq!(twice["totals"]["kms_records"], 6);
    // Another container, a smaller name.
    sandbox.write("in/a.gz", gzip(&lines(&[records[1].clone()])));
    let thrice = sandbox.report(0, ["--select", "key-disabled", "in"]);
    assert_eq!(thrice["totals"]["duplicates"], 4);
    let events = thrice["findings"][0]["events"].as_array().unwrap();
    assert_eq!(texts(events, "/origin"), ["in/m.json#0", "in/m.json#2", "in/a.gz#0"]);
    assert_eq!(thrice["findings"][0]["count"], 3);
}

#[test]
fn fingerprints_do_not_depend_on_where_the_records_lay() {
    let prints = |path: &str, bytes: &[u8], more: &[&str]| {
        let sandbox = Sandbox::new();
        sandbox.write(path, bytes);
        let words = more.iter().copied().chain([path]);
        texts(&findings(&sandbox.report(0, words)), "/fingerprint")
    };
    let records = [disable("e-1"), at(disable("e-2"), 1)];
    let expected = prints("trail.json", &file(&records), &[]);
    assert_eq!(prints("a/b/c.gz", &gzip(&file(&records)), &[]), expected);
    assert_eq!(prints("lines", &lines(&[records[1].clone(), records[0].clone()]), &[]), expected);
    // More events of the same group are the same finding.
    let more = [records[0].clone(), records[1].clone(), at(disable("e-3"), 9)];
    assert_eq!(prints("trail.json", &file(&more), &[]), expected);
    let each = prints("trail.json", &file(&records), &["--each"]);
    assert_eq!(prints("other", &lines(&records), &["--each"]), each);
    assert!(each.iter().all(|print| !expected.contains(print)));
}

#[test]
fn what_has_no_id_is_no_copy() {
    let none = with(disable(""), &[("/eventID", Value::Null)]);
    let sandbox = Sandbox::new();
    for each in [false, true] {
        sandbox.write("trail.json", file(&[none.clone(), none.clone(), with(disable(""), &[])]));
        let words = ["--select", "key-disabled", "trail.json"].into_iter();
        let report = sandbox.report(0, words.chain(each.then_some("--each")));
        assert_eq!(report["totals"]["duplicates"], 0);
        let found = findings(&report);
        assert_eq!(found.len(), if each { 3 } else { 1 });
        assert_eq!(found.iter().map(|f| f["count"].as_u64().unwrap()).sum::<u64>(), 3);
    }
}

#[test]
fn what_has_no_id_comes_in_the_same_order_every_time() {
    let sandbox = Sandbox::new();
    let none = |n: u32| {
        with(disable(""), &[("/eventID", Value::Null), ("/requestID", json!(format!("r-{n}")))])
    };
    let records: Vec<Value> = (0..14).map(none).collect();
    let expected: Vec<String> = (0..10).map(|n| format!("trail.json#{n:02}")).collect();
    let expected: Vec<String> = expected.iter().map(|text| text.replace("#0", "#")).collect();
    for _ in 0..3 {
        let found = sandbox.disabled(&records);
        assert_eq!(texts(found[0]["events"].as_array().unwrap(), "/origin"), expected);
    }
}

#[test]
fn other_content_under_the_same_ids_is_no_copy() {
    let forged = with(disable("e-1"), &[("/sourceIPAddress", json!("198.51.100.9"))]);
    let sandbox = Sandbox::new();
    sandbox.write("in/b.json", file(&[disable("e-1")])).write("in/a.json", file(&[forged]));
    sandbox.write("in/c.json", file(&[disable("e-1")]));
    let report = sandbox.report(3, ["--select", "key-disabled", "in"]);
    assert_eq!(report["findings"][0]["count"], 2, "both are evaluated");
    assert_eq!(report["totals"]["duplicates"], 1);
    let problems = report["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert_eq!(problems[0]["stage"], "parse");
    assert_eq!(problems[0]["origin"], "in/a.json#0");
    assert_eq!(report["run"]["complete"], false);
    let events = report["findings"][0]["events"].as_array().unwrap();
    assert_eq!(texts(events, "/origin"), ["in/a.json#0", "in/b.json#0"]);
    let each = sandbox.report(3, ["--select", "key-disabled", "--each", "in"]);
    assert_eq!(texts(&findings(&each), "/source_ip").len(), 2);
}

#[test]
fn the_same_event_id_in_another_account_is_no_copy() {
    let other = with(disable("e-1"), &[("/recipientAccountId", json!("444455556666"))]);
    let sandbox = Sandbox::new();
    sandbox
        .write("a.json", file(&[disable("e-1")]))
        .write("b.json", file(std::slice::from_ref(&other)));
    let report = sandbox.report(0, ["--each", "a.json", "b.json"]);
    assert_eq!(report["totals"]["duplicates"], 0);
    let found = findings(&report);
    // Of the same time and id: the rule decides, never the name of the file.
    let rules = texts(&found, "/rule");
    assert!(rules.is_sorted() && rules.len() == 4, "{rules:?}");
    sandbox.write("a.json", file(&[other])).write("b.json", file(&[disable("e-1")]));
    let swapped = sandbox.report(0, ["--each", "a.json", "b.json"]);
    assert_eq!(without_origins(swapped), without_origins(report));
}

#[test]
fn the_two_records_of_one_call_name_each_other() {
    let shared = ("/sharedEventID", json!("s-1"));
    let theirs =
        with(disable("e-2"), &[("/recipientAccountId", json!("444455556666")), shared.clone()]);
    let records = [with(disable("e-1"), &[shared]), theirs, at(disable("e-3"), 1)];
    let sandbox = Sandbox::new();
    for each in [false, true] {
        sandbox.write("trail.json", file(&records));
        let words = ["--select", "key-disabled", "trail.json"].into_iter();
        let found = findings(&sandbox.report(0, words.chain(each.then_some("--each"))));
        let of = |id: &str| found.iter().find(|f| ids(f).contains(&id.to_owned())).unwrap();
        let (one, two) = (of("e-1"), of("e-2"));
        let names =
            |finding: &Value, id| json!([{"fingerprint": finding["fingerprint"], "event": id}]);
        assert_eq!(one["details"]["same_call"], names(two, "e-2"));
        assert_eq!(two["details"]["same_call"], names(one, "e-1"));
        assert!(!each || of("e-3")["details"].get("same_call").is_none());
    }
}

#[test]
fn one_finding_an_event() {
    let records: Vec<Value> = [3, 1, 2, 1]
        .iter()
        .enumerate()
        .map(|(n, at_)| at(disable(&format!("e-{n}")), *at_))
        .collect();
    let sandbox = Sandbox::new();
    sandbox.write("a.json", file(&records)).write("b.json", file(&records));
    let report = sandbox.report(0, ["--each", "a.json", "b.json"]);
    let found = findings(&report);
    let order: Vec<(String, String)> =
        found.iter().map(|f| (ids(f).concat(), f["rule"].as_str().unwrap().into())).collect();
    let rules = ["critical-call-without-mfa", "key-disabled"];
    let expected = ["e-1", "e-3", "e-2", "e-0"];
    let expected = expected.iter().flat_map(|id| rules.map(|r| (id.to_string(), r.to_owned())));
    assert_eq!(order, expected.collect::<Vec<_>>());
    assert!(found.iter().all(|f| f["count"] == 1));
    let mut prints = texts(&found, "/fingerprint");
    prints.sort();
    prints.dedup();
    assert_eq!(prints.len(), 8);
    assert_eq!(report["summary"]["high"], 8);
    assert!(without_run(report).get("run").is_none());
}
