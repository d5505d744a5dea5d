//! What a follower does about messages, objects and records that are not as they should be.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::queue::QueueServer;
use super::{
    announce, assert_same, follow, notice, problems, scanned, told, trail, wait_until, zipped,
};
use crate::bucket::{BUCKET, Server, Trouble};
use crate::harness::{Sandbox, signal};

#[test]
fn messages_that_the_queue_fails_to_delete_are_deleted_later() {
    let (server, queue, sandbox) = (Server::start(100), QueueServer::start(), Sandbox::new());
    queue.forget_after(Duration::from_millis(100));
    let (key, bytes) = trail().remove(0);
    server.put(&key, bytes);
    queue.send(notice(&key).to_string());
    // Once it is asked again at once; then it stays, and is delivered again.
    for (failing, is_told) in [(1, false), (3, true)] {
        queue.send(json!({"Service": "Amazon S3", "Event": "s3:TestEvent"}).to_string());
        queue.fail_entries(failing);
        let before = queue.deletions();
        let words = ["--append", "told", "--health", "alive", "--settle", "0s"];
        let mut begun = follow(&server, &queue, &sandbox, &words);
        let child = begun.spawn();
        wait_until(|| queue.left() == 0 && sandbox.path("alive").exists());
        signal("TERM", child.id());
        let ended = begun.end(child).code(0);
        let says = ended.stderr.contains("sqs:DeleteMessage: a message failed: InternalError");
        assert_eq!(says, is_told, "{}", ended.stderr);
        assert!(queue.deletions() > before + failing);
    }
}

#[test]
fn only_buckets_that_are_allowed_are_read() {
    let (server, queue, sandbox) = (Server::start(100), QueueServer::start(), Sandbox::new());
    announce(&server, &queue);
    let expected = scanned(&server, &sandbox);
    let odd = json!({"Records": [
        {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": BUCKET}, "object": {"key": "a"}}},
        {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "private"}, "object": {"key": "b"}}}]});
    queue.send(odd.to_string());
    let words =
        ["--drain", "--bucket", "example-other", "--bucket", BUCKET, "--dead-letter", "dead"];
    let followed = follow(&server, &queue, &sandbox, &words).run().code(0);
    assert_same(&told(&followed.stdout), &expected);
    let problems = problems(&followed.stdout);
    assert_eq!(problems.len(), 1, "{problems:?}");
    let message = problems[0]["message"].as_str().unwrap();
    assert!(message.contains("\"private\", which --bucket does not allow"), "{message}");
    assert_eq!((sandbox.read("dead").lines().count(), queue.left()), (1, 0));
    let refused =
        sandbox.keytrail(["follow", "logs", "--state", "s", "--bucket", "b"]).run().code(2);
    assert!(refused.stderr.contains("--queue"), "{}", refused.stderr);
}

#[test]
fn what_cannot_be_read_is_put_aside_after_some_tries() {
    let (server, queue, sandbox) = (Server::start(100), QueueServer::start(), Sandbox::new());
    queue.forget_after(Duration::from_millis(100));
    let (key, bytes) = trail().swap_remove(3);
    server.put("AWSLogs/cut.json.gz", &bytes[..bytes.len() - 20]);
    server.put(&key, bytes);
    for key in ["AWSLogs/cut.json.gz", "AWSLogs/gone.json.gz", &key] {
        queue.send(notice(key).to_string());
    }
    queue.send("{\"odd\": 1}");
    let begun = follow(
        &server,
        &queue,
        &sandbox,
        &["--tries", "2", "--dead-letter", "dead", "--append", "told"],
    );
    let mut begun = begun;
    let child = begun.spawn();
    wait_until(|| {
        fs::read_to_string(sandbox.path("dead")).is_ok_and(|text| text.lines().count() >= 3)
    });
    signal("TERM", child.id());
    begun.end(child).code(0);
    assert_eq!(queue.left(), 0);
    let letters = sandbox.read("dead");
    let letters: Vec<Value> = letters.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    assert!(!sandbox.read("told").contains("in a list"), "{letters:?}");
    let objects: Vec<&str> =
        letters.iter().filter_map(|letter| letter["problems"][0]["object"].as_str()).collect();
    for key in ["s3://example-logs/AWSLogs/cut.json.gz", "s3://example-logs/AWSLogs/gone.json.gz"] {
        assert!(objects.contains(&key), "{letters:?}");
    }
    let odd = letters.iter().find(|letter| letter["problems"][0]["object"].is_null()).unwrap();
    assert_eq!(odd["body"], "{\"odd\": 1}");
    // Each is a line among the findings too.
    assert!(problems(&sandbox.read("told")).len() >= 3);
}

#[test]
fn without_a_place_for_it_what_cannot_be_read_stays_in_the_queue() {
    let (server, queue, sandbox) = (Server::start(100), QueueServer::start(), Sandbox::new());
    queue.send(notice("AWSLogs/gone.json.gz").to_string());
    queue.send("odd");
    let words = ["--drain", "--tries", "1"];
    let followed = follow(&server, &queue, &sandbox, &words).run().code(0);
    assert_eq!(problems(&followed.stdout).len(), 2);
    assert_eq!(queue.left(), 2);
}

#[test]
fn what_fails_by_itself_is_tried_until_it_goes_well() {
    let (server, queue, sandbox) = (Server::start(100), QueueServer::start(), Sandbox::new());
    queue.forget_after(Duration::from_millis(100));
    announce(&server, &queue);
    let expected = scanned(&server, &sandbox);
    // More often than --tries, and for objects that are in order.
    server.reading(|_, before| match before {
        0..4 => Trouble::Refused("AccessDenied", 403, "no"),
        _ => Trouble::Nothing,
    });
    let words = ["--append", "told", "--settle", "0s", "--tries", "2", "--dead-letter", "dead"];
    let mut begun = follow(&server, &queue, &sandbox, &words);
    let child = begun.spawn();
    wait_until(|| queue.left() == 0);
    signal("TERM", child.id());
    begun.end(child).code(0);
    assert_eq!(sandbox.read("dead"), "");
    // Objects come one by one, before it is known whose accounts are whose: more may be told.
    let told = told(&sandbox.read("told"));
    assert!(expected.keys().all(|name| told.contains_key(name)));
}

#[test]
fn an_object_of_which_nothing_is_said_is_not_taken_for_read() {
    let (server, queue, sandbox) = (Server::start(100), QueueServer::start(), Sandbox::new());
    // The name looks like that of a member of an archive.
    for key in ["AWSLogs/gone!/b.json", "AWSLogs/gone"] {
        queue.send(notice(key).to_string());
    }
    follow(&server, &queue, &sandbox, &["--drain"]).run().code(0);
    assert_eq!(queue.left(), 2);
    let words = ["--drain", "--tries", "1", "--dead-letter", "dead"];
    let again = Sandbox::new();
    queue.send(notice("AWSLogs/x").to_string());
    follow(&server, &queue, &again, &words).run().code(0);
    assert!(again.read("dead").contains("AWSLogs/x"));
}

#[test]
fn records_that_are_none_do_not_hold_up_their_file() {
    let sandbox = Sandbox::new();
    let bad: Vec<Value> = (0..30).map(|_| json!({"no": "record"})).collect();
    sandbox.write("logs/bad.json", json!({"Records": bad}).to_string());
    sandbox.write("logs/cut.json.gz", &zipped("{\"Records\": []}")[..12]);
    let words = ["follow", "logs", "--state", "state", "--poll", "1s", "--drain"];
    let followed = sandbox.keytrail(words).run().code(0);
    assert!(followed.stderr.contains("1 object judged"), "{}", followed.stderr);
    assert!(problems(&followed.stdout).len() > 20);
}

#[test]
fn a_file_that_was_put_aside_is_not_met_again() {
    let sandbox = Sandbox::new();
    sandbox.write("logs/cut.json.gz", &zipped("{\"Records\": []}")[..12]);
    let words = ["follow", "logs", "--state", "state", "--poll", "1s", "--drain", "--tries", "1"];
    let words = [&words[..], &["--dead-letter", "dead"]].concat();
    for _ in 0..2 {
        sandbox.keytrail(words.iter().copied()).run().code(0);
        assert_eq!(sandbox.read("dead").lines().count(), 1);
    }
}

#[test]
fn what_can_be_read_only_once_is_no_file_to_follow() {
    let sandbox = Sandbox::new();
    sandbox.write("logs/none.json", "{\"Records\": []}");
    let made = std::process::Command::new("mkfifo").arg(sandbox.path("logs/pipe")).status();
    assert!(made.unwrap().success());
    let words =
        ["follow", "logs/pipe", "logs/none.json", "--state", "s", "--poll", "1s", "--drain"];
    let told = sandbox.keytrail(words).run().code(0).stdout;
    let told = problems(&told);
    assert!(told[0]["message"].as_str().unwrap().contains("is no regular file"), "{told:?}");
}

#[test]
fn an_object_that_ends_the_process_again_and_again_is_put_aside() {
    let (server, queue, sandbox) = (Server::start(100), QueueServer::start(), Sandbox::new());
    queue.forget_after(Duration::from_millis(100));
    for (key, bytes) in trail().into_iter().take(5) {
        server.put(&key, bytes);
        queue.send(notice(&key).to_string());
    }
    sandbox.write("keytrail.toml", super::stream::OWN);
    let expected = scanned(&server, &sandbox);
    let poison = "AWSLogs/poison.json";
    server.put(poison, "{\"Records\": []}".to_owned());
    queue.send(notice(poison).to_string());
    // Whoever reads it is killed.
    let reader: Arc<AtomicU32> = Arc::default();
    let asking = Arc::clone(&reader);
    server.reading(move |key, _| {
        // The process may ask before its number is known here.
        let known = || asking.load(Ordering::SeqCst) != 0;
        if key == poison {
            wait_until(known);
            signal("KILL", asking.load(Ordering::SeqCst));
        }
        Trouble::Nothing
    });
    let words = ["--append", "told", "--tries", "4", "--dead-letter", "dead"];
    let mut killed = 0;
    while fs::read_to_string(sandbox.path("dead")).is_ok_and(|text| text.is_empty()) || killed == 0
    {
        let mut begun = follow(&server, &queue, &sandbox, &words);
        reader.store(0, Ordering::SeqCst);
        let mut child = begun.spawn();
        reader.store(child.id(), Ordering::SeqCst);
        let is_dead = || fs::read_to_string(sandbox.path("dead")).is_ok_and(|it| !it.is_empty());
        wait_until(|| is_dead() || child.try_wait().unwrap().is_some());
        signal("TERM", child.id());
        killed += u32::from(begun.end(child).code.is_none());
        assert!(killed < 12);
    }
    assert!(killed >= 4, "{killed}");
    queue.forget_after(Duration::from_secs(300));
    std::thread::sleep(Duration::from_millis(200));
    let words = [&words[..], &["--drain"]].concat();
    follow(&server, &queue, &sandbox, &words).run().code(0);
    let dead = sandbox.read("dead");
    assert_eq!((dead.lines().count(), queue.left()), (1, 0), "{dead}");
    assert!(dead.contains(poison) && dead.contains("times while this was read"), "{dead}");
    let text = sandbox.read("told");
    let whole = text.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok());
    let whole: Vec<&str> = whole.collect();
    assert_same(&told(&whole.join("\n")), &expected);
}
