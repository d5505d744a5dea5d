//! Several documents with one id.
//!
//! Collections overlap, and a file with a correlation often carries its own copy of the rule that it
//! counts. What must stay true: a rule that is there twice is evaluated once, whichever file it was
//! found in first. Two different rules with one id are both left out, since nobody can say which
//! of them a finding, an exception or a correlation would mean.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::document::{Content, Document};
use super::name::canonical;
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};

/// Members that change nothing about what a rule finds or what is told of it.
const ASIDE: [&str; 8] =
    ["author", "date", "license", "modified", "related", "scope", "status", "taxonomy"];

/// Documents of which each has an id of its own.
#[derive(Debug, Default)]
pub struct Settled {
    /// The documents, in their order.
    pub documents: Vec<Document>,
    /// One for each id that stands for different documents, with the names of these.
    pub conflicts: Vec<(Problem, Vec<String>)>,
}

/// Keeps one of the documents that are the same, and none of those that share only their id.
pub fn one_of_each(documents: Vec<Document>) -> Settled {
    let mut shared: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, document) in documents.iter().enumerate() {
        shared.entry(canonical(&document.id).into_owned()).or_default().push(at);
    }
    shared.retain(|_, at| at.len() > 1);
    let mut settled = Settled::default();
    let mut dropped = BTreeSet::new();
    for (id, all) in shared {
        let essences: BTreeSet<String> =
            all.iter().map(|at| essence(&documents[*at], *at)).collect();
        let kept = match essences.len() {
            1 => all.iter().min_by_key(|at| rank(&documents[**at])),
            _ => {
                let all: Vec<&Document> = all.iter().map(|at| &documents[*at]).collect();
                let names = all.iter().flat_map(|document| document.names());
                let names = names.map(Cow::into_owned).collect();
                settled.conflicts.push((conflict(&id, &all), names));
                None
            }
        };
        dropped.extend(all.iter().filter(|at| kept != Some(at)).copied());
    }
    let kept = documents.into_iter().enumerate().filter(|(at, _)| !dropped.contains(at));
    settled.documents = kept.map(|(_, document)| document).collect();
    settled
}

/// The place of a copy among its like: first the one with the fewest others beside it, since its
/// file is about this rule.
fn rank(document: &Document) -> (usize, &str) {
    (document.beside, &document.file.origin)
}

fn conflict(id: &str, all: &[&Document]) -> Problem {
    let files: BTreeSet<&str> = all.iter().map(|document| &*document.file.origin).collect();
    let mut files = files.into_iter();
    let first = files.next().unwrap_or_default();
    let others: Vec<&str> = files.collect();
    let where_to = match others.is_empty() {
        true => "in this file".to_owned(),
        false => format!("here and in {}", others.join(", ")),
    };
    let message = format!(
        "the id '{id}' stands for different rules {where_to}: none of them is evaluated; give each \
         rule its own id"
    );
    Problem::new(Origin::blob(first), Stage::Rule, message)
}

/// What a document says, without regard to its layout, to the order of members and lists, and to
/// what is only noted aside. One that cannot be compared is like no other, and is told by its number.
fn essence(document: &Document, number: usize) -> String {
    let value = match &document.content {
        Content::Rule(rule, count) => serde_json::to_value(rule).map(|mut value| {
            value["count"] = Value::from(count.as_ref().map(|count| format!("{count:?}")));
            value
        }),
        Content::Correlation(rule) => serde_json::to_value(rule),
        Content::Filter(rule) => serde_json::to_value(rule),
    };
    // Keys that are no text have no place in a value.
    let Ok(mut value) = value else { return number.to_string() };
    if let Some(members) = value.as_object_mut() {
        ASIDE.iter().for_each(|name| drop(members.remove(*name)));
        members.insert("id".to_owned(), canonical(&document.id).into());
        let own = members
            .remove("custom_attributes")
            .and_then(|mut own| Some(own.get_mut("keytrail")?.take()));
        members.insert("keytrail".to_owned(), own.unwrap_or_default());
        // The same conditions, as they were typed.
        if let Some(detection) = members.get_mut("detection").and_then(Value::as_object_mut) {
            detection.remove("condition_strings");
        }
    }
    let mut text = String::new();
    // The steps of a correlation may be in order, so its lists stay as they are.
    let in_order = matches!(document.content, Content::Correlation(_));
    write(&value, in_order, &mut text);
    text
}

/// Writes a value with the members of its objects by name, and its lists sorted unless they are
/// `in_order`.
fn write(value: &Value, in_order: bool, out: &mut String) {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<&String, &Value> = members.iter().collect();
            out.push('{');
            for (name, value) in members {
                out.push_str(&Value::from(name.as_str()).to_string());
                write(value, in_order, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            let written = |item: &Value| {
                let mut text = String::new();
                write(item, in_order, &mut text);
                text
            };
            let mut items: Vec<String> = items.iter().map(written).collect();
            if !in_order {
                items.sort_unstable();
            }
            out.push('[');
            out.push_str(&items.join(","));
            out.push(']');
        }
        value => out.push_str(&value.to_string()),
    }
}
