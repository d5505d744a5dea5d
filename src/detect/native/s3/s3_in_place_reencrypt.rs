//! Finds objects that are encrypted again in place: copied onto themselves, or given another key.
//!
//! It is code because it compares two members, one of which is URL-encoded. What must stay true:
//! source and target are the same object, however the source is written.

use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::json::Json;
use crate::record::kms::View;
use crate::record::shape::{is_call, text_at};

/// See `rules/s3/s3-in-place-reencrypt.md`.
#[derive(Debug)]
pub struct S3InPlaceReencrypt;

/// The call that changes the key of an object without a copy.
const UPDATE: &str = "UpdateObjectEncryption";

/// Headers with which the caller requests a type of encryption.
const HEADERS: &[&str] = &[
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
];

impl Detector for S3InPlaceReencrypt {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        if !is_call(view, "s3.amazonaws.com", &["CopyObject", UPDATE]) {
            return None;
        }
        let request = event.get("requestParameters")?;
        if is_call(view, "s3.amazonaws.com", &[UPDATE]) {
            let key = text_at(request, &["ObjectEncryption", "SSE-KMS", "KMSKeyArn"]);
            let found = Found::at(Level::Informational);
            return Some(key.iter().fold(found, |found, key| found.with("KMSKeyArn", &**key)));
        }
        if !is_onto_itself(request)? {
            return None;
        }
        let mut found = Found::at(Level::Informational);
        let mut asked = false;
        for header in HEADERS {
            if let Some(value) = text_at(request, &[header]) {
                asked = true;
                found = found.with(header, &*value);
            }
        }
        asked.then_some(found)
    }
}

/// Whether source and target are the same object. `None` if either is missing.
fn is_onto_itself(request: Json<'_>) -> Option<bool> {
    let source = text_at(request, &["x-amz-copy-source"])?;
    let (bucket, key) = (text_at(request, &["bucketName"])?, text_at(request, &["key"])?);
    // A copy of an older version of the object counts too.
    let path = source.split_once("?versionId=").map_or(&*source, |(path, _)| path);
    let path = path.strip_prefix('/').unwrap_or(path);
    let target = format!("{bucket}/{key}");
    Some(path == target || decoded(path) == target.as_bytes())
}

/// The bytes of a URL path, with percent encoding removed.
fn decoded(text: &str) -> Vec<u8> {
    let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut rest = text.as_bytes();
    let mut out = Vec::with_capacity(rest.len());
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'%', &[high, low, ..]) if let (Some(high), Some(low)) = (hex(high), hex(low)) => {
                out.push(high << 4 | low);
                rest = &after[2..];
            }
            _ => out.push(byte),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_object_however_its_source_is_spelt() {
        let same = |source: &str, key: &str| {
            let request =
                format!(r#"{{"bucketName":"b","key":"{key}","x-amz-copy-source":"{source}"}}"#);
            is_onto_itself(Json::new(&request))
        };
        for source in ["b/a c.txt", "/b/a c.txt", "b/a%20c.txt", "%62%2fa%20c.txt?versionId=1"] {
            assert_eq!(same(source, "a c.txt"), Some(true), "{source}");
        }
        for (source, key) in [("c/a", "a"), ("b/a%2", "a"), ("b/%zz", "a"), ("b", "a")] {
            assert_eq!(same(source, key), Some(false), "{source}");
        }
        assert_eq!(same("b/100%", "100%"), Some(true));
        assert_eq!(same("", "a"), None);
    }
}
