//! A list of callers as text: table, JSON, NDJSON, CSV.
//!
//! Rows are written as they come. What must stay true: where only some names of a kind are known, that
//! is said.

mod columns;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use schemars::JsonSchema;
use serde::ser::{Error, SerializeSeq};
use serde::{Serialize, Serializer};

use super::ndjson::{self, LineBody};
use super::table::fit::{count, counted};
use super::table::grid::Ink;
use super::table::packed::Packed;
use super::{Ending, Style, csv, json};
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
    /// How the run ended, if lines of NDJSON are to tell that and the problems.
    pub ending: Option<Ending>,
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
                schema: SCHEMA,
                complete: callers.complete,
                totals: Totals::from(callers),
                actors: RefCell::new((rows, shown)),
                problems: callers.problems,
            };
            json::write_document(&document, &mut out)?;
        }
        Form::Ndjson => {
            for row in rows.take(shown) {
                ndjson::write(Row::from(&row?), &mut out)?;
            }
            if let Some(ending) = callers.ending {
                let counts = Counts { totals: Totals::from(callers) };
                ndjson::write_end("actors", (ending, callers.problems), counts, &mut out)?;
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

/// The name and version of the document.
pub const SCHEMA: &str = "keytrail.actors/v1";

/// The document. Frozen like the report's.
#[derive(Serialize, JsonSchema)]
pub(super) struct Document<'a> {
    /// The name and version of this form.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    /// Whether everything was read.
    complete: bool,
    /// How many there are.
    totals: Totals,
    /// The callers, those with the worst findings first.
    #[serde(serialize_with = "each_row")]
    #[schemars(with = "Vec<Row<'static>>")]
    actors: RefCell<(Rows<'a>, usize)>,
    /// What could not be read.
    problems: &'a [Problem],
}

/// How many callers there are.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ActorsTotals")]
pub struct Totals {
    /// Callers with one credential each.
    actors: u64,
    /// Those that are shown.
    shown: u64,
}

impl From<&Callers<'_>> for Totals {
    fn from(callers: &Callers<'_>) -> Self {
        let Callers { count, .. } = *callers;
        Totals { actors: count, shown: count.min(callers.shown() as u64) }
    }
}

/// The end of the lines.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ActorsCounts")]
pub(super) struct Counts {
    /// How many there are.
    totals: Totals,
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
#[derive(Serialize, JsonSchema)]
pub(super) struct Row<'a> {
    /// Who called.
    principal: Caller<'a>,
    /// The access key; `null` where a service called, or where no record tells.
    access_key_id: Option<&'a str>,
    /// The time of the first call.
    first_seen: Option<Time>,
    /// The time of the last call.
    last_seen: Option<Time>,
    /// How many calls, copies not counted.
    calls: u64,
    /// Calls that were refused.
    refused: u64,
    /// Calls that failed otherwise.
    failed: u64,
    /// How many calls of each `eventName`.
    events: &'a BTreeMap<String, u64>,
    /// Whether there were other events.
    more_events: bool,
    /// Where calls came from.
    source_ips: &'a Smallest,
    /// With which programs.
    user_agents: &'a Smallest,
    /// In which accounts.
    accounts: &'a Smallest,
    /// In which Regions.
    regions: &'a Smallest,
    /// Keys, by ARN, of calls that succeeded.
    keys: &'a Smallest,
    /// Secrets and parameters of calls that succeeded.
    secrets: &'a Smallest,
    /// Objects in S3 of calls that succeeded.
    objects: &'a Smallest,
    /// How many findings of each level are about the caller.
    findings: &'a BTreeMap<Level, u64>,
}

impl LineBody for Row<'_> {
    const SCHEMA: &'static str = "keytrail.actor/v1";
}

/// Who called.
#[derive(Serialize, JsonSchema)]
struct Caller<'a> {
    /// `userIdentity.type`
    r#type: Option<&'a str>,
    /// The ARN of the user or role, or what else names the caller.
    arn: Option<&'a str>,
    /// The account of the caller.
    account: Option<&'a str>,
    /// The session name of a role session.
    session: Option<&'a str>,
    /// The service that called on behalf of the caller, or for itself.
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
