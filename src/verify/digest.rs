//! A digest file: its members, and the text that is signed.

use serde::Deserialize;
use serde_json::{Deserializer, Value};

use super::place::{self, Series};
use crate::model::time::Time;

/// The members of a digest that verification needs.
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

/// The only algorithms that CloudTrail uses for hashes and signatures.
const HASH: &str = "SHA-256";
const SIGNATURE: &str = "SHA256withRSA";

impl Digest {
    /// Reads the text of a digest file.
    ///
    /// # Errors
    /// Which member is missing, or has a value that no digest has.
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

    /// The period that the digest covers, half-open.
    pub fn period(&self) -> Option<(Time, Time)> {
        let (start, end) = (Time::parse(&self.start)?, Time::parse(&self.end)?);
        (start < end).then_some((start, end))
    }

    /// The series that the digest says it belongs to.
    pub fn series(&self) -> Option<Series> {
        match place::of(&self.object) {
            place::Place::Digest(series) => Some(series),
            _ => None,
        }
    }

    /// The text that CloudTrail signs. It contains the SHA-256 of the digest's own text, in hex.
    pub fn signed(&self, hash: &str) -> String {
        let previous = self.previous_signature.as_deref().unwrap_or("null");
        format!("{}\n{}/{}\n{hash}\n{previous}", self.end, self.bucket, self.object)
    }
}

/// The signatures in a file, each with the key of the object it is of where the file says so: what
/// `head-object` prints, the object's metadata alone, or any number of `{key, signature}`.
pub(super) fn signatures_of(text: &[u8]) -> Vec<(Option<String>, String)> {
    let mut found = Vec::new();
    for value in Deserializer::from_slice(text).into_iter::<Value>().map_while(Result::ok) {
        match value {
            Value::Array(all) => found.extend(all.iter().filter_map(signature_of)),
            one => found.extend(signature_of(&one)),
        }
    }
    found
}

fn signature_of(value: &Value) -> Option<(Option<String>, String)> {
    let metadata = value.get("Metadata").or(value.get("metadata")).unwrap_or(value);
    let signature = metadata.get("signature").or(metadata.get("x-amz-meta-signature"))?;
    let key = value.get("key").or(value.get("Key")).and_then(Value::as_str);
    Some((key.map(str::to_owned), signature.as_str()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_come_in_every_form() {
        let found = |text: &str| signatures_of(text.as_bytes());
        let one = |key: Option<&str>| vec![(key.map(str::to_owned), "ab".to_owned())];
        assert_eq!(found(r#"{"ETag":"x","Metadata":{"signature":"ab"}}"#), one(None));
        assert_eq!(found(r#"{"x-amz-meta-signature":"ab"}"#), one(None));
        assert_eq!(found(r#"{"key":"a/b","signature":"ab"}"#), one(Some("a/b")));
        assert_eq!(found(r#"[{"Key":"a/b","Metadata":{"signature":"ab"}}]"#), one(Some("a/b")));
        let lines = "{\"key\":\"a\",\"signature\":\"1\"}\n{\"key\":\"b\",\"signature\":\"2\"}\n{";
        assert_eq!(found(lines).len(), 2);
        assert_eq!(found("[1] {} 3 {\"signature\":4}"), vec![]);
    }
}
