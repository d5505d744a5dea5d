//! Lists: `arn,key,value` with a row a tag, or `arn,KEY,KEY,…` with a row a resource (Tag Editor).

use std::collections::BTreeMap;

use super::entry::{Entry, Read, texts};
use crate::model::time::Time;

/// What the column of the ARN may be called.
const ARN: [&str; 4] = ["arn", "resourcearn", "resource arn", "resource_arn"];

/// What Tag Editor writes where a tag is not there.
const NOT_TAGGED: &str = "(not tagged)";

/// Columns that Tag Editor writes beside the tags, and a prefix that some tools put before them.
const BESIDE: [&str; 9] =
    ["identifier", "service", "type", "region", "tags", "account", "account id", "name", "date"];
const PREFIX: &str = "tag:";

/// Reads a list.
pub fn read(text: &str, read: &mut Read) {
    let mut rows = rows(text).into_iter();
    let header: Vec<String> =
        rows.next().unwrap_or_default().iter().map(|name| name.trim().to_owned()).collect();
    let lower: Vec<String> = header.iter().map(|name| name.to_lowercase()).collect();
    let column = |names: &[&str]| lower.iter().position(|name| names.contains(&name.as_str()));
    let Some(arn) = column(&ARN) else {
        read.wrong.push("is neither JSON nor CSV with a column named arn".into());
        return;
    };
    let date = column(&["date", "as of", "captured"]);
    match (column(&["key", "tag key", "tagkey"]), column(&["value", "tag value", "tagvalue"])) {
        (Some(key), Some(value)) => long(rows, (arn, key, value, date), read),
        _ => {
            let tagged = lower.iter().any(|name| name.starts_with(PREFIX));
            let is_tag = |at: &usize| {
                *at != arn
                    && !lower[*at].is_empty()
                    && match tagged {
                        true => lower[*at].starts_with(PREFIX),
                        false => !BESIDE.contains(&lower[*at].as_str()) && Some(*at) != date,
                    }
            };
            let columns: Vec<(usize, &str)> = (0..header.len())
                .filter(is_tag)
                .map(|at| (at, if tagged { &header[at][PREFIX.len()..] } else { &header[at] }))
                .map(|(at, name)| (at, name.trim()))
                .collect();
            wide(rows, arn, date, &columns, read);
        }
    }
}

fn long(
    rows: impl Iterator<Item = Vec<String>>,
    (arn, key, value, date): (usize, usize, usize, Option<usize>),
    read: &mut Read,
) {
    let mut all: BTreeMap<(String, Option<Time>), BTreeMap<String, String>> = BTreeMap::new();
    for (number, row) in (2u64..).zip(rows) {
        let cell = |at: usize| row.get(at).map(|cell| cell.trim()).unwrap_or_default();
        if cell(arn).is_empty() {
            read.wrong.push(format!("row {number} has no ARN"));
            continue;
        }
        let time = date.and_then(|at| Time::parse(cell(at)));
        let tags = all.entry((cell(arn).to_owned(), time)).or_default();
        // A row without a key says that the resource is there and has no tags.
        if !cell(key).is_empty() {
            tags.insert(cell(key).to_owned(), cell(value).to_owned());
        }
    }
    let entry = |((arn, time), tags): (_, BTreeMap<String, String>)| Entry {
        arn,
        tags: texts(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))),
        time,
    };
    read.entries.extend(all.into_iter().map(entry));
}

fn wide(
    rows: impl Iterator<Item = Vec<String>>,
    arn: usize,
    date: Option<usize>,
    columns: &[(usize, &str)],
    read: &mut Read,
) {
    if columns.is_empty() {
        read.wrong.push("is CSV without a column for any tag".into());
        return;
    }
    for (number, row) in (2u64..).zip(rows) {
        let cell = |at: usize| row.get(at).map(|cell| cell.trim()).unwrap_or_default();
        if cell(arn).is_empty() {
            read.wrong.push(format!("row {number} has no ARN"));
            continue;
        }
        let there = columns.iter().map(|(at, name)| (*name, cell(*at)));
        let there = there.filter(|(_, value)| !value.is_empty() && *value != NOT_TAGGED);
        let time = date.and_then(|at| Time::parse(cell(at)));
        read.entries.push(Entry { arn: cell(arn).to_owned(), tags: texts(there), time });
    }
}

/// The rows of a list, quotes undone (RFC 4180); empty ones left out.
fn rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' if quoted || cell.is_empty() => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            other => cell.push(other),
        }
    }
    row.push(cell);
    rows.push(row);
    rows.retain(|row| row.iter().any(|cell| !cell.trim().is_empty()));
    rows
}
