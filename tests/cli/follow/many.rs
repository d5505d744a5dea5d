//! Ten thousand objects through the queue of a follower that is killed again and again, and how long it
//! takes from a message to its line. Ignored: it takes minutes, and says more of a release build.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::queue::QueueServer;
use super::{Told, assert_same, follow, notice, told, wait_until, zipped};
use crate::bucket::{BUCKET, Server};
use crate::harness::{Sandbox, signal};

/// Ten thousand objects, of which some are announced twice, deleted, replaced or cut off, and a follower that
/// is killed at fifty instants. Then how long it takes from a message to its line. It prints its seed and
/// figures: `cargo nextest run --run-ignored all --no-capture -E 'test(ten_thousand)'`.
#[test]
#[ignore = "takes some minutes, and is to be run with a release build of the program"]
fn ten_thousand_objects_through_fifty_kills() {
    let mut dice = Dice(u64::from(std::process::id()) | 1);
    eprintln!("seed {}", dice.0);
    let (server, queue, sandbox) = (Server::start(1_000), QueueServer::start(), Sandbox::new());
    let (bodies, bad) = put_all(&server, &mut dice);
    let begun = Instant::now();
    let expected = scanned_but_for_cut(&server, &sandbox);
    eprintln!("a scan: {:?}, {} findings", begun.elapsed(), expected.len());
    bodies.into_iter().for_each(|body| queue.send(body));
    let words = ["--append", "told", "--settle", "0s", "--tries", "3", "--dead-letter", "dead"];
    queue.forget_after(Duration::from_secs(3));
    for _ in 0..50 {
        let mut begun = follow(&server, &queue, &sandbox, &words);
        let mut child = begun.spawn();
        std::thread::sleep(Duration::from_millis(50 + dice.roll(1_500)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    eprintln!("50 kills: {} messages are left", queue.left());
    let begun = Instant::now();
    let words = [&words[..], &["--health", "alive"]].concat();
    let mut last = follow(&server, &queue, &sandbox, &words);
    let child = last.spawn();
    // Before that, nobody hears a signal.
    wait_until(|| sandbox.path("alive").exists());
    while queue.left() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(900), "{} are left", queue.left());
        std::thread::sleep(Duration::from_millis(20));
    }
    signal("TERM", child.id());
    last.end(child).code(0);
    eprintln!("the rest: {:?}", begun.elapsed());
    let text = fs::read_to_string(sandbox.path("told")).unwrap();
    let whole = text.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok());
    assert_same(&told(&whole.collect::<Vec<_>>().join("\n")), &expected);
    let dead = fs::read_to_string(sandbox.path("dead")).unwrap();
    assert!(dead.lines().count() >= bad, "{} of {bad} are put aside", dead.lines().count());
    in_one_go(&server, &queue);
}

/// The same numbers for the same seed.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

fn key(number: u64) -> String {
    format!("AWSLogs/111122223333/CloudTrail/eu-central-1/2026/11/01/{number}.json.gz")
}

/// Puts all objects; their announcements in any order, and how many objects cannot be read.
fn put_all(server: &Server, dice: &mut Dice) -> (Vec<String>, usize) {
    let (mut bodies, mut bad) = (Vec::new(), 0);
    for number in 0..10_000_u64 {
        let key = key(number);
        let bytes = zipped(&records(number).to_string());
        bodies.push(notice(&key).to_string());
        match dice.roll(100) {
            0 => bad += 1,
            1 => {
                bad += 1;
                server.put(&key, &bytes[..bytes.len() / 2]);
            }
            2 => {
                // Replaced: both are announced, one is there.
                bodies.push(notice(&key).to_string());
                server.put(&key, bytes);
            }
            _ => server.put(&key, bytes),
        }
    }
    for at in 0..1_000 {
        bodies.push(bodies[at * 7].clone());
    }
    bodies.sort_by_cached_key(|_| dice.roll(u64::MAX));
    (bodies, bad)
}

/// How long all objects take without a kill, and then each from its message to its line.
#[expect(clippy::print_stderr, reason = "figures for whoever runs it")]
fn in_one_go(server: &Server, queue: &QueueServer) {
    queue.forget_after(Duration::from_secs(300));
    (0..10_000).for_each(|number| queue.send(notice(&key(number)).to_string()));
    let sandbox = Sandbox::new();
    let words = ["--drain", "--append", "told", "--tries", "1", "--dead-letter", "dead"];
    let begun = Instant::now();
    follow(server, queue, &sandbox, &words).run().code(0);
    eprintln!("all of it in one go: {:?}", begun.elapsed());
    latency(server, queue, &sandbox);
}

/// What a scan finds; what is cut off makes it incomplete.
fn scanned_but_for_cut(server: &Server, sandbox: &Sandbox) -> Told {
    let source = format!("s3://{BUCKET}");
    told(&server.keytrail(sandbox, &["scan", &source, "-f", "ndjson"]).run().code(3).stdout)
}

/// The records of an object: uses of a key, and sometimes something that a rule tells of.
fn records(number: u64) -> Value {
    let minute = number % 1_440;
    let time = format!("2026-11-01T{:02}:{:02}:{:02}Z", minute / 60, minute % 60, number % 60);
    let of = |id: u64, source: &str, name: &str, role: u64, request: Value| {
        json!({"eventVersion": "1.08", "eventID": format!("00000000-0000-4000-8000-{id:012x}"),
            "eventTime": time, "eventSource": format!("{source}.amazonaws.com"), "eventName": name,
            "awsRegion": "eu-central-1", "recipientAccountId": "111122223333", "eventType": "AwsApiCall",
            "sourceIPAddress": "192.0.2.7", "userAgent": "aws-cli", "requestParameters": request,
            "userIdentity": {"type": "AssumedRole", "principalId": format!("AROAEXAMPLE{role}:s"),
                "accountId": "111122223333",
                "arn": format!("arn:aws:sts::111122223333:assumed-role/role-{role}/s")}})
    };
    let key = format!(
        "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-{:012x}",
        number % 50
    );
    let mut all: Vec<Value> = (0..8)
        .map(|at| {
            let context =
                json!({"keyId": key, "encryptionContext": {"at": (number % 9).to_string()}});
            of(number * 100 + at, "kms", "Decrypt", number % 40, context)
        })
        .collect();
    if number.is_multiple_of(25) {
        let name = json!({"name": format!("arn:aws:cloudtrail:eu-central-1:111122223333:trail/t{number}")});
        all.push(of(number * 100 + 50, "cloudtrail", "StopLogging", number % 40, name));
    }
    if number % 40 == 1 {
        all.push(of(number * 100 + 60, "kms", "DisableKey", number % 40, json!({"keyId": key})));
    }
    json!({"Records": all})
}

/// From a message to its line: ten thousand messages, some tens a second.
#[expect(clippy::print_stderr, reason = "figures for whoever runs it")]
fn latency(server: &Server, queue: &QueueServer, sandbox: &Sandbox) {
    let at = fs::metadata(sandbox.path("told")).unwrap().len();
    let mut begun = follow(server, queue, sandbox, &["--append", "told", "--settle", "60s"]);
    let child = begun.spawn();
    std::thread::sleep(Duration::from_secs(2));
    let path = sandbox.path("told");
    let reader = std::thread::spawn(move || {
        let mut seen: BTreeMap<String, Instant> = BTreeMap::new();
        let mut file = fs::File::open(path).unwrap();
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(at)).unwrap();
        let (mut text, mut quiet) = (String::new(), 0);
        while seen.len() < 10_000 && quiet < 6_000 {
            quiet += 1;
            file.read_to_string(&mut text).unwrap();
            let end = text.rfind('\n').map_or(0, |end| end + 1);
            for line in text.drain(..end).collect::<String>().lines() {
                let line: Value = serde_json::from_str(line).unwrap();
                // Uses of keys are told of too.
                let is_asked = line["rule"] == "trail-stopped";
                let events = line["events"].as_array().filter(|_| is_asked);
                for event in events.into_iter().flatten() {
                    let id = event["id"].as_str().unwrap_or_default();
                    seen.entry(id.to_owned()).or_insert_with(Instant::now);
                    quiet = 0;
                }
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        seen
    });
    let mut sent: BTreeMap<String, Instant> = BTreeMap::new();
    for number in 0..10_000_u64 {
        let mut all = records(1_000_000 + number * 25);
        let id = all["Records"][8]["eventID"].as_str().unwrap().to_owned();
        let now = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let records = all["Records"].as_array_mut().unwrap();
        records.iter_mut().for_each(|record| record["eventTime"] = json!(now));
        let key =
            format!("AWSLogs/111122223333/CloudTrail/eu-central-1/2026/11/02/{number}.json.gz");
        server.put(&key, zipped(&all.to_string()));
        sent.insert(id, Instant::now());
        queue.send(notice(&key).to_string());
        std::thread::sleep(Duration::from_millis(12));
    }
    let seen = reader.join().unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let memory = status.lines().find(|line| line.starts_with("VmHWM")).unwrap().to_owned();
    signal("TERM", child.id());
    begun.end(child).code(0);
    let mut all: Vec<Duration> =
        sent.iter().filter_map(|(id, at)| Some(seen.get(id)?.duration_since(*at))).collect();
    all.sort();
    eprintln!(
        "{} of {}: median {:?}, worst {:?}, {memory}",
        all.len(),
        sent.len(),
        all[all.len() / 2],
        all[all.len() - 1]
    );
    assert_eq!(all.len(), sent.len());
}
