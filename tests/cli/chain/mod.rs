//! A bucket with logs and a digest chain, signed with throw-away keys that were made for these
//! tests: what CloudTrail would have delivered, and what somebody then did to it.

use std::collections::BTreeMap;
use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use ring::rand::SystemRandom;
use ring::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::Sandbox;

pub const BUCKET: &str = "example-logs";
const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-central-1";

/// The files of a bucket by key, and the keys that are trusted.
pub struct Chain {
    pub files: BTreeMap<String, Vec<u8>>,
    pub digests: Vec<String>,
    pub logs: Vec<String>,
    pub public_keys: Value,
    signer: RsaKeyPair,
}

pub fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

// What `gzip` made has one member and no more.
#[allow(clippy::disallowed_types)]
pub fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    std::io::copy(&mut flate2::read::GzDecoder::new(bytes), &mut text).unwrap();
    text
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn signer(another: bool) -> RsaKeyPair {
    let throwaway = include_bytes!("throwaway.pk8");
    let other = include_bytes!("another.pk8");
    RsaKeyPair::from_pkcs8(if another { other } else { throwaway }).unwrap()
}

fn fingerprint(signer: &RsaKeyPair) -> String {
    hex(&md5::Md5::digest(signer.public_key().as_ref()))
}

fn sign(signer: &RsaKeyPair, text: &str) -> String {
    let mut signature = vec![0; signer.public().modulus_len()];
    let random = SystemRandom::new();
    signer.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature).unwrap();
    hex(&signature)
}

fn digest_key(hour: usize) -> String {
    let name = format!("{ACCOUNT}_CloudTrail-Digest_{REGION}_my_trail_us-east-1");
    let folder = format!("AWSLogs/{ACCOUNT}/CloudTrail-Digest/{REGION}/2026/11/02");
    format!("{folder}/{name}_20261102T{hour:02}0000Z.json.gz")
}

impl Chain {
    /// Six hours, with two logs each.
    pub fn new() -> Chain {
        let mut chain = Chain::empty();
        (0..6).for_each(|hour| chain.hour(hour));
        chain
    }

    pub fn empty() -> Chain {
        let signer = signer(false);
        let value = STANDARD.encode(signer.public_key().as_ref());
        let key = json!({"Value": value, "Fingerprint": fingerprint(&signer)});
        Chain {
            files: BTreeMap::new(),
            digests: Vec::new(),
            logs: Vec::new(),
            public_keys: json!({"PublicKeyList": [key]}),
            signer,
        }
    }

    /// Delivers the logs of an hour, and the digest that names them.
    pub fn hour(&mut self, hour: usize) {
        let mut named = Vec::new();
        for minute in ["05", "35"] {
            let unique = format!("Example{hour:02}{minute}Exampl");
            let name =
                format!("{ACCOUNT}_CloudTrail_{REGION}_20261102T{hour:02}{minute}Z_{unique}");
            let key = format!("AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/11/02/{name}.json.gz");
            let text = record(hour, minute);
            named.push(json!({
                "s3Bucket": BUCKET, "s3Object": key, "hashAlgorithm": "SHA-256",
                "hashValue": hex(&Sha256::digest(&text)),
                "newestEventTime": null, "oldestEventTime": null,
            }));
            self.files.insert(key.clone(), gzip(&text));
            self.logs.push(key);
        }
        let key = digest_key(hour + 1);
        let previous = self.digests.last().map(|key| {
            let text = gunzip(&self.files[key]);
            (key.clone(), hex(&Sha256::digest(&text)), self.signature(key))
        });
        let part = |part: fn(&(String, String, String)) -> &String| previous.as_ref().map(part);
        let digest = json!({
            "awsAccountId": ACCOUNT,
            "digestStartTime": format!("2026-11-02T{hour:02}:00:00Z"),
            "digestEndTime": format!("2026-11-02T{:02}:00:00Z", hour + 1),
            "digestS3Bucket": BUCKET, "digestS3Object": key,
            "digestPublicKeyFingerprint": fingerprint(&self.signer),
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": null, "oldestEventTime": null,
            "previousDigestS3Bucket": previous.as_ref().map(|_| BUCKET),
            "previousDigestS3Object": part(|previous| &previous.0),
            "previousDigestHashValue": part(|previous| &previous.1),
            "previousDigestHashAlgorithm": previous.as_ref().map(|_| "SHA-256"),
            "previousDigestSignature": part(|previous| &previous.2),
            "logFiles": named,
        });
        self.deliver(&key, &digest, false);
        self.digests.push(key);
    }

    /// Writes a digest and its signature.
    pub fn deliver(&mut self, key: &str, digest: &Value, by_another: bool) {
        let text = digest.to_string();
        let (end, object) = (&digest["digestEndTime"], &digest["digestS3Object"]);
        let previous = digest["previousDigestSignature"].as_str().unwrap_or("null");
        let signed = format!(
            "{}\n{}/{}\n{}\n{previous}",
            end.as_str().unwrap(),
            digest["digestS3Bucket"].as_str().unwrap(),
            object.as_str().unwrap(),
            hex(&Sha256::digest(&text)),
        );
        let another = signer(true);
        let signature = sign(if by_another { &another } else { &self.signer }, &signed);
        self.files.insert(key.to_owned(), gzip(text.as_bytes()));
        let sidecar = json!({"Metadata": {"signature": signature}});
        self.files.insert(sidecar_of(key), sidecar.to_string().into());
    }

    pub fn digest(&self, number: usize) -> Value {
        serde_json::from_slice(&gunzip(&self.files[&self.digests[number]])).unwrap()
    }

    fn signature(&self, key: &str) -> String {
        let sidecar: Value = serde_json::from_slice(&self.files[&sidecar_of(key)]).unwrap();
        sidecar["Metadata"]["signature"].as_str().unwrap().to_owned()
    }

    /// Removes a file, and a digest's signature with it.
    pub fn remove(&mut self, key: &str) {
        self.files.remove(key);
        self.files.remove(&sidecar_of(key));
    }

    /// Changes the text of a gzip file.
    pub fn edit(&mut self, key: &str, change: impl FnOnce(String) -> String) {
        let text = String::from_utf8(gunzip(&self.files[key])).unwrap();
        self.files.insert(key.to_owned(), gzip(change(text).as_bytes()));
    }

    /// The bucket as a folder, verified: exit code and report.
    pub fn verify(&self, more: &[&str]) -> (Option<i32>, Value) {
        let sandbox = Sandbox::new();
        self.write(&sandbox);
        let words = ["verify", "bucket", "--public-keys", "keys.json", "-fjson"];
        let output = sandbox.keytrail(words.iter().chain(more)).run();
        let report = serde_json::from_str(&output.stdout);
        (output.code, report.unwrap_or_else(|_| json!({"stderr": output.stderr})))
    }

    pub fn write(&self, sandbox: &Sandbox) {
        sandbox.write("keys.json", self.public_keys.to_string());
        std::fs::create_dir_all(sandbox.path("bucket")).unwrap();
        for (key, bytes) in &self.files {
            sandbox.write(&format!("bucket/{key}"), bytes);
        }
    }
}

pub fn sidecar_of(key: &str) -> String {
    format!("{key}.metadata.json")
}

/// A log with one deletion.
fn record(hour: usize, minute: &str) -> Vec<u8> {
    let key = format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab");
    json!({"Records": [{
        "eventVersion": "1.11", "eventSource": "kms.amazonaws.com",
        "eventName": "ScheduleKeyDeletion", "eventTime": format!("2026-11-02T{hour:02}:{minute}:00Z"),
        "awsRegion": REGION, "recipientAccountId": ACCOUNT, "eventType": "AwsApiCall",
        "eventID": format!("00000000-0000-4000-8000-0000000{hour:02}{minute}0"),
        "userIdentity": {"type": "IAMUser", "accountId": ACCOUNT,
            "arn": format!("arn:aws:iam::{ACCOUNT}:user/example"), "userName": "example"},
        "sourceIPAddress": "192.0.2.1", "userAgent": "example", "readOnly": false,
        "requestParameters": {"keyId": key, "pendingWindowInDays": 30},
        "responseElements": {"keyId": key},
        "resources": [{"ARN": key, "accountId": ACCOUNT, "type": "AWS::KMS::Key"}],
    }]})
    .to_string()
    .into_bytes()
}
