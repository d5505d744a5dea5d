//! The reports that a period was made of: what each delivered, and what was new in it.

use std::io;

use super::chart::{BARS, Chart};
use super::pen::{Line, Pen, Span, Verdict, name, plain, time, words};
use crate::model::level::Level;
use crate::model::night::{Night, Verdicts};
use crate::report::table::fit::{count, counted};

pub fn write(nights: &[Night], pen: &mut dyn Pen) -> io::Result<()> {
    pen.part("nights", &words("Reports of the period"))?;
    if nights.is_empty() {
        return pen.say(&words("One: this is the report of a single run."));
    }
    pen.columns(&[
        "Run ended",
        "Report",
        "Events",
        "Read",
        "Hours",
        "Verified",
        "New findings",
        "Known",
        "Undone",
    ])?;
    nights.iter().try_for_each(|night| pen.row(&row(night)))?;
    pen.end_table()?;
    pen.say(&words(
        "New is what no earlier report of the period has. A finding is carried on until a later report \
         says that it was undone, or the configuration suppresses it. A run says so of the findings that it \
         lists, and with a state of those that earlier runs have listed.",
    ))?;
    let skipped = nights.len().saturating_sub(BARS);
    let shown = nights.iter().skip(skipped);
    let caption = match skipped {
        0 => "New findings of each report by level".to_owned(),
        some => format!("New findings of each report by level, without the first {some}"),
    };
    let days =
        shown.map(|night| (night.finished.to_string().chars().take(10).collect(), night.new));
    pen.chart(&Chart::Days { caption, days: days.collect() })
}

fn row(night: &Night) -> [Line; 9] {
    let whole = match night.complete {
        true => Span::Verdict(Verdict::Good, "complete".into()),
        false => Span::Verdict(Verdict::Bad, "incomplete".into()),
    };
    let problems =
        (night.problems > 0).then(|| format!(", {}", counted(night.problems, "problem")));
    let read = format!(
        " {}, {}, {}{}",
        counted(night.files, "file"),
        counted(night.records, "record"),
        counted(night.accounts, "account"),
        problems.unwrap_or_default(),
    );
    let events = match night.events {
        Some((first, last)) => vec![Span::Time(first), plain(" to "), Span::Time(last)],
        None => words("none"),
    };
    let verified = match night.verified.as_ref().map(Verdicts::of_logs) {
        None => words("not asked for"),
        Some((good, 0)) => vec![Span::Verdict(Verdict::Good, format!("{} logs", count(good)))],
        Some((good, bad)) => vec![
            Span::Verdict(Verdict::Bad, format!("{} not", count(bad))),
            plain(format!(" of {}", counted(good.saturating_add(bad), "log"))),
        ],
    };
    let new = Level::ALL.into_iter().filter(|level| night.new[*level as usize] > 0);
    let new = new.flat_map(|level| {
        [Span::Level(level), plain(format!("\u{a0}{} ", count(night.new[level as usize])))]
    });
    let hours = format!("{} with records, {} without", count(night.hours.0), count(night.hours.1));
    [
        time(Some(night.finished)),
        name(&night.path),
        events,
        vec![whole, plain(read)],
        words(hours),
        verified,
        new.collect(),
        words(count(night.known)),
        words(count(night.undone)),
    ]
}
