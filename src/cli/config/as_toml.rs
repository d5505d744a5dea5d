//! Values as TOML.
//!
//! What must stay true: what is written here is read back as the same settings, and no character of it
//! commands a terminal.

use serde_json::{Map, Value};

use super::key::{Shape, Table};
use super::keys::TABLES;
use crate::report::escape::{is_hidden, visible};

/// A value in one line.
pub fn inline(value: &Value) -> String {
    match value {
        Value::Null => "\"\"".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(list) => format!("[{}]", join(list.iter().map(inline))),
        Value::Object(table) if table.is_empty() => "{}".to_owned(),
        Value::Object(table) => format!("{{ {} }}", join(pairs(table))),
    }
}

/// The keys and values of a table, without those that are not set.
fn pairs(table: &Map<String, Value>) -> impl Iterator<Item = String> {
    let set = table.iter().filter(|(_, value)| !value.is_null());
    set.map(|(key, value)| format!("{} = {}", bare(key), inline(value)))
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// A text in quotes. What JSON escapes TOML escapes in the same way; hidden characters besides.
fn quoted(text: &str) -> String {
    let escaped = |c: char| match is_hidden(c) {
        true => format!("\\U{:08X}", u32::from(c)),
        false => c.to_string(),
    };
    Value::from(text).to_string().chars().map(escaped).collect()
}

/// A key, in quotes if it has to be.
fn bare(key: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !key.is_empty() && key.bytes().all(plain) { key.to_owned() } else { quoted(key) }
}

/// A whole file of these settings: each with a remark behind it, those that are not set as a remark.
pub fn document(value: impl Fn(&str) -> Option<Value>, remark: impl Fn(&str) -> String) -> String {
    let mut text = String::new();
    for table in TABLES {
        text += &match table.shape {
            Shape::One => one(table, &value, &remark),
            Shape::Named(_) | Shape::Listed => several(table, &value, &remark),
        };
    }
    text.trim_start().to_owned()
}

fn one(
    table: &Table,
    value: impl Fn(&str) -> Option<Value>,
    remark: impl Fn(&str) -> String,
) -> String {
    let mut text = format!("\n[{}]\n", table.name);
    for key in table.keys {
        let name = format!("{}.{}", table.name, key.name);
        let value = value(&name).unwrap_or_default();
        let remark = visible(&remark(&name)).into_owned();
        text += &match value {
            Value::Null => format!("# {} is not set  # {remark}\n", key.name),
            value => format!("{} = {}  # {remark}\n", key.name, inline(&value)),
        };
    }
    text
}

fn several(
    table: &Table,
    value: impl Fn(&str) -> Option<Value>,
    remark: impl Fn(&str) -> String,
) -> String {
    let Some(Value::Array(all)) = value(table.name) else { return String::new() };
    let mut text = String::new();
    if all.is_empty() && table.shape != Shape::Listed {
        // No tag may be governed, which is something else than the usual ones.
        text = format!("\n[{}]  # {}\n", table.name, visible(&remark(table.name)));
    }
    for (number, entry) in all.into_iter().enumerate() {
        let Value::Object(mut entry) = entry else { continue };
        let (name, head) = match table.shape {
            Shape::Listed => (format!("{}[{number}]", table.name), format!("[[{}]]", table.name)),
            _ => {
                let name = entry.remove("name").and_then(|name| Some(name.as_str()?.to_owned()));
                let name = name.unwrap_or_default();
                let head = format!("[{}.{}]", table.name, bare(&name));
                (format!("{}.{name}", table.name), head)
            }
        };
        text += &format!("\n{head}  # {}\n", visible(&remark(&name)));
        pairs(&entry).for_each(|pair| text += &format!("{pair}\n"));
    }
    text
}
