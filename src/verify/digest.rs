//! A digest file: its members, and the text that is signed.

use serde::Deserialize;
use serde_json::Value;

use super::place::{self, Series};
use crate::model::time::Time;

/// The members of a digest that count.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Digest {
    #[serde(rename = "awsAccountId")]
    pub account: String,
    #[serde(rename = "digestStartTime")]
    start: String,
    #[serde(rename = "digestEndTime")]
    end: String,
    #[serde(rename = "digestS3Bucket")]
    pub bucket: String,
    #[serde(rename = "digestS3Object")]
    pub object: String,
    #[serde(rename = "digestPublicKeyFingerprint")]
    pub fingerprint: String,
    #[serde(rename = "digestSignatureAlgorithm")]
    algorithm: Option<String>,
    #[serde(rename = "previousDigestS3Bucket")]
    pub previous_bucket: Option<String>,
    #[serde(rename = "previousDigestS3Object")]
    pub previous_object: Option<String>,
    #[serde(rename = "previousDigestHashValue")]
    pub previous_hash: Option<String>,
    #[serde(rename = "previousDigestHashAlgorithm")]
    previous_algorithm: Option<String>,
    #[serde(rename = "previousDigestSignature")]
    pub previous_signature: Option<String>,
    #[serde(rename = "logFiles")]
    pub logs: Vec<LogFile>,
}

/// A log file as a digest names it.
#[derive(Debug, Deserialize)]
pub(super) struct LogFile {
    #[serde(rename = "s3Bucket")]
    pub bucket: String,
    #[serde(rename = "s3Object")]
    pub object: String,
    #[serde(rename = "hashValue")]
    pub hash: String,
    #[serde(rename = "hashAlgorithm")]
    algorithm: Option<String>,
}

/// The only hash and signature there are.
const HASH: &str = "SHA-256";
const SIGNATURE: &str = "SHA256withRSA";

impl Digest {
    /// Reads the text of a digest file.
    ///
    /// # Errors
    /// What it lacks or has that no digest has.
    pub fn parse(text: &[u8]) -> Result<Digest, String> {
        let digest: Digest = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let is = |found: &Option<String>, wanted: &str| {
            found.as_deref().is_none_or(|found| found == wanted)
        };
        if !is(&digest.algorithm, SIGNATURE) || !is(&digest.previous_algorithm, HASH) {
            return Err(format!("expected {SIGNATURE} and {HASH}"));
        }
        if digest.logs.iter().any(|log| !is(&log.algorithm, HASH)) {
            return Err(format!("expected {HASH} for every log file"));
        }
        if digest.period().is_none() {
            return Err("expected digestStartTime before digestEndTime".to_owned());
        }
        match digest.series() {
            Some(series) if series.account == digest.account => Ok(digest),
            _ => Err("expected the digestS3Object of a digest of its own account".to_owned()),
        }
    }

    /// What it covers, half-open.
    pub fn period(&self) -> Option<(Time, Time)> {
        let (start, end) = (Time::parse(&self.start)?, Time::parse(&self.end)?);
        (start < end).then_some((start, end))
    }

    /// The chain it says it is of.
    pub fn series(&self) -> Option<Series> {
        match place::of(&self.object) {
            place::Place::Digest(series) => Some(series),
            _ => None,
        }
    }

    /// What is signed, given the SHA-256 of the digest's text in hex.
    pub fn signed(&self, hash: &str) -> String {
        let previous = self.previous_signature.as_deref().unwrap_or("null");
        format!("{}\n{}/{}\n{hash}\n{previous}", self.end, self.bucket, self.object)
    }
}

/// The signature in a sidecar: the object's metadata alone, or what `head-object` prints.
pub(super) fn signature_of(sidecar: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(sidecar).ok()?;
    let metadata = value.get("Metadata").or(value.get("metadata")).unwrap_or(&value);
    let signature = metadata.get("signature").or(metadata.get("x-amz-meta-signature"))?;
    signature.as_str().map(str::to_owned)
}
