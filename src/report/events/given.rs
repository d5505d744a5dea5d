//! What the report of a timeline is given.

use std::io;

use super::columns::Column;
use crate::model::occurrence::{Counts, Occurrence};
use crate::model::problem::Problem;
use crate::report::Ending;

/// The rows of a timeline.
pub type Rows<'a> = &'a mut dyn Iterator<Item = io::Result<Occurrence>>;

/// The forms of a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Table,
    /// One document.
    Json,
    /// One row a line.
    Ndjson,
    /// For spreadsheets.
    Csv,
    /// The records themselves, one a line.
    Raw,
}

/// What those who read a timeline of facts have to know.
pub const OF_FACTS: &str = "from facts: they hold uses of keys and the records that rules over many \
                            records look at; other records are in the logs alone";

/// What is known of a timeline beside its rows.
#[derive(Debug)]
pub struct Events<'a> {
    /// How much it has.
    pub counts: Counts,
    /// The most rows that are shown.
    pub limit: Option<usize>,
    /// What is shown of each row, in tables.
    pub columns: &'a [Column],
    /// What could not be read.
    pub problems: &'a [Problem],
    /// Whether the rows are of facts, which do not hold all records.
    pub of_facts: bool,
    /// Whether everything was read.
    pub complete: bool,
    /// How the run ended, if lines of NDJSON are to tell that and the problems.
    pub ending: Option<Ending>,
}

impl Events<'_> {
    /// The most rows that are shown.
    pub fn shown(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }

    /// How many rows are not shown.
    pub fn more(&self) -> u64 {
        self.counts.rows.saturating_sub(self.shown() as u64)
    }
}
