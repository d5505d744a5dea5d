//! What histories of keys and aliases have in common: spans of time, and finding the record before
//! or after another.
//!
//! `eventTime` counts whole seconds, so records of one second have no known order. What must stay
//! true: nothing here takes the order of such records for that of the events, and every search is
//! by halves, since a part may hold very many notes.

use std::borrow::Cow;

use crate::detect::stateful::{About, Mark, Noted};
use crate::model::arn::Arn;
use crate::model::time::Time;
use crate::record::event::Event;
use crate::record::kms::View;

/// Microseconds in a minute.
pub const MINUTE: i64 = 60_000_000;
/// Microseconds in an hour.
pub const HOUR: i64 = 60 * MINUTE;
/// Microseconds in a day.
pub const DAY: i64 = 24 * HOUR;

/// Microseconds from one instant to another; negative if the other is the earlier one.
pub fn between(from: Time, to: Time) -> i64 {
    to.0.saturating_sub(from.0)
}

/// The notes of a kind, in the order of time.
pub fn of_kind(notes: &[Noted], kind: u32) -> Vec<usize> {
    (0..notes.len()).filter(|at| notes[*at].kind == kind).collect()
}

/// The last of `among` that is not after `time`.
pub fn last_until(notes: &[Noted], among: &[usize], time: Time) -> Option<usize> {
    let after = among.partition_point(|at| notes[*at].time <= time);
    among.get(after.checked_sub(1)?).copied()
}

/// The first of `among` that is not before `time`.
pub fn first_from(notes: &[Noted], among: &[usize], time: Time) -> Option<usize> {
    let from = among.partition_point(|at| notes[*at].time < time);
    among.get(from).copied()
}

/// Whether any of `among` lies between two instants, neither of them included.
pub fn any_inside(notes: &[Noted], among: &[usize], from: Time, to: Time) -> bool {
    let next = among.partition_point(|at| notes[*at].time <= from);
    among.get(next).is_some_and(|at| notes[*at].time < to)
}

/// Marks the record under the first key that it names.
pub fn mark_key(view: &View<'_>, kind: u32, value: impl Into<String>, marks: &mut Vec<Mark>) {
    if let Some(key) = view.key() {
        marks.push(Mark { part: key.arn, kind, value: value.into() });
    }
}

/// The ARN of the key that a note's record names.
pub fn key_of(noted: &Noted) -> Option<&str> {
    Some(noted.about.key.as_ref()?.arn.as_str())
}

/// Who made a call, for a sentence.
pub fn who(about: &About) -> &str {
    about.principal.arn.as_deref().unwrap_or("somebody whom the record does not name")
}

/// Whether two calls were made by different principals, both of which are known.
pub fn by_others(one: &About, other: &About) -> bool {
    let known = one.principal.arn.is_some() && other.principal.arn.is_some();
    known && one.principal.arn != other.principal.arn
}

/// Whether two calls were made by one principal that is known.
pub fn by_same(one: &About, other: &About) -> bool {
    one.principal.arn.is_some() && one.principal.arn == other.principal.arn
}

/// The text behind a path, unless it is empty.
pub fn text<'a>(event: &Event<'a>, path: &[&str]) -> Option<Cow<'a, str>> {
    event.text_at(path).filter(|text| !text.is_empty())
}

/// The alias that a request creates, moves or deletes: `alias/NAME`.
pub fn alias_name(event: &Event<'_>) -> Option<String> {
    let text = text(event, &["requestParameters", "aliasName"])?;
    let name = match Arn::parse(&text) {
        Some(arn) if arn.is_kms_alias() => arn.resource,
        Some(_) => return None,
        None => &text,
    };
    name.starts_with("alias/").then(|| name.to_owned())
}

/// The part of an alias: a name belongs to one account and Region.
pub fn alias_part(event: &Event<'_>, view: &View<'_>) -> Option<String> {
    let name = alias_name(event)?;
    Some(format!("{} {} {name}", view.account()?, view.region()?))
}

/// Where a new key's material comes from: `AWS_KMS`, `EXTERNAL`, …
pub fn origin_of_new_key(event: &Event<'_>) -> String {
    let origin = text(event, &["responseElements", "keyMetadata", "origin"])
        .or_else(|| text(event, &["requestParameters", "origin"]));
    origin.map_or_else(|| "AWS_KMS".to_owned(), Cow::into_owned)
}
