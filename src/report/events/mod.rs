//! A timeline as text: table, JSON, NDJSON, CSV, or the records themselves.
//!
//! Rows are written as they come. What must stay true: what is left out for the limit is counted, and
//! the counts are there whatever the form.

mod columns;
mod given;
mod table;
mod wire;

use std::io::{self, BufWriter, Write};

use super::{Style, csv, json, ndjson, record};
pub use columns::Column;
pub use given::{Events, Form, OF_FACTS, Rows};
pub(super) use wire::{Counts, Document, Event, SCHEMA};

/// Writes a timeline and flushes `out`.
///
/// # Errors
/// Those of `out` and of `rows`.
pub fn write(
    form: Form,
    events: &Events<'_>,
    rows: Rows<'_>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    match form {
        Form::Table => table::write(events, rows, style, &mut out)?,
        Form::Json => json::write_document(&Document::new(events, rows), &mut out)?,
        Form::Ndjson => {
            for row in rows.take(events.shown()) {
                ndjson::write(Event::from(&row?), &mut out)?;
            }
            if let Some(ending) = events.ending {
                let problems = (ending, events.problems);
                ndjson::write_end("events", problems, Counts::from(events), &mut out)?;
            }
        }
        Form::Csv => {
            let mut table = csv::Rows::new(&mut out);
            table.row(events.columns.iter().map(ToString::to_string))?;
            for row in rows.take(events.shown()) {
                let row = row?;
                table.row(events.columns.iter().map(|column| column.full(&row)))?;
            }
            table.finish()?;
        }
        Form::Raw => {
            for row in rows.take(events.shown()) {
                record::write(row?.text.as_deref().unwrap_or_default(), &mut out)?;
            }
        }
    }
    out.flush()
}
