//! `keytrail.report/v1`: the JSON form of a report, member for member.
//!
//! The form is frozen, because scripts read it: members may be added at the end of an object, and
//! never be renamed, moved or removed. So these types stand beside the model and borrow from it.
//! Absent values are `null` and never left out, so that a reader can tell "not known" from "another
//! version".

mod case;
mod night;
mod run;

use std::collections::{BTreeMap, BTreeSet};

use serde::ser::{Error, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::Value;

use case::{Case, Outcome};
use night::Night;
use run::Run;

use super::{Report, verify};
use crate::model::case::Cases;
use crate::model::coverage;
use crate::model::finding::{self, EventRef, Status};
use crate::model::findings::Findings;
use crate::model::level::Level;
use crate::model::origin::Origin;
use crate::model::outcome;
use crate::model::principal::{self, Mfa};
use crate::model::problem::{self, Stage};
use crate::model::request::Request;
use crate::model::suppression;
use crate::model::time::Time;

/// The name and version of this form.
pub const SCHEMA: &str = "keytrail.report/v1";

/// The whole document.
#[derive(Serialize)]
pub struct Document<'a> {
    schema: &'static str,
    tool: Tool<'a>,
    run: Run<'a>,
    totals: Totals<'a>,
    summary: Summary,
    // Made one by one while they are written: a report may hold millions.
    #[serde(serialize_with = "each_finding")]
    findings: &'a Findings,
    #[serde(serialize_with = "each_problem")]
    problems: &'a [problem::Problem],
    #[serde(serialize_with = "each_suppression")]
    suppressions: &'a [suppression::Applied],
    tags: Option<Tags<'a>>,
    #[serde(serialize_with = "each_place")]
    coverage: &'a [coverage::Covered],
    verify: Option<Verify<'a>>,
    #[serde(serialize_with = "each_case")]
    cases: &'a Cases,
    /// How many records each rule looked at, copies included. Rules over the whole log are not in it.
    examined: &'a BTreeMap<String, u64>,
    /// The reports that it was made of; none for that of a scan.
    nights: Vec<Night<'a>>,
}

fn each_case<S: Serializer>(cases: &Cases, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(cases.all.iter().map(Case::from))
}

fn each_place<S: Serializer>(list: &[coverage::Covered], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(list.iter().map(Covered::from))
}

/// What was verified: a `keytrail.verify/v1` document in its place, without what the report has
/// already, and how many files were read and not evaluated.
#[derive(Serialize)]
struct Verify<'a> {
    #[serde(flatten)]
    body: verify::Body<'a>,
    left_out: u64,
}

fn each_finding<S: Serializer>(all: &Findings, to: S) -> Result<S::Ok, S::Error> {
    let mut list = to.serialize_seq(usize::try_from(all.len()).ok())?;
    for finding in all.read().map_err(S::Error::custom)? {
        list.serialize_element(&Finding::from(&*finding.map_err(S::Error::custom)?))?;
    }
    list.end()
}

fn each_problem<S: Serializer>(list: &[problem::Problem], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(list.iter().map(Problem::from))
}

fn each_suppression<S: Serializer>(
    list: &[suppression::Applied],
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_seq(list.iter().map(Suppression::from))
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'static str,
    version: &'static str,
    rules: Rules<'a>,
}

#[derive(Serialize)]
struct Rules<'a> {
    enabled: usize,
    digest: &'a str,
    /// The rules whose findings are reported.
    ids: Vec<&'a str>,
}

#[derive(Serialize)]
struct Totals<'a> {
    blobs: u64,
    blobs_failed: u64,
    blobs_other: u64,
    bytes_read: u64,
    bytes_inflated: u64,
    records: u64,
    records_bad: u64,
    duplicates: u64,
    kms_records: u64,
    first_event: Option<Time>,
    last_event: Option<Time>,
    accounts: &'a BTreeSet<String>,
    regions: &'a BTreeSet<String>,
}

#[derive(Serialize)]
struct Summary {
    critical: u64,
    high: u64,
    medium: u64,
    low: u64,
    informational: u64,
    suppressed: u64,
    known: u64,
}

/// What comparing tags saw.
#[derive(Serialize)]
struct Tags<'a> {
    uses: u64,
    compared: u64,
    agreeing: u64,
    mismatched: u64,
    one_sided: u64,
    untagged: u64,
    unknown: u64,
    unknown_because: &'a BTreeMap<&'static str, u64>,
    by_tag: BTreeMap<&'a str, TagCount>,
    resources: u64,
    unplaced: u64,
}

#[derive(Serialize)]
struct TagCount {
    compared: u64,
    agreeing: u64,
    mismatched: u64,
    one_sided: u64,
    untagged: u64,
    unknown: u64,
}

/// The hours of an account and Region that have files, and that have none. Ranges are half-open.
#[derive(Serialize)]
struct Covered<'a> {
    account: &'a str,
    region: &'a str,
    from: Time,
    to: Time,
    files: u64,
    hours_covered: u64,
    hours_missing: u64,
    /// The longest ones, in the order of time; `gap_count` is how many there are.
    gaps: Vec<Gap>,
    gap_count: u64,
    records: u64,
    kms_reads: u64,
    kms_writes: u64,
    kms_reads_missing: bool,
}

#[derive(Serialize)]
struct Gap {
    from: Time,
    to: Time,
}

/// One finding: a member of `findings`, and a line of NDJSON.
#[derive(Serialize)]
pub struct Finding<'a> {
    fingerprint: &'a str,
    rule: &'a str,
    title: &'a str,
    level: Level,
    /// What a reader should look at first; only where findings are ranked.
    #[serde(skip_serializing_if = "Option::is_none")]
    rank: Option<u64>,
    attempt: bool,
    count: u64,
    first_seen: Option<Time>,
    last_seen: Option<Time>,
    status: Status,
    account: Option<&'a str>,
    region: Option<&'a str>,
    principal: Principal<'a>,
    source_ip: Option<&'a str>,
    user_agent: Option<&'a str>,
    key: Option<Key<'a>>,
    resource: Option<Resource<'a>>,
    events: Vec<Event<'a>>,
    details: &'a BTreeMap<String, Value>,
    attack: &'a [String],
    references: &'a [String],
    advice: Option<&'a str>,
    /// The case that it belongs to; `null` where there are none.
    case: Option<&'a str>,
    outcome: Option<Outcome<'a>>,
}

/// Who acted, in every document.
#[derive(Serialize)]
pub struct Principal<'a> {
    #[serde(rename = "type")]
    kind: Option<&'a str>,
    arn: Option<&'a str>,
    account: Option<&'a str>,
    session: Option<&'a str>,
    invoked_by: Option<&'a str>,
    mfa: Mfa,
}

#[derive(Serialize)]
struct Key<'a> {
    arn: &'a str,
    account: Option<&'a str>,
    alias: Option<&'a str>,
    tags: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Resource<'a> {
    arn: &'a str,
    #[serde(rename = "type")]
    kind: Option<&'a str>,
    tags: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Event<'a> {
    id: Option<&'a str>,
    time: Option<Time>,
    name: &'a str,
    origin: &'a Origin,
    event_source: Option<&'a str>,
    principal: Option<&'a str>,
    session: Option<&'a str>,
    access_key_id: Option<&'a str>,
    source_ip: Option<&'a str>,
    user_agent: Option<&'a str>,
    error: Option<&'a str>,
    undone: Option<Time>,
}

#[derive(Serialize)]
struct Problem<'a> {
    origin: &'a Origin,
    stage: Stage,
    message: &'a str,
}

#[derive(Serialize)]
struct Suppression<'a> {
    rule: &'a str,
    reason: &'a str,
    expires: suppression::Day,
    state: suppression::State,
    count: u64,
}

impl<'a> From<&'a Report<'a>> for Document<'a> {
    fn from(report: &'a Report<'a>) -> Self {
        let Report { run, outcome, .. } = *report;
        let version = env!("CARGO_PKG_VERSION");
        Document {
            schema: SCHEMA,
            tool: Tool {
                name: env!("CARGO_PKG_NAME"),
                version,
                rules: Rules {
                    enabled: run.rules_enabled,
                    digest: &run.rules_digest,
                    ids: run.rules.iter().map(|rule| rule.id.as_str()).collect(),
                },
            },
            run: Run::new(run, outcome, version),
            totals: Totals::from(&outcome.totals),
            summary: Summary::from(&outcome.summary),
            findings: &outcome.findings,
            problems: &outcome.problems,
            suppressions: &outcome.suppressions,
            tags: outcome.tags.as_ref().map(Tags::from),
            coverage: &outcome.covered,
            verify: outcome.verify.as_ref().map(|v| Verify {
                body: verify::Body::new(&v.anchor, &v.verified, outcome.complete()),
                left_out: v.left_out,
            }),
            cases: &outcome.cases,
            examined: &outcome.examined,
            nights: report.nights.iter().map(Night::from).collect(),
        }
    }
}

impl<'a> From<&'a outcome::TagCoverage> for Tags<'a> {
    fn from(tags: &'a outcome::TagCoverage) -> Self {
        let count = |count: &outcome::TagCount| TagCount {
            compared: count.compared(),
            agreeing: count.agreeing,
            mismatched: count.mismatched,
            one_sided: count.one_sided,
            untagged: count.untagged,
            unknown: count.unknown,
        };
        Tags {
            uses: tags.uses,
            compared: tags.compared(),
            agreeing: tags.agreeing,
            mismatched: tags.mismatched,
            one_sided: tags.one_sided,
            untagged: tags.untagged,
            unknown: tags.unknown.values().sum(),
            unknown_because: &tags.unknown,
            by_tag: tags.by_tag.iter().map(|(name, of)| (name.as_str(), count(of))).collect(),
            resources: tags.resources,
            unplaced: tags.unplaced,
        }
    }
}

impl<'a> From<&'a coverage::Covered> for Covered<'a> {
    fn from(covered: &'a coverage::Covered) -> Self {
        let gap = |gap: &coverage::Gap| {
            let (from, to) = gap.times();
            Gap { from, to }
        };
        let (from, to) = covered.range.times();
        Covered {
            account: &covered.place.account,
            region: &covered.place.region,
            from,
            to,
            files: covered.counts.files,
            hours_covered: covered.hours_covered,
            hours_missing: covered.hours_missing(),
            gaps: covered.gaps.iter().map(gap).collect(),
            gap_count: covered.gap_count,
            records: covered.counts.records,
            kms_reads: covered.counts.kms_reads,
            kms_writes: covered.counts.kms_writes,
            kms_reads_missing: covered.kms_reads_missing,
        }
    }
}

impl<'a> From<&'a outcome::Totals> for Totals<'a> {
    fn from(totals: &'a outcome::Totals) -> Self {
        Totals {
            blobs: totals.blobs,
            blobs_failed: totals.blobs_failed,
            blobs_other: totals.blobs_other,
            bytes_read: totals.bytes_read,
            bytes_inflated: totals.bytes_inflated,
            records: totals.records,
            records_bad: totals.records_bad,
            duplicates: totals.duplicates,
            kms_records: totals.kms_records,
            first_event: totals.first_event,
            last_event: totals.last_event,
            accounts: &totals.accounts,
            regions: &totals.regions,
        }
    }
}

impl From<&outcome::Summary> for Summary {
    fn from(summary: &outcome::Summary) -> Self {
        Summary {
            critical: summary.of(Level::Critical),
            high: summary.of(Level::High),
            medium: summary.of(Level::Medium),
            low: summary.of(Level::Low),
            informational: summary.of(Level::Informational),
            suppressed: summary.suppressed,
            known: summary.known,
        }
    }
}

impl<'a> From<&'a finding::Finding> for Finding<'a> {
    fn from(finding: &'a finding::Finding) -> Self {
        Finding {
            fingerprint: &finding.fingerprint,
            rule: &finding.rule,
            title: &finding.told.title,
            level: finding.level,
            rank: finding.rank,
            attempt: finding.attempt,
            count: finding.count,
            first_seen: finding.first_seen,
            last_seen: finding.last_seen,
            status: finding.status,
            account: finding.account.as_deref(),
            region: finding.region.as_deref(),
            principal: Principal::from(&finding.principal),
            source_ip: finding.source_ip.as_deref(),
            user_agent: finding.user_agent.as_deref(),
            key: finding.key.as_ref().map(Key::from),
            resource: finding.resource.as_ref().map(Resource::from),
            events: finding.events.iter().map(Event::from).collect(),
            details: &finding.details,
            attack: &finding.told.attack,
            references: &finding.told.references,
            advice: finding.told.advice.as_deref(),
            case: finding.case.as_deref(),
            outcome: finding.effect.as_ref().map(Outcome::from),
        }
    }
}

impl<'a> From<&'a principal::Principal> for Principal<'a> {
    fn from(principal: &'a principal::Principal) -> Self {
        Principal {
            kind: principal.kind.as_deref(),
            arn: principal.arn.as_deref(),
            account: principal.account.as_deref(),
            session: principal.session.as_deref(),
            invoked_by: principal.invoked_by.as_deref(),
            mfa: principal.mfa,
        }
    }
}

impl<'a> From<&'a finding::Key> for Key<'a> {
    fn from(key: &'a finding::Key) -> Self {
        Key {
            arn: &key.arn,
            account: key.account.as_deref(),
            alias: key.alias.as_deref(),
            tags: &key.tags,
        }
    }
}

impl<'a> From<&'a finding::Resource> for Resource<'a> {
    fn from(resource: &'a finding::Resource) -> Self {
        Resource { arn: &resource.arn, kind: resource.kind.as_deref(), tags: &resource.tags }
    }
}

impl<'a> From<&'a EventRef> for Event<'a> {
    fn from(event: &'a EventRef) -> Self {
        let by = |of: fn(&Request) -> Option<&String>| {
            of(event.request.as_deref()?).map(String::as_str).filter(|text| !text.is_empty())
        };
        Event {
            id: event.id.as_deref(),
            time: event.time,
            name: &event.name,
            origin: &event.origin,
            event_source: by(|request| Some(&request.service)),
            principal: by(|request| request.principal.arn.as_ref()),
            session: by(|request| request.principal.session.as_ref()),
            access_key_id: by(|request| request.access_key.as_ref()),
            source_ip: by(|request| request.source_ip.as_ref()),
            user_agent: by(|request| request.user_agent.as_ref()),
            error: by(|request| request.error.as_ref()),
            undone: event.undone.as_ref().map(|undone| undone.at),
        }
    }
}

impl<'a> From<&'a problem::Problem> for Problem<'a> {
    fn from(problem: &'a problem::Problem) -> Self {
        Problem { origin: &problem.origin, stage: problem.stage, message: &problem.message }
    }
}

impl<'a> From<&'a suppression::Applied> for Suppression<'a> {
    fn from(applied: &'a suppression::Applied) -> Self {
        Suppression {
            rule: &applied.rule,
            reason: &applied.reason,
            expires: applied.expires,
            state: applied.state,
            count: applied.count,
        }
    }
}
