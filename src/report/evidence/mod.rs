//! The evidence report: one page that an auditor can file, as HTML or Markdown.
//!
//! ```text
//! survey      one pass over the findings: what the charts and the matrix count
//! scope       what was asked for, by which program, under which settings
//! delivered   what was read, what is missing, and what no log can show
//! controls    what frameworks ask for, and what the rules saw of it
//! nights      the reports that a period was made of
//! cases       what belongs together
//! findings    each finding with its events, and what became of it
//! exceptions  what was left out, on whose word
//! keys        the inventory of keys
//! activity    findings by time, uses by service
//! files       the files that were read
//! text        how long texts may be, and what they may link
//! chart       drawings
//! pen         how a format draws all that: html, markdown
//! ```
//!
//! Sections come in the order in which an auditor asks, and all of them always: one that has nothing to
//! tell says so. What must stay true: whatever is left out for its length is counted where it would be.

mod activity;
mod aftermath;
mod cases;
mod chart;
mod controls;
mod delivered;
mod exceptions;
mod files;
mod findings;
mod html;
mod keys;
mod markdown;
mod nights;
mod pen;
mod scope;
mod survey;
#[cfg(test)]
mod tests;
mod text;

use std::io::{self, Write};

use super::Report;
use crate::model::level::Level;
use pen::{Line, Pen, Span, Verdict, plain, words};
use survey::Survey;

/// The sections, by the place that links lead to.
const SECTIONS: [(&str, &str); 10] = [
    ("scope", "Scope and method"),
    ("coverage", "What the evidence covers"),
    ("controls", "Controls"),
    ("cases", "Cases"),
    ("findings", "Findings"),
    ("exceptions", "Exceptions"),
    ("keys", "Keys"),
    ("activity", "Activity"),
    ("files", "Files"),
    ("sign-off", "Sign-off"),
];

/// Writes the page as HTML.
///
/// # Errors
/// Those of the output, and of the file that findings wait in.
pub fn write_html(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    write(report, &mut html::Html::new(out))
}

/// Writes the page as Markdown.
///
/// # Errors
/// As [`write_html`].
pub fn write_markdown(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    write(report, &mut markdown::Markdown(out))
}

fn write(report: &Report<'_>, pen: &mut dyn Pen) -> io::Result<()> {
    let survey = Survey::of(&report.outcome.findings, &report.run.rules)?;
    pen.begin("KMS key audit", &lead(report), &SECTIONS)?;
    for (id, title) in SECTIONS {
        pen.section(id, title)?;
        match id {
            "scope" => scope::write(report, pen)?,
            "coverage" => delivered::write(report, pen)?,
            "controls" => controls::write(report, &survey, pen)?,
            "cases" => cases::write(report, &survey, pen)?,
            "findings" => findings::write(report, &survey, pen)?,
            "exceptions" => exceptions::write(report, pen)?,
            "keys" => keys::write(report, pen)?,
            "activity" => activity::write(report, &survey, pen)?,
            "files" => files::write(report, pen)?,
            _ => pen.blanks(&["Prepared by", "Reviewed by", "Date", "Signature", "Remarks"])?,
        }
    }
    pen.end()
}

/// The answer in three lines: when, how many, and whether all of it was seen.
fn lead(report: &Report<'_>) -> Vec<Line> {
    let (run, outcome) = (report.run, report.outcome);
    let totals = &outcome.totals;
    let range = match (totals.first_event, totals.last_event) {
        (Some(first), Some(last)) => format!("Events from {first} to {last}. "),
        _ => "No events. ".to_owned(),
    };
    let mut levels: Line = Vec::new();
    for level in Level::ALL {
        let number = super::table::fit::count(outcome.summary.of(level));
        levels.extend([Span::Level(level), plain(format!("\u{a0}{number}  "))]);
    }
    let whole = match outcome.complete() {
        true => Span::Verdict(Verdict::Good, "complete".into()),
        false => Span::Verdict(Verdict::Bad, "incomplete".into()),
    };
    let reason = match outcome.problems.len() {
        0 if outcome.interrupted => " The run was interrupted.".to_owned(),
        0 => " Everything that was given could be read.".to_owned(),
        some => {
            format!(" {}, listed below.", super::table::fit::counted(some as u64, "problem"))
        }
    };
    vec![
        words(format!("{range}Made {} by keytrail {}.", run.finished, env!("CARGO_PKG_VERSION"))),
        levels,
        vec![whole, plain(reason)],
    ]
}
