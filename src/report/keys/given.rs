//! What there is to tell of keys, and in which form.

use std::str::FromStr;

use crate::model::keys::facts::Inventory;
use crate::model::problem::Problem;
use crate::model::time::Time;
use crate::report::Ending;

/// The form of the inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Table,
    /// One `keytrail.keys/v1` document.
    Json,
    /// One key a line.
    Ndjson,
    /// One key a row.
    Csv,
}

impl FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "table" => Form::Table,
            "json" => Form::Json,
            "ndjson" => Form::Ndjson,
            "csv" => Form::Csv,
            _ => return Err("expected table, json, ndjson or csv".into()),
        })
    }
}

/// What there is to tell.
#[derive(Debug, Clone, Copy)]
pub struct Keys<'a> {
    /// The keys.
    pub inventory: &'a Inventory,
    /// The one key that was asked for, as typed.
    pub one: Option<&'a str>,
    /// Since when the keys are to be without use, if that was asked for.
    pub unused: Option<Time>,
    /// Which calls count: from, to.
    pub range: (Option<Time>, Option<Time>),
    /// The first event of the log.
    pub first: Option<Time>,
    /// The last one.
    pub last: Option<Time>,
    /// What could not be read, or is missing.
    pub problems: &'a [Problem],
    /// How the run ended, if lines of NDJSON are to tell that and the problems.
    pub ending: Option<Ending>,
}
