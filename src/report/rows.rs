//! Findings as rows for spreadsheets: `-f csv`.
//!
//! One row a finding, in the order of the report, with a line of names first. Columns may be added at
//! the end and are never renamed or moved. What is a list in JSON is one cell with a semicolon between
//! its members; `details` is the JSON text. What must stay true: see [`csv`](super::csv).

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::csv::Rows;
use super::{Report, json};
use crate::model::finding::{EventRef, Finding};
use crate::model::time::Time;

/// The names of the columns.
const COLUMNS: [&str; 39] = [
    "fingerprint",
    "rule",
    "title",
    "level",
    "rank",
    "status",
    "attempt",
    "count",
    "first_seen",
    "last_seen",
    "account",
    "region",
    "principal_type",
    "principal_arn",
    "principal_account",
    "principal_session",
    "principal_invoked_by",
    "principal_mfa",
    "source_ip",
    "user_agent",
    "key_arn",
    "key_account",
    "key_alias",
    "key_tags",
    "resource_arn",
    "resource_type",
    "resource_tags",
    "event_ids",
    "event_names",
    "event_sources",
    "access_key_ids",
    "origins",
    "attack",
    "references",
    "advice",
    "case",
    "outcome",
    "outcome_due",
    "details",
];

/// Writes the report's findings.
///
/// # Errors
/// Those of the output, and of the file that findings wait in.
pub fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = Rows::new(out);
    rows.row(COLUMNS.map(String::from))?;
    for finding in report.outcome.findings.read()? {
        let finding = finding?;
        let [what, who, about, rest] =
            [what(&finding), who(&finding), about(&finding), rest(&finding)?];
        rows.row(what.into_iter().chain(who).chain(about).chain(rest))?;
    }
    rows.finish()
}

/// What was found, and when.
fn what(finding: &Finding) -> Vec<String> {
    vec![
        finding.fingerprint.clone(),
        finding.rule.clone(),
        finding.told.title.clone(),
        finding.level.to_string(),
        finding.rank.map(|rank| rank.to_string()).unwrap_or_default(),
        finding.status.as_str().into(),
        finding.attempt.to_string(),
        finding.count.to_string(),
        time(finding.first_seen),
        time(finding.last_seen),
        text(finding.account.as_ref()),
        text(finding.region.as_ref()),
    ]
}

/// Who acted, from where.
fn who(finding: &Finding) -> Vec<String> {
    let principal = &finding.principal;
    vec![
        text(principal.kind.as_ref()),
        text(principal.arn.as_ref()),
        text(principal.account.as_ref()),
        text(principal.session.as_ref()),
        text(principal.invoked_by.as_ref()),
        principal.mfa.as_str().into(),
        text(finding.source_ip.as_ref()),
        text(finding.user_agent.as_ref()),
    ]
}

/// The key and the resource.
fn about(finding: &Finding) -> Vec<String> {
    let key = finding.key.as_ref();
    let resource = finding.resource.as_ref();
    vec![
        text(key.map(|key| &key.arn)),
        text(key.and_then(|key| key.account.as_ref())),
        text(key.and_then(|key| key.alias.as_ref())),
        key.map(|key| tags(&key.tags)).unwrap_or_default(),
        text(resource.map(|resource| &resource.arn)),
        text(resource.and_then(|resource| resource.kind.as_ref())),
        resource.map(|resource| tags(&resource.tags)).unwrap_or_default(),
    ]
}

/// The events, what the rule says, and what became of it.
fn rest(finding: &Finding) -> io::Result<Vec<String>> {
    let events =
        |of: &dyn Fn(&EventRef) -> Option<String>| list(finding.events.iter().filter_map(of));
    let request = |event: &EventRef| event.request.clone();
    let effect = finding.effect.as_ref();
    let mut details = Vec::new();
    json::write_line(&finding.details, &mut details)?;
    Ok(vec![
        events(&|event| event.id.clone()),
        events(&|event| Some(event.name.clone())),
        events(&|event| Some(request(event)?.service.clone())),
        events(&|event| request(event)?.access_key.clone()),
        events(&|event| Some(event.origin.to_string())),
        list(finding.told.attack.iter().cloned()),
        list(finding.told.references.iter().cloned()),
        text(finding.told.advice.as_ref()),
        finding.case.as_deref().unwrap_or_default().into(),
        effect.map(|effect| effect.fate.as_str().to_owned()).unwrap_or_default(),
        time(effect.and_then(|effect| effect.due)),
        String::from_utf8_lossy(details.trim_ascii_end()).into_owned(),
    ])
}

fn text(text: Option<&String>) -> String {
    text.cloned().unwrap_or_default()
}

fn time(time: Option<Time>) -> String {
    time.map(|time| time.to_string()).unwrap_or_default()
}

fn tags(tags: &BTreeMap<String, String>) -> String {
    list(tags.iter().map(|(name, value)| format!("{name}={value}")))
}

fn list(members: impl Iterator<Item = String>) -> String {
    members.collect::<Vec<_>>().join(";")
}
