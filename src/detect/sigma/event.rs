//! Gives the Sigma evaluator access to a record without copying it.
//!
//! The result for any field equals that of `rsigma_eval::JsonEvent` for the same record as a
//! `serde_json::Value`; a property test compares the two. In addition it answers for the virtual
//! fields, which no record can set.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;

use rsigma_eval::{EventValue, JsonEvent};
use serde_json::Value;

use super::text::{AS_TEXT, texts};
use crate::detect::field;
use crate::record::event::Event;
use crate::record::json::{DEEPEST, Json, Kind};
use crate::record::kms::View;

/// One record, while one rule evaluates it.
pub struct SigmaEvent<'e, 'v> {
    event: &'e Event<'e>,
    view: &'e View<'v>,
    /// The record as a value, for rare cases that are not handled in place.
    plain: OnceCell<JsonEvent<'static>>,
}

impl<'e, 'v> SigmaEvent<'e, 'v> {
    /// Wraps `event` and its `view`.
    pub fn new(event: &'e Event<'e>, view: &'e View<'v>) -> Self {
        SigmaEvent { event, view, plain: OnceCell::new() }
    }

    fn plain(&self) -> &JsonEvent<'static> {
        self.event.miss_any();
        self.plain.get_or_init(|| JsonEvent::owned(self.event.json().to_value()))
    }
}

impl rsigma_eval::Event for SigmaEvent<'_, '_> {
    fn get_field(&self, path: &str) -> Option<EventValue<'_>> {
        if let Some(path) = path.strip_prefix(AS_TEXT) {
            return self.get_field(path).map(texts);
        }
        if field::is_virtual(path) {
            if let Some(flag) = field::flag_of(self.view, path) {
                return Some(EventValue::Bool(flag));
            }
            return field::of_view(self.view, path).map(EventValue::Str);
        }
        // A path with a backslash is not looked up in place, because the record may spell the same
        // name with other escapes.
        if path.contains('\\') {
            return self.plain().get_field(path);
        }
        if let Some(flat) = self.event.get(path) {
            return Some(value(flat, DEEPEST - 1));
        }
        if path.contains('[') {
            return self.plain().get_field(path);
        }
        let (first, rest) = path.split_once('.')?;
        let mut found = Vec::new();
        collect(self.event.get(first)?, Some(rest), DEEPEST - 1, &mut found);
        match found.len() {
            0 => {
                self.event.miss(path);
                None
            }
            1 => found.pop(),
            _ => Some(EventValue::Array(found)),
        }
    }

    fn any_string_value(&self, pred: &dyn Fn(&str) -> bool) -> bool {
        self.event.miss_any();
        any_string(self.event.json(), pred, DEEPEST)
    }

    fn all_string_values(&self) -> Vec<Cow<'_, str>> {
        self.plain().all_string_values()
    }

    fn to_json(&self) -> Value {
        self.event.miss_any();
        self.event.json().to_value()
    }
}

/// Follows `path` from `json` through every element of arrays, and collects the values at its ends.
fn collect<'a>(json: Json<'a>, path: Option<&str>, depth: usize, out: &mut Vec<EventValue<'a>>) {
    let Some(path) = path else {
        out.push(value(json, depth));
        return;
    };
    if depth == 0 {
        return;
    }
    match json.kind() {
        Kind::Object => {
            let (key, rest) = match path.split_once('.') {
                Some((key, rest)) => (key, Some(rest)),
                None => (path, None),
            };
            if let Some(next) = json.get(key) {
                collect(next, rest, depth - 1, out);
            }
        }
        Kind::Array => {
            json.elements().for_each(|item| collect(item, Some(path), depth - 1, out));
        }
        _ => {}
    }
}

/// Converts a value for the evaluator. Values nested deeper than `depth` become null.
fn value(json: Json<'_>, depth: usize) -> EventValue<'_> {
    let deeper = depth.saturating_sub(1);
    match json.kind() {
        _ if depth == 0 => EventValue::Null,
        Kind::Null => EventValue::Null,
        Kind::Bool => EventValue::Bool(json.raw() == "true"),
        Kind::Number => match json.to_value().as_number() {
            Some(number) => match number.as_i64() {
                Some(whole) => EventValue::Int(whole),
                None => EventValue::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            None => EventValue::Null,
        },
        Kind::String => EventValue::Str(json.as_str().unwrap_or_default()),
        Kind::Array => EventValue::Array(json.elements().map(|item| value(item, deeper)).collect()),
        Kind::Object => {
            let member = |(name, json)| (name, value(json, deeper));
            EventValue::Map(members(json).into_iter().map(member).collect())
        }
    }
}

fn any_string(json: Json<'_>, pred: &dyn Fn(&str) -> bool, depth: usize) -> bool {
    if depth == 0 {
        return false;
    }
    match json.kind() {
        Kind::String => json.as_str().is_some_and(|text| pred(&text)),
        Kind::Array => json.elements().any(|item| any_string(item, pred, depth - 1)),
        Kind::Object => members(json).into_values().any(|item| any_string(item, pred, depth - 1)),
        _ => false,
    }
}

/// The members of an object, by name. Of duplicates, the last one counts.
fn members(json: Json<'_>) -> BTreeMap<Cow<'_, str>, Json<'_>> {
    json.members().map(|(name, json)| (name.text(), json)).collect()
}
