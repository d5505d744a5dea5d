//! Findings while the input still comes, and the ends that a stream can have.

use std::io::{BufRead, BufReader, Write};
use std::time::Instant;

use serde_json::Value;

use crate::harness::{LIMIT, Lines, Sandbox};
use crate::trail::{at, disable, file, findings, gzip, lines, parse, texts};

const LIVE: [&str; 6] = ["scan", "--each", "-fndjson", "--select", "key-disabled", "-"];

/// The event id of the next finding.
#[track_caller]
fn next_id(lines: &Lines) -> String {
    let line = lines.line().expect("a finding while the pipe is open");
    let finding: Value = serde_json::from_str(&line).unwrap();
    finding["events"][0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_finding_is_written_while_the_pipe_is_open() {
    let sandbox = Sandbox::new();
    let mut keytrail = sandbox.keytrail(LIVE);
    let mut child = keytrail.spawn();
    let mut input = child.stdin.take().unwrap();
    let output = Lines::of(child.stdout.take().unwrap());
    for id in ["e-2", "e-1", "e-3"] {
        input.write_all(&lines(&[disable(id)])).unwrap();
        assert_eq!(next_id(&output), id);
    }
    input.write_all(&lines(&[disable("e-1")])).unwrap();
    drop(input);
    assert_eq!(output.line(), None, "a copy is not written again");
    keytrail.end(child).code(0).stderr("");
}

#[test]
fn also_through_gzip_that_is_flushed() {
    let sandbox = Sandbox::new();
    let mut keytrail = sandbox.keytrail(LIVE);
    let mut child = keytrail.spawn();
    let output = Lines::of(child.stdout.take().unwrap());
    let level = flate2::Compression::default();
    let mut input = flate2::write::GzEncoder::new(child.stdin.take().unwrap(), level);
    for id in ["e-1", "e-2"] {
        input.write_all(&lines(&[disable(id)])).unwrap();
        // The inner writer is flushed too, after a sync marker.
        input.flush().unwrap();
        assert_eq!(next_id(&output), id);
    }
    drop(input.finish().unwrap());
    assert_eq!(output.line(), None);
    keytrail.end(child).code(0).stderr("");
}

#[test]
fn files_come_in_the_order_of_the_listing() {
    let sandbox = Sandbox::new();
    for n in 0..12 {
        let ids = [2, 1].map(|i| disable(&format!("{n:02}-{i}")));
        // The first files are the largest: other workers get ahead of them.
        let quiet = (0..(12 - n) * 40).map(|i| crate::trail::call("Decrypt", &format!("q{n}-{i}")));
        sandbox.write(&format!("in/{n:02}"), file(&quiet.chain(ids).collect::<Vec<_>>()));
    }
    let scan = |threads| {
        let words = ["scan", "--each", "-fndjson", "--select=key-disabled", "in", "--threads"];
        sandbox.keytrail(words.into_iter().chain([threads])).run().code(0).stdout
    };
    let one = scan("1");
    let found: Vec<Value> = one.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let order: Vec<String> = (0..12).flat_map(|n| [2, 1].map(|i| format!("{n:02}-{i}"))).collect();
    assert_eq!(texts(&found, "/events/0/id"), order);
    assert_eq!(scan("2"), one);
    assert_eq!(scan("8"), one);
}

/// The finding of a line, as it stands in a document.
fn finding(line: &str) -> Value {
    let mut finding: Value = serde_json::from_str(line).unwrap();
    let form = finding.as_object_mut().unwrap().remove("schema");
    assert_eq!(form, Some("keytrail.finding/v1".into()));
    finding
}

#[test]
fn every_other_ndjson_is_sorted() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&[at(disable("e-2"), 9), disable("e-1")]));
    let scan = |format, words: &[&str]| {
        let all = ["scan", "trail.json", "-f", format].into_iter().chain(words.iter().copied());
        sandbox.keytrail(all).run().code(0)
    };
    let listed = findings(&parse(&scan("json", &[])));
    let ndjson = scan("ndjson", &[]).stdout;
    let ndjson: Vec<Value> = ndjson.lines().map(finding).collect();
    assert_eq!(ndjson, listed, "the same members, the same order");
    let each = findings(&parse(&scan("json", &["--each"])));
    let live = scan("ndjson", &["--each"]).stdout;
    let mut live: Vec<Value> = live.lines().map(finding).collect();
    assert_ne!(live, each);
    live.sort_by_key(|f| (f["events"][0]["id"].to_string(), f["rule"].to_string()));
    // Whether it was undone is not known yet when a live finding is written.
    let each: Vec<Value> = each
        .into_iter()
        .map(|mut finding| {
            assert_eq!(finding["outcome"].take()["state"], "open");
            finding
        })
        .collect();
    assert_eq!(live, each);
}

/// What is decided when all is read, so that no live line has it: docs/json.md lists it.
fn without_what_the_end_decides(mut finding: Value) -> Value {
    let members = finding.as_object_mut().unwrap();
    for name in ["level", "outcome", "case", "rank"] {
        members.remove(name);
    }
    let details = members["details"].as_object_mut().unwrap();
    details.retain(|name, _| !["why", "same_call"].contains(&name.as_str()));
    for name in ["key", "resource"] {
        members[name].as_object_mut().and_then(|of| of.remove("tags"));
    }
    for event in members["events"].as_array_mut().unwrap() {
        event.as_object_mut().unwrap().remove("undone");
    }
    finding
}

#[test]
fn live_findings_are_those_of_other_formats_but_for_what_the_end_decides() {
    let sandbox = Sandbox::new();
    let trail = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/trail");
    let scan = |format| {
        let words = ["scan", trail, "--each", "--min-level=informational", "-f", format];
        sandbox.keytrail(words).run().code(0)
    };
    let key = |finding: &Value| {
        let event = finding["events"].get(0).map(|event| event["id"].to_string());
        (finding["fingerprint"].to_string(), event, finding["first_seen"].to_string())
    };
    let sorted = |mut all: Vec<Value>| {
        all.sort_by_key(key);
        all
    };
    let live = sorted(scan("ndjson").stdout.lines().map(finding).collect());
    let each = sorted(findings(&parse(&scan("json"))));
    assert_ne!(live, each, "something is decided at the end");
    let bare =
        |all: Vec<Value>| all.into_iter().map(without_what_the_end_decides).collect::<Vec<Value>>();
    assert_eq!(bare(live.clone()), bare(each.clone()));
    let doc = include_str!("../../docs/json.md");
    for name in [
        "`outcome`",
        "`events[].undone`",
        "`level`",
        "`details.why`",
        "`details.same_call`",
        "`key.tags`",
    ] {
        assert!(doc.contains(name), "{name}");
    }
}

#[test]
fn standard_input_in_every_container() {
    let sandbox = Sandbox::new();
    let records = [disable("e-1"), at(disable("e-2"), 1)];
    let plain = file(&records);
    for bytes in [
        plain.clone(),
        gzip(&plain),
        zstd::encode_all(plain.as_slice(), 3).unwrap(),
        lines(&records),
        gzip(&lines(&records)),
    ] {
        for source in [&["-"][..], &[]] {
            let words = ["scan", "-fjson", "--select=key-disabled"].iter().chain(source);
            let report = parse(&sandbox.keytrail(words).stdin(bytes.clone()).run().code(0));
            let events = report["findings"][0]["events"].as_array().unwrap();
            assert_eq!(texts(events, "/origin"), ["-#0", "-#1"]);
        }
    }
}

#[test]
fn a_reader_that_leaves_ends_the_scan_quietly() {
    for (fail_on, code) in [("never", 0), ("critical", 0), ("high", 1)] {
        let sandbox = Sandbox::new();
        let mut keytrail = sandbox.keytrail(LIVE.iter().chain(&["--fail-on", fail_on]));
        let mut child = keytrail.spawn();
        let mut input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        input.write_all(&lines(&[disable("e-0")])).unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert!(line.ends_with("}\n"));
        drop(output);
        let begun = Instant::now();
        // As long as it reads, there is more: only the closed pipe ends it.
        for n in 0.. {
            if input.write_all(&lines(&[disable(&format!("f-{n}"))])).is_err() {
                break;
            }
            assert!(begun.elapsed() < LIMIT, "reads on, {n} findings after its reader has left");
        }
        drop(input);
        keytrail.end(child).code(code).stderr("");
    }
}

#[test]
fn a_full_disk_under_a_live_report() {
    if !std::path::Path::new("/dev/full").exists() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&[disable("e-1")]));
    for words in [&["-fndjson", "--each"][..], &["-fndjson"], &["-fjson"], &["-ftable"]] {
        let all = ["scan", "trail.json", "-o", "/dev/full", "--fail-on=high"];
        let ended = sandbox.keytrail(all.iter().chain(words)).run().code(2).stdout("");
        let expected = "error: /dev/full: cannot be written: ";
        assert!(ended.stderr.starts_with(expected), "{words:?} {}", ended.stderr);
    }
}

#[test]
fn a_file_is_whole_or_absent() {
    let sandbox = Sandbox::new();
    let words = ["-o", "out", "--select=key-disabled", "--progress=always", "-"];
    let mut keytrail = sandbox.keytrail(["scan", "--each", "-fndjson"].iter().chain(&words));
    let mut child = keytrail.spawn();
    let said = Lines::of(child.stderr.take().unwrap());
    let mut input = child.stdin.take().unwrap();
    let records: Vec<Value> = (0..500).map(|n| disable(&format!("e-{n}"))).collect();
    input.write_all(&lines(&records)).unwrap();
    said.wait_for("500 matches");
    assert!(!sandbox.path("out").exists(), "half a report");
    drop(input);
    keytrail.end(child).code(0).stdout("");
    assert_eq!(sandbox.read("out").lines().count(), 500);
    assert_eq!(sandbox.names(), ["out"]);
}
