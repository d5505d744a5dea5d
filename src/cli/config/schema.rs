//! The JSON Schema of `keytrail.toml`, for editors and pipelines.
//!
//! What must stay true: it accepts every file that the reader accepts. The reader refuses more: what
//! a schema cannot say, such as a tag that is governed twice.

use serde_json::{Map, Value, json};

use super::key::{Form, Key, Kind, Shape, Table};
use super::keys::{self, TABLES};

/// The schema, of draft 2020-12.
pub fn schema() -> Value {
    let mut tables = Map::new();
    for name in keys::members("") {
        tables.insert(name.to_owned(), member(name));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "keytrail.toml",
        "description": "What keytrail should know of an organisation, and of how it scans.",
        "type": "object",
        "properties": tables,
        "additionalProperties": false,
    })
}

/// A table, or the tables below it.
fn member(name: &str) -> Value {
    if let Some(known) = keys::table(name) {
        return table(known);
    }
    let below = TABLES.iter().filter_map(|known| {
        let key = known.name.strip_prefix(name)?.strip_prefix('.')?;
        Some((key.to_owned(), table(known)))
    });
    let below: Map<String, Value> = below.collect();
    json!({"type": "object", "properties": below, "additionalProperties": false})
}

fn table(table: &Table) -> Value {
    let entry = entry(table);
    let mut whole = match table.shape {
        Shape::One => entry,
        Shape::Named(_) if table.name == "tags.governed" => {
            // A list is short for a table with these synonyms.
            let short = texts(&super::forms::PLAIN);
            json!({"type": "object", "additionalProperties": {"anyOf": [entry, short]}})
        }
        Shape::Named(_) => json!({"type": "object", "additionalProperties": entry}),
        Shape::Listed => json!({"type": "array", "items": entry}),
    };
    whole["description"] = table.about.into();
    whole
}

fn entry(table: &Table) -> Value {
    let keys: Map<String, Value> =
        table.keys.iter().map(|key| (key.name.to_owned(), value(key))).collect();
    let mut entry = json!({"type": "object", "properties": keys, "additionalProperties": false});
    let required: Vec<&str> =
        table.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    if !required.is_empty() {
        entry["required"] = json!(required);
    }
    entry
}

fn value(key: &Key) -> Value {
    let mut value = match key.kind {
        Kind::Text(form) => text(form),
        Kind::Texts(form) => texts(form),
        Kind::TextsByName => {
            json!({"type": "object", "additionalProperties": texts(&super::forms::PLAIN)})
        }
        Kind::Number(least, most) => {
            json!({"type": "integer", "minimum": least, "maximum": most})
        }
        Kind::Age => json!({"anyOf": [
            {"type": "integer", "minimum": 1, "maximum": keys::AGE_MAX},
            {"type": "string", "pattern": "^[0-9]+[smhdw]$"},
        ]}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Day => json!({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}),
    };
    value["description"] = key.about.into();
    value
}

fn text(form: &Form) -> Value {
    json!({"type": "string", "pattern": form.pattern})
}

fn texts(form: &Form) -> Value {
    json!({"type": "array", "items": text(form)})
}
