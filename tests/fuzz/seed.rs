//! Writes seeds for the targets from the package's samples: `corpus/TARGET/…`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use keytrail::detect::RuleSet;
use keytrail::engine::{Head, Plan, Progress, scan_to_facts};
use keytrail::model::other_document::OtherDocument;
use keytrail::model::problem::Stage;
use keytrail::model::window::{Whole, Window};
use keytrail::record::container::{Reader, Sink};
use keytrail::record::event::Marked;
use keytrail::record::scan;
use keytrail::source::{Blob, Body, Inflater, Limits, Listing};
use keytrail::state::{State, encode};
use serde_json::Value;

/// Larger seeds make slow runs.
const LARGEST: usize = 16 << 10;

struct Records(Vec<Vec<u8>>);

impl Sink for Records {
    fn record(&mut self, _: u64, record: Marked<'_>) {
        self.0.push(record.bytes().to_vec());
    }
    fn bad(&mut self, _: u64, _: String) {}
    fn problem(&mut self, _: Stage, _: String) {}
    fn other(&mut self, _: OtherDocument) {}
    fn ready(&mut self) -> bool {
        true
    }
}

fn main() -> io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["samples/hostile", "samples/trail", "samples/rules", "samples/tags", "rules"] {
        walk(&here.join("../..").join(folder), &mut files)?;
    }
    files.sort();
    let mut inflater = Inflater::new(Limits::default());
    for (n, path) in files.into_iter().enumerate() {
        let save = |target: &str, part: usize, bytes: &[u8]| {
            let folder = here.join("corpus").join(target);
            fs::create_dir_all(&folder)?;
            let bytes = &bytes[..bytes.len().min(LARGEST)];
            fs::write(folder.join(format!("seed-{n}-{part}")), bytes)
        };
        let bytes = fs::read(&path)?;
        save("inflate", 0, &bytes)?;
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("yml" | "yaml") => save("sigma", 0, &bytes)?,
            Some("toml") => save("config", 0, &bytes)?,
            Some("csv" | "tf" | "tfstate") => save("tags", 0, &bytes)?,
            _ => {}
        }
        let blob = Blob { name: "seed".into(), body: Body::File(path), token: None };
        let Ok(mut opened) = inflater.open(&blob) else { continue };
        let mut text = Vec::new();
        loop {
            text.extend_from_slice(opened.text());
            opened.consume(opened.text().len());
            if !matches!(opened.fill(), Ok(true)) {
                break;
            }
        }
        save("read", 0, &text)?;
        save("layers", 0, &[b"T", &bytes[..]].concat())?;
        if text.starts_with(b"{") {
            save("tags", 1, &text)?;
        }
        save("inflate", 1, &[b"E\0\0\0\0\0\0", &text[..]].concat())?;
        let mut records = Records(Vec::new());
        Reader::new(scan::fastest(), 1 << 20).read(&mut Whole::new(&text), &mut records);
        for (part, record) in records.0.iter().enumerate().take(6) {
            save("scan", part, &record[1..])?;
            save("view", part, record)?;
            save("policy", part, policy_in(record).as_bytes())?;
        }
        if records.0.is_empty() && text.starts_with(b"{") {
            save("scan", 0, &text[1..])?;
        }
    }
    written_here(here)
}

/// Seeds of forms of which there are no samples.
fn written_here(here: &Path) -> io::Result<()> {
    let save = |target: &str, name: &str, bytes: &[u8]| {
        let folder = here.join("corpus").join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), bytes)
    };
    save("state", "empty", &encode(&State::default())?)?;
    save("config", "seed", CONFIG.as_bytes())?;
    save("part", "trail", &part(&here.join("../../samples/trail"))?)?;
    save("report", "one", REPORT.as_bytes())?;
    let later = REPORT.replace("2026-11-01", "2026-11-02").replace("sha256:1", "sha256:2");
    save("report", "two", format!("{REPORT}\0{later}").as_bytes())?;
    save("digest", "digest", DIGEST.as_bytes())?;
    save("digest", "signatures", br#"{"key":"a.json.gz","signature":"00ff"}"#)?;
    let keys = br#"{"PublicKeyList":[{"Value":"MIIB","Fingerprint":"00"}]}"#;
    save("digest", "keys", keys)
}

/// The facts of a folder, as the target for them takes frames: a kind, a length in two bytes, the bytes.
fn part(folder: &Path) -> io::Result<Vec<u8>> {
    let plan = Plan { seed: Some(7), lists_uses: true, ..Plan::new(RuleSet::default()) };
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    let mut listing = Listing::open(&[folder]).map_err(|_| io::ErrorKind::NotFound)?;
    let mut written = Vec::new();
    let out = (Head::default(), &mut written as &mut dyn io::Write);
    scan_to_facts(&mut listing, &plan, (&progress, &stop), out)?;
    let (mut rest, mut seed) = (written.get(16..).unwrap_or_default(), Vec::new());
    while let Some((head, others)) = rest.split_first_chunk::<9>() {
        let (lens, _) = head[1..].as_chunks::<4>();
        let [len, packed] = [0, 1].map(|at: usize| u32::from_le_bytes(lens[at]) as usize);
        let (packed, others) = others.split_at_checked(packed).ok_or(io::ErrorKind::InvalidData)?;
        let mut held = zstd::bulk::decompress(packed, len)?;
        held.truncate(4 << 10);
        seed.push(head[0]);
        seed.extend(u16::try_from(held.len()).map_err(io::Error::other)?.to_le_bytes());
        seed.extend(held);
        rest = others;
    }
    Ok(seed)
}

const CONFIG: &str = r#"
[accounts]
own = ["111122223333"]

[[suppress]]
rule = "key-disabled"
principal = "*:role/deploy-*"
reason = "example"
expires = "2027-01-31"
"#;

const REPORT: &str = r#"{"schema":"keytrail.report/v1","tool":{"rules":{"digest":"sha256:d","ids":["key-disabled"]}},
"run":{"started":"2026-11-01T02:00:00Z","finished":"2026-11-01T02:01:00Z","since":null,"until":null,"complete":true,
"config":"sha256:c","manifest":"sha256:1","state":{},"min_level":"low"},"totals":{"blobs":2,"blobs_failed":0,
"blobs_other":0,"bytes_read":9,"bytes_inflated":9,"records":5,"records_bad":0,"duplicates":0,"kms_records":3,
"first_event":"2026-11-01T00:00:00Z","last_event":null,"accounts":["111122223333"],"regions":["eu-central-1"]},
"summary":{"high":1,"known":0,"suppressed":0},"findings":[{"fingerprint":"0123456789abcdef0123456789abcdef",
"rule":"key-disabled","title":"KMS key disabled","level":"high","rank":1,"attempt":false,"count":1,
"first_seen":"2026-11-01T10:00:00Z","last_seen":null,"account":"111122223333","region":"eu-central-1",
"principal":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/ann","account":"111122223333","session":null,
"invoked_by":null,"mfa":"no"},"source_ip":null,"user_agent":null,"key":null,"resource":null,"events":[{"id":"e-1",
"time":"2026-11-01T10:00:00Z","name":"DisableKey","origin":"a.json.gz#3","event_source":"kms.amazonaws.com"}],
"details":{},"attack":[],"references":[],"advice":null,"outcome":{"state":"open","at":null,"by":null,"due":null}}],
"problems":[],"cases":[{"id":"c1","title":"KMS key disabled","level":"high","rank":1,"actors":["ann"],"credentials":[],
"source_ips":[],"keys":[],"first_seen":null,"last_seen":null,"findings":["0123456789abcdef0123456789abcdef"]}],
"verify":{"logs":{"verified":3}},"outcomes":[{"fingerprint":"0123456789abcdef0123456789abcdef","rule":"key-disabled",
"level":"high","target":null,"outcome":{"state":"reversed","at":"2026-11-01T11:00:00Z","by":"ann","due":null}}]}"#;

const DIGEST: &str = r#"{"awsAccountId":"111122223333","digestStartTime":"2026-11-02T00:00:00Z",
"digestEndTime":"2026-11-02T01:00:00Z","digestS3Bucket":"example-logs","digestS3Object":
"AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/11/02/111122223333_CloudTrail-Digest_eu-west-1_example_us-east-1_20261102T010000Z.json.gz",
"digestPublicKeyFingerprint":"00","digestSignatureAlgorithm":"SHA256withRSA","previousDigestS3Bucket":
"example-logs","previousDigestS3Object":"a.json.gz","previousDigestHashValue":"00",
"previousDigestSignature":"00","logFiles":[{"s3Bucket":"example-logs","s3Object":"b.json.gz","hashValue":"00"}]}"#;

/// The policy document that a record of a request holds; empty if there is none.
fn policy_in(record: &[u8]) -> String {
    let record: Value = serde_json::from_slice(record).unwrap_or_default();
    let request = &record["requestParameters"];
    let document = request.get("policy").or_else(|| request.get("policyDocument"));
    match document {
        Some(Value::String(text)) => text.clone(),
        Some(document) => document.to_string(),
        None => String::new(),
    }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { walk(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
