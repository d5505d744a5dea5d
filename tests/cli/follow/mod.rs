//! `keytrail follow`: findings as objects arrive, from a queue and from a folder.

mod many;
mod queue;
mod stream;
mod trouble;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bucket::{BUCKET, Server};
use crate::harness::{Keytrail, LIMIT, Sandbox, signal};
use queue::QueueServer;

/// Findings by fingerprint: the lines that tell of each.
type Told = BTreeMap<String, Vec<Value>>;

fn told(text: &str) -> Told {
    let mut all = Told::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if let Some(fingerprint) = line["fingerprint"].as_str() {
            all.entry(fingerprint.to_owned()).or_default().push(line.clone());
        }
    }
    all
}

fn problems(text: &str) -> Vec<Value> {
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.filter(|line: &Value| line["schema"] == "keytrail.problem/v1").collect()
}

/// The files of the sample trail: key and bytes.
fn trail() -> Vec<(String, Vec<u8>)> {
    fn collect(folder: &Path, all: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { collect(&path, all) } else { all.push(path) }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/trail");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let key = |path: &Path| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
    files.iter().map(|path| (key(path), fs::read(path).unwrap())).collect()
}

/// What S3 says of an object.
fn notice(key: &str) -> Value {
    json!({"Records": [{"eventName": "ObjectCreated:Put", "s3": {
        "bucket": {"name": BUCKET}, "object": {"key": key.replace('+', "%2B"), "size": 1}}}]})
}

/// Puts the sample trail into a bucket, and says so in all the ways in which it can be said.
fn announce(server: &Server, queue: &QueueServer) {
    for (number, (key, bytes)) in trail().into_iter().enumerate() {
        server.put(&key, bytes);
        let plain = notice(&key).to_string();
        queue.send(match number % 4 {
            0 => plain,
            1 => json!({"Type": "Notification", "Message": plain}).to_string(),
            2 => json!({"detail-type": "Object Created", "detail": {
                "bucket": {"name": BUCKET}, "object": {"key": key}}})
            .to_string(),
            _ => json!({"s3Bucket": BUCKET, "s3ObjectKey": [key]}).to_string(),
        });
        if number % 5 == 0 {
            queue.send(notice(&key).to_string());
        }
    }
    queue.send(json!({"Service": "Amazon S3", "Event": "s3:TestEvent"}).to_string());
}

fn scanned(server: &Server, sandbox: &Sandbox) -> Told {
    let source = format!("s3://{BUCKET}");
    told(&server.keytrail(sandbox, &["scan", &source, "-f", "ndjson"]).run().code(0).stdout)
}

fn follow(server: &Server, queue: &QueueServer, sandbox: &Sandbox, more: &[&str]) -> Keytrail {
    let url = queue.url();
    let words = ["follow", "--queue", &url, "--state", "state"];
    server.keytrail(sandbox, &[&words[..], more].concat())
}

/// Whether both tell of the same findings, with what the last line of each says of its level.
fn assert_same(told: &Told, expected: &Told) {
    let of = |all: &Told| -> BTreeMap<String, (Value, Value)> {
        let last =
            |lines: &Vec<Value>| lines.last().map(|it| (it["rule"].clone(), it["level"].clone()));
        all.iter().filter_map(|(name, lines)| Some((name.clone(), last(lines)?))).collect()
    };
    let (told, expected) = (of(told), of(expected));
    let more = told.iter().filter(|(name, it)| expected.get(*name) != Some(it));
    let less = expected.iter().filter(|(name, it)| told.get(*name) != Some(it));
    let (more, less): (Vec<_>, Vec<_>) = (more.collect(), less.collect());
    assert!(more.is_empty() && less.is_empty(), "told: {more:?}\nexpected: {less:?}");
}

#[test]
fn a_folder_is_followed_to_what_a_scan_of_it_finds() {
    let sandbox = Sandbox::new();
    for (key, bytes) in trail() {
        sandbox.write(&format!("logs/{key}"), bytes);
    }
    let scan = sandbox.keytrail(["scan", "logs", "-f", "ndjson"]).run().code(0);
    let words = ["follow", "logs", "--state", "logs/state", "--poll", "1s", "--drain"];
    let followed = sandbox.keytrail(words).run().code(0);
    assert_same(&told(&followed.stdout), &told(&scan.stdout));
    // What was read is not read again.
    let again = sandbox.keytrail(words).run().code(0);
    assert_eq!(
        (again.stdout.as_str(), again.stderr.as_str()),
        ("", "note: ended: 0 objects judged\n")
    );
}

#[test]
fn a_queue_is_followed_and_its_messages_are_done() {
    let (server, queue, sandbox) = (Server::start(100), QueueServer::start(), Sandbox::new());
    announce(&server, &queue);
    let expected = scanned(&server, &sandbox);
    queue.fail(7);
    let followed = follow(&server, &queue, &sandbox, &["--drain"]).run().code(0);
    assert_same(&told(&followed.stdout), &expected);
    assert_eq!(queue.left(), 0, "{}", followed.stderr);
    // Messages that come again later tell nothing new.
    queue.fail(0);
    announce(&server, &queue);
    let again = follow(&server, &queue, &sandbox, &["--drain"]).run().code(0);
    assert_eq!((again.stdout.as_str(), queue.left()), ("", 0));
}

#[test]
fn lines_of_ocsf_have_no_other_lines_among_them() {
    let (server, queue, sandbox) = (Server::start(100), QueueServer::start(), Sandbox::new());
    let (key, bytes) = trail().remove(0);
    server.put(&key, bytes);
    queue.send(notice(&key).to_string());
    queue.send("odd");
    let words = [
        "--drain",
        "-f",
        "ocsf",
        "--tries",
        "1",
        "--dead-letter",
        "dead",
        "--min-level",
        "informational",
    ];
    let followed = follow(&server, &queue, &sandbox, &words).run().code(0);
    for line in followed.stdout.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["class_uid"], 2004);
    }
    assert!(followed.stderr.contains("is not of a form that is known"), "{}", followed.stderr);
}

#[test]
fn single_records_are_told_at_once_and_chains_when_they_have_settled() {
    let (server, queue, sandbox) = (Server::start(100), QueueServer::start(), Sandbox::new());
    announce(&server, &queue);
    let expected = scanned(&server, &sandbox);
    let words = ["--append", "told", "--settle", "7d", "--health", "alive"];
    let mut begun = follow(&server, &queue, &sandbox, &words);
    let child = begun.spawn();
    let is_told = |rule: &str| {
        let text = fs::read_to_string(sandbox.path("told")).unwrap_or_default();
        text.ends_with('\n') && told(&text).values().flatten().any(|line| line["rule"] == rule)
    };
    wait_until(|| is_told("root-user-kms") && is_told("trail-stopped"));
    wait_until(|| sandbox.path("alive").exists());
    assert!(!is_told("chain-recon-then-act"));
    assert!(queue.left() > 0);
    // What is in hand is not given up.
    signal("TERM", child.id());
    begun.end(child).code(0);
    assert!(is_told("chain-recon-then-act"));
    let text = sandbox.read("told");
    assert_same(&told(&text), &expected);
    let once =
        told(&text).values().all(|lines| lines.len() == 1 || lines[1]["status"] == "ongoing");
    assert!(once, "{text}");
    assert_eq!((queue.left(), sandbox.path("alive").exists()), (0, false));
}

#[test]
fn a_follower_that_is_killed_at_any_time_loses_nothing() {
    let (server, queue, sandbox) = (Server::start(100), QueueServer::start(), Sandbox::new());
    // Otherwise it depends on what was read together which accounts are foreign.
    sandbox.write("keytrail.toml", stream::OWN);
    queue.forget_after(Duration::from_millis(300));
    announce(&server, &queue);
    let expected = scanned(&server, &sandbox);
    for kill in 0..12_u64 {
        let mut begun = follow(&server, &queue, &sandbox, &["--append", "told", "--settle", "0s"]);
        let mut child = begun.spawn();
        std::thread::sleep(Duration::from_millis(60 + kill * 70));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    queue.forget_after(Duration::from_secs(300));
    std::thread::sleep(Duration::from_millis(400));
    follow(&server, &queue, &sandbox, &["--append", "told", "--drain"]).run().code(0);
    assert_eq!(queue.left(), 0);
    let text: String = fs::read_to_string(sandbox.path("told")).unwrap();
    // A line that was cut off costs itself alone.
    let whole = text.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok());
    let whole: Vec<&str> = whole.collect();
    assert_same(&told(&whole.join("\n")), &expected);
}

#[test]
fn a_file_is_opened_again_at_sighup() {
    let (server, queue, sandbox) = (Server::start(100), QueueServer::start(), Sandbox::new());
    let words = ["--append", "told", "--health", "alive", "--dead-letter", "dead"];
    let mut begun = follow(&server, &queue, &sandbox, &words);
    let child = begun.spawn();
    wait_until(|| sandbox.path("alive").exists());
    fs::rename(sandbox.path("told"), sandbox.path("rotated")).unwrap();
    fs::rename(sandbox.path("dead"), sandbox.path("dead.1")).unwrap();
    signal("HUP", child.id());
    queue.send("odd");
    wait_until(|| fs::read_to_string(sandbox.path("told")).is_ok_and(|text| !text.is_empty()));
    signal("TERM", child.id());
    begun.end(child).code(0);
    assert_eq!((sandbox.read("rotated").as_str(), sandbox.read("dead.1").as_str()), ("", ""));
    assert_eq!(sandbox.read("dead").lines().count(), 1);
}

#[test]
fn a_copy_of_what_the_state_knows_is_not_told_again() {
    let (server, queue, sandbox) = (Server::start(100), QueueServer::start(), Sandbox::new());
    announce(&server, &queue);
    follow(&server, &queue, &sandbox, &["--drain"]).run().code(0);
    // Another trail delivers the same events.
    for (key, bytes) in trail() {
        let key = format!("other/{key}");
        server.put(&key, bytes);
        queue.send(notice(&key).to_string());
    }
    let again = follow(&server, &queue, &sandbox, &["--drain"]).run().code(0);
    assert_eq!((told(&again.stdout).len(), queue.left()), (0, 0), "{}", again.stdout);
}

#[test]
fn metrics_add_up() {
    let (server, queue, sandbox) = (Server::start(100), QueueServer::start(), Sandbox::new());
    announce(&server, &queue);
    let accepted =
        "[[suppress]]\nrule = \"direct-decrypt\"\nreason = \"known\"\nexpires = 2099-01-01\n";
    sandbox.write("keytrail.toml", accepted);
    let words =
        ["--append", "told", "--settle", "0s", "--metrics", "127.0.0.1:0", "--min-level", "medium"];
    let mut begun = follow(&server, &queue, &sandbox, &words);
    let mut child = begun.spawn();
    let lines = crate::harness::Lines::of(child.stderr.take().unwrap());
    let address = loop {
        let line = lines.line().unwrap();
        if let Some(rest) = line.strip_prefix("note: metrics: http://") {
            break rest.strip_suffix("/metrics").unwrap().to_owned();
        }
    };
    wait_until(|| queue.left() == 0);
    wait_until(|| metric(&asked(&address), "keytrail_objects_in_hand") == 0);
    let text = asked(&address);
    let left_out = |reason: &str| {
        metric(&text, &format!("keytrail_findings_left_out_total{{reason=\"{reason}\"}}"))
    };
    let levels = ["informational", "low", "medium", "high", "critical"];
    let levels = levels.map(|level| format!("keytrail_findings_total{{level=\"{level}\"}}"));
    let told_of: u64 = levels.iter().map(|level| metric(&text, level)).sum();
    let (suppressed, known, low) = (left_out("suppressed"), left_out("known"), left_out("low"));
    assert_eq!(
        metric(&text, "keytrail_findings_found_total"),
        told_of + suppressed + known + low,
        "{text}"
    );
    assert!(suppressed > 0 && known > 0 && low > 0, "{text}");
    let lines_told: usize = told(&sandbox.read("told")).values().map(Vec::len).sum();
    assert_eq!(told_of, lines_told as u64, "{text}");
    let records = |when: &str| metric(&text, &format!("keytrail_records_total{{when=\"{when}\"}}"));
    assert!(records("at once") > 0 && records("settled") > 0);
    signal("TERM", child.id());
    child.wait().unwrap();
}

/// What a server of metrics answers.
fn asked(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    text
}

fn metric(text: &str, name: &str) -> u64 {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    lines.next().unwrap_or_default()
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LIMIT, "it does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_cannot_be_followed_is_refused_before_anything_is_received() {
    let sandbox = Sandbox::new();
    let run = |words: &[&str]| sandbox.keytrail(words.iter().copied()).run().code(2).stderr;
    let nothing = run(&["follow", "--state", "state"]);
    assert!(nothing.contains("--queue"), "{nothing}");
    let both = run(&["follow", "logs", "--queue", "http://localhost/1/q", "--state", "state"]);
    assert!(both.contains("cannot be used with"), "{both}");
    let odd =
        run(&["follow", "nowhere", "--state", "s", "--settle", "x", "--tries", "0", "-f", "csv"]);
    for word in ["--settle", "--tries", "--format"] {
        assert!(odd.contains(word), "{odd}");
    }
    let gone = run(&["follow", "nowhere", "--state", "s"]);
    assert!(gone.contains("nowhere: no such file or folder"), "{gone}");
    let server = Server::start(1);
    let queue = QueueServer::start();
    let url = queue.url().replace("keytrail", "other");
    let words = ["follow", "--queue", &url, "--state", "state", "--drain"];
    let ended = server.keytrail(&sandbox, &words).run().code(2);
    assert!(ended.stderr.contains("there is no such queue"), "{}", ended.stderr);
}

fn zipped(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}
