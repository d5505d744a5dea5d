//! One finding as a result.

use serde_json::{Value, json};

use super::rules::{level, severity};
use super::text::message;
use super::uri;
use crate::model::finding::{EventRef, Finding, Status};
use crate::model::level::Level;
use crate::model::origin::Origin;
use crate::report::Run;
use crate::report::fields::{self, name_of, said, tidy};
use crate::report::sentence::sentences;

/// The finding.
pub fn result(run: &Run, finding: &Finding) -> Value {
    let compared = run.baseline.is_some() || run.state.is_some();
    let baseline = match finding.status {
        Status::New => "new",
        Status::Ongoing => "updated",
    };
    tidy(json!({
        "ruleId": finding.rule,
        "ruleIndex": fields::rule(run, &finding.rule).map(|(at, _)| at),
        "level": level(finding.level),
        "message": message(&sentences(finding)),
        "locations": [location(run, finding)],
        "relatedLocations": related(finding),
        "partialFingerprints": {
            "keytrail/v1": finding.fingerprint,
            // The one that GitHub tracks alerts by. It would be made of a line of the file.
            "primaryLocationLineHash": format!("{}:1", finding.fingerprint),
        },
        "baselineState": compared.then_some(baseline),
        "occurrenceCount": i32::try_from(finding.count.max(1)).unwrap_or(i32::MAX),
        "rank": rank(finding.level),
        "properties": properties(finding),
    }))
}

/// How much it matters, of 100.
fn rank(level: Level) -> f64 {
    severity(level).parse().unwrap_or(0.0) * 10.0
}

/// Where the finding is: the first event's record, else what was scanned.
fn location(run: &Run, finding: &Finding) -> Value {
    let source = || Origin::blob(run.sources.first().map_or("-", String::as_str));
    let place_of = match finding.events.first() {
        Some(event) => place(&event.origin),
        None => place(&source()),
    };
    json!({"physicalLocation": place_of, "logicalLocations": logical(finding)})
}

/// A file, and the record in it. Records have no lines: files are compressed, and often one line.
pub fn place(origin: &Origin) -> Value {
    json!({
        "artifactLocation": {"uri": uri::of_blob(&origin.blob)},
        "region": {"startLine": 1, "properties": {"record": origin.record}},
    })
}

/// The key, the resource and the principal.
fn logical(finding: &Finding) -> Value {
    let key = finding.key.as_ref().map(|key| (key.arn.as_str(), "kmsKey"));
    let resource = finding.resource.as_ref().map(|resource| (resource.arn.as_str(), "resource"));
    let principal = finding.principal.arn.as_deref().map(|arn| (arn, "principal"));
    let named = [key, resource, principal].into_iter().flatten();
    named
        .filter(|(arn, _)| said(Some(arn)).is_some())
        .map(|(arn, kind)| json!({"name": name_of(arn), "fullyQualifiedName": arn, "kind": kind}))
        .collect()
}

/// The other events.
fn related(finding: &Finding) -> Value {
    let one = |(at, event): (usize, &EventRef)| {
        let time = event.time.map(|time| format!(" at {time}")).unwrap_or_default();
        json!({
            "id": at,
            "physicalLocation": place(&event.origin),
            "message": message(&format!("{}{time}", event.name)),
        })
    };
    finding.events.iter().enumerate().skip(1).map(one).collect()
}

/// What SARIF has no member for.
fn properties(finding: &Finding) -> Value {
    let principal = &finding.principal;
    let effect = finding.effect.as_ref();
    json!({
        "level": finding.level,
        "security-severity": severity(finding.level),
        "status": finding.status,
        "attempt": finding.attempt,
        "count": finding.count,
        "firstSeen": finding.first_seen,
        "lastSeen": finding.last_seen,
        "account": finding.account,
        "region": finding.region,
        "principal": {
            "type": principal.kind,
            "arn": principal.arn,
            "account": principal.account,
            "session": principal.session,
            "invokedBy": principal.invoked_by,
            "mfa": principal.mfa,
        },
        "sourceIp": finding.source_ip,
        "userAgent": finding.user_agent,
        "key": finding.key.as_ref().map(|key| json!({
            "arn": key.arn,
            "account": key.account,
            "alias": key.alias,
            "tags": fields::tags(&key.tags),
        })),
        "resource": finding.resource.as_ref().map(|resource| json!({
            "arn": resource.arn,
            "type": resource.kind,
            "tags": fields::tags(&resource.tags),
        })),
        "events": finding.events.iter().map(event).collect::<Vec<_>>(),
        "attack": finding.told.attack,
        "case": finding.case.as_deref(),
        "outcome": effect.map(|effect| json!({
            "state": effect.fate.as_str(),
            "at": effect.undone.as_ref().map(|undone| undone.at),
            "by": effect.undone.as_ref().and_then(|undone| undone.by.as_deref()),
            "due": effect.due,
        })),
        "details": fields::details(finding),
    })
}

fn event(event: &EventRef) -> Value {
    let request = event.request.as_deref();
    json!({
        "id": event.id,
        "time": event.time,
        "name": event.name,
        "origin": event.origin,
        "eventSource": request.map(|request| request.service.as_str()),
        "accessKeyId": request.and_then(|request| request.access_key.as_deref()),
        "error": request.and_then(|request| request.error.as_deref()),
        "target": request.and_then(|request| request.target.as_deref()),
    })
}
