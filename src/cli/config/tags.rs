//! `[tags]`: which tags are compared between keys and resources, and how.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::de::DeValue;

use super::forms;
use super::reader::{Fields, Notes, Value, kind, quoted, texts};
use crate::model::estate::{Estate, GovernedTag, SharedKey};
use crate::model::pattern::Patterns;

/// Reads the table.
pub fn read(table: Fields<'_, '_>, estate: &mut Estate, notes: &mut Notes<'_>) {
    let governed = table.table("governed", notes);
    if governed.is_there() {
        estate.governed_tags = all_governed(&governed, notes);
    }
    if let Some(value) = table.take("shared", notes) {
        estate.shared_keys = all_shared(value, &estate.governed_tags, notes);
    }
    table.end(notes);
}

/// `[tags.governed]`: the name of each tag, and the other tag keys that mean the same; or a table
/// of its own with more.
fn all_governed(table: &Fields<'_, '_>, notes: &mut Notes<'_>) -> Vec<GovernedTag> {
    let mut tags = Vec::new();
    // A key may mean one tag only; which one it would be is nothing to guess.
    let mut meant: BTreeMap<String, String> = BTreeMap::new();
    let mut entries: Vec<_> = table.entries().collect();
    entries.sort_by_key(|(_, span, _)| span.start);
    for (key, span, value) in entries {
        let name = table.path(key);
        notes.saw(&name, &span);
        if let Err(reason) = forms::plain(key) {
            notes.add(&span, format!("{name}: the name of a tag {reason}"));
        }
        let tag = governed(key, &name, value, notes);
        let names: Vec<&str> =
            [key].into_iter().chain(tag.synonyms.iter().map(String::as_str)).collect();
        for as_written in names {
            match meant.insert(GovernedTag::folded(as_written), key.to_owned()) {
                Some(other) if other != key => {
                    let what = quoted(as_written);
                    notes.add(&span, format!("{name}: {what} means the tag {other} already"));
                }
                _ => {}
            }
        }
        tags.push(tag);
    }
    tags
}

fn governed(key: &str, name: &str, value: &Value<'_>, notes: &mut Notes<'_>) -> GovernedTag {
    let mut tag = GovernedTag::named(key);
    if !matches!(value.get_ref(), DeValue::Table(_)) {
        tag.synonyms = texts(value, name, &forms::PLAIN, notes).unwrap_or_default();
        return tag;
    }
    let table = Fields::of(value, (name, "tags.governed"), notes);
    tag.synonyms = table.texts("synonyms", notes).unwrap_or_default();
    if let Some(order) = table.texts("order", notes) {
        tag.order = order;
    }
    let level = table.text("level", notes).and_then(|level| level.parse().ok());
    tag.level = level.unwrap_or(tag.level);
    let values = table.table("values", notes);
    let mut meant: BTreeMap<String, String> = BTreeMap::new();
    for (value, span, spellings) in values.entries() {
        let path = values.path(value);
        let spellings = texts(spellings, &path, &forms::PLAIN, notes).unwrap_or_default();
        let spellings: BTreeSet<String> =
            spellings.iter().map(|text| text.trim().to_owned()).collect();
        for spelling in &spellings {
            said_once(spelling, value, &mut meant, (&span, &path), notes);
        }
        tag.aliases.insert(value.trim().to_owned(), spellings);
    }
    table.end(notes);
    tag
}

/// A spelling may stand for one value only.
fn said_once(
    spelling: &str,
    value: &str,
    meant: &mut BTreeMap<String, String>,
    (span, path): (&Range<usize>, &str),
    notes: &mut Notes<'_>,
) {
    if let Some(other) = meant.insert(spelling.to_owned(), value.to_owned())
        && other != value
    {
        let what = quoted(spelling);
        notes.add(span, format!("{path}: {what} stands for {} already", quoted(&other)));
    }
}

/// `[[tags.shared]]`: a key and what it may be used for, by tag.
fn all_shared(
    value: &Value<'_>,
    governed: &[GovernedTag],
    notes: &mut Notes<'_>,
) -> Vec<SharedKey> {
    let DeValue::Array(list) = value.get_ref() else {
        let found = kind(value.get_ref());
        notes.add(&value.span(), format!("tags.shared: expected a list of tables, found {found}"));
        return Vec::new();
    };
    let mut all = Vec::new();
    for (number, value) in list.iter().enumerate() {
        let name = format!("tags.shared[{number}]");
        notes.saw(&name, &value.span());
        let table = Fields::of(value, (&name, "tags.shared"), notes);
        let key = table.text("key", notes);
        let allowed = table.table("allow", notes);
        let mut allow = BTreeMap::new();
        for (tag, span, values) in allowed.entries() {
            let path = allowed.path(tag);
            if !governed.iter().any(|governed| governed.is_meant_by(tag)) {
                notes.add(&span, format!("{path}: {} is no governed tag", quoted(tag)));
            }
            let values = texts(values, &path, &forms::PLAIN, notes).unwrap_or_default();
            allow.insert(tag.to_owned(), Patterns::new(values));
        }
        if matches!(value.get_ref(), DeValue::Table(_)) && (key.is_none() || allow.is_empty()) {
            let expected = "expected a key and, under allow, the values of at least one tag";
            notes.add_missing(&value.span(), format!("{name}: {expected}"));
        }
        table.end(notes);
        all.extend(key.map(|key| SharedKey { key: Patterns::new([key]), allow }));
    }
    all
}
