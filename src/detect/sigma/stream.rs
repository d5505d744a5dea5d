//! The documents of a file, each as it stands for itself.
//!
//! One document may say what the ones below it have in common (`action: global`), or be the one before
//! it with changes (`action: repeat`). What must stay true: a file gives no more than a few times what
//! it holds, whatever it repeats.

use serde::Deserialize;
use yaml_serde::{Deserializer, Mapping, Value};

/// How much the documents of a file take together at most, if some are put into others (8 MiB; a value
/// counts as 16 bytes beside its text). No file of more than 1 MiB is read.
const WEIGHT_MAX: usize = 8 << 20;

/// The documents of a file.
#[derive(Debug, Default)]
pub struct Stream {
    /// Those that are not empty, each with its place among all of the file.
    pub documents: Vec<(usize, Value)>,
    /// Whether they are all that the file has, as it has them.
    pub as_written: bool,
}

/// Reads the documents of a file.
///
/// # Errors
/// The text is no YAML, or its documents are too large together.
pub fn documents(text: &str) -> Result<Stream, String> {
    let mut stream = Stream { documents: Vec::new(), as_written: true };
    for (at, document) in Deserializer::from_str(text).enumerate() {
        let value = Value::deserialize(document);
        let value = value.map_err(|error| format!("YAML parse error: {error}"))?;
        match value.is_null() {
            true => stream.as_written = false,
            false => stream.documents.push((at, value)),
        }
    }
    let acts = |(_, value): &(usize, Value)| value.get("action").is_some();
    match stream.documents.iter().any(acts) {
        true => merged(stream.documents),
        false => Ok(stream),
    }
}

/// Does what the documents say of each other. An action that is unknown stays in its document.
fn merged(documents: Vec<(usize, Value)>) -> Result<Stream, String> {
    let (mut common, mut before): (Option<Value>, Option<Value>) = (None, None);
    let (mut found, mut left, mut shared) = (Vec::new(), WEIGHT_MAX, 0);
    for (at, mut document) in documents {
        let action = document.get("action").and_then(Value::as_str).map(str::to_owned);
        let again = before.as_ref().filter(|_| action.as_deref() == Some("repeat"));
        // Before anything is put together. It is kept twice.
        let takes = weight(&document) + shared + again.map_or(0, weight);
        let too_large = || "its documents are too large together".to_owned();
        left = left.checked_sub(2 * takes).ok_or_else(too_large)?;
        let own = |document: &mut Value| {
            document.as_mapping_mut().map(|members| members.remove("action"));
        };
        let whole = match (action.as_deref(), &before) {
            (Some("global"), _) => {
                own(&mut document);
                shared = weight(&document);
                common = Some(document);
                continue;
            }
            (Some("reset"), _) => {
                (common, shared) = (None, 0);
                continue;
            }
            (Some("repeat"), Some(before)) => {
                own(&mut document);
                over(before, document)
            }
            _ => document,
        };
        let whole = match &common {
            Some(common) => over(common, whole),
            None => whole,
        };
        before = Some(whole.clone());
        found.push((at, whole));
    }
    Ok(Stream { documents: found, as_written: false })
}

/// A document laid over another, whose members it replaces. How deep both are is limited where YAML is
/// read.
fn over(below: &Value, above: Value) -> Value {
    match (below, above) {
        (Value::Mapping(below), Value::Mapping(above)) => {
            let mut whole = below.clone();
            lay(&mut whole, above);
            Value::Mapping(whole)
        }
        (_, above) => above,
    }
}

fn lay(below: &mut Mapping, above: Mapping) {
    for (name, value) in above {
        match (below.get_mut(&name), value) {
            (Some(Value::Mapping(below)), Value::Mapping(above)) => lay(below, above),
            (_, value) => {
                below.insert(name, value);
            }
        }
    }
}

/// How much a mapping takes.
pub fn weight_of(members: &Mapping) -> usize {
    members.iter().map(|(name, value)| weight(name) + weight(value)).sum()
}

/// How much a value takes.
fn weight(value: &Value) -> usize {
    16 + match value {
        Value::Mapping(members) => weight_of(members),
        Value::Sequence(items) => items.iter().map(weight).sum::<usize>(),
        Value::String(text) => text.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(usize, String)> {
        let found = documents(text).unwrap().documents;
        let line = |value| yaml_serde::to_string(&value).unwrap().trim().replace('\n', " ");
        found.into_iter().map(|(at, value)| (at, line(value))).collect()
    }

    #[test]
    fn documents_say_what_others_have_in_common() {
        let text = "action: global\na: 1\nm: {x: 1}\n---\nb: 2\n---\n---\nm: {y: 2}\na: 3\n---\n\
                    action: repeat\nb: 4\n---\naction: reset\n---\nc: 5\n---\naction: allow\n";
        let text_of = |at: usize, text: &str| (at, text.to_owned());
        assert_eq!(
            read(text),
            [
                text_of(1, "m:   x: 1 a: 1 b: 2"),
                text_of(3, "m:   x: 1   y: 2 a: 3"),
                text_of(4, "m:   x: 1   y: 2 a: 3 b: 4"),
                text_of(6, "c: 5"),
                text_of(7, "action: allow"),
            ]
        );
        assert_eq!(read("action: repeat\na: 1\n"), [text_of(0, "action: repeat a: 1")]);
        assert_eq!(read("# nothing\n"), []);
        assert!(documents("a: [").unwrap_err().starts_with("YAML parse error: "));
    }

    #[test]
    fn what_is_repeated_costs_no_more_than_what_is_read() {
        let wide: String = (0..10_000).map(|n| format!("a{n}: 1\n")).collect();
        let many = "---\nb: 1\n".repeat(10_000);
        let error = documents(&format!("action: global\n{wide}{many}")).unwrap_err();
        assert_eq!(error, "its documents are too large together");
    }

    #[test]
    fn a_long_text_that_many_documents_share_is_too_large() {
        let long = "x".repeat(500_000);
        let many = "---\nb: 1\n".repeat(100);
        let error = documents(&format!("action: global\na: {long}\n{many}")).unwrap_err();
        assert_eq!(error, "its documents are too large together");
        assert!(documents(&format!("action: global\na: {long}\n---\nb: 1\n")).is_ok());
    }
}
