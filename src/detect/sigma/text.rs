//! Detections put so that the evaluator finds what their author means: objects read as text, and words
//! that must all be in a record.
//!
//! Rules of public collections look for a text anywhere in `requestParameters`, since many systems
//! hold that object as one text. The evaluator finds no text in an object. So a field that is
//! searched for a part or by a pattern gets a name of its own here, by which the record answers with
//! the texts of an object. And it looks for words that must all be there (`'|all'`) in one text, but
//! they may be in several of a record, so each gets a line of its own. Values of one line that are
//! looked for in different ways (a missing member, any value, a part of a text) get lines of which one
//! must fit.
//!
//! What must stay true: for a value that is no object nothing changes, and no field of a record has
//! such a name.

use std::borrow::Cow;
use std::net::IpAddr;

use rsigma_eval::EventValue;
use rsigma_parser::{
    Detection, DetectionItem, FieldSpec, Modifier, SigmaRule, SigmaString, SigmaValue, SpecialChar,
    StringPart,
};

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
            let (mut lines, mut choices) = (Vec::new(), Vec::new());
            for item in std::mem::take(items).into_iter().flat_map(one_by_one) {
                let mut ways = ways(item);
                match ways.len() {
                    1 => lines.append(&mut ways),
                    _ => {
                        let each = ways.into_iter().map(|way| Detection::AllOf(vec![way]));
                        choices.push(Detection::AnyOf(each.collect()));
                    }
                }
            }
            *detection = match choices.is_empty() {
                true => Detection::AllOf(lines),
                false => {
                    let lines = (!lines.is_empty()).then_some(Detection::AllOf(lines));
                    Detection::And(lines.into_iter().chain(choices).collect())
                }
            };
        }
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter_mut().for_each(search),
        Detection::Keywords(words) => words.iter_mut().for_each(as_text),
        // What is in an array is looked at by the evaluator, which does not know the names.
        Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {}
    }
}

/// Writes a number as text, as which words are looked for.
fn as_text(word: &mut SigmaValue) {
    if matches!(word, SigmaValue::Integer(_) | SigmaValue::Float(_)) {
        *word = SigmaValue::String(SigmaString::from_raw(&word.to_string()));
    }
}

/// The lines of which one must fit for a line to fit.
fn ways(mut item: DetectionItem) -> Vec<DetectionItem> {
    if item.field.name.is_none() {
        item.values.iter_mut().for_each(as_text);
        return vec![item];
    }
    if item.field.has_modifier(Modifier::Cidr) {
        item.values.iter_mut().for_each(as_network);
    }
    use Modifier::{Cased, Contains, EndsWith, Re, StartsWith};
    let modifiers = &item.field.modifiers;
    let only = |known: &[Modifier]| modifiers.iter().all(|modifier| known.contains(modifier));
    let is_plain = only(&[Cased]);
    let may_be_any = only(&[Cased, Contains, StartsWith, EndsWith]);
    let may_be_missing = only(&[Cased, Contains, StartsWith, EndsWith, Re]);
    let is_search = is_search(&item);
    let several = item.values.len() > 1;
    let (mut texts, mut others) = (Vec::new(), Vec::new());
    let (mut missing, mut any) = (Vec::new(), Vec::new());
    for value in std::mem::take(&mut item.values) {
        match &value {
            SigmaValue::Null if several && may_be_missing => missing.push(value),
            SigmaValue::String(text) if may_be_any && is_star(text) => {
                any = vec![SigmaValue::Bool(true)];
            }
            SigmaValue::String(text) if is_plain && is_part(text) => texts.push(value),
            _ => match is_search {
                true => texts.push(value),
                false => others.push(value),
            },
        }
    }
    let name = item.field.name.clone();
    let way = |prefix: &str, modifiers: &[Modifier], values: Vec<SigmaValue>| {
        let field = name.as_ref().map(|name| format!("{prefix}{name}"));
        (!values.is_empty())
            .then(|| DetectionItem { field: FieldSpec::new(field, modifiers.to_vec()), values })
    };
    let ways = [
        way("", modifiers, others),
        way(AS_TEXT, modifiers, texts),
        way("", &[], missing),
        way("", &[Modifier::Exists], any),
    ];
    let ways: Vec<DetectionItem> = ways.into_iter().flatten().collect();
    if ways.is_empty() { vec![item] } else { ways }
}

/// Writes an address as the network that holds nothing else.
fn as_network(value: &mut SigmaValue) {
    let SigmaValue::String(text) = value else { return };
    let address = text.as_plain().and_then(|text| text.trim().parse::<IpAddr>().ok());
    let Some(address) = address else { return };
    let bits = if address.is_ipv4() { 32 } else { 128 };
    *value = SigmaValue::String(SigmaString::from_raw(&format!("{address}/{bits}")));
}

/// Whether a text stands for any text.
fn is_star(text: &SigmaString) -> bool {
    let star = |part: &StringPart| matches!(part, StringPart::Special(SpecialChar::WildcardMulti));
    !text.parts.is_empty() && text.parts.iter().all(star)
}

/// Whether a text stands for a part of one, between stars.
fn is_part(text: &SigmaString) -> bool {
    let star = |part: Option<&StringPart>| {
        matches!(part, Some(StringPart::Special(SpecialChar::WildcardMulti)))
    };
    star(text.parts.first()) && star(text.parts.last())
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
