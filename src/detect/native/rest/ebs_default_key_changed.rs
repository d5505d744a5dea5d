//! Finds changes of the key that encrypts new EBS volumes of an account and Region.
//!
//! It is code because the level depends on who owns the key, and because EC2 wraps the members of
//! this call. What must stay true: the AWS managed key, under any of its names, counts as a reset.

use crate::detect::native::shared::accounts::{is_recipient, key_account};
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;
use crate::record::shape::{is_call, request, response, text_at};

/// See `rules/rest/ebs-default-key-changed.md`.
#[derive(Debug)]
pub struct EbsDefaultKeyChanged;

const MODIFY: &str = "ModifyEbsDefaultKmsKeyId";
const RESET: &str = "ResetEbsDefaultKmsKeyId";

impl Detector for EbsDefaultKeyChanged {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        if !is_call(view, "ec2.amazonaws.com", &[MODIFY, RESET]) {
            return None;
        }
        let reset = || {
            let found = Found::at(Level::High).with("change", "reset");
            found.with("why", "new volumes fall back to the AWS managed key, alias/aws/ebs")
        };
        if is_call(view, "ec2.amazonaws.com", &[RESET]) {
            return Some(reset());
        }
        let asked = request(event).and_then(|request| text_at(request, &["kmsKeyId"]));
        if asked.as_deref().is_some_and(|key| key.ends_with("alias/aws/ebs")) {
            return Some(reset());
        }
        let given = response(event).and_then(|response| text_at(response, &["kmsKeyId"]));
        let mut found = Found::at(Level::Medium).with("change", "replaced");
        if let Some(key) = given.as_deref().or(asked.as_deref()) {
            found = found.with("kmsKeyId", key);
        }
        let account = asked.as_deref().and_then(key_account);
        let account = account.or_else(|| given.as_deref().and_then(key_account));
        let Some(account) = account else { return Some(found) };
        let found = found.with("key_account", account.as_str());
        if is_recipient(view, &account) {
            return Some(found);
        }
        Some(Found { level: Level::High, ..found }.if_foreign_else([account], Level::Medium))
    }
}
