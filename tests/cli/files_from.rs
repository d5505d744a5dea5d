//! `--files-from`: what a file lists is read like sources that are named, once each, and a line that
//! leads nowhere costs itself.

use serde_json::{Value, json};

use crate::bucket::{Server, Trouble};
use crate::harness::{Ended, Sandbox, signal};
use crate::trail::{disable, file, gzip, ids, parse, texts, without_origins};

/// A sandbox with a file of one finding for each name. All findings are by one caller.
fn with(names: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    for (at, name) in names.iter().enumerate() {
        sandbox.write(name, file(&[disable(&format!("e{at}"))]));
    }
    sandbox
}

/// The ids of all events with a finding.
fn found(report: &Value) -> Vec<String> {
    let mut all: Vec<String> =
        report["findings"].as_array().unwrap().iter().flat_map(ids).collect();
    all.sort();
    // Some events are findings of two rules.
    all.dedup();
    all
}

fn problems(report: &Value) -> Vec<String> {
    let all = report["problems"].as_array().unwrap();
    let text = |at: &str| texts(all, at);
    text("/origin").iter().zip(text("/message")).map(|(at, what)| format!("{at}: {what}")).collect()
}

#[test]
fn a_list_is_read_as_its_lines_would_be() {
    let sandbox = with(&["logs/a.json", "logs/b c.json", "more/d.json", "#e.json"]);
    sandbox.write("list", "logs\r\n\nmore/d.json\n#e.json");
    let named = sandbox.report(0, ["logs", "more/d.json", "#e.json"]);
    let listed = sandbox.report(0, ["--files-from", "list"]);
    assert_eq!(without_origins(listed.clone()), without_origins(named));
    assert_eq!(found(&listed), ["e0", "e1", "e2", "e3"]);
    assert_eq!(listed["run"]["sources"], json!(["--files-from list"]));
    // Beside sources, on standard input, and within a folder.
    let list = ["more/d.json\n", "#e.json\n"].concat();
    let both = ["scan", "-fjson", "logs", "--files-from", "-"];
    let both = parse(&sandbox.keytrail(both).stdin(list).run().code(0));
    assert_eq!(found(&both), ["e0", "e1", "e2", "e3"]);
    assert_eq!(both["run"]["sources"], json!(["logs", "--files-from -"]));
    let inside = ["scan", "-fjson", "--files-from", "../list"];
    let inside = parse(&sandbox.keytrail(inside).within("more").run().code(3));
    assert_eq!(problems(&inside).len(), 3, "paths are relative to the working directory");
}

#[test]
fn names_may_end_with_nul() {
    let sandbox = with(&["a\nb.json", "c\r", "d"]);
    sandbox.write("list", "a\nb.json\0c\r\0\0d\0");
    let report = sandbox.report(0, ["--null", "--files-from=list"]);
    assert_eq!(found(&report), ["e0", "e1", "e2"]);
    assert_eq!(report["run"]["sources"], json!(["--null --files-from list"]));
    sandbox.keytrail(["scan", "--null", "d"]).run().code(2);
}

#[test]
fn every_command_that_reads_sources_takes_a_list() {
    let sandbox = with(&["a.json", "b.json"]);
    sandbox.write("list", "a.json\nb.json\n");
    let words: [&[&str]; 6] = [
        &["keys", "-fjson"],
        &["events", "-fjson"],
        &["actors", "-fjson"],
        &["actors", "--granted-vs-used", "--principal=ana", "-fjson"],
        &["tags", "-fjson"],
        &["facts", "-o", "facts"],
    ];
    for words in words {
        let run = |more: &[&str]| sandbox.keytrail(words.iter().chain(more)).run().code(0).stdout;
        assert_eq!(run(&["--files-from", "list"]), run(&["a.json", "b.json"]), "{words:?}");
    }
    let shown = ["config", "show", "--files-from", "list"];
    sandbox.keytrail(shown).run().code(0);
}

#[test]
fn a_line_that_leads_nowhere_is_a_problem_and_costs_itself() {
    let sandbox = with(&["a.json", "z.json"]);
    let long = "x".repeat(40_000);
    sandbox.write("list", format!("a.json\ngone.json\n-\n{long}\ns3://x\nz.json"));
    let report = sandbox.report(3, ["--files-from", "list"]);
    assert_eq!(found(&report), ["e0", "e1"]);
    let told = problems(&report);
    let is = |begin: &str, end: &str| {
        let one = told.iter().filter(|told| told.starts_with(begin) && told.ends_with(end));
        assert_eq!(one.count(), 1, "{begin} {end}: {told:#?}");
    };
    is("gone.json: no such file or folder", "line 2 of list names it");
    is("list: line 3 of list is -", "a file of that name is ./-");
    is("list: line 4 of list is longer than a path can be", "");
    is("s3://x: expected s3://BUCKET/PREFIX", "line 5 of list names it");
    assert_eq!(told.len(), 4);
}

#[cfg(unix)]
#[test]
fn a_name_of_odd_bytes_is_a_path_and_a_pipe_is_not_waited_for() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let sandbox = with(&["a.json"]);
    let odd = sandbox.path("").join(OsStr::from_bytes(b"o\xff.json"));
    std::fs::write(odd, file(&[disable("odd")])).unwrap();
    let made = std::process::Command::new("mkfifo").arg(sandbox.path("pipe")).status().unwrap();
    assert!(made.success());
    std::os::unix::fs::symlink("nowhere", sandbox.path("link")).unwrap();
    sandbox.write("list", b"o\xff.json\npipe\nlink\na.json\n");
    let report = sandbox.report(3, ["--files-from", "list"]);
    assert_eq!(found(&report), ["e0", "odd"]);
    let told = problems(&report);
    assert!(told[0].starts_with("link: symbolic link that leads to no file"), "{told:#?}");
    assert!(told[1].starts_with("pipe: not a regular file but a named pipe"), "{told:#?}");
    assert_eq!(told.len(), 2);
}

#[test]
fn what_is_listed_twice_is_read_once() {
    let sandbox = with(&["logs/x/a.json", "logs/x/b.json", "c.json"]);
    // As find prints them: every folder, and every file in it; and another spelling.
    let all = "logs\nlogs/x\nlogs/x/a.json\n./logs/x/b.json\nc.json\n./c.json\nlogs/../c.json\n";
    sandbox.write("list", all);
    let blobs =
        |words: &[&str]| sandbox.report(0, words.iter().copied())["totals"]["blobs"].clone();
    assert_eq!(blobs(&["--files-from=list"]), 3);
    assert_eq!(blobs(&["c.json", "logs", "--files-from=list"]), 3, "beside named sources too");
    // The deepest first, as find -depth prints them: a folder that was gone through is passed by.
    sandbox.write("list", "logs/x\nlogs\nc.json\n");
    assert_eq!(blobs(&["--files-from=list"]), 3);
}

#[test]
fn what_the_run_uses_is_no_log() {
    let sandbox = with(&["logs/a.json"]);
    sandbox.write("logs/keys.toml", "");
    sandbox.write("logs/list", "logs/list\nlogs/keys.toml\nlogs/a.json\n");
    let words = ["--files-from=logs/list", "--config=logs/keys.toml"];
    let report = sandbox.report(0, words);
    assert_eq!([&report["totals"]["blobs"], &report["totals"]["blobs_other"]], [1, 0]);
    // No output takes the place of a log of the list, or of the list.
    for output in ["logs/a.json", "logs/list"] {
        let words = ["scan", "--files-from=logs/list", "-o", output];
        let ended = sandbox.keytrail(words).run().code(2);
        assert!(ended.stderr.contains(output), "{}", ended.stderr);
    }
}

#[test]
fn a_configuration_among_the_evidence_is_not_trusted() {
    let sandbox = with(&["a.json"]);
    sandbox.write(
        "keytrail.toml",
        "[[suppress]]\nrule = \"key-disabled\"\nreason = \"x\"\nexpires = 2099-12-31\n",
    );
    let listed = |list: &str| {
        sandbox.write("list", list);
        sandbox.keytrail(["scan", "-fjson", "--files-from=list"]).run().code(0)
    };
    let suppressed = |ended: &Ended| parse(ended)["summary"]["suppressed"].clone();
    assert_eq!(suppressed(&listed("a.json\n")), 1, "it does not lie in a source");
    for list in ["a.json\n./keytrail.toml\n", ".\n"] {
        let ended = listed(list);
        assert_eq!(suppressed(&ended), 0, "{list}");
        assert!(ended.stderr.contains("keytrail.toml: lies in a source"), "{}", ended.stderr);
    }
    let words = ["scan", "-fjson", "--files-from=-"];
    let ended = sandbox.keytrail(words).stdin("a.json\n").run().code(0);
    assert_eq!(suppressed(&ended), 0);
    assert!(ended.stderr.contains("may lie in a source, since the list is a stream"));
}

#[test]
fn a_list_that_cannot_be_used_ends_the_run_before_it_begins() {
    let sandbox = with(&["a.json"]);
    sandbox.write("empty", "").write("lines", "\n\r\n\n");
    let wrong = |words: &[&str], what: &str| {
        let words = ["scan"].iter().chain(words);
        let ended = sandbox.keytrail(words).stdin("a.json\n").run().code(2);
        assert!(ended.stderr.contains(what), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
    };
    wrong(&["--files-from=empty"], "--files-from empty: names no source");
    wrong(&["--files-from=lines"], "names no source");
    wrong(&["--files-from=gone"], "--files-from gone: cannot be read");
    wrong(&["--files-from=."], "--files-from .: cannot be read");
    wrong(&["gone", "--files-from=empty"], "names no source");
    wrong(&["-", "--files-from=-"], "standard input can be read only once");
    let verified = ["--verify", "--public-keys=keys.json", "--files-from=-"];
    wrong(&verified, "a list is read twice");
}

#[test]
fn a_list_without_logs_is_no_clean_run() {
    let sandbox = Sandbox::new();
    sandbox.write("other.json", r#"{"configurationItems": []}"#).write("list", "other.json\n");
    let report = sandbox.report(3, ["--files-from=list"]);
    assert_eq!(problems(&report), ["--files-from list: no trail files found"]);
}

#[test]
fn a_state_knows_what_a_list_has_led_to() {
    let sandbox = with(&["a.json", "b.json"]);
    sandbox.write("list", "a.json\n");
    let run = || sandbox.report(0, ["--state=state", "--files-from=list"]);
    assert_eq!(found(&run()), ["e0"]);
    sandbox.write("list", "a.json\nb.json\n");
    assert_eq!(run()["totals"]["blobs"], 1);
    assert_eq!(run()["totals"]["blobs"], 0);
}

#[test]
fn what_is_found_does_not_wait_for_the_next_line_and_a_signal_ends_the_waiting() {
    use std::io::Write;

    let sandbox = with(&["a.json"]);
    let words = ["scan", "-fndjson", "--each", "--files-from=-"];
    let mut command = sandbox.keytrail(words);
    let mut child = command.spawn();
    let mut list = child.stdin.take().unwrap();
    list.write_all(b"a.json\n").unwrap();
    let lines = crate::harness::Lines::of(child.stdout.take().unwrap());
    lines.wait_for("key-disabled");
    signal("INT", child.id());
    command.end_with_open_input(child).code(3);
    drop(list);
}

/// The key of an object as CloudTrail writes it.
fn key(number: usize, day: u32) -> String {
    format!(
        "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/05/{day:02}/\
         111122223333_CloudTrail_eu-west-1_202605{day:02}T1005Z_Example{number:09}.json.gz"
    )
}

#[test]
fn objects_of_a_list_cost_a_request_each_and_no_listing() {
    let server = Server::start(10);
    let mut list = String::new();
    for number in 0..40 {
        server.put(&key(number, 1), gzip(&file(&[disable(&format!("e{number:02}"))])));
        list += &format!("s3://example-logs/{}\n", key(number, 1));
    }
    server.reading(|_, _| Trouble::Together(8));
    let sandbox = with(&["local.json"]);
    sandbox.write("list", format!("{list}local.json\n"));
    let words = ["scan", "-fjson", "--each", "--concurrency=8", "--s3-timeout=600"];
    let run = |more: &[&str], code| {
        let words: Vec<&str> = words.iter().chain(more).copied().collect();
        parse(&server.keytrail(&sandbox, &words).run().code(code))
    };
    let report = run(&["--files-from=list", "--state=state"], 0);
    assert_eq!(server.missed(), None);
    assert_eq!(report["totals"]["blobs"], 41);
    assert_eq!(server.counts(), (0, 40, 8));
    // The version of an object is that of a listing, so that one state knows both.
    let again = run(&["s3://example-logs", "--state=state"], 0);
    assert_eq!((&again["totals"]["blobs"], server.counts().1), (&json!(0), 40));
    server.reading(|_, _| Trouble::Nothing);
    let again = run(&["--files-from=list", "--state=state"], 0);
    assert_eq!(again["totals"]["blobs"], 0);
}

#[test]
fn what_is_not_there_any_more_is_told_and_what_ends_in_a_slash_is_listed() {
    let server = Server::start(10);
    for number in 0..3 {
        let day = if number == 2 { 4 } else { 1 };
        server.put(&key(number, day), gzip(&file(&[disable(&format!("e{number}"))])));
    }
    let sandbox = Sandbox::new();
    let name = |key: &str| format!("s3://example-logs/{key}\n");
    let run = |list: &str, more: &[&str], code| {
        sandbox.write("list", list);
        let words = ["scan", "-fjson", "--files-from=list"];
        let words: Vec<&str> = words.iter().chain(more).copied().collect();
        parse(&server.keytrail(&sandbox, &words).run().code(code))
    };
    let gone = run(&[name(&key(0, 1)), name("gone")].concat(), &[], 3);
    assert_eq!(found(&gone), ["e0"]);
    let told = problems(&gone);
    assert!(told[0].starts_with("s3://example-logs/gone: cannot be read: it is not"), "{told:?}");
    let folder = name("AWSLogs/111122223333/CloudTrail/eu-west-1/2026/05/01/");
    assert_eq!(found(&run(&folder, &[], 0)), ["e0", "e1"]);
    // Objects of days that cannot hold what is asked for are not asked for.
    let (_, before, _) = server.counts();
    let all = [name(&key(0, 1)), name(&key(2, 4))].concat();
    let none = run(&all, &["--since=2026-05-04"], 0);
    assert_eq!((found(&none).len(), server.counts().1 - before), (0, 1));
    let planned = run(&all, &["--dry-run"], 0);
    assert_eq!(planned["objects"], 2, "{planned:#}");
    assert_eq!(server.counts().1 - before, 1, "nothing is read");
}
