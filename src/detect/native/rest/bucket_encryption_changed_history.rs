//! Lowers the level if whoever made a bucket sets its encryption right afterwards.
//!
//! What must stay true: the bucket and the key must be of the account, and the maker must be the same
//! principal. A foreign key keeps its level.

use super::bucket_encryption_changed::{account_of, default_of, key_of};
use crate::detect::native::shared::accounts::is_recipient;
use crate::detect::native::shared::timeline::{HOUR, between, by_same, last_until, of_kind};
use crate::detect::stateful::{Context, Decided, History, Mark, Noted};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;
use crate::record::shape::{is_call, text_at};

/// The bucket was made.
const MADE: u32 = 0;
/// Its encryption was set, without a key or to a key of its own account.
const SET: u32 = 1;

/// How long after it was made a bucket is being set up.
const SETUP: i64 = HOUR;

/// See `rules/rest/bucket-encryption-changed.md`.
#[derive(Debug)]
pub struct BucketEncryptionChangedHistory;

impl History for BucketEncryptionChangedHistory {
    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        let Some(request) = event.get("requestParameters").filter(|_| view.ok()) else { return };
        let kind = if is_call(view, "s3.amazonaws.com", &["CreateBucket"]) {
            MADE
        } else if is_call(view, "s3.amazonaws.com", &["PutBucketEncryption"]) {
            let Some(default) = default_of(request) else { return };
            let account = key_of(default).map(|key| account_of(&key, view).unwrap_or_default());
            if account.is_some_and(|account| !is_recipient(view, &account)) {
                return;
            }
            SET
        } else {
            return;
        };
        if let (Some(bucket), Some(account)) = (text_at(request, &["bucketName"]), view.account()) {
            marks.push(Mark { part: format!("{account} {bucket}"), kind, value: String::new() });
        }
    }

    fn days(&self) -> u16 {
        1
    }

    fn needs(&self) -> &[&[u32]] {
        &[&[MADE, SET]]
    }

    fn conclude(&self, notes: &[Noted], _context: &Context<'_>) -> Vec<Decided> {
        let made = of_kind(notes, MADE);
        let setup = |set: &usize| {
            let (set, made) = (&notes[*set], &notes[last_until(notes, &made, notes[*set].time)?]);
            let soon = between(made.time, set.time) <= SETUP;
            (set.found && soon && by_same(&made.about, &set.about)).then_some(())
        };
        let why = "the same principal made the bucket less than an hour before";
        let found = |set: usize| Decided::new([set], Level::Informational).with("why", why);
        of_kind(notes, SET).into_iter().filter(|set| setup(set).is_some()).map(found).collect()
    }

    fn adjusts(&self) -> Option<&'static str> {
        Some("bucket-encryption-changed")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::recorded::{KEY, call, decide, refused};

    fn s3(minute: u32, user: &str, name: &str, bucket: &str, key: Option<&str>) -> Value {
        let default = json!({"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key});
        let rule = json!({"Rule": {"ApplyServerSideEncryptionByDefault": default}});
        let request = json!({"bucketName": bucket, "ServerSideEncryptionConfiguration": rule});
        let time = format!("2026-11-02T{:02}:{:02}:00Z", 10 + minute / 60, minute % 60);
        let mut record = call(&time, user, name, "-", &request);
        record["eventSource"] = json!("s3.amazonaws.com");
        record
    }

    #[test]
    fn only_by_the_maker_and_soon() {
        let made = s3(0, "ana", "CreateBucket", "vault", None);
        let lowered = |set: Value| {
            let records = [made.clone(), set];
            decide(&BucketEncryptionChangedHistory, &records, "2026-12-01T00:00:00Z").len()
        };
        let set = |minute, user, bucket, key| s3(minute, user, "PutBucketEncryption", bucket, key);
        let foreign = KEY.replace("111122223333", "444455556666");
        assert_eq!(lowered(set(1, "ana", "vault", Some(KEY))), 1);
        assert_eq!(lowered(set(60, "ana", "vault", None)), 1);
        assert_eq!(lowered(set(0, "ana", "vault", Some("alias/own"))), 1);
        assert_eq!(lowered(set(61, "ana", "vault", Some(KEY))), 0, "later");
        assert_eq!(lowered(set(1, "bob", "vault", Some(KEY))), 0, "by somebody else");
        assert_eq!(lowered(set(1, "ana", "other", Some(KEY))), 0, "of another bucket");
        assert_eq!(lowered(set(1, "ana", "vault", Some(&foreign))), 0, "to a foreign key");
        assert_eq!(lowered(set(1, "ana", "vault", Some("arn:x"))), 0, "to an unknown key");
        assert_eq!(lowered(refused(set(1, "ana", "vault", Some(KEY)))), 0);
        let before = set(0, "ana", "vault", Some(KEY));
        let later = s3(30, "ana", "CreateBucket", "vault", None);
        let records = [before, later];
        assert!(
            decide(&BucketEncryptionChangedHistory, &records, "2026-12-01T00:00:00Z").is_empty()
        );
    }
}
