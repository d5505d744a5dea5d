//! Finds changes of a bucket's default encryption.
//!
//! It is code because the level depends on who owns the key, and because `Rule` is an object or a
//! list. What must stay true: a key without an account belongs to the caller, as in S3. A key of
//! another account has the same level whoever sets it.

use std::sync::Arc;

use crate::detect::native::shared::accounts::{is_recipient, key_account};
use crate::detect::native::{Detector, Found};
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::json::Json;
use crate::record::kms::View;
use crate::record::shape::{at, each, is_call, text_at};

/// See `rules/rest/bucket-encryption-changed.md`.
#[derive(Debug)]
pub struct BucketEncryptionChanged(pub Arc<Estate>);

impl Detector for BucketEncryptionChanged {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        if !is_call(view, "s3.amazonaws.com", &["PutBucketEncryption"]) {
            return None;
        }
        let request = event.get("requestParameters")?;
        let default = default_of(request)?;
        let algorithm = text_at(default, &["SSEAlgorithm"])?;
        let mut found = Found::at(Level::Medium).with("algorithm", &*algorithm);
        if let Some(bucket) = text_at(request, &["bucketName"]) {
            found = found.with("bucket", &*bucket);
        }
        if !algorithm.to_ascii_lowercase().starts_with("aws:kms") {
            let why = "new objects are encrypted without a KMS key; a step down if one was set";
            return Some(Found { level: Level::Low, ..found }.with("why", why));
        }
        let own = if self.is_automation(view) { Level::Low } else { Level::Medium };
        let Some(key) = key_of(default) else {
            let why =
                "no key is named: new objects are encrypted under the AWS managed key, aws/s3";
            return Some(Found { level: own, ..found }.with("why", why));
        };
        found = found.with("kmsKeyId", key.as_str());
        let Some(account) = account_of(&key, view) else { return Some(found) };
        let found = found.with("key_account", account.as_str());
        if is_recipient(view, &account) {
            return Some(Found { level: own, ..found });
        }
        Some(Found { level: Level::Critical, ..found }.if_foreign_else([account], Level::Medium))
    }
}

impl BucketEncryptionChanged {
    fn is_automation(&self, view: &View<'_>) -> bool {
        view.principal_arn().is_some_and(|arn| self.0.automation_roles.match_arn(&arn))
    }
}

/// What a request sets as the default of a bucket.
pub(super) fn default_of(request: Json<'_>) -> Option<Json<'_>> {
    let set = at(request, &["ServerSideEncryptionConfiguration"])?;
    // The API accepts one rule. If there are several, the one that names a key matters most.
    let rules = at(set, &["Rule"]).or_else(|| at(set, &["Rules"]));
    let defaults: Vec<Json<'_>> = rules
        .into_iter()
        .flat_map(each)
        .filter_map(|rule| at(rule, &["ApplyServerSideEncryptionByDefault"]))
        .collect();
    let keyed = defaults.iter().find(|set| key_of(**set).is_some());
    keyed.or(defaults.first()).copied()
}

/// The account that a key is in, as S3 reads its name.
pub(super) fn account_of(key: &str, view: &View<'_>) -> Option<String> {
    match key.starts_with("arn:") {
        true => key_account(key),
        false => view.caller_account(),
    }
}

pub(super) fn key_of(default: Json<'_>) -> Option<String> {
    text_at(default, &["KMSMasterKeyID"]).map(|key| key.into_owned())
}
