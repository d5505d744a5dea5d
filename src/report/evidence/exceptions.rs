//! What was left out, on whose word, and until when.

use std::io;

use super::pen::{Line, Pen, Span, Verdict, name, plain, words};
use crate::model::suppression::{Applied, State};
use crate::report::Report;
use crate::report::table::fit::{count, counted};

pub fn write(report: &Report<'_>, pen: &mut dyn Pen) -> io::Result<()> {
    let outcome = report.outcome;
    if outcome.suppressions.is_empty() {
        pen.say(&words("No suppression is configured."))?;
    } else {
        pen.columns(&[
            "Rule",
            "Reason",
            "Owner",
            "Ticket",
            "Holds until",
            "State",
            "Findings",
            "What it fits",
        ])?;
        outcome.suppressions.iter().try_for_each(|applied| pen.row(&row(applied)))?;
        pen.end_table()?;
    }
    if outcome.summary.known > 0 {
        let known = counted(outcome.summary.known, "finding");
        pen.say(&words(format!(
            "{known} known from the baseline, with nothing added since, left out."
        )))?;
    }
    Ok(())
}

fn row(applied: &Applied) -> [Line; 8] {
    let state = match applied.state {
        State::Active => Span::Verdict(Verdict::Good, "active".into()),
        State::Expired => Span::Verdict(Verdict::Bad, "expired: what it fits is listed".into()),
        State::Unmatched => Span::Verdict(Verdict::Open, "fits nothing".into()),
    };
    [
        name(&applied.rule),
        words(&applied.reason),
        words(applied.owner.as_deref().unwrap_or_default()),
        words(applied.ticket.as_deref().unwrap_or_default()),
        words(applied.expires.to_string()),
        vec![state],
        vec![plain(count(applied.count))],
        fitted(applied),
    ]
}

/// The fingerprints of what it fits: some of them.
fn fitted(applied: &Applied) -> Line {
    const TOLD: usize = 5;
    let mut names: Vec<String> = applied.fitted.iter().take(TOLD).cloned().collect();
    let more = applied.count.saturating_sub(names.len() as u64);
    if more > 0 && !names.is_empty() {
        names.push(format!("{} more", count(more)));
    }
    words(names.join(", "))
}
