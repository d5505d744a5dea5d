//! Functions for histories of keys and aliases: spans of time, and searches for the record before
//! or after another.
//!
//! `eventTime` counts whole seconds, so records of the same second have no known order. What must
//! stay true: nothing here treats the order of such records as the order of the events. Every
//! search is a binary search, because a part may hold very many notes.

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

/// Microseconds from one time to another; negative if `to` is earlier.
pub fn between(from: Time, to: Time) -> i64 {
    to.0.saturating_sub(from.0)
}

/// The indexes of the notes of a kind, in the order of time.
pub fn of_kind(notes: &[Noted], kind: u32) -> Vec<usize> {
    (0..notes.len()).filter(|at| notes[*at].kind == kind).collect()
}

/// The last note in `among` that is not after `time`.
pub fn last_until(notes: &[Noted], among: &[usize], time: Time) -> Option<usize> {
    let after = among.partition_point(|at| notes[*at].time <= time);
    among.get(after.checked_sub(1)?).copied()
}

/// The first note in `among` that is not before `time`.
pub fn first_from(notes: &[Noted], among: &[usize], time: Time) -> Option<usize> {
    let from = among.partition_point(|at| notes[*at].time < time);
    among.get(from).copied()
}

/// Whether any note in `among` lies strictly between two times.
pub fn any_inside(notes: &[Noted], among: &[usize], from: Time, to: Time) -> bool {
    let next = among.partition_point(|at| notes[*at].time <= from);
    among.get(next).is_some_and(|at| notes[*at].time < to)
}

/// Marks the record, with the first key that it names as the part.
pub fn mark_key(view: &View<'_>, kind: u32, value: impl Into<String>, marks: &mut Vec<Mark>) {
    if let Some(key) = view.key() {
        marks.push(Mark { part: key.arn, kind, value: value.into() });
    }
}

/// The ARN of the key in a note.
pub fn key_of(noted: &Noted) -> Option<&str> {
    Some(noted.about.key.as_ref()?.arn.as_str())
}

/// The ARN of the caller, or a substitute for use in a sentence.
pub fn who(about: &About) -> &str {
    about.principal.arn.as_deref().unwrap_or("somebody whom the record does not name")
}

/// Whether two calls have different callers, both known.
pub fn by_others(one: &About, other: &About) -> bool {
    let known = one.principal.arn.is_some() && other.principal.arn.is_some();
    known && one.principal.identity() != other.principal.identity()
}

/// Whether two calls have the same caller, who is known.
pub fn by_same(one: &About, other: &About) -> bool {
    one.principal.arn.is_some() && one.principal.identity() == other.principal.identity()
}

/// The text at a path. `None` if it is empty.
pub fn text<'a>(event: &Event<'a>, path: &[&str]) -> Option<Cow<'a, str>> {
    event.text_at(path).filter(|text| !text.is_empty())
}

/// The name of the alias in a request, as `alias/NAME`.
pub fn alias_name(event: &Event<'_>) -> Option<String> {
    let text = text(event, &["requestParameters", "aliasName"])?;
    let name = match Arn::parse(&text) {
        Some(arn) if arn.is_kms_alias() => arn.resource,
        Some(_) => return None,
        None => &text,
    };
    name.starts_with("alias/").then(|| name.to_owned())
}

/// The part for the notes of an alias. An alias belongs to one account and Region.
pub fn alias_part(event: &Event<'_>, view: &View<'_>) -> Option<String> {
    let name = alias_name(event)?;
    Some(format!("{} {} {name}", view.account()?, view.region()?))
}

/// The origin of a new key's material: `AWS_KMS`, `EXTERNAL`, …
pub fn origin_of_new_key(event: &Event<'_>) -> String {
    let origin = text(event, &["responseElements", "keyMetadata", "origin"])
        .or_else(|| text(event, &["requestParameters", "origin"]));
    origin.map_or_else(|| "AWS_KMS".to_owned(), Cow::into_owned)
}
