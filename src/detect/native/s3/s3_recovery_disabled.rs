//! Finds calls that weaken what lets a bucket be restored, or its use be seen.
//!
//! It is code because of lifecycle rules: status, prefix and days of one rule belong together. What
//! must stay true: a rule that is not read counts as one for all objects, and enabled.

use std::borrow::Cow;

use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::json::Json;
use crate::record::kms::View;
use crate::record::shape::{at, each, is_call, text_at};

/// The longest expiry that counts as short, in days.
const SHORT_DAYS: f64 = 7.0;
/// Rules for single prefixes count as narrow up to this number: many of them cover a bucket.
const FEW: usize = 10;
/// The shortest prefix that counts as narrow, in bytes.
const PREFIX: usize = 2;

/// See `rules/s3/s3-recovery-disabled.md`.
#[derive(Debug)]
pub struct S3RecoveryDisabled;

/// How much of a bucket a call concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// All objects.
    Bucket,
    /// Those with a prefix, or with a tag.
    Part,
}

impl Detector for S3RecoveryDisabled {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let reach = weakened(event, view)?;
        let found = match reach {
            Reach::Bucket => Found::at(Level::Medium),
            Reach::Part => Found::at(Level::Low)
                .with("why", "the lifecycle rules are for objects with a prefix or a tag only"),
        };
        let request = event.get("requestParameters")?;
        let versioning = |member| text_at(request, &["VersioningConfiguration", member]);
        let shown = [
            ("bucketName", text_at(request, &["bucketName"])),
            ("Status", versioning("Status")),
            ("MfaDelete", versioning("MfaDelete")),
        ];
        let shown = shown.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let found = shown.fold(found, |found, (name, value)| found.with(name, &*value));
        let rule = at(request, &["LifecycleConfiguration", "Rule"]);
        Some(rule.iter().fold(found, |found, rule| found.with("Rule", rule.to_value())))
    }
}

/// How much of a bucket a call weakens; `None` if it weakens nothing.
pub fn weakened(event: &Event<'_>, view: &View<'_>) -> Option<Reach> {
    let is = |names: &[&str]| is_call(view, "s3.amazonaws.com", names);
    let request = event.get("requestParameters")?;
    let holds = if is(&["PutBucketLifecycle", "PutBucketLifecycleConfiguration"]) {
        return lifecycle(at(request, &["LifecycleConfiguration"])?);
    } else if is(&["PutBucketVersioning"]) {
        let value = |member| text_at(request, &["VersioningConfiguration", member]);
        value("Status").is_some_and(|status| status == "Suspended")
            || value("MfaDelete").is_some_and(|status| status == "Disabled")
    } else if is(&["PutBucketLogging"]) {
        // The empty member is a flag of the call. What lies beside it says that logging is on.
        let flag = request.get("logging").and_then(Json::scalar);
        let on = at(request, &["BucketLoggingStatus", "LoggingEnabled"]).is_some();
        flag.is_some_and(|flag| flag.is_empty()) && !on
    } else if is(&["PutBucketObjectLockConfiguration", "PutObjectLockConfiguration"]) {
        let lock = request.get("ObjectLockConfiguration");
        lock.is_some() && at(request, &["ObjectLockConfiguration", "Rule"]).is_none()
    } else {
        is(&["DeleteBucketReplication"])
    };
    holds.then_some(Reach::Bucket)
}

/// How much of a bucket expires soon by enabled lifecycle rules.
fn lifecycle(configuration: Json<'_>) -> Option<Reach> {
    let rules = each(at(configuration, &["Rule"])?);
    let short: Vec<bool> = rules.filter(is_short).map(is_narrow).collect();
    match short.len() {
        0 => None,
        1..=FEW if short.iter().all(|narrow| *narrow) => Some(Reach::Part),
        _ => Some(Reach::Bucket),
    }
}

/// Whether a lifecycle rule is in force and lets objects, or old versions of them, expire soon.
fn is_short(rule: &Json<'_>) -> bool {
    let days = |path: &[&str]| text_at(*rule, path)?.trim().parse::<f64>().ok();
    let soon = |path: &[&str]| days(path).is_some_and(|days| days <= SHORT_DAYS);
    let disabled = text_at(*rule, &["Status"]).is_some_and(|status| status == "Disabled");
    !disabled
        && (soon(&["Expiration", "Days"])
            || soon(&["NoncurrentVersionExpiration", "NoncurrentDays"]))
}

/// Whether a lifecycle rule is for some objects only.
fn is_narrow(rule: Json<'_>) -> bool {
    let prefix = |path: &[&str]| text_at(rule, path).unwrap_or(Cow::Borrowed("")).len() >= PREFIX;
    let tag = |path: &[&str]| at(rule, path).is_some();
    prefix(&["Prefix"])
        || prefix(&["Filter", "Prefix"])
        || prefix(&["Filter", "And", "Prefix"])
        || tag(&["Filter", "Tag"])
        || tag(&["Filter", "And", "Tag"])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::detector::found;

    fn level(name: &str, request: Value) -> Option<Level> {
        let record = json!({"eventSource": "s3.amazonaws.com", "eventName": name,
            "requestParameters": request});
        Some(found(&S3RecoveryDisabled, &record)?.level)
    }

    fn rule(status: &str, filter: Value, days: Value) -> Value {
        json!({"Status": status, "Filter": filter, "Expiration": {"Days": days}})
    }

    fn of_rules(rules: Value) -> Option<Level> {
        level("PutBucketLifecycle", json!({"LifecycleConfiguration": {"Rule": rules}}))
    }

    #[test]
    fn only_enabled_rules_count_and_prefixes_narrow_them() {
        let all = json!({"Prefix": ""});
        let (medium, low) = (Some(Level::Medium), Some(Level::Low));
        assert_eq!(of_rules(rule("Enabled", all.clone(), json!(7))), medium);
        assert_eq!(of_rules(rule("Enabled", all.clone(), json!("1"))), medium);
        assert_eq!(of_rules(rule("Enabled", all.clone(), json!(8))), None);
        assert_eq!(of_rules(rule("Disabled", all.clone(), json!(1))), None);
        assert_eq!(of_rules(json!({"Expiration": {"Days": 1}})), medium);
        let tmp = |prefix: &str| rule("Enabled", json!({"Prefix": prefix}), json!(1));
        assert_eq!((of_rules(tmp("tmp/")), of_rules(tmp("t"))), (low, medium));
        let and = json!({"And": {"Prefix": "", "Tag": {"Key": "scratch", "Value": "1"}}});
        assert_eq!(of_rules(rule("Enabled", and, json!(1))), low);
        let old = json!({"Prefix": "tmp/", "NoncurrentVersionExpiration": {"NoncurrentDays": 1}});
        assert_eq!(of_rules(old), low);
        let off = rule("Disabled", all.clone(), json!(1));
        assert_eq!(of_rules(json!([off, tmp("tmp/")])), low);
        assert_eq!(of_rules(json!([rule("Enabled", all, json!(1)), tmp("tmp/")])), medium);
        let many: Vec<Value> = (10..21).map(|number| tmp(&number.to_string())).collect();
        assert_eq!((of_rules(json!(many)), of_rules(json!(many[..10]))), (medium, low));
        assert_eq!(of_rules(json!("odd")), None);
    }

    #[test]
    fn other_protections() {
        let medium = Some(Level::Medium);
        let versioning = |member: Value| {
            level("PutBucketVersioning", json!({"VersioningConfiguration": member}))
        };
        assert_eq!(versioning(json!({"Status": "Suspended"})), medium);
        assert_eq!(versioning(json!({"Status": "Enabled", "MFADelete": "Disabled"})), medium);
        assert_eq!(versioning(json!({"Status": "Enabled"})), None);
        let on = json!({"logging": "", "BucketLoggingStatus": {"LoggingEnabled": {}}});
        assert_eq!(level("PutBucketLogging", on), None);
        assert_eq!(level("PutBucketLogging", json!({"logging": ""})), medium);
        assert_eq!(level("PutBucketLogging", json!({})), None);
        let lock = |value: Value| {
            level("PutObjectLockConfiguration", json!({"ObjectLockConfiguration": value}))
        };
        assert_eq!(lock(json!({"ObjectLockEnabled": "Enabled"})), medium);
        assert_eq!(lock(json!({"Rule": {}})), None);
        assert_eq!(level("DeleteBucketReplication", json!({})), medium);
        assert_eq!(level("DeleteBucketPolicy", json!({})), None);
    }
}
