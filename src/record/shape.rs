//! Reading the members of other services' records, whose shapes vary.
//!
//! Services write one thing as an object and several as a list, wrap a request in a member of its
//! own name, and do not agree on the case of names. Here is the one reading that rules and tags
//! share. What must stay true: whatever shape a member has, it reads or it is absent.

use std::borrow::Cow;

use super::event::Event;
use super::json::{Json, Kind};
use super::kms::View;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_a_list_of_one() {
        let count = |text: &str| each(Json::new(text)).count();
        assert_eq!([count("[1, 2]"), count("{}"), count("null"), count("[]")], [2, 1, 0, 0]);
    }
}
