//! Tags of keys and resources: for people, and as a document for programs.
//!
//! What must stay true: no tag reaches a terminal raw, and an unknown tag is shown as unknown.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::table::grid::{Grid, Ink};
use super::{Style, json};
use crate::model::problem::Problem;
use crate::model::tag_state::{Presence, TagLine, TagState};
use crate::model::time::Time;

/// Columns where no terminal limits them.
const DEFAULT_WIDTH: u16 = 120;

/// No terminal is taken to be narrower: nothing useful fits there.
const LEAST_WIDTH: u16 = 40;

/// The columns that tag keys take.
const KEY: u16 = 20;

/// Writes the table.
///
/// # Errors
/// Those of `out`.
pub fn write_table(
    at: Option<Time>,
    states: &[TagState],
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let width = style.width.unwrap_or(DEFAULT_WIDTH).max(LEAST_WIDTH);
    if states.is_empty() {
        return writeln!(out, "No tags are known.");
    }
    for state in states {
        let mut grid = Grid::new(width, &[0], style.color, out);
        let [mut name] = grid.row();
        name.add(Ink::Strong, &state.arn, 4);
        grid.write(&[name])?;
        let mut grid = Grid::new(width, &[1, KEY, 0, 0], style.color, out);
        for tag in &state.tags {
            let [margin, mut key, mut value, mut by] = grid.row();
            key.add(Ink::Plain, &tag.key, 2);
            let (ink, text) = value_of(tag);
            value.add(ink, &text, 4);
            by.add(Ink::Faint, &said(tag), 4);
            grid.write(&[margin, key, value, by])?;
        }
        let [margin, mut key, mut value, by] = grid.row();
        key.add(Ink::Faint, if state.tags.is_empty() { "any tag" } else { "other tags" }, 1);
        let others = match (state.complete, state.evidence) {
            (true, _) => "none",
            (false, 0) => "not known: nothing was seen",
            (false, _) => "not known",
        };
        value.add(Ink::Faint, others, 1);
        grid.write(&[margin, key, value, by])?;
        grid.gap()?;
    }
    match at {
        Some(at) => writeln!(out, "as of {at}"),
        None => writeln!(out, "as of the last of all records and files"),
    }
}

fn value_of(tag: &TagLine) -> (Ink, String) {
    match (tag.state, &tag.value) {
        (Presence::Known, Some(value)) if value.is_empty() => (Ink::Faint, "(empty)".to_owned()),
        (Presence::Known, value) => (Ink::Plain, value.clone().unwrap_or_default()),
        (Presence::Absent, _) => (Ink::Faint, "not there".to_owned()),
        (Presence::Unknown, _) => {
            (Ink::Alarm, format!("not known: {}", tag.why.unwrap_or_default()))
        }
    }
}

fn said(tag: &TagLine) -> String {
    match (tag.since, &tag.by) {
        (Some(since), Some(by)) => format!("{since} {by}"),
        _ => String::new(),
    }
}

/// The name and version of the document.
pub const SCHEMA: &str = "keytrail.tags/v1";

/// The document.
#[derive(Serialize, JsonSchema)]
pub(super) struct Document<'a> {
    /// The name and version of this form.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    /// As of when; `null` is the end of all that was read.
    at: Option<Time>,
    /// What is known of each key and resource.
    resources: &'a [TagState],
    /// What could not be read.
    problems: &'a [Problem],
}

/// Writes everything that is known.
///
/// # Errors
/// Those of `out`.
pub fn write_json(
    at: Option<Time>,
    states: &[TagState],
    problems: &[Problem],
    out: &mut dyn Write,
) -> io::Result<()> {
    let document = Document { schema: SCHEMA, at, resources: states, problems };
    json::write_document(&document, out)
}
