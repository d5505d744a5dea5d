//! Whether log files are what was delivered: every tampering gets its verdict.

use serde_json::{Value, json};

use crate::chain::{BUCKET, Chain, gunzip, gzip, sidecar_of};
use crate::harness::Sandbox;

/// Counts that are not zero, but for what is verified.
fn faults(report: &Value) -> Vec<(String, u64)> {
    let mut faults = Vec::new();
    for kind in ["digests", "logs"] {
        let counts = report[kind].as_object().unwrap_or_else(|| panic!("{report:#}"));
        for (verdict, count) in counts {
            if verdict != "verified" && *count != 0 {
                faults.push((format!("{kind} {verdict}"), count.as_u64().unwrap()));
            }
        }
    }
    faults
}

/// What is done to a chain of six digests, and what is found; the exit is 1.
fn tampered(name: &str, tamper: impl FnOnce(&mut Chain), found: &[(&str, u64)]) -> Value {
    let mut chain = Chain::new();
    tamper(&mut chain);
    let (code, report) = chain.verify(&[]);
    let found: Vec<_> = found.iter().map(|(verdict, n)| ((*verdict).to_owned(), *n)).collect();
    assert_eq!((code, faults(&report)), (Some(1), found), "{name}: {report:#}");
    report
}

#[test]
fn an_intact_chain_verifies_wherever_it_lies_and_however_it_is_compressed() {
    let mut chain = Chain::new();
    let (code, report) = chain.verify(&[]);
    assert_eq!((code, faults(&report)), (Some(0), vec![]), "{report:#}");
    let verified = [&report["digests"]["verified"], &report["logs"]["verified"]];
    assert_eq!(verified, [&json!(6), &json!(12)]);
    assert_eq!(report["items"], json!([]));
    assert_eq!(report["public_keys"]["count"], 1);
    assert_eq!(report["schema"], "keytrail.verify/v1");
    let found = &report["chains"][0];
    assert_eq!(found["head"], "starting");
    assert_eq!(found["trail"], "my_trail (us-east-1)");
    assert_eq!([&found["gaps"], &found["tail_age_secs"]], [&json!([]), &json!(0)]);
    // Decompressed, in other folders, the signatures of all but the newest digest from the chain.
    let newest = sidecar_of(chain.digests.last().unwrap());
    chain.files.retain(|key, _| !key.ends_with(".metadata.json") || *key == newest);
    chain.files = std::mem::take(&mut chain.files)
        .into_iter()
        .map(|(key, bytes)| match key.strip_suffix(".gz") {
            Some(plain) => (plain.replace("AWSLogs", "copy"), gunzip(&bytes)),
            None => (key, bytes),
        })
        .collect();
    let (code, report) = chain.verify(&["-v"]);
    assert_eq!((code, faults(&report)), (Some(0), vec![]), "{report:#}");
    assert_eq!(report["items"].as_array().unwrap().len(), 18);
}

#[test]
fn digests_that_are_gone_are_all_counted() {
    let report = tampered(
        "one",
        |c| c.remove(&c.digests[2].clone()),
        &[("digests missing", 1), ("logs unreferenced", 2)],
    );
    let gap = json!([{"from": "2026-11-02T02:00:00Z", "to": "2026-11-02T03:00:00Z"}]);
    assert_eq!(report["chains"][0]["gaps"], gap);
    let two = |c: &mut Chain| [2, 3].map(|n| c.digests[n].clone()).iter().for_each(|d| c.remove(d));
    tampered("two adjacent", two, &[("digests missing", 2), ("logs unreferenced", 4)]);
    let first = |c: &mut Chain| c.remove(&c.digests[0].clone());
    let report =
        tampered("the first", first, &[("digests missing", 1), ("logs outside-digest-range", 2)]);
    assert_eq!(report["chains"][0]["head"], "cut");
    let last = |c: &mut Chain| c.remove(&c.digests[5].clone());
    tampered("the newest", last, &[("logs outside-digest-range", 2)]);
    let all = |c: &mut Chain| c.digests.clone().iter().for_each(|d| c.remove(d));
    let report = tampered("all", all, &[("logs unreferenced", 12)]);
    assert_eq!(report["chains"], json!([]));
}

#[test]
fn the_end_of_the_range_tells_of_digests_and_logs_that_are_gone_from_the_end() {
    let mut chain = Chain::new();
    chain.remove(&chain.digests[5].clone());
    let gone: Vec<String> = chain.logs[10..].to_vec();
    gone.iter().for_each(|log| chain.remove(log));
    assert_eq!(chain.verify(&["--until", "2026-11-02T06:59:00Z"]).0, Some(0));
    let (code, report) = chain.verify(&["--until", "2026-11-02T07:01:00Z"]);
    assert_eq!((code, &report["chains"][0]["tail_age_secs"]), (Some(1), &json!(7260)));
}

#[test]
fn a_range_leaves_out_what_lies_outside() {
    let mut chain = Chain::new();
    chain.remove(&chain.digests[0].clone());
    let damaged = chain.logs[0].clone();
    chain.edit(&damaged, |text| text.replace("example", "innocent"));
    assert_eq!(chain.verify(&["--since", "2026-11-02T01:00:00Z"]).0, Some(0));
    assert_eq!(chain.verify(&["--since", "2026-11-02T00:59:00Z"]).0, Some(1));
    assert_eq!(chain.verify(&["--region", "us-east-1"]).0, Some(1), "nothing to verify");
}

#[test]
fn logs_that_are_not_what_was_delivered() {
    let log = |c: &Chain| c.logs[4].clone();
    let edit = |c: &mut Chain| c.edit(&log(c), |text| text.replace("192.0.2.1", "192.0.2.2"));
    tampered("one byte", edit, &[("logs modified", 1)]);
    tampered("deleted", |c| c.remove(&log(c)), &[("logs missing", 1)]);
    let bytes = |change: fn(&mut Vec<u8>)| {
        move |c: &mut Chain| change(c.files.get_mut(&c.logs[4].clone()).unwrap())
    };
    let cut = bytes(|bytes| bytes.truncate(bytes.len() / 2));
    tampered("truncated", cut, &[("logs unreadable", 1)]);
    let crc = bytes(|bytes| {
        let at = bytes.len() - 8;
        bytes[at] ^= 1;
    });
    tampered("CRC", crc, &[("logs unreadable", 1)]);
    let member = bytes(|bytes| bytes.extend(gzip(b"{\"Records\":[]}")));
    tampered("a second member", member, &[("logs trailing-data", 1)]);
    let empty = bytes(|bytes| bytes.extend(gzip(b"")));
    tampered("an empty second member", empty, &[("logs trailing-data", 1)]);
    tampered("junk", bytes(|bytes| bytes.extend(b"junk")), &[("logs trailing-data", 1)]);
    tampered("nothing left", bytes(Vec::clear), &[("logs modified", 1)]);
    let bom = |c: &mut Chain| c.edit(&log(c), |text| format!("\u{feff}{text}"));
    tampered("a byte order mark", bom, &[("logs modified", 1)]);
    let swap = |c: &mut Chain| {
        let (a, b) = (c.files[&c.logs[4]].clone(), c.files[&c.logs[5]].clone());
        c.files.extend([(c.logs[4].clone(), b), (c.logs[5].clone(), a)]);
    };
    tampered("swapped", swap, &[("logs modified", 2)]);
    let pretty = |c: &mut Chain| {
        c.edit(&log(c), |text| {
            serde_json::to_string_pretty(&serde_json::from_str::<Value>(&text).unwrap()).unwrap()
        });
    };
    tampered("reformatted", pretty, &[("logs modified", 1)]);
    let extra = |c: &mut Chain| {
        let copy = c.files[&log(c)].clone();
        c.files.insert(log(c).replace("Exampl.", "Forged."), copy);
    };
    tampered("a log no digest names", extra, &[("logs unreferenced", 1)]);
    let hidden = |c: &mut Chain| {
        let bytes = c.files.remove(&log(c)).unwrap();
        c.files.insert("elsewhere.bin".into(), bytes);
    };
    tampered("renamed", hidden, &[("logs missing", 1), ("logs unreferenced", 1)]);
    let beside = |c: &mut Chain| {
        c.files.insert(log(c).replace("AWSLogs", "old/AWSLogs"), c.files[&log(c)].clone());
        c.edit(&log(c), |text| text.replace("192.0.2.1", "192.0.2.2"));
    };
    tampered("the true one moved aside", beside, &[("logs modified", 1)]);
}

#[test]
fn digests_that_are_not_what_was_delivered() {
    let key = |c: &Chain| c.digests[2].clone();
    let edit = |c: &mut Chain| c.edit(&key(c), |text| text.replace("Example0205", "Example0299"));
    let found = [("digests bad-signature", 1), ("logs missing", 1), ("logs unreferenced", 2)];
    tampered("a name in it", edit, &found);
    for (name, more) in [("junk", b"junk".to_vec()), ("a second member", gzip(b"{}"))] {
        let add = |c: &mut Chain| c.files.get_mut(&key(c)).unwrap().extend(&more);
        let report = tampered(name, add, &[("digests bad-format", 1), ("logs unreferenced", 2)]);
        assert_eq!(report["chains"][0]["gaps"].as_array().map(Vec::len), Some(1));
    }
    let resigned = |c: &mut Chain| {
        let mut digest = c.digest(2);
        digest["logFiles"] = json!([]);
        let key = key(c);
        c.deliver(&key, &digest, true);
    };
    tampered(
        "signed by another",
        resigned,
        &[("digests bad-signature", 1), ("logs unreferenced", 2)],
    );
    // Somebody who has the true key too: only the chain tells.
    let replaced = |c: &mut Chain| {
        let mut digest = c.digest(2);
        digest["logFiles"] = json!([]);
        let key = key(c);
        c.deliver(&key, &digest, false);
    };
    let found = [("digests hash-chain-mismatch", 1), ("logs unreferenced", 2)];
    tampered("signed with the same key", replaced, &found);
    let replayed = |c: &mut Chain| {
        let older = c.files[&c.digests[1]].clone();
        c.files.insert(key(c), older);
    };
    tampered(
        "an older one in its place",
        replayed,
        &[("digests bad-format", 1), ("logs unreferenced", 2)],
    );
    let bucket = |c: &mut Chain| c.edit(&key(c), |text| text.replace(BUCKET, "other-bucket"));
    tampered(
        "another bucket in it",
        bucket,
        &[("digests bad-signature", 1), ("logs unreferenced", 2)],
    );
    let unsigned = |c: &mut Chain| drop(c.files.remove(&sidecar_of(&c.digests[5].clone())));
    let found = [("digests signature-unavailable", 1), ("logs unreferenced", 2)];
    tampered("no signature of the newest", unsigned, &found);
    let wrong = |c: &mut Chain| {
        let sidecar = sidecar_of(&c.digests[5].clone());
        c.files.insert(sidecar, br#"{"signature":"00"}"#.to_vec());
    };
    tampered("a wrong one", wrong, &[("digests bad-signature", 1), ("logs unreferenced", 2)]);
    let unknown = |c: &mut Chain| {
        let another = crate::chain::signer(true);
        use base64::Engine;
        use ring::signature::KeyPair;
        let value = base64::engine::general_purpose::STANDARD.encode(another.public_key().as_ref());
        c.public_keys = json!({"publicKeyList": [{"value": value}]});
    };
    tampered("a key nobody has", unknown, &[("digests key-unknown", 6), ("logs unreferenced", 12)]);
}

#[test]
fn metadata_that_was_lost_or_changed_beside_an_older_digest_is_made_up_for_by_the_next() {
    let mut chain = Chain::new();
    let sidecar = sidecar_of(&chain.digests[2]);
    chain.files.remove(&sidecar);
    assert_eq!(chain.verify(&[]).0, Some(0));
    chain.files.insert(sidecar, br#"{"signature":"00"}"#.to_vec());
    let (code, report) = chain.verify(&[]);
    assert_eq!(code, Some(0));
    let detail = report["items"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("is not the one"), "{detail}");
}

#[test]
fn a_chain_that_starts_over_leaves_a_gap() {
    let mut chain = Chain::empty();
    (0..2).for_each(|hour| chain.hour(hour));
    let mut second = Chain::empty();
    (3..5).for_each(|hour| second.hour(hour));
    chain.files.extend(second.files);
    let (code, report) = chain.verify(&[]);
    let gap = json!([{"from": "2026-11-02T02:00:00Z", "to": "2026-11-02T03:00:00Z"}]);
    assert_eq!((code, &report["chains"][0]["gaps"]), (Some(1), &gap));
    assert_eq!(report["digests"]["missing"], 0);
}

#[test]
fn nothing_to_verify_is_no_success() {
    let (code, report) = Chain::empty().verify(&[]);
    assert_eq!((code, faults(&report)), (Some(1), vec![]));
}

#[test]
fn keys_that_cannot_be_used_end_the_run_before_it_begins() {
    let mut chain = Chain::new();
    chain.public_keys["PublicKeyList"][0]["Fingerprint"] = json!("00");
    let (code, report) = chain.verify(&[]);
    assert_eq!(code, Some(2));
    assert!(report["stderr"].as_str().unwrap().contains("its Fingerprint is"), "{report}");
    let sandbox = Sandbox::new();
    let output = sandbox.keytrail(["verify", ".", "--public-keys", "none.json"]).run();
    assert_eq!(output.code, Some(2), "{}", output.stderr);
    let output = sandbox.keytrail(["verify", "."]).run();
    assert_eq!(output.code, Some(2), "{}", output.stderr);
}

#[test]
fn the_table_shows_what_is_wrong_within_80_columns() {
    let mut chain = Chain::new();
    chain.remove(&chain.digests[2].clone());
    let sandbox = Sandbox::new();
    chain.write(&sandbox);
    let output = sandbox.keytrail(["verify", "bucket", "--public-keys", "keys.json"]).run();
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    let expected = [
        "111122223333 eu-central-1 my_trail (us-east-1)\n",
        "gap from 2026-11-02T02:00:00Z to 2026-11-02T03:00:00Z\n",
        "digests  5 verified, 1 missing\n",
        "logs     10 verified, 2 unreferenced\n",
        "not everything in range is verified\n",
    ];
    expected.iter().for_each(|line| assert!(output.stdout.contains(line), "{}", output.stdout));
    assert!(output.stdout.lines().all(|line| line.chars().count() <= 80), "{}", output.stdout);
}
