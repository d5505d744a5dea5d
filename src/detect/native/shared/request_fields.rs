//! Reads the members of a record that several detectors need, without copying them.
//!
//! A fifth of all records are KMS calls, so these functions copy as little as possible. What must
//! stay true: a member of an unexpected type counts as absent.

use std::borrow::Cow;

use crate::model::arn::Arn;
use crate::record::event::Event;
use crate::record::hidden::is_hidden;
use crate::record::json::{Json, Name};
use crate::record::kms::View;

/// The members of a request that hold an encryption context.
const CONTEXTS: [&str; 3] =
    ["encryptionContext", "sourceEncryptionContext", "destinationEncryptionContext"];

/// The members of a grant's constraints that hold an encryption context.
const CONSTRAINTS: [&str; 2] = ["encryptionContextSubset", "encryptionContextEquals"];

/// The members of a request that name a key.
pub const KEY_MEMBERS: [&str; 4] = ["keyId", "targetKeyId", "sourceKeyId", "destinationKeyId"];

/// The text at a path. `None` if it is empty.
pub fn text<'a>(event: &Event<'a>, path: &[&str]) -> Option<Cow<'a, str>> {
    event.text_at(path).filter(|text| !text.is_empty())
}

/// Calls `each` with the account of every key that the record names: in `resources`, or, if there
/// are none, in the ARNs of the request.
pub fn each_key_account(event: &Event<'_>, mut each: impl FnMut(&str)) {
    let mut any = false;
    for entry in event.get("resources").into_iter().flat_map(Json::elements) {
        let text = entry.get_any_case("arn").and_then(Json::as_str);
        let Some(arn) = text.as_deref().and_then(Arn::parse).filter(Arn::is_kms_key) else {
            continue;
        };
        any = true;
        if !arn.account.is_empty() {
            each(arn.account);
        } else if let Some(account) = entry.get("accountId").and_then(Json::scalar) {
            each(&account);
        }
    }
    if any {
        return;
    }
    // A refused call may have no resources. Then the account in the ARN of an alias is used.
    let request = event.get("requestParameters");
    for (_, value) in members_named(request, &KEY_MEMBERS) {
        let text = value.as_str();
        if let Some(arn) = text.as_deref().and_then(Arn::parse)
            && arn.service == "kms"
            && !arn.account.is_empty()
        {
            each(arn.account);
        }
    }
}

/// The pairs of every encryption context in the request and in the constraints of a grant, but for those
/// whose value AWS hides.
pub fn context<'a>(event: &Event<'a>) -> impl Iterator<Item = (Name<'a>, Json<'a>)> {
    let request = event.get("requestParameters").into_iter().flat_map(Json::members);
    let contexts = request.flat_map(|(name, value)| {
        let own = CONTEXTS.iter().any(|known| name.is(known)).then_some(value);
        let granted = name.is("constraints").then_some(value);
        own.into_iter().chain(members_named(granted, &CONSTRAINTS).map(|(_, value)| value))
    });
    contexts.flat_map(Json::members).filter(|(_, value)| !is_hidden(*value))
}

/// The pairs of every encryption context in the constraints of a grant.
pub fn granted_context<'a>(
    view: &View<'a>,
) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
    let contexts = members_named(view.request("constraints"), &CONSTRAINTS);
    let pairs = contexts.flat_map(|(_, context)| context.members());
    let pairs = pairs.filter(|(_, value)| !is_hidden(*value));
    pairs.filter_map(|(name, value)| Some((name.text(), value.scalar()?)))
}

/// The members of an object that have one of `names`.
pub fn members_named<'a>(
    object: Option<Json<'a>>,
    names: &[&str],
) -> impl Iterator<Item = (Name<'a>, Json<'a>)> {
    let members = object.into_iter().flat_map(Json::members);
    members.filter(|(name, _)| names.iter().any(|known| name.is(known)))
}

/// The value of the pair `aws:s3:arn`: the object, or the bucket if S3 uses bucket keys.
pub fn s3_arn<'a>(event: &Event<'a>) -> Option<Cow<'a, str>> {
    let mut pairs = context(event);
    let (_, value) = pairs.find(|(name, _)| name.is_any_case("aws:s3:arn"))?;
    value.as_str()
}

/// The bucket in the ARN of an object or bucket.
pub fn bucket_of(arn: &str) -> Option<&str> {
    let arn = Arn::parse(arn).filter(|arn| arn.service == "s3")?;
    arn.resource.split('/').next().filter(|bucket| !bucket.is_empty())
}

/// The first label of a service's host name: `s3` of `s3.amazonaws.com`.
pub fn service_label(host: &str) -> &str {
    host.split('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::native::testing::detector::with_record;

    fn accounts(record: &serde_json::Value) -> Vec<String> {
        with_record(record, |event, _| {
            let mut found = Vec::new();
            each_key_account(event, |account| found.push(account.to_owned()));
            found
        })
    }

    #[test]
    fn key_accounts_are_those_of_resources_else_of_the_request() {
        let key = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        let alias = "arn:aws:kms:eu-central-1:444455556666:alias/prod";
        let request = serde_json::json!({"keyId": alias});
        let both = serde_json::json!({"requestParameters": request,
            "resources": [{"ARN": alias}, {"arn": key}, {"ARN": 5}, null, "x"]});
        assert_eq!(accounts(&both), ["111122223333"]);
        assert_eq!(accounts(&serde_json::json!({"requestParameters": request})), ["444455556666"]);
        for odd in ["null", "[]", "\"x\"", "{\"a\":1}"] {
            let value: serde_json::Value = serde_json::from_str(odd).unwrap();
            let record = serde_json::json!({"resources": value, "requestParameters": value});
            assert!(accounts(&record).is_empty(), "{odd}");
        }
    }

    #[test]
    fn buckets_are_the_first_part_of_an_s3_arn() {
        assert_eq!(bucket_of("arn:aws:s3:::vault/a/b"), Some("vault"));
        assert_eq!(bucket_of("arn:aws-cn:s3:::vault"), Some("vault"));
        assert_eq!(bucket_of("arn:aws:sqs:eu-west-1:111122223333:vault"), None);
        assert_eq!(bucket_of("vault/a"), None);
    }
}
