//! `[[suppress]]`: what is not to be listed, until when and why.

use std::ops::Range;

use toml::de::DeValue;

use super::reader::{Fields, Notes, Place, Value, kind, quoted};
use crate::model::suppression::{Day, Suppression};

/// What `[[suppress]]` says.
#[derive(Debug, Default)]
pub struct Suppress {
    /// Each that is whole, with the place of its rule.
    pub whole: Vec<(Suppression, Place)>,
    /// The rules of all, so that their names are checked whatever else is wrong.
    pub rules: Vec<(String, Place)>,
}

/// Reads each.
pub fn read(value: Option<&Value<'_>>, notes: &mut Notes<'_>) -> Suppress {
    let mut found = Suppress::default();
    let Some(value) = value else { return found };
    let DeValue::Array(list) = value.get_ref() else {
        let what = kind(value.get_ref());
        notes.add(&value.span(), format!("suppress: expected [[suppress]], found {what}"));
        return found;
    };
    for (number, value) in list.iter().enumerate() {
        notes.saw(&format!("suppress[{number}]"), &value.span());
        one(value, notes, &mut found);
    }
    found
}

fn one(value: &Value<'_>, notes: &mut Notes<'_>, to: &mut Suppress) {
    let table = Fields::of(value, ("suppress", "suppress"), notes);
    if !table.is_there() {
        return;
    }
    let rule = rule(&table, &value.span(), notes);
    to.rules.extend(rule.clone());
    let principal = table.text("principal", notes);
    let key = table.text("key", notes);
    let resource = table.text("resource", notes);
    let trust_context = table.flag("trust_context", notes);
    let account = table.text("account", notes);
    let region = table.text("region", notes);
    let reason = match table.take("reason", notes) {
        Some(_) => table.text("reason", notes),
        None => missing(&value.span(), "reason", "why the finding is accepted", notes),
    };
    let owner = table.text("owner", notes);
    let ticket = table.text("ticket", notes);
    let expires = match table.take("expires", notes) {
        Some(value) => expires(value, notes),
        None => missing(&value.span(), "expires", "the last day, such as 2027-01-31", notes),
    };
    table.end(notes);
    if let (Some((rule, place)), Some(reason), Some(expires)) = (rule, reason, expires) {
        let suppression = Suppression {
            rule,
            principal,
            key,
            resource,
            trust_context: trust_context.unwrap_or_default(),
            account,
            region,
            reason,
            owner,
            ticket,
            expires,
        };
        to.whole.push((suppression, place));
    }
}

fn missing<T>(span: &Range<usize>, key: &str, what: &str, notes: &mut Notes<'_>) -> Option<T> {
    notes.add_missing(span, format!("suppress: {key} is missing: expected {what}"));
    None
}

/// The name of a rule, and where it stands.
fn rule(
    table: &Fields<'_, '_>,
    span: &Range<usize>,
    notes: &mut Notes<'_>,
) -> Option<(String, Place)> {
    let Some(value) = table.take("rule", notes) else {
        return missing(span, "rule", "a rule id", notes);
    };
    let rule = table.text("rule", notes)?;
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
