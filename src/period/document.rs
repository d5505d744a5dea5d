//! A report as `-f json` wrote it (`keytrail.report/v1`).
//!
//! Only the members that a period tells of are read; reports of earlier versions lack some, which are
//! then empty. What must stay true: what is no report is refused with a reason.

mod convert;

use std::collections::BTreeMap;
use std::io::Read;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::model::finding;
use crate::model::level::Level;
use crate::model::outcome::Totals;
use crate::model::principal::Principal;
use crate::model::problem::Stage;
use crate::model::suppression;
use crate::model::time::Time;

/// The only schema that is understood.
const SCHEMA: &str = "keytrail.report/v1";

/// So many characters of another one are told.
const SHOWN: usize = 60;

/// One report.
#[derive(Debug, PartialEq, Deserialize)]
pub struct Document {
    schema: String,
    /// By which rules.
    pub tool: Tool,
    /// Its run.
    pub run: Run,
    /// What it read.
    pub totals: Totals,
    /// What it found.
    pub findings: Vec<Finding>,
    /// What it could not read.
    pub problems: Vec<Problem>,
    /// What is to be known of what it read.
    #[serde(default)]
    pub notes: Vec<Note>,
    /// What it left out.
    #[serde(default)]
    pub suppressions: Vec<Suppression>,
    /// The hours that it has.
    #[serde(default)]
    pub coverage: Vec<Coverage>,
    /// What belongs together.
    #[serde(default)]
    pub cases: Vec<Case>,
    /// How many records each rule looked at.
    #[serde(default)]
    pub examined: BTreeMap<String, u64>,
    /// How many findings there are of each level, listed or not.
    #[serde(default)]
    pub summary: BTreeMap<String, u64>,
    /// The reports of which it was made, if it is one of a period.
    #[serde(default)]
    pub nights: Vec<Value>,
    /// What it learnt of findings of earlier reports.
    #[serde(default)]
    pub outcomes: Vec<Later>,
    /// What verified.
    #[serde(default)]
    pub verify: Option<Verify>,
    /// Findings that it knows and does not list, by rule; `None` if it does not say.
    #[serde(default)]
    pub known: Option<BTreeMap<String, u64>>,
}

#[derive(Debug, PartialEq, Deserialize)]
pub struct Tool {
    pub rules: Rules,
}

#[derive(Debug, PartialEq, Deserialize)]
pub struct Rules {
    pub digest: String,
    /// The rules that were evaluated; `None` if it does not say.
    pub ids: Option<Vec<String>>,
    /// What those of them that are not built in are about.
    #[serde(default)]
    pub own: Vec<Rule>,
}

/// A rule that is not built in.
#[derive(Debug, PartialEq, Deserialize)]
pub struct Rule {
    pub id: String,
    level: Level,
    controls: Vec<String>,
    tags: Vec<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
pub struct Run {
    pub started: Time,
    #[serde(default)]
    pub sources: Vec<String>,
    pub finished: Time,
    pub since: Option<Time>,
    pub until: Option<Time>,
    pub complete: bool,
    pub config: String,
    pub manifest: String,
    #[serde(default)]
    pub settings: Vec<String>,
    pub min_level: Option<Level>,
    #[serde(default)]
    pub each: bool,
    /// Present if it went on from the run before, so that it read nothing twice.
    #[serde(default)]
    pub state: Option<State>,
    /// Present if it left out what another report had.
    #[serde(default)]
    pub baseline: Option<IgnoredAny>,
    #[serde(default)]
    pub expected: Expected,
    #[serde(default)]
    command: Vec<String>,
}

/// What earlier runs left.
#[derive(Debug, PartialEq, Deserialize)]
pub struct State {
    #[serde(default)]
    pub path: String,
    /// How many runs have gone on from each other before this one.
    pub runs: Option<u64>,
}

impl Run {
    /// Whether it read nothing that an earlier run had read.
    pub fn goes_on(&self) -> bool {
        let again = self.command.iter().any(|word| word == "--reread");
        !again && self.state.as_ref().is_some_and(|state| state.runs != Some(0))
    }
}

#[derive(Debug, Default, PartialEq, Deserialize)]
pub struct Expected {
    pub accounts: Vec<String>,
    pub regions: Vec<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
pub struct Finding {
    pub fingerprint: String,
    rule: String,
    title: String,
    pub level: Level,
    rank: Option<u64>,
    attempt: bool,
    count: u64,
    first_seen: Option<Time>,
    last_seen: Option<Time>,
    account: Option<String>,
    region: Option<String>,
    principal: Principal,
    source_ip: Option<String>,
    user_agent: Option<String>,
    key: Option<finding::Key>,
    resource: Option<finding::Resource>,
    events: Vec<Event>,
    details: BTreeMap<String, Value>,
    attack: Vec<String>,
    references: Vec<String>,
    advice: Option<String>,
    #[serde(default)]
    outcome: Option<Outcome>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Event {
    id: Option<String>,
    time: Option<Time>,
    name: String,
    origin: String,
    request_id: Option<String>,
    event_source: Option<String>,
    principal: Option<String>,
    session: Option<String>,
    access_key_id: Option<String>,
    source_ip: Option<String>,
    user_agent: Option<String>,
    error: Option<String>,
    undone: Option<Time>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Outcome {
    state: String,
    at: Option<Time>,
    by: Option<String>,
    due: Option<Time>,
}

/// What became of a finding that an earlier report has.
#[derive(Debug, PartialEq, Deserialize)]
pub struct Later {
    pub fingerprint: String,
    rule: String,
    level: Level,
    target: Option<String>,
    outcome: Outcome,
}

#[derive(Debug, PartialEq, Deserialize)]
pub struct Problem {
    origin: String,
    stage: Stage,
    message: String,
}

#[derive(Debug, PartialEq, Deserialize)]
pub struct Note {
    pub message: String,
    pub records: u64,
    origin: String,
}

#[derive(Debug, PartialEq, Deserialize)]
pub struct Suppression {
    pub rule: String,
    reason: String,
    #[serde(default)]
    owner: Option<String>,
    #[serde(default)]
    ticket: Option<String>,
    #[serde(default)]
    fitted: Vec<String>,
    expires: String,
    state: suppression::State,
    count: u64,
}

#[derive(Debug, PartialEq, Deserialize)]
pub struct Coverage {
    account: String,
    region: String,
    from: Time,
    to: Time,
    files: u64,
    pub hours_covered: u64,
    pub hours_missing: u64,
    #[serde(default)]
    gaps: Vec<Hours>,
    gap_count: u64,
    records: u64,
    kms_reads: u64,
    kms_writes: u64,
    kms_reads_missing: bool,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Hours {
    from: Time,
    to: Time,
}

#[derive(Debug, PartialEq, Deserialize)]
pub struct Case {
    pub id: String,
    title: String,
    level: Level,
    rank: u64,
    actors: Vec<String>,
    credentials: Vec<String>,
    source_ips: Vec<String>,
    keys: Vec<String>,
    first_seen: Option<Time>,
    last_seen: Option<Time>,
    findings: Vec<String>,
    #[serde(default)]
    pub merged: Vec<String>,
    #[serde(default)]
    outcome: Option<Outcome>,
    #[serde(default)]
    tactics: u32,
}

#[derive(Debug, PartialEq, Deserialize)]
pub struct Verify {
    logs: BTreeMap<String, u64>,
    #[serde(default)]
    digests: BTreeMap<String, u64>,
}

impl Document {
    /// Reads a report to its end.
    ///
    /// # Errors
    /// Why it is none, in a sentence without its name.
    pub fn read(from: impl Read) -> Result<Document, String> {
        let reader = std::io::BufReader::with_capacity(1 << 16, from);
        let document: Document =
            serde_json::from_reader(reader).map_err(|error| match error.io_error_kind() {
                Some(_) => format!("cannot be read: {}", std::io::Error::from(error)),
                None => format!("is no report that -f json wrote: {error}"),
            })?;
        match document.schema == SCHEMA {
            true => Ok(document),
            false => {
                let schema: String = document.schema.chars().take(SHOWN).collect();
                Err(format!("is of the schema {schema}, expected {SCHEMA}"))
            }
        }
    }

    /// What of it is not understood, in sentences without its name.
    pub fn odd(&self) -> impl Iterator<Item = &'static str> {
        let told = self.outcomes.iter().map(|later| Some(&later.outcome));
        let mut all = told
            .chain(self.findings.iter().map(|finding| finding.outcome.as_ref()))
            .chain(self.cases.iter().map(|case| case.outcome.as_ref()));
        let outcome = all.any(|outcome| outcome.is_some_and(|outcome| !outcome.is_understood()));
        let verdict = self.verify.as_ref().is_some_and(Verify::is_odd);
        let outcome =
            outcome.then_some("has an outcome of a finding that is not understood: left out");
        let verdict =
            verdict.then_some("has a verdict of --verify that is not understood: left out");
        outcome.into_iter().chain(verdict)
    }
}
