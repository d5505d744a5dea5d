//! A bucket with logs and a digest chain, signed with throw-away keys that were made for these
//! tests: what CloudTrail would have delivered, and what somebody then did to it.

pub mod tamperings;

use std::collections::BTreeMap;
use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use keytrail::model::time::Time;
use keytrail::model::window::Window;
use keytrail::source::{Inflater, Limits};
use ring::rand::SystemRandom;
use ring::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::Sandbox;

pub const BUCKET: &str = "example-logs";
pub const ACCOUNT: &str = "111122223333";

/// Whose logs they are, and from when on.
#[derive(Clone)]
pub struct Place {
    pub account: &'static str,
    pub region: &'static str,
    pub trail: &'static str,
    /// The key before the account.
    pub folder: &'static str,
    pub start: Time,
    pub backfill: bool,
    /// The end of the unique names of logs.
    pub mark: &'static str,
}

impl Place {
    pub fn new() -> Place {
        Place {
            account: ACCOUNT,
            region: "eu-central-1",
            trail: "my_trail",
            folder: "AWSLogs",
            // Older than the toolchain that builds this: every clock that is right is past it.
            start: Time::parse("2025-11-02T00:00:00Z").unwrap(),
            backfill: false,
            mark: "Exampl",
        }
    }

    fn time(&self, hour: usize, minute: &str) -> String {
        let minutes = hour as i64 * 60 + minute.parse::<i64>().unwrap();
        Time(self.start.0 + minutes * 60_000_000).to_string()
    }

    /// `2025/11/02`, `20251102T050000Z`
    fn in_names(&self, hour: usize, minute: &str) -> (String, String) {
        let time = self.time(hour, minute);
        (time[..10].replace('-', "/"), time.replace(['-', ':'], ""))
    }

    pub fn digest_key(&self, hour: usize) -> String {
        let Place { account, region, trail, folder, .. } = self;
        let (day, time) = self.in_names(hour, "00");
        let end = if self.backfill { "_backfill" } else { "" };
        let name = format!("{account}_CloudTrail-Digest_{region}_{trail}_us-east-1_{time}{end}");
        format!("{folder}/{account}/CloudTrail-Digest/{region}/{day}/{name}.json.gz")
    }

    pub fn log_key(&self, hour: usize, minute: &str) -> String {
        let Place { account, region, folder, mark, .. } = self;
        let (day, time) = self.in_names(hour, minute);
        let name = format!(
            "{account}_CloudTrail_{region}_{}Z_Example{hour:02}{minute}{mark}",
            &time[..13]
        );
        format!("{folder}/{account}/CloudTrail/{region}/{day}/{name}.json.gz")
    }
}

/// The files of a bucket by key, and the keys that are trusted.
pub struct Chain {
    pub files: BTreeMap<String, Vec<u8>>,
    pub digests: Vec<String>,
    pub logs: Vec<String>,
    pub public_keys: Value,
    pub place: Place,
    signer: RsaKeyPair,
}

pub fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

pub fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut inflater = Inflater::new(Limits::default());
    let mut text = inflater.open_bytes(&"x".into(), Box::new(bytes));
    let mut all = Vec::new();
    while text.fill().unwrap() {
        all.extend_from_slice(text.text());
        text.consume(text.text().len());
    }
    all
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn signer(another: bool) -> RsaKeyPair {
    let throwaway = include_bytes!("throwaway.pk8");
    let other = include_bytes!("another.pk8");
    RsaKeyPair::from_pkcs8(if another { other } else { throwaway }).unwrap()
}

pub fn fingerprint(signer: &RsaKeyPair) -> String {
    hex(&md5::Md5::digest(signer.public_key().as_ref()))
}

fn sign(signer: &RsaKeyPair, text: &str) -> String {
    let mut signature = vec![0; signer.public().modulus_len()];
    let random = SystemRandom::new();
    signer.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature).unwrap();
    hex(&signature)
}

impl Chain {
    /// Six hours, with two logs each.
    pub fn new() -> Chain {
        let mut chain = Chain::empty();
        (0..6).for_each(|hour| chain.hour(hour));
        chain
    }

    pub fn empty() -> Chain {
        Chain::of(Place::new())
    }

    pub fn of(place: Place) -> Chain {
        let signer = signer(false);
        let value = STANDARD.encode(signer.public_key().as_ref());
        let key = json!({"Value": value, "Fingerprint": fingerprint(&signer)});
        Chain {
            files: BTreeMap::new(),
            digests: Vec::new(),
            logs: Vec::new(),
            public_keys: json!({"PublicKeyList": [key]}),
            place,
            signer,
        }
    }

    /// Delivers the logs of an hour, and the digest that names them.
    pub fn hour(&mut self, hour: usize) {
        let mut named = Vec::new();
        for minute in ["05", "35"] {
            named.push(self.log(hour, minute));
        }
        self.digest_of(hour, named);
    }

    /// Delivers a log; what its digest says of it.
    pub fn log(&mut self, hour: usize, minute: &str) -> Value {
        let key = self.place.log_key(hour, minute);
        let text = record(&self.place, &self.place.time(hour, minute), &key);
        self.files.insert(key.clone(), gzip(&text));
        self.logs.push(key.clone());
        named(&key, &text)
    }

    /// Delivers the digest of an hour.
    pub fn digest_of(&mut self, hour: usize, named: Vec<Value>) {
        let key = self.place.digest_key(hour + 1);
        let previous = self.digests.last().map(|key| {
            let text = gunzip(&self.files[key]);
            (key.clone(), hex(&Sha256::digest(&text)), self.signature(key))
        });
        let part = |part: fn(&(String, String, String)) -> &String| previous.as_ref().map(part);
        let digest = json!({
            "awsAccountId": self.place.account,
            "digestStartTime": self.place.time(hour, "00"),
            "digestEndTime": self.place.time(hour + 1, "00"),
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

    pub fn signature(&self, key: &str) -> String {
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

    /// Takes in the files of another.
    pub fn join(&mut self, other: Chain) {
        self.files.extend(other.files);
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

/// What a digest says of a log.
pub fn named(key: &str, text: &[u8]) -> Value {
    json!({
        "s3Bucket": BUCKET, "s3Object": key, "hashAlgorithm": "SHA-256",
        "hashValue": hex(&Sha256::digest(text)),
        "newestEventTime": null, "oldestEventTime": null,
    })
}

/// A log with one deletion.
fn record(place: &Place, time: &str, key: &str) -> Vec<u8> {
    let Place { account, region, .. } = place;
    let kms = format!("arn:aws:kms:{region}:{account}:key/1234abcd-12ab-34cd-56ef-1234567890ab");
    let id = hex(&Sha256::digest(key)[..6]);
    json!({"Records": [{
        "eventVersion": "1.11", "eventSource": "kms.amazonaws.com",
        "eventName": "ScheduleKeyDeletion", "eventTime": time,
        "awsRegion": region, "recipientAccountId": account, "eventType": "AwsApiCall",
        "eventID": format!("00000000-0000-4000-8000-{id}"),
        "userIdentity": {"type": "IAMUser", "accountId": account,
            "arn": format!("arn:aws:iam::{account}:user/example"), "userName": "example"},
        "sourceIPAddress": "192.0.2.1", "userAgent": "example", "readOnly": false,
        "requestParameters": {"keyId": kms, "pendingWindowInDays": 30},
        "responseElements": {"keyId": kms},
        "resources": [{"ARN": kms, "accountId": account, "type": "AWS::KMS::Key"}],
    }]})
    .to_string()
    .into_bytes()
}
