//! Whether log files are what was delivered: every tampering gets its verdict.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use keytrail::model::time::Time;
use ring::signature::KeyPair;
use serde_json::{Value, json};

use crate::chain::tamperings::{OF_DIGESTS, OF_LOGS};
use crate::chain::{Chain, Place, fingerprint, gunzip, sidecar_of, signer};
use crate::harness::Sandbox;

/// Counts that are not zero, but for what is verified.
pub fn faults(report: &Value) -> Vec<(String, u64)> {
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

/// Exit code and faults.
fn found(chain: &Chain, more: &[&str]) -> (Option<i32>, Vec<(String, u64)>, Value) {
    let (code, report) = chain.verify(more);
    let faults = if code == Some(2) { vec![] } else { faults(&report) };
    (code, faults, report)
}

#[track_caller]
fn whole(chain: &Chain, more: &[&str]) -> Value {
    let (code, faults, report) = found(chain, more);
    assert_eq!((code, faults), (Some(0), vec![]), "{report:#}");
    report
}

#[test]
fn every_tampering_gets_its_verdict() {
    for (name, tamper, expected) in OF_LOGS.iter().chain(OF_DIGESTS) {
        let mut chain = Chain::new();
        tamper(&mut chain);
        let expected: Vec<_> = expected.iter().map(|(v, n)| ((*v).to_owned(), *n)).collect();
        let (code, faults, report) = found(&chain, &[]);
        assert_eq!((code, faults), (Some(1), expected), "{name}: {report:#}");
    }
}

fn tampered(tamper: impl FnOnce(&mut Chain)) -> Value {
    let mut chain = Chain::new();
    tamper(&mut chain);
    let (code, report) = chain.verify(&[]);
    assert_eq!(code, Some(1), "{report:#}");
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
fn hours_that_nothing_signs_are_gaps() {
    let report = tampered(|c| c.remove(&c.digests[2].clone()));
    let gap = json!([{"from": "2025-11-02T02:00:00Z", "to": "2025-11-02T03:00:00Z"}]);
    assert_eq!(report["chains"][0]["gaps"], gap);
    // Nor does a digest that cannot be read, or whose signature is wrong.
    let key = |c: &Chain| c.digests[2].clone();
    let junk = tampered(|c| c.files.get_mut(&key(c)).unwrap().extend(b"junk"));
    assert_eq!(junk["chains"][0]["gaps"], gap);
    let edited = tampered(|c| c.edit(&key(c), |text| text.replace("Example0205", "Example0299")));
    assert_eq!(edited["chains"][0]["gaps"], gap);
    let first = tampered(|c| c.remove(&c.digests[0].clone()));
    assert_eq!(first["chains"][0]["head"], "cut");
    let all = tampered(|c| c.digests.clone().iter().for_each(|d| c.remove(d)));
    assert_eq!(all["chains"], json!([]));
    // A name that somebody made up does not move the end of the range.
    let future = OF_LOGS.iter().find(|(name, ..)| *name == "a log from the future").unwrap();
    assert_eq!(tampered(future.1)["chains"][0]["tail_age_secs"], 0);
}

#[test]
fn the_end_of_the_range_tells_of_digests_and_logs_that_are_gone_from_the_end() {
    let mut chain = Chain::new();
    chain.remove(&chain.digests[5].clone());
    let gone: Vec<String> = chain.logs[10..].to_vec();
    gone.iter().for_each(|log| chain.remove(log));
    assert_eq!(chain.verify(&["--until", "2025-11-02T06:59:00Z"]).0, Some(0));
    let (code, report) = chain.verify(&["--until", "2025-11-02T07:01:00Z"]);
    assert_eq!((code, &report["chains"][0]["tail_age_secs"]), (Some(1), &json!(7260)));
}

#[test]
fn a_range_leaves_out_what_lies_outside() {
    let mut chain = Chain::new();
    chain.remove(&chain.digests[0].clone());
    let damaged = chain.logs[0].clone();
    chain.edit(&damaged, |text| text.replace("example", "innocent"));
    assert_eq!(chain.verify(&["--since", "2025-11-02T01:00:00Z"]).0, Some(0));
    assert_eq!(chain.verify(&["--since", "2025-11-02T00:59:00Z"]).0, Some(1));
    assert_eq!(chain.verify(&["--region", "us-east-1"]).0, Some(1), "nothing to verify");
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
    let gap = json!([{"from": "2025-11-02T02:00:00Z", "to": "2025-11-02T03:00:00Z"}]);
    assert_eq!((code, &report["chains"][0]["gaps"]), (Some(1), &gap));
    assert_eq!(report["digests"]["missing"], 0);
}

#[test]
fn nothing_to_verify_is_no_success() {
    let (code, report) = Chain::empty().verify(&[]);
    assert_eq!((code, faults(&report)), (Some(1), vec![]));
}

#[test]
fn signatures_come_in_one_file_too() {
    let mut chain = Chain::new();
    let mut lines = String::new();
    for key in chain.digests.clone() {
        let line = json!({"key": key, "signature": chain.signature(&key).to_uppercase()});
        lines += &format!("{line}\n");
        chain.files.remove(&sidecar_of(&key));
    }
    assert_eq!(chain.verify(&[]).0, Some(1), "the newest has none");
    let bare = chain.files.clone();
    for (name, text) in [
        ("signatures.jsonl", lines.clone()),
        ("of/x.json", format!("[{}]", lines.trim().replace('\n', ","))),
    ] {
        chain.files = bare.clone();
        chain.files.insert(name.into(), text.into());
        assert_eq!(whole(&chain, &[])["others"], 0, "{name}");
    }
}

#[test]
fn keys_of_every_form_are_taken() {
    let mut chain = Chain::new();
    let pkcs1 = signer(false).public_key().as_ref().to_vec();
    // RFC 5280: a sequence of the algorithm (RFC 8017: rsaEncryption, no parameters) and the key.
    let der = |tag: u8, content: &[u8]| {
        let len = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82], &len[..], content].concat()
    };
    let algorithm = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0];
    let bits = der(3, &[&[0][..], &pkcs1].concat());
    let spki = der(0x30, &[&algorithm[..], &bits].concat());
    let name = fingerprint(&signer(false));
    let times = json!([1436317441.0, "1436317441.0", "2015-07-08T01:04:01+00:00"]);
    for (value, time) in [(&pkcs1, 0), (&spki, 1), (&spki, 2)] {
        let key = json!({"Value": STANDARD.encode(value), "Fingerprint": name.to_uppercase(),
            "ValidityStartTime": times[time], "ValidityEndTime": times[time]});
        chain.public_keys = json!({"PublicKeyList": [key]});
        whole(&chain, &[]);
    }
    chain.public_keys = json!({"publicKeyList": [{"value": STANDARD.encode(&spki)}]});
    whole(&chain, &[]);
}

/// A copy of the files in another folder.
fn copied(chain: &Chain) -> BTreeMap<String, Vec<u8>> {
    chain.files.iter().map(|(key, bytes)| (format!("copy/{key}"), bytes.clone())).collect()
}

#[test]
fn two_copies_are_one_chain_and_each_is_judged() {
    let mut chain = Chain::new();
    let copy = copied(&chain);
    chain.files.extend(copy);
    let report = whole(&chain, &[]);
    assert_eq!(
        (&report["digests"]["verified"], &report["logs"]["verified"]),
        (&json!(12), &json!(24))
    );
    assert_eq!(report["chains"].as_array().unwrap().len(), 1);
    // The copy that is true covers its hour.
    let key = chain.digests[2].clone();
    chain.edit(&key, |text| text.replace("Example0205", "Example0299"));
    let (code, faults, report) = found(&chain, &[]);
    let expected =
        [("digests bad-signature", 1), ("logs missing", 1)].map(|(v, n)| (v.to_owned(), n));
    assert_eq!((code, faults), (Some(1), expected.to_vec()), "{report:#}");
    assert_eq!(report["chains"][0]["gaps"], json!([]));
}

#[test]
fn trails_of_one_name_and_organisations_have_their_own_chains() {
    let mut chain = Chain::new();
    let folder = "o-exampleorgid/AWSLogs/o-exampleorgid";
    let mut of_organisation = Chain::of(Place { folder, mark: "Organi", ..Place::new() });
    (0..6).for_each(|hour| of_organisation.hour(hour));
    chain.join(of_organisation);
    let mut elsewhere = Chain::of(Place { account: "444455556666", trail: "b", ..Place::new() });
    (0..6).for_each(|hour| elsewhere.hour(hour));
    chain.join(elsewhere);
    assert_eq!(whole(&chain, &[])["chains"].as_array().unwrap().len(), 3);
    let one = whole(&chain, &["--account", "444455556666"]);
    assert_eq!(
        (&one["chains"][0]["trail"], &one["logs"]["verified"]),
        (&json!("b (us-east-1)"), &json!(12))
    );
    // A trail that becomes the organisation's goes on in another folder.
    let mut moved = Chain::empty();
    (0..3).for_each(|hour| moved.hour(hour));
    moved.place.folder = folder;
    (3..6).for_each(|hour| moved.hour(hour));
    assert_eq!(whole(&moved, &[])["chains"].as_array().unwrap().len(), 2);
}

#[test]
fn a_trail_that_was_replaced_counts_only_for_its_time() {
    let mut chain = Chain::new();
    let mut former = Chain::of(Place { trail: "former", mark: "Former", ..Place::new() });
    (0..2).for_each(|hour| former.hour(hour));
    chain.join(former);
    let (code, report) = chain.verify(&[]);
    assert_eq!(code, Some(1), "its end cannot be told from one that was cut off: {report:#}");
    assert_eq!(chain.verify(&["--since", "2025-11-02T03:59:00Z"]).0, Some(1));
    let report = whole(&chain, &["--since", "2025-11-02T04:00:00Z"]);
    assert_eq!(report["chains"].as_array().unwrap().len(), 1);
    // If nothing goes on, all of it may be gone.
    assert_eq!(chain.verify(&["--since", "2025-11-02T09:00:00Z"]).0, Some(1));
}

#[test]
fn files_that_came_late_have_a_chain_of_their_own() {
    let mut chain = Chain::new();
    let mut late = Chain::of(Place { backfill: true, mark: "Backfi", ..Place::new() });
    (1..3).for_each(|hour| late.hour(hour));
    let (log, digests) = (late.logs[0].clone(), late.digests.clone());
    chain.join(late);
    let report = whole(&chain, &[]);
    assert_eq!(report["chains"][1]["trail"], "my_trail (us-east-1) (backfill)");
    let intact = chain.files.clone();
    chain.edit(&log, |text| text.replace("192.0.2.1", "192.0.2.2"));
    assert_eq!(found(&chain, &[]).1, [("logs modified".to_owned(), 1)]);
    chain.files = intact;
    chain.remove(&digests[0]);
    let expected =
        [("digests missing", 1), ("logs unreferenced", 2)].map(|(v, n)| (v.to_owned(), n));
    assert_eq!(found(&chain, &[]).1, expected);
}

#[test]
fn hex_may_be_upper_case() {
    let mut chain = Chain::new();
    let mut last = chain.digest(5);
    for pointer in ["/previousDigestHashValue", "/logFiles/0/hashValue"] {
        let value = last.pointer_mut(pointer).unwrap();
        *value = json!(value.as_str().unwrap().to_uppercase());
    }
    let key = chain.digests[5].clone();
    chain.deliver(&key, &last, false);
    whole(&chain, &[]);
}

/// A chain that ends in this hour or the last, and how many hours it has.
pub fn until_now() -> (Chain, usize) {
    let hour = 3600 * 1_000_000;
    let start = Time(Time::now().0 / hour * hour - 4 * hour);
    let mut chain = Chain::of(Place { start, ..Place::new() });
    (0..4).for_each(|hour| chain.hour(hour));
    (chain, 4)
}

#[test]
fn a_log_whose_digest_is_not_due_is_waited_for() {
    let (mut chain, hours) = until_now();
    // Made before the last digest ended, delivered after; and in the hour that still runs.
    chain.log(hours - 1, "55");
    chain.log(hours, "00");
    let report = whole_but_waiting(&chain);
    assert_eq!(report["pending"], 2);
    // The one before it is due.
    chain.log(hours - 3, "58");
    let (code, faults, report) = found(&chain, &[]);
    let expected = [("logs outside-digest-range", 2), ("logs unreferenced", 1)];
    let expected = expected.map(|(v, n)| (v.to_owned(), n));
    assert_eq!((code, faults), (Some(1), expected.to_vec()), "{report:#}");
}

fn whole_but_waiting(chain: &Chain) -> Value {
    let (code, report) = chain.verify(&[]);
    assert_eq!(code, Some(0), "{report:#}");
    report
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
        "gap from 2025-11-02T02:00:00Z to 2025-11-02T03:00:00Z\n",
        "digests  5 verified, 1 missing\n",
        "logs     10 verified, 2 unreferenced\n",
        "every verdict is as good as that file\n",
        "not everything in range is verified\n",
    ];
    expected.iter().for_each(|line| assert!(output.stdout.contains(line), "{}", output.stdout));
    assert!(output.stdout.lines().all(|line| line.chars().count() <= 80), "{}", output.stdout);
}

#[test]
fn what_is_the_same_is_one_row_of_the_table() {
    let sandbox = Sandbox::new();
    let chain = Chain::new();
    sandbox.write("keys.json", chain.public_keys.to_string());
    chain.logs.iter().for_each(|key| {
        sandbox.write(&format!("bucket/{key}"), &chain.files[key]);
    });
    let words = ["verify", "bucket", "--public-keys", "keys.json"];
    let run = |more: &[&str]| sandbox.keytrail(words.iter().chain(more)).run().code(1).stdout;
    let rows = |text: &str| text.matches("log     unreferenced").count();
    let folded = run(&[]);
    assert_eq!(rows(&folded), 1, "{folded}");
    assert!(folded.contains("each of 12 logs: there are no digests"), "{folded}");
    assert_eq!(rows(&run(&["-v"])), 12);
    let report: Value = serde_json::from_str(&run(&["-fjson"])).unwrap();
    assert_eq!(report["items"].as_array().unwrap().len(), 12);
}

#[test]
fn nothing_in_range_is_not_everything_verified() {
    let chain = Chain::new();
    // Later than all there is: said as a range that is nowhere, and forgiven it is still no proof.
    let later = ["--since", "2030-01-01"];
    assert_eq!(chain.verify(&later).0, Some(3));
    assert_eq!(chain.verify(&[later[0], later[1], "--allow-incomplete"]).0, Some(1));
}
