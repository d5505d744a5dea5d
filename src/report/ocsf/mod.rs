//! OCSF: `-f ocsf`, one Detection Finding (class 2004) a line, with the cloud profile.
//!
//! ```text
//! version    which versions there are
//! parts      actors, addresses, keys and resources
//! evidence   the events, and what in them can be looked for elsewhere
//! ```
//!
//! A member that a version does not have is left out in it; what has no member at all is in `unmapped`.
//! What must stay true: a line depends on its finding, its rule and the version, and on nothing else of
//! the run, except where a finding has no time; it is bounded in size.
//!
//! Source: <https://schema.ocsf.io>, whose definitions differ from version to version.

mod evidence;
mod parts;
mod version;

use std::io::{self, Write};

use serde_json::{Value, json};

pub use version::OcsfVersion;

use super::fields::{self, is_account, said, shown, tidy};
use super::json::write_line;
use super::sentence::{fate, headline, sentences};
use super::{Report, Run};
use crate::model::attack::Tactic;
use crate::model::finding::{Finding, Status};
use crate::model::level::Level;
use crate::model::rule_meta::RuleMeta;
use OcsfVersion::{V1_4, V1_6};
use parts::millis;

/// Detection Finding.
const CLASS: u32 = 2004;

/// The most characters of a text for people.
const TEXT: usize = 2_048;

/// Writes the findings, one a line.
///
/// # Errors
/// Those of the output, and of the file that findings wait in.
pub fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for finding in report.outcome.findings.read()? {
        write_line(&detection(report.run, &*finding?), out)?;
    }
    Ok(())
}

/// The finding.
fn detection(run: &Run, finding: &Finding) -> Value {
    let version = run.ocsf;
    let rule = fields::rule(run, &finding.rule).map(|(_, rule)| rule);
    let (activity, activity_name, status, status_name) = match finding.status {
        Status::New => (1, "Create", 1, "New"),
        Status::Ongoing => (2, "Update", 99, "ongoing"),
    };
    let (severity, severity_name) = severity(finding.level);
    let (confidence, confidence_name) = rule.and_then(|rule| confidence(rule.tier?)).unzip();
    tidy(json!({
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "type_uid": CLASS * 100 + activity,
        "type_name": format!("Detection Finding: {activity_name}"),
        "severity_id": severity,
        "severity": severity_name,
        "status_id": status,
        "status": status_name,
        "status_detail": finding.effect.as_ref().and_then(fate),
        "confidence_id": confidence,
        "confidence": confidence_name,
        "time": millis(finding.last_seen.or(finding.first_seen).unwrap_or(run.started)),
        "start_time": finding.first_seen.map(millis),
        "end_time": finding.last_seen.map(millis),
        "count": i32::try_from(finding.count).unwrap_or(i32::MAX),
        "message": shown(&sentences(finding), TEXT),
        "metadata": metadata(version, finding),
        "cloud": cloud(version, finding),
        "finding_info": info(version, rule, finding),
        "resources": parts::resources(version, finding),
        "evidences": evidence::evidences(version, finding),
        "observables": evidence::observables(version, finding),
        "remediation": remediation(finding),
        "unmapped": unmapped(finding),
    }))
}

fn metadata(version: OcsfVersion, finding: &Finding) -> Value {
    let last = finding.last_seen.map(millis).unwrap_or_default();
    json!({
        "version": version.as_str(),
        "profiles": ["cloud"],
        "uid": format!("{}-{}-{last}", finding.fingerprint, finding.count),
        "correlation_uid": finding.case.as_deref(),
        "event_code": finding.rule,
        "log_name": "AWS CloudTrail",
        "product": {
            "name": env!("CARGO_PKG_NAME"),
            "vendor_name": env!("CARGO_PKG_NAME"),
            "version": env!("CARGO_PKG_VERSION"),
        },
    })
}

fn cloud(version: OcsfVersion, finding: &Finding) -> Value {
    let account = finding.account.as_deref().filter(|account| is_account(account));
    json!({
        "provider": "AWS",
        "account": account.map(parts::account),
        "region": said(finding.region.as_deref()),
        "cloud_partition": version.since(V1_4, parts::partition(finding)),
    })
}

fn info(version: OcsfVersion, rule: Option<&RuleMeta>, finding: &Finding) -> Value {
    let told = &finding.told;
    let description = rule.and_then(|rule| said(rule.description.as_deref()));
    let group = rule.and_then(|rule| rule.group.as_deref());
    json!({
        "uid": finding.fingerprint,
        "title": headline(finding),
        "desc": description.map(|text| shown(text, TEXT)),
        "types": group.map(|group| vec![group]),
        "analytic": {
            "type_id": 1,
            "type": "Rule",
            "uid": finding.rule,
            "name": shown(&told.title, TEXT),
            "category": group,
            "desc": description.map(|text| shown(text, TEXT)),
            "state_id": version.since(V1_6, json!(1)),
            "state": version.since(V1_6, json!("Active")),
        },
        "attacks": attacks(rule, &told.attack),
        "created_time": finding.first_seen.map(millis),
        "modified_time": finding.last_seen.map(millis),
        "first_seen_time": finding.first_seen.map(millis),
        "last_seen_time": finding.last_seen.map(millis),
        "data_sources": ["AWS CloudTrail"],
        "related_events": evidence::related(version, finding),
        "related_events_count": version.since(V1_4, json!(finding.events.len())),
    })
}

/// The tactics and techniques of the rule. Which technique is of which tactic is known only where there
/// is one tactic.
fn attacks(rule: Option<&RuleMeta>, techniques: &[String]) -> Value {
    let tactics: Vec<&Tactic> = rule.into_iter().flat_map(RuleMeta::tactics).collect();
    let page = |kind: &str, id: &str| format!("https://attack.mitre.org/{kind}/{id}/");
    let tactic = |tactic: &Tactic| json!({"uid": tactic.id, "name": tactic.name, "src_url": page("tactics", tactic.id)});
    let technique = |id: &str| json!({"uid": id, "src_url": page("techniques", id)});
    let with_technique = |id: &String| {
        let only = match tactics[..] {
            [only] => Some(tactic(only)),
            _ => None,
        };
        match id.split_once('.') {
            Some((of, sub)) => json!({
                "tactic": only,
                "technique": technique(of),
                "sub_technique": {"uid": id, "src_url": page("techniques", &format!("{of}/{sub}"))},
            }),
            None => json!({"tactic": only, "technique": technique(id)}),
        }
    };
    let alone = tactics.len() > 1 || techniques.is_empty();
    let alone = tactics.iter().filter(|_| alone).map(|of| json!({"tactic": tactic(of)}));
    alone.chain(techniques.iter().map(with_technique)).collect()
}

fn remediation(finding: &Finding) -> Value {
    let Some(advice) = said(finding.told.advice.as_deref()) else { return Value::Null };
    json!({"desc": shown(advice, TEXT), "references": finding.told.references})
}

/// What OCSF has no member for.
fn unmapped(finding: &Finding) -> Value {
    let effect = finding.effect.as_ref();
    let references = finding.told.advice.is_none().then_some(&finding.told.references);
    json!({
        "level": finding.level,
        "status": finding.status,
        "rank": finding.rank,
        "attempt": finding.attempt,
        "count": finding.count,
        "mfa": finding.principal.mfa,
        "source_ip": finding.source_ip,
        "user_agent": finding.user_agent,
        "outcome": effect.map(|effect| json!({
            "state": effect.fate.as_str(),
            "at": effect.undone.as_ref().map(|undone| undone.at),
            "by": effect.undone.as_ref().and_then(|undone| undone.by.as_deref()),
            "due": effect.due,
        })),
        "references": references,
        "details": fields::details(finding),
    })
}

fn severity(level: Level) -> (u8, &'static str) {
    match level {
        Level::Informational => (1, "Informational"),
        Level::Low => (2, "Low"),
        Level::Medium => (3, "Medium"),
        Level::High => (4, "High"),
        Level::Critical => (5, "Critical"),
    }
}

/// How sure a finding is, by the noise that is to be expected of its rule.
fn confidence(tier: u8) -> Option<(u8, &'static str)> {
    Some(match tier {
        0 | 1 => (3, "High"),
        2 => (2, "Medium"),
        _ => (1, "Low"),
    })
}
