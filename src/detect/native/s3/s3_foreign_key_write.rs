//! Finds objects that are written under a key of another account.
//!
//! It is code because it compares accounts, and because it must be fast: writes to S3 are the most
//! frequent records of all. What must stay true: a record without the ARN of a key costs one search
//! for four letters.

use memchr::memmem::Finder;

use crate::detect::native::shared::accounts::{account_id, is_recipient, key_account};
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::{Actor, S3_KEY_HEADER, View};
use crate::record::shape::{at, each, is_call, text_at};

/// See `rules/s3/s3-foreign-key-write.md`.
#[derive(Debug)]
pub struct S3ForeignKeyWrite {
    /// Occurs in every ARN of a key. `aws:kms`, the name of an encryption type, lacks the second
    /// colon.
    needle: Finder<'static>,
}

const CALLS: &[&str] =
    &["PutObject", "CopyObject", "CreateMultipartUpload", "UpdateObjectEncryption"];

impl Default for S3ForeignKeyWrite {
    fn default() -> Self {
        S3ForeignKeyWrite { needle: Finder::new(":kms:") }
    }
}

impl Detector for S3ForeignKeyWrite {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        self.needle.find(event.text().as_bytes())?;
        if !is_call(view, "s3.amazonaws.com", CALLS) {
            return None;
        }
        let (key, account) = key_written_under(event)?;
        // An object that a service delivers is encrypted under the key in the settings of that
        // service.
        if is_recipient(view, &account) || view.actor() == Actor::Service {
            return None;
        }
        let found = Found::at(Level::High).with("kmsKeyId", key).with("key_account", &*account);
        Some(found.if_foreign([account]))
    }
}

/// The key of the object and its account: from the response of S3, the request, or the record's
/// resources.
fn key_written_under(event: &Event<'_>) -> Option<(String, String)> {
    for member in ["responseElements", "requestParameters"] {
        if let Some(key) = event.get(member).and_then(|value| text_at(value, &[S3_KEY_HEADER])) {
            // A bare id or an alias belongs to the caller's account.
            let account = key_account(&key)?;
            return Some((key.into_owned(), account));
        }
    }
    let request = event.get("requestParameters");
    let updated = request.and_then(|r| text_at(r, &["ObjectEncryption", "SSE-KMS", "KMSKeyArn"]));
    if let Some(key) = updated {
        let account = key_account(&key)?;
        return Some((key.into_owned(), account));
    }
    event.get("resources").into_iter().flat_map(each).find_map(|entry| {
        let kind = text_at(entry, &["type"])?;
        let arn = text_at(entry, &["arn"]).filter(|_| kind == "AWS::KMS::Key")?;
        let given = || at(entry, &["accountId"]).and_then(account_id);
        let account = key_account(&arn).or_else(given)?;
        Some((arn.into_owned(), account))
    })
}
