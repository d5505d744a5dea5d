//! The report for people: cases or findings, then problems, then what was read and whether that was
//! all.
//!
//! ```text
//! cases      what each actor did, as a story of a few lines      story     its lines
//! findings   one by one
//! events     every event of a finding on a line
//! closing    what is below                                     look      a command for a case
//! worst      how many findings there are, in a cell of a list
//! ```
//!
//! Seven columns are unreadable on 80 characters, so there are two layouts. Below [`WIDE`] a finding
//! is a card (level, what happened, labelled facts beside it); from there on it is a row of two
//! lines. Long values are cut in the middle; the JSON report has them whole. What must stay true: no
//! line is wider than the terminal, and a reader can tell "nothing found" from "nothing read" (see
//! [`closing`]).

mod cases;
mod closing;
mod counts;
mod events;
mod findings;
pub(super) mod fit;
pub(super) mod grid;
mod look;
pub(super) mod names;
pub(super) mod packed;
mod story;
mod widths;
pub(super) mod worst;

use std::io::{self, Write};

use self::widths::{DEFAULT_WIDTH, LEAST_WIDTH};
use super::{Report, Style, View};

/// Writes the whole report.
pub fn write(report: &Report<'_>, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let width = style.width.unwrap_or(DEFAULT_WIDTH).max(LEAST_WIDTH);
    match style.view {
        View::Cases if !report.outcome.cases.all.is_empty() => {
            cases::write(report, width, style, out)?;
        }
        View::Cases | View::Findings => findings::write(report, width, style, out)?,
        View::Events => events::write(report, width, style, out)?,
    }
    closing::write(report, width, style, out)
}
