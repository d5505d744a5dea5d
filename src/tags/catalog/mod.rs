//! Reads tags from files that users can produce: inventories, state, lists.
//!
//! The content of a file decides what kind it is. Each entry gives all tags of one resource as of a
//! date: the date of the entry or the file if it has one, else that of the file system. What must
//! stay true: a resource that a file doesn't list is not taken to have no tags, and whatever cannot
//! be read is reported.

mod aws;
mod csv;
mod entry;
mod terraform;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::Value as Json;

use super::book::Book;
use super::change::{Change, Evidence, Source, What};
use crate::model::time::Time;
use crate::record::kms::taggable;
use entry::{Entry, Read};

/// What a file added to a book.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// How many resources it lists with their tags.
    pub resources: u64,
    /// What of it could not be read: a problem each.
    pub wrong: Vec<String>,
}

/// The most things that are said of one file.
const WRONG_MAX: usize = 20;

/// Reads the text of a file, already inflated, into `book`. `date` is the file's.
pub fn read(name: &Arc<str>, text: &[u8], date: Time, book: &mut Book) -> Added {
    let mut read = Read::default();
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    match std::str::from_utf8(text) {
        Ok(text) => of_text(text, &mut read),
        Err(_) => read.wrong.push("is not UTF-8: expected JSON or CSV".into()),
    }
    let mut added = Added { resources: read.entries.len() as u64, wrong: read.wrong };
    for Entry { arn, tags, time } in read.entries {
        let Some(known) = taggable(&arn) else {
            added.resources -= 1;
            added.wrong.push(format!("'{}' is no ARN", cut(&arn)));
            continue;
        };
        let source = Source::File(Arc::clone(name));
        let evidence = Arc::new(Evidence { time: time.unwrap_or(date), source });
        let what = Arc::new(What::Observed(tags));
        book.file(known.arn, Change { evidence, what });
    }
    read.joins.into_iter().for_each(|(id, arn)| book.join(id, arn));
    if added.resources == 0 && added.wrong.is_empty() && read.passed_over > 0 {
        let count = read.passed_over;
        added.wrong.push(format!("has {count} resources, and no tags of any that has an ARN"));
    }
    if added.wrong.len() > WRONG_MAX {
        let more = added.wrong.len() - WRONG_MAX;
        added.wrong.truncate(WRONG_MAX);
        added.wrong.push(format!("{more} more problems in this file, not listed"));
    }
    added
}

/// A text as a message may show it.
fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

fn of_text(text: &str, read: &mut Read) {
    if !text.trim_start().starts_with(['{', '[']) {
        csv::read(text, read);
        return;
    }
    // One document, or a line each.
    let mut any = false;
    for (number, value) in serde_json::Deserializer::from_str(text).into_iter::<Json>().enumerate()
    {
        match value {
            Ok(value) => {
                any = true;
                document(&value, read);
            }
            Err(error) => {
                let what = if any { format!("document {}: ", number + 1) } else { String::new() };
                read.wrong.push(format!("{what}is no JSON: {error}"));
                return;
            }
        }
    }
}

/// Reads one JSON document: a page, an entry, or a list of them, which is what jq makes of several
/// pages or of their entries.
fn document(value: &Json, read: &mut Read) {
    let each = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    for value in each {
        if !(page(value, read) || aws::mapping(value, read) || aws::item(value, read)) {
            read.wrong.push(
                "is of no known kind: expected get-resources, AWS Config, Resource Explorer, \
                 list-resource-tags, Terraform or CSV"
                    .into(),
            );
        }
    }
}

/// Reads what one call or export gives, if it is that.
fn page(value: &Json, read: &mut Read) -> bool {
    let has = |name: &str| value.get(name).is_some_and(Json::is_array);
    let holds = |name: &str| value.get(name).is_some_and(Json::is_object);
    if has("ResourceTagMappingList") {
        aws::get_resources(value, read);
    } else if has("configurationItems") {
        aws::config_snapshot(value, read);
    } else if has("Results") {
        aws::config_query(value, read);
    } else if has("Resources") {
        aws::explorer(value, read);
    } else if holds("detail") && value["source"] == "aws.tag" {
        aws::tag_change(value, read);
    } else if value.get("terraform_version").is_some() || holds("values") || holds("planned_values")
    {
        terraform::read(value, read);
    } else {
        return false;
    }
    true
}
