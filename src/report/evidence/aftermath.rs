//! What became of findings of earlier runs that are not listed again.

use std::io;

use super::cases::{outcome, short};
use super::pen::{Pen, Span, name, words};
use crate::model::aftermath::Aftermath;
use crate::report::Report;
use crate::report::table::fit::counted;

/// So many are told.
const TOLD: usize = 1_000;

pub fn write(report: &Report<'_>, pen: &mut dyn Pen) -> io::Result<()> {
    let all = &report.outcome.aftermath;
    if all.is_empty() {
        return Ok(());
    }
    pen.part("aftermath", &words("What became of earlier findings"))?;
    pen.say(&words(
        "Findings that earlier runs have listed and this report does not list: they were undone since, or \
         were undone before and hold again.",
    ))?;
    pen.columns(&["Finding", "Level", "Rule", "Key or resource", "Outcome"])?;
    all.iter().take(TOLD).try_for_each(|told| row(told, pen))?;
    pen.end_table()?;
    match all.len().saturating_sub(TOLD) as u64 {
        0 => Ok(()),
        more => {
            pen.say(&words(format!("{} more; the JSON report has all.", counted(more, "finding"))))
        }
    }
}

fn row(told: &Aftermath, pen: &mut dyn Pen) -> io::Result<()> {
    pen.row(&[
        name(short(&told.fingerprint)),
        vec![Span::Level(told.level)],
        name(&told.rule),
        told.target.as_ref().map(name).unwrap_or_default(),
        outcome(Some(&told.effect)),
    ])
}
