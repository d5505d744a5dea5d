//! Files that lie beside trail files in a bucket, and files that have no business there.
//!
//! The first are counted (`totals.blobs_other`) and are no problem, but alone they are no input;
//! the second are a problem each.

use serde_json::{Value, json};

use super::{ACCOUNT, Case, KEY, NOTHING};
use crate::record::compact;

/// What a scan that saw no trail file has to say; no problem, since nothing went wrong.
pub const NO_TRAIL_FILES: &str = "no trail files found";

/// A known kind of file that is no trail file.
const OTHER: Case = Case { exit: 3, ..NOTHING };

pub const CASES: &[Case] = &[
    Case {
        file: "digest.json",
        about: "a CloudTrail digest (counted as another kind; no trail files found)",
        make: digest,
        ..OTHER
    },
    Case {
        file: "digest.json.gz.metadata.json",
        about: "the object metadata of a digest, with its signature (likewise)",
        make: sidecar,
        ..OTHER
    },
    Case {
        file: "config-snapshot.json",
        about: "an AWS Config snapshot (likewise)",
        make: config_snapshot,
        ..OTHER
    },
    Case {
        file: "vpc-flow.log",
        about: "a VPC flow log (likewise)",
        make: || FLOW_LOG.into(),
        ..OTHER
    },
    Case {
        file: "notes.txt",
        about: "text of no known kind",
        make: || b"Monday: ask who rotates the keys.\nTuesday: nobody knows.\n".into(),
        problems: &[("parse", "known kind")],
        ..OTHER
    },
    Case {
        file: "unknown.json",
        about: "JSON of no known kind",
        make: || br#"{"name":"inventory","items":[{"sku":1,"left":20},{"sku":2,"left":0}]}"#.into(),
        problems: &[("parse", "known kind")],
        ..OTHER
    },
];

const FLOW_LOG: &str = "\
version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status
2 111122223333 eni-0123456789abcdef0 203.0.113.20 192.0.2.24 49152 443 6 12 4210 1773309600 1773309660 ACCEPT OK
2 111122223333 eni-0123456789abcdef0 198.51.100.77 192.0.2.24 50211 22 6 1 40 1773309600 1773309660 REJECT OK
";

fn key_of(kind: &str, hour: u32, suffix: &str) -> String {
    format!(
        "AWSLogs/{ACCOUNT}/{kind}/eu-west-1/2026/03/12/\
         {ACCOUNT}_{kind}_eu-west-1_{suffix}20260312T{hour:02}0000Z.json.gz"
    )
}

fn digest() -> Vec<u8> {
    let hash = "0123456789abcdef".repeat(4);
    let log = json!({
        "s3Bucket": "example-trail-logs", "hashAlgorithm": "SHA-256", "hashValue": hash,
        "s3Object": key_of("CloudTrail", 10, ""), "oldestEventTime": "2026-03-12T09:40:00Z",
        "newestEventTime": "2026-03-12T09:44:59Z",
    });
    compact(&json!({
        "awsAccountId": ACCOUNT, "digestStartTime": "2026-03-12T09:00:00Z",
        "digestEndTime": "2026-03-12T10:00:00Z", "digestS3Bucket": "example-trail-logs",
        "digestS3Object": key_of("CloudTrail-Digest", 10, "main_eu-west-1_"),
        "digestPublicKeyFingerprint": "0123456789abcdef0123456789abcdef",
        "digestSignatureAlgorithm": "SHA256withRSA", "previousDigestS3Bucket": "example-trail-logs",
        "previousDigestS3Object": key_of("CloudTrail-Digest", 9, "main_eu-west-1_"),
        "previousDigestHashValue": hash, "previousDigestHashAlgorithm": "SHA-256",
        "previousDigestSignature": "abcdef0123456789".repeat(32),
        "newestEventTime": "2026-03-12T09:44:59Z", "oldestEventTime": "2026-03-12T09:40:00Z",
        "logFiles": [log],
    }))
    .into_bytes()
}

fn sidecar() -> Vec<u8> {
    compact(&json!({
        "signature": "fedcba9876543210".repeat(32), "signature-algorithm": "SHA256withRSA",
    }))
    .into_bytes()
}

fn config_snapshot() -> Vec<u8> {
    let item: Value = json!({
        "configurationItemVersion": "1.3", "configurationItemStatus": "OK",
        "configurationItemCaptureTime": "2026-03-12T09:30:00.000Z", "awsAccountId": ACCOUNT,
        "awsRegion": "eu-west-1", "resourceType": "AWS::KMS::Key", "resourceId": KEY.id,
        "ARN": KEY.arn(), "tags": {"team": "payments"}, "relationships": [],
        "configuration": {"keyState": "Enabled", "eventName": "DisableKey"},
    });
    compact(&json!({
        "fileVersion": "1.0", "configSnapshotId": "1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d",
        "configurationItems": [item],
    }))
    .into_bytes()
}
