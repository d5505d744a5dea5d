//! `keytrail.report/v1`: the JSON form of a report, member for member.
//!
//! The form is frozen, because scripts read it: members may be added at the end of an object, and
//! never be renamed, moved or removed. So these types stand beside the model and borrow from it.
//! Absent values are `null` and never left out, so that a reader can tell "not known" from "another
//! version".

mod aftermath;
mod case;
mod finding;
mod night;
mod run;
mod seen;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::ser::{Error, SerializeSeq};
use serde::{Serialize, Serializer};

use aftermath::Aftermath;
use case::Case;
pub use finding::{Finding, Principal};
use night::Night;
use run::Run;
use seen::{Covered, Tags, Totals};

use super::{Report, verify};
use crate::model::case::Cases;
use crate::model::coverage;
use crate::model::findings::Findings;
use crate::model::level::Level;
use crate::model::notes::RunNote;
use crate::model::outcome;
use crate::model::problem::Problem;
use crate::model::suppression;

/// The name and version of this form.
pub const SCHEMA: &str = "keytrail.report/v1";

/// The whole document.
#[derive(Serialize, JsonSchema)]
pub struct Document<'a> {
    /// The name and version of this form.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    /// What made the report.
    tool: Tool<'a>,
    /// What was asked for, and when.
    run: Run<'a>,
    /// What was read.
    totals: Totals<'a>,
    /// How many findings there are of each level, listed or not.
    summary: Summary,
    /// The findings, what to look at first at the top.
    // Made one by one while they are written: a report may hold millions.
    #[serde(serialize_with = "each_finding")]
    #[schemars(with = "Vec<Finding<'static>>")]
    findings: &'a Findings,
    /// What could not be read, known or verified.
    problems: &'a [Problem],
    /// Every suppression of the configuration, and what it did.
    #[serde(serialize_with = "each_suppression")]
    #[schemars(with = "Vec<Suppression<'static>>")]
    suppressions: &'a [suppression::Applied],
    /// How much could be judged by tags; `null` if no rule compares them.
    tags: Option<Tags<'a>>,
    /// Which hours of each account and Region have files.
    #[serde(serialize_with = "each_place")]
    #[schemars(with = "Vec<Covered<'static>>")]
    coverage: &'a [coverage::Covered],
    /// What was verified; `null` without `--verify`.
    verify: Option<Verify<'a>>,
    /// The findings that belong together, what to look at first at the top.
    #[serde(serialize_with = "each_case")]
    #[schemars(with = "Vec<Case<'static>>")]
    cases: &'a Cases,
    /// How many different records in the range each rule looked at: those of the calls that it is about. Of a
    /// rule over many records, those of its steps; 0 if one of these had none. Of a rule that compares tags,
    /// the uses of which they are known on both sides; of one that looks for missing hours or files, all
    /// records, copies included, or 0 if the log is too short or nothing is expected.
    examined: &'a BTreeMap<String, u64>,
    /// The reports that it was made of; none for that of a scan.
    nights: Vec<Night<'a>>,
    /// What is to be known of the records that were read, and is no problem.
    notes: &'a [RunNote],
    /// With `--state`, what became of findings that earlier runs have told of and this one does not list.
    outcomes: Vec<Aftermath<'a>>,
    /// How many findings of level medium or above hold that earlier runs or the baseline have told and this
    /// report does not list, by rule.
    known: &'a BTreeMap<String, u64>,
}

/// How much a scan read and found: the end of its lines.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ScanCounts")]
pub struct Counts<'a> {
    /// What was read.
    totals: Totals<'a>,
    /// How many findings there are of each level, listed or not.
    summary: Summary,
    /// What was asked for, and when.
    run: Run<'a>,
    /// What is to be known of the records that were read, and is no problem.
    notes: &'a [RunNote],
}

impl<'a> From<&'a Report<'a>> for Counts<'a> {
    fn from(report: &'a Report<'a>) -> Self {
        let Report { run, outcome, .. } = *report;
        Counts {
            totals: Totals::from(&outcome.totals),
            summary: Summary::from(&outcome.summary),
            run: Run::new(run, outcome, env!("CARGO_PKG_VERSION")),
            notes: &outcome.notes,
        }
    }
}

fn each_case<S: Serializer>(cases: &Cases, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(cases.all.iter().map(Case::from))
}

fn each_place<S: Serializer>(list: &[coverage::Covered], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(list.iter().map(Covered::from))
}

/// What was verified: a `keytrail.verify/v1` document in its place, without what the report has
/// already, and how many files were read and not evaluated.
#[derive(Serialize, JsonSchema)]
struct Verify<'a> {
    #[serde(flatten)]
    body: verify::Body<'a>,
    /// Files whose records were not evaluated, since they are not verified.
    left_out: u64,
}

fn each_finding<S: Serializer>(all: &Findings, to: S) -> Result<S::Ok, S::Error> {
    let mut list = to.serialize_seq(usize::try_from(all.len()).ok())?;
    for finding in all.read().map_err(S::Error::custom)? {
        list.serialize_element(&Finding::from(&*finding.map_err(S::Error::custom)?))?;
    }
    list.end()
}

fn each_suppression<S: Serializer>(
    list: &[suppression::Applied],
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_seq(list.iter().map(Suppression::from))
}

#[derive(Serialize, JsonSchema)]
struct Tool<'a> {
    /// `keytrail`
    name: &'static str,
    /// Its version.
    version: &'static str,
    /// The rules that were evaluated.
    rules: Rules<'a>,
}

#[derive(Serialize, JsonSchema)]
struct Rules<'a> {
    /// How many there are.
    enabled: usize,
    /// Their digest, `sha256:…`.
    digest: &'a str,
    /// The rules whose findings are reported.
    ids: Vec<&'a str>,
    /// What those of them that are not built in are about.
    own: Vec<OwnRule<'a>>,
}

/// A rule that is not built in.
#[derive(Serialize, JsonSchema)]
struct OwnRule<'a> {
    /// Its id.
    id: &'a str,
    /// Its level.
    level: Level,
    /// The controls that it helps to audit, such as `PCI:3.7.5`.
    controls: Vec<String>,
    /// Its tags.
    tags: &'a [String],
}

/// How many findings there are.
#[derive(Serialize, JsonSchema)]
struct Summary {
    /// Findings of this level.
    critical: u64,
    /// Findings of this level.
    high: u64,
    /// Findings of this level.
    medium: u64,
    /// Findings of this level.
    low: u64,
    /// Findings of this level.
    informational: u64,
    /// Findings that a suppression leaves out; they are in no level.
    suppressed: u64,
    /// Findings that the baseline has, with nothing added since; they are in no level.
    known: u64,
}

#[derive(Serialize, JsonSchema)]
struct Suppression<'a> {
    /// The id of the rule.
    rule: &'a str,
    /// Why.
    reason: &'a str,
    /// The last day on which it holds.
    expires: suppression::Day,
    /// How it stands at the end of the run.
    state: suppression::State,
    /// The findings that it fits.
    count: u64,
    /// Who answers for it.
    owner: Option<&'a str>,
    /// Where it was decided.
    ticket: Option<&'a str>,
    /// Fingerprints of what it fits: the first 100, sorted.
    fitted: &'a [String],
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
                    own: own_rules(report),
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
            notes: &outcome.notes,
            outcomes: outcome.aftermath.iter().map(Aftermath::from).collect(),
            known: &outcome.known,
        }
    }
}

/// Those of which something is known.
fn own_rules<'a>(report: &Report<'a>) -> Vec<OwnRule<'a>> {
    let is_known = |id: &String| report.limits.is_none_or(|limits| !limits.unknown.contains(id));
    let own = report.run.rules.iter().filter(|rule| rule.group.is_none() && is_known(&rule.id));
    own.map(|rule| OwnRule {
        id: &rule.id,
        level: rule.level,
        controls: rule.controls.iter().map(ToString::to_string).collect(),
        tags: &rule.tags,
    })
    .collect()
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

impl<'a> From<&'a suppression::Applied> for Suppression<'a> {
    fn from(applied: &'a suppression::Applied) -> Self {
        Suppression {
            rule: &applied.rule,
            reason: &applied.reason,
            expires: applied.expires,
            state: applied.state,
            count: applied.count,
            owner: applied.owner.as_deref(),
            ticket: applied.ticket.as_deref(),
            fitted: &applied.fitted,
        }
    }
}
