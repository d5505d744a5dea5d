//! Finds objects that are written to a secrets bucket and not encrypted under its key.
//!
//! It is code because buckets and keys are settings. Two records can show it: S3's record of the
//! write, if the trail has data events, and KMS's record of the data key. What must stay true: if
//! the name of the key cannot be compared, there is no finding.

use std::borrow::Cow;
use std::sync::Arc;

use crate::detect::native::shared::request_fields;
use crate::detect::native::{Detector, Found};
use crate::model::arn::Arn;
use crate::model::estate::{Estate, SecretsBucket};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::{Actor, View};

/// The header that names the key of an object.
const KEY_HEADER: &str = "x-amz-server-side-encryption-aws-kms-key-id";

/// See `rules/secrets/secrets-bucket-wrong-encryption.md`.
#[derive(Debug)]
pub struct SecretsBucketWrongEncryption(pub Arc<Estate>);

impl Detector for SecretsBucketWrongEncryption {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        if self.0.secrets_buckets.is_empty() || view.actor() == Actor::Service {
            return None;
        }
        match request_fields::text(event, &["eventSource"])?.as_ref() {
            "kms.amazonaws.com" => self.data_key(event, view),
            "s3.amazonaws.com" => self.write(event),
            _ => None,
        }
    }

    fn is_set_up(&self) -> bool {
        !self.0.secrets_buckets.is_empty()
    }
}

impl SecretsBucketWrongEncryption {
    fn bucket(&self, name: &str) -> Option<&SecretsBucket> {
        self.0.secrets_buckets.get(name)
    }

    /// KMS created the data key for an object.
    fn data_key(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let object = request_fields::s3_arn(event)?;
        let name = request_fields::bucket_of(&object)?;
        let expected = self.bucket(name)?.key.as_deref()?;
        let used = view.key()?.arn;
        let why = "the data key was made by another key than the bucket's";
        is_other(&used, expected).then(|| wrong(name, &used, why))
    }

    /// S3 wrote an object.
    fn write(&self, event: &Event<'_>) -> Option<Found> {
        let name = request_fields::text(event, &["requestParameters", "bucketName"])?;
        let bucket = self.bucket(&name)?;
        let applied = request_fields::text(event, &["additionalEventData", "SSEApplied"]);
        let by_s3 = matches!(applied.as_deref(), Some("SSE_S3" | "Default_SSE_S3"));
        if by_s3 {
            let why = "the object was encrypted by S3 itself: whoever reads the bucket reads it";
            return Some(wrong(&name, "SSE-S3", why));
        }
        if applied.as_deref() == Some("SSE_C") {
            let why = "the object was encrypted under a key that the caller brought along";
            return Some(wrong(&name, "SSE-C", why));
        }
        let used = key_of_write(event)?;
        let why = "the object was encrypted under another key than the bucket's";
        is_other(&used, bucket.key.as_deref()?).then(|| wrong(&name, &used, why))
    }
}

/// The key: the ARN from the response of S3, or the name from the request.
fn key_of_write<'a>(event: &Event<'a>) -> Option<Cow<'a, str>> {
    request_fields::text(event, &["responseElements", KEY_HEADER])
        .or_else(|| request_fields::text(event, &["requestParameters", KEY_HEADER]))
}

/// Whether `used`, an ARN or a bare id, is certainly different from `expected`, an ARN.
fn is_other(used: &str, expected: &str) -> bool {
    match Arn::parse(used) {
        Some(arn) => arn.is_kms_key() && used != expected,
        None if used.starts_with("alias/") => false,
        None => expected.rsplit('/').next() != Some(used),
    }
}

fn wrong(bucket: &str, encryption: &str, why: &str) -> Found {
    Found::at(Level::High).with("bucket", bucket).with("encryption", encryption).with("why", why)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::detector::{changed, found};
    use crate::model::pattern::Patterns;

    const KEY: &str =
        "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    const OTHER: &str =
        "arn:aws:kms:eu-central-1:111122223333:key/5678dcba-12ab-34cd-56ef-1234567890ab";

    fn rule() -> SecretsBucketWrongEncryption {
        let bucket = SecretsBucket { key: Some(KEY.to_owned()), readers: Patterns::default() };
        let secrets_buckets = [("vault".to_owned(), bucket)].into();
        SecretsBucketWrongEncryption(Arc::new(Estate { secrets_buckets, ..Estate::default() }))
    }

    #[test]
    fn writes_as_s3_tells_them() {
        let record = json!({"eventSource": "s3.amazonaws.com", "eventName": "PutObject",
            "userIdentity": {"type": "AssumedRole"},
            "requestParameters": {"bucketName": "vault", "key": "db"}});
        let finds = |changes: Value| found(&rule(), &changed(&record, &changes)).is_some();
        let applied = |text: &str| json!({"additionalEventData": {"SSEApplied": text}});
        for (text, expected) in [
            ("SSE_S3", true),
            ("Default_SSE_S3", true),
            ("SSE_C", true),
            ("SSE_KMS", false),
            ("Default_SSE_KMS", false),
        ] {
            assert_eq!(finds(applied(text)), expected, "{text}");
        }
        for (key, expected) in [
            (KEY, false),
            (OTHER, true),
            ("1234abcd-12ab-34cd-56ef-1234567890ab", false),
            ("5678dcba-12ab-34cd-56ef-1234567890ab", true),
            ("alias/vault", false),
            ("arn:aws:kms:eu-central-1:111122223333:alias/vault", false),
        ] {
            assert_eq!(finds(json!({"requestParameters": {KEY_HEADER: key}})), expected, "{key}");
        }
        // The response of S3 takes precedence over the request.
        assert!(finds(json!({"requestParameters": {KEY_HEADER: "alias/vault"},
            "responseElements": {KEY_HEADER: OTHER}})));
        let elsewhere = json!({"requestParameters": {"bucketName": "public"},
            "additionalEventData": {"SSEApplied": "SSE_S3"}});
        assert!(!finds(elsewhere) && !finds(json!({"requestParameters": null})));
    }

    #[test]
    fn data_keys_as_kms_tells_them() {
        let record = json!({"eventSource": "kms.amazonaws.com", "eventName": "GenerateDataKey",
            "userIdentity": {"type": "AssumedRole", "invokedBy": "AWS Internal"},
            "requestParameters": {"encryptionContext": {"aws:s3:arn": "arn:aws:s3:::vault/db"}},
            "resources": [{"ARN": OTHER}]});
        assert!(found(&rule(), &record).is_some());
        for changes in [
            json!({"resources": [{"ARN": KEY}]}),
            json!({"resources": null}),
            json!({"userIdentity": {"type": "AWSService"}}),
            json!({"requestParameters": {"encryptionContext": {"aws:s3:arn": "vault"}}}),
        ] {
            assert_eq!(found(&rule(), &changed(&record, &changes)), None, "{changes}");
        }
    }
}
