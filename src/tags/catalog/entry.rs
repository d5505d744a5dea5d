//! What every kind of file gives: resources with all their tags.

use serde_json::Value as Json;

use crate::model::time::Time;
use crate::tags::change::{Tags, Value};
use crate::tags::extract;

/// One resource of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its ARN, as it is written.
    pub arn: String,
    /// All its tags.
    pub tags: Tags,
    /// As of when, if the entry says so.
    pub time: Option<Time>,
}

/// What was read of a file.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub entries: Vec<Entry>,
    /// Ids and what ARN they are of.
    pub joins: Vec<(String, String)>,
    /// What could not be read.
    pub wrong: Vec<String>,
    /// Resources without an ARN or without tags, which tell nothing.
    pub passed_over: u64,
}

/// A member's text, whatever the case of its name.
pub(super) fn text<'a>(value: &'a Json, name: &str) -> Option<&'a str> {
    member(value, name)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

pub(super) fn member<'a>(value: &'a Json, name: &str) -> Option<&'a Json> {
    let object = value.as_object()?;
    object.get(name).or_else(|| {
        object.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    })
}

/// Tags in any of their shapes; `None` when they do not read.
pub(super) fn tags(value: &Json) -> Option<Tags> {
    let text = value.to_string();
    extract::tags(crate::record::json::Json::new(&text))
}

/// Tags out of texts.
pub(super) fn texts<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Tags {
    pairs.map(|(key, value)| (key.to_owned(), Value::Text(value.to_owned()))).collect()
}
