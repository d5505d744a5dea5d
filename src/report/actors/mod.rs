//! A list of callers as text: table, JSON, NDJSON, CSV.
//!
//! Rows are written as they come. What must stay true: where only some names of a kind are known, that
//! is said.

mod columns;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use serde::ser::{Error, SerializeSeq};
use serde::{Serialize, Serializer};

use super::table::fit::{count, counted};
use super::table::grid::Ink;
use super::table::packed::Packed;
use super::{Style, csv, json};
use crate::model::conduct::{Conduct, Smallest, Who};
use crate::model::level::Level;
use crate::model::problem::Problem;
use crate::model::time::Time;
use columns::Column;

/// The forms of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Table,
    /// One document.
    Json,
    /// One caller a line.
    Ndjson,
    /// For spreadsheets.
    Csv,
}

/// What is known of a list beside its rows.
#[derive(Debug)]
pub struct Callers<'a> {
    /// How many there are.
    pub count: u64,
    /// The most that are shown.
    pub limit: Option<usize>,
    /// What could not be read.
    pub problems: &'a [Problem],
    /// Whether everything was read.
    pub complete: bool,
}

impl Callers<'_> {
    fn shown(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }

    /// How many are not shown.
    pub fn more(&self) -> u64 {
        self.count.saturating_sub(self.shown() as u64)
    }
}

/// The rows of a list.
type Rows<'a> = &'a mut dyn Iterator<Item = io::Result<Conduct>>;

/// Writes a list and flushes `out`.
///
/// # Errors
/// Those of `out` and of `rows`.
pub fn write(
    form: Form,
    callers: &Callers<'_>,
    rows: Rows<'_>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let shown = callers.shown();
    match form {
        Form::Table => write_table(callers, rows, style, &mut out)?,
        Form::Json => {
            let document = Document {
                schema: "keytrail.actors/v1",
                complete: callers.complete,
                totals: Totals { actors: callers.count, shown: callers.count.min(shown as u64) },
                actors: RefCell::new((rows, shown)),
                problems: callers.problems,
            };
            json::write_document(&document, &mut out)?;
        }
        Form::Ndjson => {
            for row in rows.take(shown) {
                json::write_line(&Row::from(&row?), &mut out)?;
            }
        }
        Form::Csv => {
            let mut table = csv::Rows::new(&mut out);
            table.row(Column::CSV.iter().map(|column| column.as_str().to_owned()))?;
            for row in rows.take(shown) {
                let row = row?;
                table.row(Column::CSV.iter().map(|column| column.full(&row)))?;
            }
            table.finish()?;
        }
    }
    out.flush()
}

fn write_table(
    callers: &Callers<'_>,
    rows: Rows<'_>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let columns = Column::TABLE;
    let packed = Packed::new(&columns.map(Column::wish), style);
    if callers.count == 0 {
        return writeln!(out, "No caller matches.");
    }
    packed.write(out, |at, cell| cell.add(Ink::Faint, columns[at].as_str(), 1))?;
    for row in rows.take(callers.shown()) {
        let row = row?;
        packed.write(out, |at, cell| columns[at].fill(&row, cell))?;
    }
    writeln!(out)?;
    let all = counted(callers.count, "row");
    match callers.more() {
        0 => writeln!(out, "{all}"),
        _ => {
            let shown = count(callers.shown() as u64);
            packed.say(&format!("the first {shown} of {all}; --limit 0 shows all"), out)
        }
    }
}

/// `keytrail.actors/v1`. Frozen like the report's.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    complete: bool,
    totals: Totals,
    #[serde(serialize_with = "each_row")]
    actors: RefCell<(Rows<'a>, usize)>,
    problems: &'a [Problem],
}

#[derive(Serialize)]
struct Totals {
    actors: u64,
    shown: u64,
}

fn each_row<S: Serializer>(rows: &RefCell<(Rows<'_>, usize)>, to: S) -> Result<S::Ok, S::Error> {
    let mut list = to.serialize_seq(None)?;
    let (rows, shown) = &mut *rows.borrow_mut();
    for row in rows.by_ref().take(*shown) {
        list.serialize_element(&Row::from(&row.map_err(S::Error::custom)?))?;
    }
    list.end()
}

/// One caller with one credential.
#[derive(Serialize)]
struct Row<'a> {
    principal: Caller<'a>,
    access_key_id: Option<&'a str>,
    first_seen: Option<Time>,
    last_seen: Option<Time>,
    calls: u64,
    refused: u64,
    failed: u64,
    events: &'a BTreeMap<String, u64>,
    more_events: bool,
    source_ips: &'a Smallest,
    user_agents: &'a Smallest,
    accounts: &'a Smallest,
    regions: &'a Smallest,
    keys: &'a Smallest,
    secrets: &'a Smallest,
    objects: &'a Smallest,
    findings: &'a BTreeMap<Level, u64>,
}

#[derive(Serialize)]
struct Caller<'a> {
    r#type: Option<&'a str>,
    arn: Option<&'a str>,
    account: Option<&'a str>,
    session: Option<&'a str>,
    invoked_by: Option<&'a str>,
}

impl<'a> From<&'a Conduct> for Row<'a> {
    fn from(row: &'a Conduct) -> Row<'a> {
        let Who { kind, arn, account, session, access_key, via } = &row.who;
        Row {
            principal: Caller {
                r#type: kind.as_deref(),
                arn: arn.as_deref(),
                account: account.as_deref(),
                session: session.as_deref(),
                invoked_by: via.as_deref(),
            },
            access_key_id: access_key.as_deref(),
            first_seen: row.times().map(|(first, _)| first),
            last_seen: row.times().map(|(_, last)| last),
            calls: row.calls,
            refused: row.refused,
            failed: row.failed,
            events: &row.events,
            more_events: row.more_events,
            source_ips: &row.addresses,
            user_agents: &row.agents,
            accounts: &row.accounts,
            regions: &row.regions,
            keys: &row.keys,
            secrets: &row.secrets,
            objects: &row.objects,
            findings: &row.findings,
        }
    }
}
