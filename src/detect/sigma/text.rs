//! Detections put so that the evaluator finds what their author means: objects read as text, and words
//! that must all be in a record.
//!
//! Rules of public collections look for a text anywhere in `requestParameters`, since many systems
//! hold that object as one text. The evaluator finds no text in an object. So a field that is
//! searched for a part or by a pattern gets a name of its own here, by which the record answers with
//! the texts of an object. And it looks for words that must all be there (`'|all'`) in one text, but
//! they may be in several of a record, so each gets a line of its own. What must stay true: for a value that is no object nothing changes, and
//! no field of a record has such a name.

use std::borrow::Cow;

use rsigma_eval::EventValue;
use rsigma_parser::{Detection, DetectionItem, Modifier, SigmaRule};

/// What stands before the name of a field that is read as text. No JSON of a log holds it unescaped,
/// and a rule cannot type it in YAML.
pub const AS_TEXT: &str = "\u{0}text ";

/// The rule with every field that is searched for texts under its other name, and with a line for each
/// word that must be there.
pub fn searching(rule: &SigmaRule) -> SigmaRule {
    let mut rule = rule.clone();
    rule.detection.named.values_mut().for_each(search);
    rule
}

fn search(detection: &mut Detection) {
    match detection {
        Detection::AllOf(items) => {
            *items = std::mem::take(items).into_iter().flat_map(one_by_one).collect();
            items.iter_mut().filter(|item| is_search(item)).for_each(|item| {
                if let Some(name) = &mut item.field.name {
                    name.insert_str(0, AS_TEXT);
                }
            })
        }
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter_mut().for_each(search),
        // What is in an array is looked at by the evaluator, which does not know the names.
        Detection::ArrayMatch { .. } | Detection::Conditional { .. } | Detection::Keywords(_) => {}
    }
}

/// A line without a field of which all values must be there, as a line for each of them.
fn one_by_one(item: DetectionItem) -> Vec<DetectionItem> {
    if item.field.name.is_some() || !item.field.modifiers.contains(&Modifier::All) {
        return vec![item];
    }
    let DetectionItem { mut field, values } = item;
    field.modifiers.retain(|modifier| *modifier != Modifier::All);
    // A word is looked for anywhere in a text unless the line says where.
    if field.modifiers.is_empty() {
        field.modifiers.push(Modifier::Contains);
    }
    let line = |value| DetectionItem { field: field.clone(), values: vec![value] };
    values.into_iter().map(line).collect()
}

/// Whether a line of a detection looks for parts of texts.
fn is_search(item: &DetectionItem) -> bool {
    let modifiers = &item.field.modifiers;
    modifiers.iter().any(|modifier| matches!(modifier, Modifier::Contains | Modifier::Re))
        && !modifiers.contains(&Modifier::FieldRef)
}

/// A value as text: an object is its JSON and each of the texts in it, which JSON would escape.
pub fn texts(value: EventValue<'_>) -> EventValue<'_> {
    match value {
        EventValue::Map(_) => {
            let mut found = vec![EventValue::Str(Cow::Owned(value.to_json().to_string()))];
            leaves(value, &mut found);
            EventValue::Array(found)
        }
        EventValue::Array(items) => EventValue::Array(items.into_iter().map(texts).collect()),
        value => value,
    }
}

/// The texts in a value.
fn leaves<'v>(value: EventValue<'v>, out: &mut Vec<EventValue<'v>>) {
    match value {
        EventValue::Map(members) => members.into_iter().for_each(|(_, value)| leaves(value, out)),
        EventValue::Array(items) => items.into_iter().for_each(|item| leaves(item, out)),
        EventValue::Str(_) => out.push(value),
        _ => {}
    }
}
