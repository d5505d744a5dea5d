//! Reading the members of other services' records, whose shapes vary.
//!
//! Services write one thing as an object and several as a list, wrap a request in a member of its
//! own name, and do not agree on the case of names. Here is the one reading that detectors share.
//! What must stay true: whatever shape a member has, it reads or it is absent.

use std::borrow::Cow;

use crate::model::arn::Arn;
use crate::record::event::Event;
use crate::record::json::{Json, Kind};
use crate::record::kms::View;

/// Whether the record is of a call of this service, and of one of these names.
pub fn is_call(view: &View<'_>, source: &str, names: &[&str]) -> bool {
    let text = |member: &str| view.event().text_at(&[member]);
    text("eventSource").is_some_and(|text| text.eq_ignore_ascii_case(source))
        && text("eventName").is_some_and(|text| names.iter().any(|n| text.eq_ignore_ascii_case(n)))
}

/// The request's members: `requestParameters`, or what newer EC2 calls wrap in it, such as
/// `EnableSerialConsoleAccessRequest`.
pub fn request<'a>(event: &Event<'a>) -> Option<Json<'a>> {
    unwrapped(event, "requestParameters", "Request")
}

/// The response's members, unwrapped likewise.
pub fn response<'a>(event: &Event<'a>) -> Option<Json<'a>> {
    unwrapped(event, "responseElements", "Response")
}

fn unwrapped<'a>(event: &Event<'a>, member: &str, suffix: &str) -> Option<Json<'a>> {
    let outer = event.get(member).filter(|value| value.kind() == Kind::Object)?;
    let name = event.text_at(&["eventName"])?;
    let inner = outer.get_any_case(&format!("{name}{suffix}"));
    Some(inner.filter(|value| value.kind() == Kind::Object).unwrap_or(outer))
}

/// The value behind a path of member names, case apart; `None` also when it is null.
pub fn at<'a>(value: Json<'a>, path: &[&str]) -> Option<Json<'a>> {
    let found = path.iter().try_fold(value, |value, name| value.get_any_case(name));
    found.filter(|value| !value.is_null())
}

/// The text behind a path of member names, case apart, unless it is empty.
pub fn text_at<'a>(value: Json<'a>, path: &[&str]) -> Option<Cow<'a, str>> {
    at(value, path)?.scalar().filter(|text| !text.is_empty())
}

/// The elements of a list, or the one thing that stands where a list should be.
pub fn each(value: Json<'_>) -> impl Iterator<Item = Json<'_>> {
    let single = !matches!(value.kind(), Kind::Array | Kind::Null);
    value.elements().chain(single.then_some(value))
}

/// The account in the ARN of a KMS key or alias.
pub fn key_account(text: &str) -> Option<String> {
    let arn = Arn::parse(text).filter(|arn| arn.is_kms_key() || arn.is_kms_alias())?;
    is_account(arn.account).then(|| arn.account.to_owned())
}

/// An account id; of a number the leading zeros are lost, and given back.
pub fn account_id(value: Json<'_>) -> Option<String> {
    let text = value.scalar()?;
    let text = if value.kind() == Kind::String { text.replace('-', "") } else { text.into_owned() };
    match value.kind() {
        Kind::Number if text.len() < 12 => Some(format!("{text:0>12}")),
        _ => Some(text),
    }
    .filter(|text| is_account(text))
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether `account` is the one that the record was delivered to, which is nobody else's.
pub fn is_recipient(view: &View<'_>, account: &str) -> bool {
    view.account().is_some_and(|recipient| recipient == account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_a_list_of_one() {
        let count = |text: &str| each(Json::new(text)).count();
        assert_eq!([count("[1, 2]"), count("{}"), count("null"), count("[]")], [2, 1, 0, 0]);
    }

    #[test]
    fn accounts_are_twelve_digits() {
        let id = |text: &str| account_id(Json::new(text));
        assert_eq!(id("\"444455556666\"").as_deref(), Some("444455556666"));
        assert_eq!(id("\"4444-5555-6666\"").as_deref(), Some("444455556666"));
        assert_eq!(id("5566").as_deref(), Some("000000005566"));
        assert_eq!(
            [id("\"5566\""), id("true"), id("-1"), id("1e5"), id("{}")],
            [const { None }; 5]
        );
        let alias = "arn:aws-cn:kms:cn-north-1:444455556666:alias/a";
        assert_eq!(key_account(alias).as_deref(), Some("444455556666"));
        assert_eq!(key_account("arn:aws:kms:eu-west-1:anybody:key/a"), None);
        assert_eq!(key_account("arn:aws:s3:::444455556666"), None);
    }
}
