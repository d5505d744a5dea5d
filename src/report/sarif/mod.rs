//! SARIF 2.1.0: `-f sarif`, for code scanning and whatever else reads results of analysis tools.
//!
//! ```text
//! rules    the tool, and what each of its rules is
//! result   one finding
//! uri      names of files as URIs
//! text     texts of messages, which SARIF reads for links and placeholders
//! ```
//!
//! One run. Results are made one by one while they are written, since a report may hold millions. A
//! finding is about calls, not lines: its location is the file with the first of its events, the number
//! of the record is a property, and the key and the principal are logical locations. What must stay
//! true: no text of a log is a link or a placeholder, and all URIs are legal.
//!
//! Source: OASIS, "SARIF Version 2.1.0 Plus Errata 01"; GitHub, "SARIF support for code scanning".

mod result;
mod rules;
mod text;
mod uri;

use std::io::{self, Write};

use serde::ser::{Error, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::Report;
use super::fields::{cut, tidy};
use super::json::write_document;
use crate::model::level::Level;
use crate::model::problem::Problem;
use text::message;

/// The schema that the document names.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The most characters of a word of the command line.
const WORD: usize = 4_096;

/// Writes the report as one log with one run.
///
/// # Errors
/// Those of the output, and of the file that findings wait in.
pub fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    write_document(&Log { schema: SCHEMA, version: "2.1.0", runs: [Run::of(report)] }, out)
}

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Value,
    invocations: [Invocation<'a>; 1],
    automation_details: Value,
    column_kind: &'static str,
    results: Results<'a>,
    properties: Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation<'a> {
    execution_successful: bool,
    start_time_utc: String,
    end_time_utc: String,
    arguments: Vec<String>,
    tool_execution_notifications: Notifications<'a>,
}

/// Problems, one after the other.
struct Notifications<'a>(&'a [Problem]);

/// Findings, one after the other.
struct Results<'a>(&'a Report<'a>);

impl<'a> Run<'a> {
    fn of(report: &'a Report<'a>) -> Run<'a> {
        let Report { run, outcome, .. } = *report;
        let words = run.command.iter().skip(1);
        let invocation = Invocation {
            execution_successful: outcome.complete(),
            start_time_utc: run.started.to_string(),
            end_time_utc: run.finished.to_string(),
            arguments: words.map(|word| cut(word, WORD).into_owned()).collect(),
            tool_execution_notifications: Notifications(&outcome.problems),
        };
        // What was uploaded under a kind before is closed by what comes later.
        let kind = if report.nights.is_empty() { "scan" } else { "report" };
        let totals = &outcome.totals;
        let levels = Level::ALL.map(|level| (level.as_str(), outcome.summary.of(level)));
        let levels: Value = levels.into_iter().map(|(name, count)| (name, json!(count))).collect();
        Run {
            tool: rules::tool(&run.rules),
            invocations: [invocation],
            // Up to the last slash it says what kind of run it is; the rest is this run.
            automation_details: json!({"id": format!("keytrail/{kind}/{}", run.started)}),
            column_kind: "unicodeCodePoints",
            results: Results(report),
            properties: tidy(json!({
                "findings": levels,
                "suppressed": outcome.summary.suppressed,
                "known": outcome.summary.known,
                "records": totals.records,
                "kmsRecords": totals.kms_records,
                "firstEvent": totals.first_event,
                "lastEvent": totals.last_event,
                "rulesDigest": run.rules_digest,
                "configDigest": run.config_digest,
                "manifest": outcome.manifest,
            })),
        }
    }
}

impl Serialize for Notifications<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(notification))
    }
}

fn notification(problem: &Problem) -> Value {
    tidy(json!({
        "descriptor": {"id": rules::problem_id(problem.stage)},
        "level": "error",
        "message": message(&problem.message),
        "locations": [{"physicalLocation": result::place(&problem.origin)}],
    }))
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Report { run, outcome, .. } = *self.0;
        let mut list = to.serialize_seq(usize::try_from(outcome.findings.len()).ok())?;
        for finding in outcome.findings.read().map_err(S::Error::custom)? {
            let finding = finding.map_err(S::Error::custom)?;
            list.serialize_element(&result::result(run, &finding))?;
        }
        list.end()
    }
}
