//! `[[suppress]]`: what is not to be listed, until when and why.

use std::ops::Range;

use toml::de::DeValue;

use super::forms;
use super::reader::{Fields, Notes, Place, Value, kind, quoted};
use crate::model::suppression::{Day, Suppression};

/// Reads each, and gives it with its place.
pub fn read(value: Option<&Value<'_>>, notes: &mut Notes<'_>) -> Vec<(Suppression, Place)> {
    let Some(value) = value else { return Vec::new() };
    let DeValue::Array(list) = value.get_ref() else {
        let found = kind(value.get_ref());
        notes.add(&value.span(), format!("suppress: expected [[suppress]], found {found}"));
        return Vec::new();
    };
    list.iter().filter_map(|value| one(value, notes)).collect()
}

fn one(value: &Value<'_>, notes: &mut Notes<'_>) -> Option<(Suppression, Place)> {
    let mut table = Fields::of(value, "suppress", notes);
    if !table.is_there() {
        return None;
    }
    let rule = rule(&mut table, &value.span(), notes);
    let principal = table.text("principal", notes, forms::arn_pattern);
    let key = table.text("key", notes, forms::key_pattern);
    let resource = table.text("resource", notes, forms::plain);
    let account = table.text("account", notes, forms::account_pattern);
    let region = table.text("region", notes, forms::region_pattern);
    let reason = match table.take("reason") {
        Some(value) => super::reader::text(value, "suppress.reason", notes, forms::sentence),
        None => missing(&value.span(), "reason", "why the finding is accepted", notes),
    };
    let expires = match table.take("expires") {
        Some(value) => expires(value, notes),
        None => missing(&value.span(), "expires", "the last day, such as 2027-01-31", notes),
    };
    table.end(notes);
    let ((rule, place), reason, expires) = (rule?, reason?, expires?);
    let suppression =
        Suppression { rule, principal, key, resource, account, region, reason, expires };
    Some((suppression, place))
}

fn missing<T>(span: &Range<usize>, key: &str, what: &str, notes: &mut Notes<'_>) -> Option<T> {
    notes.add_missing(span, format!("suppress: {key} is missing: expected {what}"));
    None
}

/// The name of a rule, and where it stands.
fn rule(
    table: &mut Fields<'_, '_>,
    span: &Range<usize>,
    notes: &mut Notes<'_>,
) -> Option<(String, Place)> {
    let Some(value) = table.take("rule") else {
        return missing(span, "rule", "a rule id", notes);
    };
    let form = |text: &str| match text.contains(['*', '?']) {
        true => Err("expected one rule id; patterns are not for rules".into()),
        false => forms::plain(text),
    };
    let rule = super::reader::text(value, "suppress.rule", notes, form)?;
    Some((rule, Place(value.span().start)))
}

/// A date of TOML, or a text that is one.
fn expires(value: &Value<'_>, notes: &mut Notes<'_>) -> Option<Day> {
    let (day, found) = match value.get_ref() {
        DeValue::String(text) => (Day::parse(text), quoted(text)),
        DeValue::Datetime(given) if given.time.is_none() => {
            (Day::parse(&given.to_string()), quoted(&given.to_string()))
        }
        other => (None, kind(other).to_owned()),
    };
    if day.is_none() {
        let expected = "suppress.expires: expected a day such as 2027-01-31";
        notes.add(&value.span(), format!("{expected}, found {found}"));
    }
    day
}
