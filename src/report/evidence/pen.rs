//! What an evidence report is drawn with, whatever its format.
//!
//! A section says what there is: facts, tables, charts. A pen knows how its format writes that. What
//! must stay true: texts come to a pen as they are in the log, and it alone makes them safe for its
//! format; no text grows
//! beyond [`LONGEST`](super::text::LONGEST), and what is cut off is counted.

use std::io;

use super::chart::Chart;
use crate::model::level::Level;
use crate::model::time::Time;

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// Words.
    Plain(String),
    /// A name or number as programs write it.
    Code(String),
    /// A time, which stays on one line.
    Time(Time),
    /// Words that lead to a place of the same page.
    Within(String, String),
    /// Words that lead to another page. Shown as words alone unless that is `https`.
    Link(String, String),
    /// A level.
    Level(Level),
    /// A verdict.
    Verdict(Verdict, String),
}

/// How good a verdict is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// Nobody knows.
    Open,
}

/// A line of pieces.
pub type Line = Vec<Span>;

/// Words.
pub fn plain(text: impl Into<String>) -> Span {
    Span::Plain(text.into())
}

/// A line of words.
pub fn words(text: impl Into<String>) -> Line {
    vec![plain(text)]
}

/// A name or number as programs write it.
pub fn code(text: impl Into<String>) -> Span {
    Span::Code(text.into())
}

/// A line that is one name.
pub fn name(text: impl Into<String>) -> Line {
    vec![code(text)]
}

/// A time, or that it is not known.
pub fn time(time: Option<Time>) -> Line {
    match time {
        Some(time) => vec![Span::Time(time)],
        None => words("not known"),
    }
}

/// What each format has a pen for.
pub trait Pen {
    /// The top of the page: its title, what stands below it, and the sections that follow, each with
    /// the place that links lead to.
    ///
    /// # Errors
    /// Those of the output, here and below.
    fn begin(&mut self, title: &str, lead: &[Line], sections: &[(&str, &str)]) -> io::Result<()>;

    /// A section; `id` is the place that links lead to.
    fn section(&mut self, id: &str, title: &str) -> io::Result<()>;

    /// A part of a section.
    fn part(&mut self, id: &str, title: &[Span]) -> io::Result<()>;

    /// A paragraph.
    fn say(&mut self, line: &[Span]) -> io::Result<()>;

    /// Names and what they have.
    fn facts(&mut self, facts: &[(&str, Line)]) -> io::Result<()>;

    /// Lines that belong together.
    fn list(&mut self, lines: &[Line]) -> io::Result<()>;

    /// The head of a table.
    fn columns(&mut self, names: &[&str]) -> io::Result<()>;

    /// A row of the table that is open.
    fn row(&mut self, cells: &[Line]) -> io::Result<()>;

    /// The end of the table.
    fn end_table(&mut self) -> io::Result<()>;

    /// A chart.
    fn chart(&mut self, chart: &Chart) -> io::Result<()>;

    /// Lines to be filled in by hand.
    fn blanks(&mut self, names: &[&str]) -> io::Result<()>;

    /// The end of the page.
    fn end(&mut self) -> io::Result<()>;
}
