//! The finding that a group of matches becomes, or a group of files; and what names it.
//!
//! What must stay true: a fingerprint rests on what was found, never on where it lay or on how a rule
//! words it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::partial::group::{Group, GroupKey};
use crate::detect::whole_log::Conclusion;
use crate::model::finding::{EventRef, Finding, Resource, Status, Told};
use crate::model::origin::Origin;
use crate::model::principal::Principal;
use crate::model::rule_meta::RuleMeta;
use crate::model::verified::{Fault, Unverified};

/// A finding of a group.
pub fn finding(
    (meta, told): (&RuleMeta, Arc<Told>),
    key: GroupKey,
    group: Group,
    count: u64,
) -> Finding {
    let snapshot = group.earliest.1;
    let value = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
    let mut details: BTreeMap<String, Value> =
        snapshot.details.into_iter().map(|(name, text)| (name, value(text))).collect();
    if group.sessions.len() > 0 {
        let sessions = group.sessions.into_iter().map(|(session, ())| Value::from(session));
        details.insert("sessions".into(), sessions.collect());
    }
    let events = group.events.into_iter().map(|(event, (origin, _))| EventRef {
        time: event.order.1,
        id: event.order.2,
        name: event.name,
        origin,
    });
    // Forged copies differ only by a hash, whose order differs from run to run.
    let mut events: Vec<EventRef> = events.collect();
    events.sort_by_cached_key(|event| (event.time.is_none(), event.clone()));
    Finding {
        fingerprint: fingerprint(&meta.id, &key),
        rule: meta.id.clone(),
        level: group.level,
        attempt: key.attempt,
        count,
        first_seen: group.first,
        last_seen: group.last,
        status: Status::New,
        fresh: group.fresh,
        account: key.account,
        region: key.region,
        principal: snapshot.principal,
        source_ip: snapshot.source_ip,
        user_agent: snapshot.user_agent,
        key: snapshot.key,
        resource: snapshot.resource,
        claimed: group.claimed,
        events,
        details,
        told,
    }
}

/// A finding about files that do not verify.
pub fn finding_of_files(meta: &RuleMeta, files: &Unverified, told: Conclusion) -> Finding {
    let event = |fault: &Fault| EventRef {
        time: fault.time,
        id: None,
        name: files.verdict.to_owned(),
        origin: Origin::blob(Arc::clone(&fault.origin)),
    };
    let times = || files.faults.iter().filter_map(|fault| fault.time);
    Finding {
        fresh: true,
        fingerprint: fingerprint_of_files(&meta.id, files),
        rule: meta.id.clone(),
        level: told.level,
        attempt: false,
        count: files.count(),
        first_seen: times().min(),
        last_seen: times().max(),
        status: Status::New,
        account: files.account.clone(),
        region: files.region.clone(),
        principal: Principal::nobody(),
        source_ip: None,
        user_agent: None,
        key: None,
        resource: files.faults.first().map(|fault| {
            let (arn, kind) = fault.resource.clone();
            Resource { arn, kind: Some(kind.to_owned()), tags: BTreeMap::new() }
        }),
        claimed: false,
        events: files.shown().iter().map(event).collect(),
        details: told.details,
        told: Arc::new(meta.told()),
    }
}

/// 128 bits of SHA-256 over what makes the group, in hexadecimal: the same on every run, wherever
/// the records lay. Fields are separated by a byte that JSON text cannot hold raw.
fn fingerprint(rule: &str, key: &GroupKey) -> String {
    let mut hash = Sha256::new();
    let attempt = if key.attempt { "attempt" } else { "done" };
    let event = key.event.as_ref().map(|event| &event.name);
    let fields = [
        Some(rule),
        Some(attempt),
        key.account.as_deref(),
        key.region.as_deref(),
        key.principal.as_deref(),
        key.key.as_deref(),
        key.resource.as_deref(),
        event.map(String::as_str),
    ];
    // Of most findings there is no more to say, and their fingerprints are older than this.
    let fields = fields.into_iter().chain(key.by.as_deref().map(Some));
    for field in fields {
        match field {
            Some(text) => {
                hash.update((text.len() as u64).to_le_bytes());
                hash.update(text);
            }
            None => hash.update([0xff; 8]),
        }
    }
    short(hash)
}

/// The same over what makes files one finding. Where they lie is no part of it.
fn fingerprint_of_files(rule: &str, files: &Unverified) -> String {
    let mut hash = Sha256::new();
    let text = |field: &Option<String>| field.as_ref().map(|text| format!("+{text}"));
    let fields = [
        Some(rule.to_owned()),
        text(&files.account),
        text(&files.region),
        Some(files.kind.to_owned()),
        Some(files.verdict.to_owned()),
        text(&files.one),
    ];
    for field in fields {
        let field = field.unwrap_or_default();
        hash.update((field.len() as u64).to_le_bytes());
        hash.update(field);
    }
    short(hash)
}

/// The first 128 bits, in hexadecimal.
fn short(hash: Sha256) -> String {
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Baselines and the state of earlier runs know findings by these.
    #[test]
    fn fingerprints_of_files_stay_as_they_are() {
        let files = |one: Option<&str>| Unverified {
            account: Some("111122223333".into()),
            region: None,
            kind: "log",
            verdict: "missing",
            one: one.map(str::to_owned),
            faults: Vec::new(),
        };
        let of = |one| fingerprint_of_files("log-tampering", &files(one));
        assert_eq!(of(None), "b5e4cfd2d1a6d9fe963406aa8ce4c533");
        assert_eq!(of(Some("s3://b/1.json.gz")), "a0cb8a7d21911e319399a8a2c0f2785c");
    }
}
