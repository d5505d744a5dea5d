//! Reports: what a scan found, read and could not read, as text for people or programs.
//!
//! One file a format. Nothing here prints or reads the environment: the caller gives the `Write`, the
//! width and the colour. What must stay true: the JSON forms are frozen ([`wire`]), findings are
//! written in the order in which they come, and no field of a log reaches a terminal raw
//! ([`escape`]), because anybody who can act in the account chooses those fields.

pub mod actors;
mod asff;
mod csv;
pub mod dead_letter;
pub mod escape;
pub mod events;
mod evidence;
mod fields;
pub mod forecast;
mod given;
pub mod granted;
mod json;
pub mod keys;
mod link;
pub mod lint;
pub mod ndjson;
mod ocsf;
pub mod page;
pub mod record;
mod rows;
pub mod rules;
#[cfg(test)]
mod sample;
mod sarif;
pub mod schema;
mod sentence;
pub mod settings;
mod table;
pub mod tags;
#[cfg(test)]
mod tests;
pub mod verify;
mod wire;

use std::io::{self, BufWriter, Write};

use crate::model::finding::Finding;
use crate::model::problem::Problem;

pub use given::{Baseline, Expected, Format, Report, Run, State, Style, View};
pub use json::write_document;
pub use ndjson::{Ending, Reason};
pub use ocsf::OcsfVersion;

/// Writes `report` as `format` to `out` and flushes it.
///
/// # Errors
/// Those of `out`, with their kind, so that a closed pipe can be told from a full disk.
pub fn write(
    format: Format,
    report: &Report<'_>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    // The serialiser writes a few bytes at a time.
    let mut out = BufWriter::new(out);
    match format {
        Format::Table => table::write(report, style, &mut out)?,
        Format::Json => write_document(&wire::Document::from(report), &mut out)?,
        Format::Ndjson => {
            for finding in report.outcome.findings.read()? {
                ndjson::write(wire::Finding::from(&*finding?), &mut out)?;
            }
        }
        Format::Csv => rows::write(report, &mut out)?,
        Format::Html => evidence::write_html(report, &mut out)?,
        Format::Markdown => evidence::write_markdown(report, &mut out)?,
        Format::Sarif => sarif::write(report, &mut out)?,
        Format::Ocsf => ocsf::write(report, &mut out)?,
        Format::Asff => asff::write(report, &mut out)?,
    }
    out.flush()
}

/// Writes what follows the findings of NDJSON, if programs are to read it: problems, and how the scan
/// ended.
///
/// # Errors
/// Those of `out`.
pub fn write_end(report: &Report<'_>, ending: Ending, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let problems = (ending, report.outcome.problems.as_slice());
    ndjson::write_end("scan", problems, wire::Counts::from(report), &mut out)?;
    out.flush()
}

/// Writes one problem as a line of NDJSON, for a report that has no end.
///
/// # Errors
/// Those of `out`.
pub fn write_problem(problem: &Problem, out: &mut dyn Write) -> io::Result<()> {
    ndjson::write(problem, out)
}

/// Writes one finding as a line of NDJSON, for a report that grows while logs are read.
///
/// One call of `write_all`, so that a reader never sees a part of a line unless the pipe is full.
///
/// # Errors
/// Those of `out`.
pub fn write_line(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let mut line = Vec::with_capacity(1024);
    ndjson::write(wire::Finding::from(finding), &mut line)?;
    out.write_all(&line)
}
