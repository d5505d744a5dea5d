//! What somebody may do to a chain of six digests with two logs each, and what is then found.
//!
//! One list for `verify` and for `scan --verify`, so that both say the same.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::KeyPair;
use serde_json::{Value, json};

use super::{BUCKET, Chain, Place, gunzip, gzip, hex, named, sidecar_of, signer};

/// A tampering: its name, what is done, and the counts that are then not zero, beside those of what
/// is verified.
pub type Tampering = (&'static str, fn(&mut Chain), &'static [(&'static str, u64)]);

fn log(c: &Chain) -> String {
    c.logs[4].clone()
}

fn digest(c: &Chain) -> String {
    c.digests[2].clone()
}

fn change(c: &mut Chain, key: &str, change: impl FnOnce(&mut Vec<u8>)) {
    change(c.files.get_mut(key).unwrap());
}

/// A digest of the third hour that names no logs, under its own name.
fn emptied(c: &mut Chain, by_another: bool) {
    let mut emptied = c.digest(2);
    emptied["logFiles"] = json!([]);
    c.deliver(&digest(c), &emptied, by_another);
}

/// A log of another name with the records of the fifth.
fn forged(c: &mut Chain, key: String) -> Value {
    let text = gunzip(&c.files[&log(c)]);
    c.files.insert(key.clone(), gzip(&text));
    named(&key, &text)
}

/// Takes the last hour's place: a digest of a seventh that names a forged log.
fn seventh(c: &mut Chain) -> (String, Value) {
    let key = c.place.log_key(6, "05");
    let log = forged(c, key);
    let mut next = c.digest(5);
    let key = c.place.digest_key(7);
    next["digestStartTime"] = json!("2025-11-02T06:00:00Z");
    next["digestEndTime"] = json!("2025-11-02T07:00:00Z");
    next["digestS3Object"] = json!(key);
    next["previousDigestS3Object"] = json!(c.digests[5]);
    next["previousDigestSignature"] = json!(c.signature(&c.digests[5]));
    let text = gunzip(&c.files[&c.digests[5]]);
    let hash = <sha2::Sha256 as sha2::Digest>::digest(text);
    next["previousDigestHashValue"] = json!(hex(&hash));
    next["logFiles"] = json!([log]);
    (key, next)
}

/// Puts a key in the file that nobody signed with.
fn trust_another(c: &mut Chain) {
    let value = STANDARD.encode(signer(true).public_key().as_ref());
    c.public_keys = json!({"publicKeyList": [{"value": value}]});
}

/// What is done to logs.
pub const OF_LOGS: &[Tampering] = &[
    (
        "one byte",
        |c| c.edit(&log(c), |text| text.replace("192.0.2.1", "192.0.2.2")),
        &[("logs modified", 1)],
    ),
    ("deleted", |c| c.remove(&log(c)), &[("logs missing", 1)]),
    (
        "truncated",
        |c| change(c, &log(c), |bytes| bytes.truncate(bytes.len() / 2)),
        &[("logs unreadable", 1)],
    ),
    (
        "CRC",
        |c| {
            change(c, &log(c), |bytes| {
                let at = bytes.len() - 8;
                bytes[at] ^= 1;
            });
        },
        &[("logs unreadable", 1)],
    ),
    (
        "a second member",
        |c| change(c, &log(c), |bytes| bytes.extend(gzip(b"{\"Records\":[]}"))),
        &[("logs trailing-data", 1)],
    ),
    (
        "an empty second member",
        |c| change(c, &log(c), |bytes| bytes.extend(gzip(b""))),
        &[("logs trailing-data", 1)],
    ),
    ("junk", |c| change(c, &log(c), |bytes| bytes.extend(b"junk")), &[("logs trailing-data", 1)]),
    ("nothing left", |c| change(c, &log(c), Vec::clear), &[("logs modified", 1)]),
    (
        "a byte order mark",
        |c| c.edit(&log(c), |text| format!("\u{feff}{text}")),
        &[("logs modified", 1)],
    ),
    (
        "swapped",
        |c| {
            let (a, b) = (c.files[&c.logs[4]].clone(), c.files[&c.logs[5]].clone());
            c.files.extend([(c.logs[4].clone(), b), (c.logs[5].clone(), a)]);
        },
        &[("logs modified", 2)],
    ),
    (
        "reformatted",
        |c| {
            c.edit(&log(c), |text| {
                let value: Value = serde_json::from_str(&text).unwrap();
                serde_json::to_string_pretty(&value).unwrap()
            });
        },
        &[("logs modified", 1)],
    ),
    (
        "a log no digest names",
        |c| drop(forged(c, log(c).replace("Exampl.", "Forged."))),
        &[("logs unreferenced", 1)],
    ),
    (
        "renamed",
        |c| {
            let bytes = c.files.remove(&log(c)).unwrap();
            c.files.insert("elsewhere.bin".into(), bytes);
        },
        &[("logs missing", 1), ("logs unreferenced", 1)],
    ),
    (
        "the true one moved aside",
        |c| {
            c.files.insert(log(c).replace("AWSLogs", "old/AWSLogs"), c.files[&log(c)].clone());
            c.edit(&log(c), |text| text.replace("192.0.2.1", "192.0.2.2"));
        },
        &[("logs modified", 1)],
    ),
    // From here on no list had them.
    (
        "its records taken out, which leaves a well-formed file",
        |c| c.edit(&log(c), |_| "{\"Records\":[]}".into()),
        &[("logs modified", 1)],
    ),
    (
        "a second document behind the first, in the same member",
        |c| c.edit(&log(c), |text| format!("{text}{text}")),
        &[("logs modified", 1)],
    ),
    (
        "one white space at the end",
        |c| c.edit(&log(c), |text| text + "\n"),
        &[("logs modified", 1)],
    ),
    (
        "changed, and packed with zstd",
        |c| {
            let text = gunzip(&c.files.remove(&log(c)).unwrap());
            let text = String::from_utf8(text).unwrap().replace("192.0.2.1", "192.0.2.2");
            let packed = zstd::encode_all(text.as_bytes(), 3).unwrap();
            c.files.insert(log(c).replace(".gz", ".zst"), packed);
        },
        &[("logs modified", 1)],
    ),
    (
        "a bit of the compressed data",
        |c| change(c, &log(c), |bytes| bytes[40] ^= 4),
        &[("logs unreadable", 1)],
    ),
    (
        "every log of every hour deleted",
        |c| c.logs.clone().iter().for_each(|log| c.remove(log)),
        &[("logs missing", 12)],
    ),
    (
        "a true log under another day's name",
        |c| drop(forged(c, log(c).replace("20251102T0205Z", "20251102T0305Z"))),
        &[("logs unreferenced", 1)],
    ),
    (
        "a true log under another account's name",
        |c| drop(forged(c, log(c).replace("111122223333", "444455556666"))),
        &[("logs unreferenced", 1)],
    ),
    (
        "a log from before the first digest",
        |c| drop(forged(c, log(c).replace("20251102T0205Z", "20251101T2305Z"))),
        &[("logs outside-digest-range", 1)],
    ),
    (
        "a log from the future",
        |c| drop(forged(c, log(c).replace("20251102T0205Z", "29991102T0205Z"))),
        &[("logs outside-digest-range", 1)],
    ),
    (
        "records under a name that is no log's",
        |c| {
            let text = String::from_utf8(gunzip(&c.files[&log(c)])).unwrap();
            let records: Value = serde_json::from_str(&text).unwrap();
            c.files.insert("extra.jsonl".into(), records["Records"][0].to_string().into());
        },
        &[("logs unreferenced", 1)],
    ),
];

/// What is done to digests.
pub const OF_DIGESTS: &[Tampering] = &[
    ("one gone", |c| c.remove(&digest(c)), &[("digests missing", 1), ("logs unreferenced", 2)]),
    (
        "two adjacent ones gone",
        |c| [2, 3].map(|n| c.digests[n].clone()).iter().for_each(|d| c.remove(d)),
        &[("digests missing", 2), ("logs unreferenced", 4)],
    ),
    (
        "the first gone",
        |c| c.remove(&c.digests[0].clone()),
        &[("digests missing", 1), ("logs outside-digest-range", 2)],
    ),
    ("the newest gone", |c| c.remove(&c.digests[5].clone()), &[("logs outside-digest-range", 2)]),
    (
        "all gone",
        |c| c.digests.clone().iter().for_each(|d| c.remove(d)),
        &[("logs unreferenced", 12)],
    ),
    (
        "a name in it",
        |c| c.edit(&digest(c), |text| text.replace("Example0205", "Example0299")),
        &[("digests bad-signature", 1), ("logs missing", 1), ("logs unreferenced", 2)],
    ),
    (
        "junk",
        |c| change(c, &digest(c), |bytes| bytes.extend(b"junk")),
        &[("digests bad-format", 1), ("logs unreferenced", 2)],
    ),
    (
        "a second member",
        |c| change(c, &digest(c), |bytes| bytes.extend(gzip(b"{}"))),
        &[("digests bad-format", 1), ("logs unreferenced", 2)],
    ),
    (
        "signed by another",
        |c| emptied(c, true),
        &[("digests bad-signature", 1), ("logs unreferenced", 2)],
    ),
    // Somebody who has the true key too: only the chain tells.
    (
        "signed with the same key",
        |c| emptied(c, false),
        &[("digests hash-chain-mismatch", 1), ("logs unreferenced", 2)],
    ),
    (
        "an older one in its place",
        |c| {
            let older = c.files[&c.digests[1]].clone();
            c.files.insert(digest(c), older);
        },
        &[("digests bad-format", 1), ("logs unreferenced", 2)],
    ),
    (
        "another bucket in it",
        |c| c.edit(&digest(c), |text| text.replace(BUCKET, "other-bucket")),
        &[("digests bad-signature", 1), ("logs unreferenced", 2)],
    ),
    (
        "no signature of the newest",
        |c| drop(c.files.remove(&sidecar_of(&c.digests[5].clone()))),
        &[("digests signature-unavailable", 1), ("logs unreferenced", 2)],
    ),
    (
        "a wrong one of the newest",
        |c| {
            let sidecar = sidecar_of(&c.digests[5].clone());
            c.files.insert(sidecar, br#"{"signature":"00"}"#.to_vec());
        },
        &[("digests bad-signature", 1), ("logs unreferenced", 2)],
    ),
    ("a key nobody has", trust_another, &[("digests key-unknown", 6), ("logs unreferenced", 12)]),
    // From here on no list had them.
    (
        "nothing left",
        |c| change(c, &digest(c), Vec::clear),
        &[("digests bad-format", 1), ("logs unreferenced", 2)],
    ),
    (
        "gone with its logs",
        |c| [digest(c), c.logs[4].clone(), c.logs[5].clone()].iter().for_each(|k| c.remove(k)),
        &[("digests missing", 1)],
    ),
    (
        "for another account",
        |c| c.edit(&digest(c), |text| text.replace("\"111122223333\"", "\"444455556666\"")),
        &[("digests bad-format", 1), ("logs unreferenced", 2)],
    ),
    (
        "another signature of the one before it, signed with the same key",
        |c| {
            let mut last = c.digest(5);
            last["previousDigestSignature"] = json!(c.signature(&c.digests[1]));
            c.deliver(&c.digests[5].clone(), &last, false);
        },
        &[("digests hash-chain-mismatch", 1), ("logs unreferenced", 2)],
    ),
    (
        "one more, with another's key, for a forged log",
        |c| {
            let (key, next) = seventh(c);
            c.deliver(&key, &next, true);
        },
        &[("digests bad-signature", 1), ("logs unreferenced", 1)],
    ),
    (
        "one more, with the signature of the one before",
        |c| {
            let (key, next) = seventh(c);
            c.deliver(&key, &next, true);
            let last = c.files[&sidecar_of(&c.digests[5])].clone();
            c.files.insert(sidecar_of(&key), last);
        },
        &[("digests bad-signature", 1), ("logs unreferenced", 1)],
    ),
    (
        "one more, without a signature",
        |c| {
            let (key, next) = seventh(c);
            c.deliver(&key, &next, true);
            c.files.remove(&sidecar_of(&key));
        },
        &[("digests signature-unavailable", 1), ("logs unreferenced", 1)],
    ),
    (
        "one that names a log of another account, signed with the same key",
        |c| {
            let forged = forged(c, log(c).replace("111122223333", "444455556666"));
            let mut last = c.digest(5);
            last["logFiles"].as_array_mut().unwrap().push(forged);
            c.deliver(&c.digests[5].clone(), &last, false);
        },
        &[("logs unreferenced", 1)],
    ),
    (
        "an unsigned one that names a true log otherwise, from a place more like its own",
        |c| {
            let other = Place { trail: "other", ..Place::new() };
            let mut forged = c.digest(2);
            let key = other.digest_key(3);
            forged["digestS3Object"] = json!(key);
            forged["previousDigestS3Object"] = Value::Null;
            let place = format!("bucket/{}", log(c));
            forged["logFiles"] = json!([named(&place, b"{}")]);
            c.deliver(&key, &forged, true);
            c.files.remove(&sidecar_of(&key));
        },
        &[("digests signature-unavailable", 1)],
    ),
    (
        "every digest made anew with another's key",
        |c| {
            for n in 0..6 {
                let mut again = c.digest(n);
                again["digestPublicKeyFingerprint"] = json!("00");
                if n > 0 {
                    again["previousDigestSignature"] = json!(c.signature(&c.digests[n - 1]));
                }
                c.deliver(&c.digests[n].clone(), &again, true);
            }
        },
        &[("digests key-unknown", 6), ("logs unreferenced", 12)],
    ),
];
