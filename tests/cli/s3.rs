//! Objects in S3: everything below a prefix is read once, whatever goes wrong on the way, and what
//! is not read is said.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::bucket::{BUCKET, REGION, Server, Trouble, reaching};
use crate::chain::{Chain, gzip, sidecar_of};
use crate::harness::{Ended, Sandbox};

const ACCOUNT: &str = "111122223333";

/// A log file with one deletion of a key; `number` tells it from all others.
fn log(number: usize) -> Vec<u8> {
    let key = format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-0000-4000-8000-{number:012}");
    let record = json!({"Records": [{
        "eventVersion": "1.11", "eventSource": "kms.amazonaws.com",
        "eventName": "ScheduleKeyDeletion", "eventTime": "2026-11-02T14:05:00Z",
        "awsRegion": REGION, "recipientAccountId": ACCOUNT, "eventType": "AwsApiCall",
        "eventID": format!("10000000-0000-4000-8000-{number:012}"),
        "userIdentity": {"type": "IAMUser", "accountId": ACCOUNT,
            "arn": format!("arn:aws:iam::{ACCOUNT}:user/example"), "userName": "example"},
        "sourceIPAddress": "192.0.2.1", "userAgent": "example", "readOnly": false,
        "requestParameters": {"keyId": key, "pendingWindowInDays": 30},
        "responseElements": {"keyId": key},
        "resources": [{"ARN": key, "accountId": ACCOUNT, "type": "AWS::KMS::Key"}],
    }]});
    gzip(record.to_string().as_bytes())
}

/// A key as CloudTrail writes it.
fn key(number: usize, date: &str, region: &str) -> String {
    let (folder, day) = (date.replace('-', "/"), date.replace('-', ""));
    let name = format!("{ACCOUNT}_CloudTrail_{region}_{day}T1410Z_Example{number:09}.json.gz");
    format!("AWSLogs/{ACCOUNT}/CloudTrail/{region}/{folder}/{name}")
}

/// Many logs over some Regions.
fn filled(count: usize, page: usize) -> Server {
    let server = Server::start(page);
    let regions = ["eu-central-1", "eu-west-1", "us-east-1"];
    (0..count).for_each(|n| server.put(&key(n, "2026-11-02", regions[n % 3]), log(n)));
    server
}

const SCAN: [&str; 5] =
    ["scan", "s3://example-logs", "-fjson", "--select", "key-deletion-scheduled"];

fn scan(server: &Server, more: &[&str]) -> (Ended, Value) {
    let sandbox = Sandbox::new();
    let words: Vec<&str> = SCAN.iter().chain(more).copied().collect();
    let ended = server.keytrail(&sandbox, &words).run();
    let report = serde_json::from_str(&ended.stdout).unwrap_or(Value::Null);
    (ended, report)
}

/// The logs that were read, by number, each of which has a finding of its own.
fn read(report: &Value) -> BTreeSet<usize> {
    let findings = report["findings"].as_array().unwrap();
    let number = |finding: &Value| {
        let id = finding["events"][0]["id"].as_str().unwrap();
        assert_eq!(finding["count"], 1, "{finding:#}");
        id[24..].parse::<usize>().unwrap()
    };
    let numbers: BTreeSet<usize> = findings.iter().map(number).collect();
    assert_eq!(numbers.len(), findings.len(), "nothing is doubled");
    numbers
}

fn problems(report: &Value) -> Vec<String> {
    let problems = report["problems"].as_array().unwrap();
    let text = |p: &Value| {
        assert_eq!(p["stage"], "s3", "{p:#}");
        let origin = p["origin"].as_str().unwrap_or_default().to_owned();
        format!("{origin}: {}", p["message"].as_str().unwrap())
    };
    problems.iter().map(text).collect()
}

#[test]
fn five_thousand_objects_on_many_pages_are_read_once_each() {
    let server = filled(5_000, 100);
    server.reading(|_, _| Trouble::Together(32));
    // Longer than the server waits, so that no request is made twice.
    // One finding an event, since so many of one actor are folded.
    let (ended, report) = scan(&server, &["--each", "--concurrency=32", "--s3-timeout=600"]);
    assert_eq!(server.missed(), None);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(read(&report), (0..5_000).collect());
    assert_eq!([&report["totals"]["records"], &report["totals"]["blobs"]], [5_000, 5_000]);
    let (_, gets, most) = server.counts();
    assert_eq!(gets, 5_000);
    assert_eq!(most, 32, "as many at once as --concurrency says, and no more");
    let origin = report["findings"][0]["events"][0]["origin"].as_str().unwrap();
    assert!(origin.starts_with("s3://example-logs/AWSLogs/") && origin.ends_with("#0"), "{origin}");
}

#[test]
fn a_storm_of_refusals_that_passes_loses_nothing() {
    let server = filled(300, 50);
    let storm = |_: &str, before: u32| match before {
        0 => Trouble::Refused("SlowDown", 503, "Reduce your request rate."),
        1 => Trouble::Refused("ServiceUnavailable", 503, ""),
        2 => Trouble::Refused("InternalError", 500, ""),
        _ => Trouble::Nothing,
    };
    server.reading(storm);
    server.listing(storm);
    let (ended, report) = scan(&server, &[]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stderr, ended.stdout);
    assert_eq!(read(&report), (0..300).collect());
}

#[test]
fn transfers_that_break_off_are_made_again() {
    let server = filled(200, 1000);
    server.reading(|_, before| if before < 2 { Trouble::Cut(100) } else { Trouble::Nothing });
    let (ended, report) = scan(&server, &[]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stderr, ended.stdout);
    assert_eq!(read(&report), (0..200).collect());
}

#[test]
fn what_is_refused_gone_or_always_cut_is_named_and_the_rest_is_read() {
    let server = filled(60, 7);
    server.reading(|key, _| match key {
        _ if key.contains("Example000000007") => {
            Trouble::Refused("AccessDenied", 403, "Access Denied")
        }
        _ if key.contains("Example000000008") => Trouble::Refused(
            "AccessDenied",
            403,
            "User: example is not authorized to perform: kms:Decrypt on resource: example",
        ),
        _ if key.contains("Example000000009") => Trouble::Refused("NoSuchKey", 404, "gone"),
        _ if key.contains("Example000000010") => Trouble::Cut(20),
        _ if key.contains("Example000000011") => Trouble::Refused("InvalidObjectState", 403, ""),
        _ => Trouble::Nothing,
    });
    let (ended, report) = scan(&server, &[]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert_eq!(read(&report), (0..60).filter(|n| !(7..12).contains(n)).collect());
    let found = problems(&report);
    for (number, words) in [
        (7, vec!["s3:GetObject on arn:aws:s3:::example-logs/AWSLogs/", "kms:Decrypt"]),
        (8, vec!["must allow kms:Decrypt", "not authorized to perform"]),
        (9, vec!["not there any more"]),
        (10, vec!["broke off 5 times"]),
        (11, vec!["archived"]),
    ] {
        let name = format!("Example{number:09}");
        let problem =
            found.iter().find(|p| p.contains(&name)).unwrap_or_else(|| panic!("{found:#?}"));
        assert!(problem.starts_with("s3://example-logs/AWSLogs/"), "{problem}");
        words.iter().for_each(|word| assert!(problem.contains(word), "{word}: {problem}"));
    }
    assert_eq!(found.len(), 5);
    assert_eq!(scan(&server, &["--allow-incomplete"]).0.code, Some(0));
}

#[test]
fn folders_that_may_not_be_listed_are_named() {
    let server = filled(30, 1000);
    server.listing(|prefix, _| match prefix.contains("eu-west-1") {
        true => Trouble::Refused("AccessDenied", 403, "Access Denied"),
        false => Trouble::Nothing,
    });
    let (ended, report) = scan(&server, &[]);
    assert_eq!(ended.code, Some(3));
    assert_eq!(read(&report), (0..30).filter(|n| n % 3 != 1).collect());
    let found = problems(&report);
    assert_eq!(found.len(), 1, "{found:#?}");
    let place = "s3://example-logs/AWSLogs/111122223333/CloudTrail/eu-west-1/: cannot be listed";
    assert!(found[0].starts_with(place), "{found:#?}");
    assert!(found[0].contains("s3:ListBucket on arn:aws:s3:::example-logs"), "{found:#?}");
}

#[test]
fn the_buckets_region_is_found_out() {
    let server = Server::start_in(1000, "ap-southeast-2");
    server.put(&key(1, "2026-11-02", "eu-west-1"), log(1));
    let (ended, report) = scan(&server, &[]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stderr, ended.stdout);
    assert_eq!(read(&report), [1].into());
    assert_eq!(scan(&server, &["--s3-region=us-west-2"]).0.code, Some(0));
}

#[test]
fn an_endpoint_that_hangs_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let sandbox = Sandbox::new();
    let command = reaching(sandbox.keytrail(SCAN.iter().chain(&["--s3-timeout=1"])), &endpoint);
    let ended = command.env("AWS_MAX_ATTEMPTS", "1").env("AWS_REGION", REGION).run();
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let found = problems(&report);
    assert!(found[0].contains("s3://example-logs/: no answer within the time"), "{found:#?}");
}

#[test]
fn objects_that_nobody_answers_for_are_given_up() {
    let server = filled(200, 1000);
    server.reading(|_, _| Trouble::Silence);
    let sandbox = Sandbox::new();
    // The listing has one try too, and must be answered in time however busy the machine is.
    let words: Vec<&str> =
        SCAN.iter().chain(&["--s3-timeout=10", "--concurrency=256"]).copied().collect();
    let ended = server.keytrail(&sandbox, &words).env("AWS_MAX_ATTEMPTS", "1").run();
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(problems(&report).len(), 200);
}

#[test]
fn a_bucket_that_there_is_not_and_credentials_that_there_are_not_end_the_run() {
    let server = Server::start(10);
    let sandbox = Sandbox::new();
    let words = ["scan", "s3://another-bucket/x", "nowhere", "--concurrency=0", "--late=soon"];
    let ended = server.keytrail(&sandbox, &words).run();
    assert_eq!(ended.code, Some(2));
    for told in ["--concurrency", "--late"] {
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
    }
    let ended = server.keytrail(&sandbox, &words[..3]).run();
    for told in ["s3://another-bucket/x: there is no such bucket", "nowhere: no such file"] {
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
    }
    let without = sandbox.keytrail(["scan", "s3://example-logs"]);
    let ended = without.env("AWS_EC2_METADATA_DISABLED", "true").env("HOME", "/nowhere").run();
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("no usable AWS credentials"), "{}", ended.stderr);
}

#[test]
fn every_layout_is_found_below_any_prefix_and_other_logs_are_left_alone() {
    let server = Server::start(3);
    let inner = |number: usize| key(number, "2026-11-02", "eu-west-1");
    server.put(&inner(1), log(1));
    server.put(&format!("team/{}", inner(2)), log(2));
    let organisation = |number| inner(number).replace("AWSLogs/", "AWSLogs/o-exampleorgid/");
    server.put(&organisation(3), log(3));
    server.put(&format!("o-exampleorgid/{}", organisation(4)), log(4));
    server.put("copies/some-log.gz", log(5));
    let services = ["CloudTrail-Insight", "CloudTrail-NetworkActivity", "CloudTrail-Aggregated"];
    for (number, service) in (6..).zip(services) {
        server.put(&inner(number).replace("/CloudTrail/", &format!("/{service}/")), log(number));
    }
    for other in ["CloudTrail-Digest", "CloudTrail-Lake", "Config", "vpcflowlogs"] {
        server.put(&inner(99).replace("/CloudTrail/", &format!("/{other}/")), b"not read".to_vec());
    }
    server.put("AWSLogs/", Vec::new());
    let of = |source: &str, more: &[&str]| {
        let sandbox = Sandbox::new();
        let words: Vec<&str> = ["scan", source, "-fjson"].iter().chain(more).copied().collect();
        let ended = server.keytrail(&sandbox, &words).run();
        assert_eq!(ended.code, Some(0), "{}{}", ended.stderr, ended.stdout);
        let mut report: Value = serde_json::from_str(&ended.stdout).unwrap();
        let findings = report["findings"].as_array_mut().unwrap();
        findings.retain(|finding| finding["rule"] == "key-deletion-scheduled");
        read(&report)
    };
    assert_eq!(of("s3://example-logs", &[]), (1..9).collect());
    assert_eq!(of("s3://example-logs/team", &[]), [2].into());
    assert_eq!(of("s3://example-logs/AWSLogs/o-exampleorgid", &[]), [3].into());
    assert_eq!(of("s3://example-logs/o-", &[]), [4].into());
    assert_eq!(of("s3://example-logs/AWSLogs/111122223333/CloudTrail/eu-w", &[]), [1].into());
    assert_eq!(of("s3://example-logs/copies/some-log.gz", &[]), [5].into());
    assert_eq!(of(&format!("s3://{BUCKET}/{}", inner(1)), &[]), [1].into());
}

#[test]
fn keys_may_hold_any_character() {
    let server = Server::start(2);
    let names = ["a\u{1}b/log.gz", "a b+c/log%41.gz", "\u{e9}&<>/\n.gz", "plain/log.gz"];
    names.iter().enumerate().for_each(|(number, name)| server.put(name, log(number)));
    let (ended, report) = scan(&server, &[]);
    assert_eq!(read(&report), (0..names.len()).collect(), "{}", ended.stderr);
    assert_eq!(problems(&report), [""; 0]);
}

#[test]
fn folders_without_end_are_given_up_and_logs_beside_them_are_read() {
    let server = Server::start(1000);
    server.put(&key(1, "2026-11-02", "eu-west-1"), log(1));
    server.put("endless/log.gz", log(2));
    server.never_end("endless/");
    let (ended, report) = scan(&server, &[]);
    assert_eq!(ended.code, Some(3));
    assert_eq!(read(&report), [1].into());
    let found = problems(&report);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("2000 folders in a row lead to no object"), "{found:#?}");
}

#[test]
fn only_the_days_and_accounts_that_can_count_are_listed() {
    let server = Server::start(1000);
    for (number, day) in (1..29).enumerate() {
        server.put(&key(number, &format!("2026-11-{day:02}"), "eu-west-1"), log(number));
    }
    let other = key(50, "2026-11-02", "eu-west-1").replace(ACCOUNT, "444455556666");
    server.put(&other, log(50));
    let range = ["--since=2026-11-10", "--until=2026-11-12", "--account=111122223333"];
    let (_, report) = scan(&server, &range);
    // A day before for clocks, and late ones.
    assert_eq!(report["totals"]["blobs"], 5, "{report:#}");
    let (_, report) = scan(&server, &["--since=2026-11-10", "--until=2026-11-12", "--late=7d"]);
    assert_eq!(report["totals"]["blobs"], 11);
    let (_, report) = scan(&server, &["--since=2026-11-20", "--account=444455556666"]);
    assert_eq!(report["totals"]["blobs"], 0);
    let (_, report) = scan(&server, &[]);
    assert_eq!(report["totals"]["blobs"], 29);
    // A server that does not sort must not end the listing early.
    server.turn();
    let (_, report) = scan(&server, &range);
    assert_eq!(report["totals"]["blobs"], 5, "{report:#}");
}

#[test]
fn large_objects_stream_and_go_on_where_they_broke_off() {
    let server = Server::start(1000);
    // More than is fetched whole: records that gzip cannot make small.
    let mut text = String::new();
    let mut seed = 1_u64;
    while text.len() < 40 << 20 {
        let noise: String = (0..64)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                format!("{:016x}", seed)
            })
            .collect();
        text.push_str(&format!(
            "{{\"eventSource\":\"s3.amazonaws.com\",\"eventName\":\"GetObject\",\
             \"eventTime\":\"2026-11-02T14:05:00Z\",\"eventID\":\"{noise}\"}}\n"
        ));
    }
    let bytes = gzip(text.as_bytes());
    assert!(bytes.len() > 17 << 20, "{}", bytes.len());
    server.put("large.json.gz", bytes);
    server.reading(|_, before| match before {
        0..3 => Trouble::Cut(3 << 20),
        _ => Trouble::Nothing,
    });
    let (ended, report) = scan(&server, &[]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stderr, ended.stdout);
    assert_eq!(report["totals"]["records"], text.lines().count());
    // One that never comes to its end is read as far as it came.
    server.reading(|_, before| match before {
        4.. => Trouble::Refused("AccessDenied", 403, "Access Denied"),
        _ => Trouble::Cut(3 << 20),
    });
    let (ended, report) = scan(&server, &[]);
    assert_eq!(ended.code, Some(3), "{}{}", ended.stderr, ended.stdout);
    let message = report["problems"].to_string();
    assert!(message.contains("broke off"), "{message}");
}

#[test]
fn logs_in_a_bucket_are_verified_with_the_signatures_of_their_metadata() {
    let chain = Chain::new();
    let server = Server::start(5);
    for (key, bytes) in chain.files.iter().filter(|(key, _)| !key.ends_with(".metadata.json")) {
        match chain.files.get(&sidecar_of(key)) {
            Some(sidecar) => {
                let sidecar: Value = serde_json::from_slice(sidecar).unwrap();
                let signature = sidecar["Metadata"]["signature"].as_str().unwrap();
                server.put_with(key, bytes.clone(), &[("signature", signature)]);
            }
            None => server.put(key, bytes.clone()),
        }
    }
    let sandbox = Sandbox::new();
    sandbox.write("keys.json", chain.public_keys.to_string());
    let words = ["verify", "s3://example-logs", "--public-keys", "keys.json", "-fjson"];
    let verify = || {
        let ended = server.keytrail(&sandbox, &words).run();
        (ended.code, serde_json::from_str::<Value>(&ended.stdout).unwrap())
    };
    let (code, report) = verify();
    assert_eq!(code, Some(0), "{report:#}");
    let verified = [&report["digests"]["verified"], &report["logs"]["verified"]];
    assert_eq!(verified, [&json!(6), &json!(12)]);
    // The newest loses its signature: the logs that it alone names are not proven.
    let newest = chain.digests.last().unwrap();
    server.put(newest, chain.files[newest].clone());
    server.put(&chain.logs[0], gzip(b"{\"Records\":[]}"));
    let (code, report) = verify();
    assert_eq!(code, Some(1));
    let counts = [
        &report["digests"]["signature-unavailable"],
        &report["logs"]["modified"],
        &report["logs"]["unreferenced"],
    ];
    assert_eq!(counts, [&json!(1), &json!(1), &json!(2)], "{report:#}");
}

#[test]
fn a_dry_run_lists_and_reads_nothing() {
    let server = filled(40, 10);
    let sandbox = Sandbox::new();
    sandbox.write("more/a.json.gz", log(50));
    let words = ["scan", "s3://example-logs", "more", "--dry-run", "--state=state", "-fjson"];
    let ended = server.keytrail(&sandbox, &words).run();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let counts = [&report["objects"], &report["files"], &report["requests"]["get"]];
    assert_eq!(counts, [&json!(40), &json!(1), &json!(40)], "{report:#}");
    let stored: usize = (0..40).chain([50]).map(|n| log(n).len()).sum();
    assert_eq!(report["bytes"], stored);
    let (lists, gets, _) = server.counts();
    // Once more for the state, which is not S3's here.
    assert_eq!((&report["requests"]["list"], gets), (&json!(lists), 0));
    assert!(report["cost_usd"]["requests"].as_f64().unwrap() > 0.0);
    assert!(!sandbox.names().contains(&"state".to_owned()));
    assert!(report["regions"] == json!([]) && report["accounts"] == json!([]), "{report:#}");
    let filtered = ["scan", "more", "--dry-run", "--region=eu-west-1"];
    let ended = server.keytrail(&sandbox, &filtered).run();
    assert!(ended.stdout.contains("filters   --since, --until"), "{}", ended.stdout);
    let ended = server.keytrail(&sandbox, &words[..5]).run();
    assert!(ended.stdout.contains("objects   40, "), "{}", ended.stdout);
    let ended = server.keytrail(&sandbox, &["scan", "s3://example-logs/none/", "--dry-run"]).run();
    assert_eq!(ended.code, Some(3), "{}", ended.stdout);
    let ended = server.keytrail(&sandbox, &["scan", "more", "--dry-run", "-fndjson"]).run();
    assert_eq!(ended.code, Some(2), "{}", ended.stdout);
    // What holds for other runs means nothing here.
    let dry = || server.keytrail(&sandbox, &["scan", "more", "--dry-run"]);
    let ended = dry().env("KEYTRAIL_FORMAT", "html").run();
    assert!(ended.code == Some(0) && ended.stdout.starts_with("files "), "{ended:?}");
    assert!(dry().env("KEYTRAIL_FORMAT", "json").run().stdout.starts_with('{'));
    assert_eq!(dry().env("KEYTRAIL_FORMAT", "xml").run().code, Some(2));
}

#[test]
fn a_listing_without_an_end_and_an_object_that_was_replaced_are_told() {
    let server = filled(12, 5);
    server.listing(|prefix, _| match prefix.contains("eu-west-1") {
        true => Trouble::Cut(0),
        false => Trouble::Nothing,
    });
    server.reading(|key, _| match key.contains("Example000000003") {
        true => Trouble::Replaced,
        false => Trouble::Nothing,
    });
    let (ended, report) = scan(&server, &[]);
    assert_eq!(ended.code, Some(3));
    assert_eq!(read(&report), (0..12).filter(|n| *n != 3).collect());
    let found = problems(&report);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found.iter().any(|p| p.contains("eu-west-1/: cannot be listed to its end")),
        "{found:#?}"
    );
    assert!(found.iter().any(|p| p.contains("another size than when it was listed")), "{found:#?}");
}

/// Scans the corpus in the folder `KEYTRAIL_CORPUS` from disk and from a bucket in turn, and prints
/// how much longer it takes. `KEYTRAIL_BIN` names a release build; then run it with
/// `cargo test --test cli from_a_bucket -- --ignored --nocapture`.
#[test]
#[ignore = "a benchmark: it needs a corpus and a release build"]
fn the_same_corpus_from_disk_and_from_a_bucket() {
    let Some(corpus) = std::env::var_os("KEYTRAIL_CORPUS") else { return };
    let server = Server::start(1000);
    let mut files = 0;
    for entry in std::fs::read_dir(&corpus).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "gz") {
            let name = path.file_name().unwrap().to_str().unwrap();
            server.put(&format!("corpus/{name}"), std::fs::read(&path).unwrap());
            files += 1;
        }
    }
    let sandbox = Sandbox::new();
    let time = |source: &str| {
        let words = ["scan", source, "-fjson", "-o", "report.json", "--allow-incomplete"];
        let begun = std::time::Instant::now();
        let ended = server.keytrail(&sandbox, &words).run();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let report: Value = serde_json::from_str(&sandbox.read("report.json")).unwrap();
        assert!(report["totals"]["blobs"].as_u64().unwrap() >= files);
        begun.elapsed().as_secs_f64()
    };
    let (disk, bucket) = (corpus.to_str().unwrap(), "s3://example-logs/corpus/");
    time(disk);
    let mut ratios: Vec<f64> = (0..5)
        .map(|_| {
            let (disk, bucket) = (time(disk), time(bucket));
            println!("disk {disk:.3} s   bucket {bucket:.3} s   ratio {:.3}", bucket / disk);
            bucket / disk
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    println!("median ratio {:.3}", ratios[2]);
}
