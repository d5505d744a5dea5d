//! A report as `-f json` wrote it (`keytrail.report/v1`).
//!
//! Only the members that a period tells of are read; reports of earlier versions lack some, which are
//! then empty. What must stay true: what is no report is refused with a reason.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::model::aftermath::Aftermath;
use crate::model::case;
use crate::model::coverage::{Counts, Covered, Gap, Place, hour_of};
use crate::model::finding::{self, EventRef, Status, Told};
use crate::model::level::Level;
use crate::model::night::Verdicts;
use crate::model::origin::Origin;
use crate::model::outcome::Totals;
use crate::model::principal::Principal;
use crate::model::problem::{self, Stage};
use crate::model::request::Request;
use crate::model::suppression::{self, Day};
use crate::model::time::Time;
use crate::model::undo::{Effect, Fate, Undone};
use crate::model::verified::{DigestVerdict, LogVerdict, Verdict};

/// The only schema that is understood.
const SCHEMA: &str = "keytrail.report/v1";

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
}

#[derive(Debug, PartialEq, Deserialize)]
pub struct Tool {
    pub rules: Rules,
}

#[derive(Debug, PartialEq, Deserialize)]
pub struct Rules {
    pub digest: String,
    #[serde(default)]
    pub ids: Vec<String>,
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
            false => Err(format!("is of the schema {}, expected {SCHEMA}", document.schema)),
        }
    }
}

fn origin(text: &str) -> Origin {
    let numbered = text.rsplit_once('#').and_then(|(blob, n)| Some((blob, n.parse().ok()?)));
    match numbered {
        Some((blob, record)) => Origin::record(blob, record),
        None => Origin::blob(text),
    }
}

impl From<Outcome> for Option<Effect> {
    fn from(told: Outcome) -> Option<Effect> {
        let fate = [Fate::Open, Fate::Reversed, Fate::Refused];
        let fate = fate.into_iter().find(|fate| fate.as_str() == told.state)?;
        let undone = told.at.map(|at| Undone { at, by: told.by });
        Some(Effect { fate, undone, due: told.due })
    }
}

impl Later {
    /// What became of it; `None` if that is not understood.
    pub fn into_model(self) -> Option<Aftermath> {
        let Later { fingerprint, rule, level, target, outcome } = self;
        let effect = Option::<Effect>::from(outcome)?;
        Some(Aftermath { fingerprint, rule, level, target, effect })
    }
}

impl Verify {
    /// How many files have each verdict that is known.
    pub fn verdicts(&self) -> Verdicts {
        fn known<V: Verdict>(told: &BTreeMap<String, u64>) -> BTreeMap<&'static str, u64> {
            let all = V::ALL.into_iter().map(Verdict::as_str);
            all.filter_map(|name| Some((name, *told.get(name)?))).collect()
        }
        let (logs, digests) =
            (known::<LogVerdict>(&self.logs), known::<DigestVerdict>(&self.digests));
        Verdicts { logs, digests }
    }
}

impl Event {
    fn into_ref(self, actor: &Principal) -> EventRef {
        let principal = Principal { arn: self.principal, session: self.session, ..actor.clone() };
        let request = self.event_source.map(|service| {
            Arc::new(Request {
                id: self.request_id,
                service,
                principal,
                access_key: self.access_key_id,
                source_ip: self.source_ip,
                user_agent: self.user_agent,
                error: self.error,
                ..Request::of_nobody()
            })
        });
        EventRef {
            time: self.time,
            id: self.id,
            name: self.name,
            origin: origin(&self.origin),
            shared: None,
            request,
            undone: self.undone.map(|at| Undone { at, by: None }),
        }
    }
}

impl Finding {
    /// The finding, without its case: that is told by the cases of the period.
    pub fn into_model(self) -> finding::Finding {
        let principal = self.principal;
        let told = Told {
            title: self.title,
            attack: self.attack,
            references: self.references,
            advice: self.advice,
            ..Told::default()
        };
        finding::Finding {
            events: self.events.into_iter().map(|event| event.into_ref(&principal)).collect(),
            fingerprint: self.fingerprint,
            rule: self.rule,
            level: self.level,
            attempt: self.attempt,
            count: self.count,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            status: Status::New,
            fresh: true,
            rank: self.rank,
            account: self.account,
            region: self.region,
            principal,
            source_ip: self.source_ip,
            user_agent: self.user_agent,
            key: self.key,
            resource: self.resource,
            claimed: false,
            folded: 0,
            members: Vec::new(),
            effect: self.outcome.and_then(Option::from),
            case: None,
            details: self.details,
            told: Arc::new(told),
        }
    }
}

impl Note {
    /// Where the first of its records is.
    pub fn origin(&self) -> Origin {
        origin(&self.origin)
    }
}

impl From<Problem> for problem::Problem {
    fn from(told: Problem) -> problem::Problem {
        problem::Problem::new(origin(&told.origin), told.stage, told.message)
    }
}

impl Suppression {
    /// What it did; `None` if its last day is no day.
    pub fn into_model(self) -> Option<suppression::Applied> {
        Some(suppression::Applied {
            expires: Day::parse(&self.expires)?,
            rule: self.rule,
            reason: self.reason,
            owner: self.owner,
            ticket: self.ticket,
            fitted: self.fitted,
            state: self.state,
            count: self.count,
        })
    }
}

impl From<Coverage> for Covered {
    fn from(told: Coverage) -> Covered {
        let gap = |from, to| Gap { from: hour_of(from), to: hour_of(to) };
        Covered {
            place: Place { account: told.account, region: told.region },
            range: gap(told.from, told.to),
            counts: Counts {
                files: told.files,
                records: told.records,
                kms_reads: told.kms_reads,
                kms_writes: told.kms_writes,
            },
            hours_covered: told.hours_covered,
            gap_count: told.gap_count,
            gaps: told.gaps.iter().map(|hours| gap(hours.from, hours.to)).collect(),
            kms_reads_missing: told.kms_reads_missing,
        }
    }
}

impl Case {
    /// The case, with the id that it has in this report.
    pub fn into_model(self) -> case::Case {
        let names = |first: Vec<String>| case::Names { count: first.len() as u64, first };
        case::Case {
            id: self.id.into(),
            merged: self.merged.into_iter().map(Arc::from).collect(),
            title: self.title,
            level: self.level,
            rank: self.rank,
            status: Status::New,
            actors: names(self.actors),
            hit: case::Names::default(),
            credentials: names(self.credentials),
            source_ips: names(self.source_ips),
            keys: names(self.keys),
            effect: self.outcome.and_then(Option::from),
            tactics: self.tactics,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            findings: self.findings,
        }
    }
}
