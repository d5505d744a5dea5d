//! The finding that a group of matches becomes, or a group of files; and what names it.
//!
//! What must stay true: a fingerprint rests on what was found, never on where it lay or on how a rule
//! words it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::partial::group::{Group, GroupKey, Order};
use crate::detect::whole_log::Conclusion;
use crate::model::finding::{EventRef, Finding, Resource, Status, Told};
use crate::model::origin::Origin;
use crate::model::principal::Principal;
use crate::model::rule_meta::RuleMeta;
use crate::model::verified::{Fault, Unverified};

/// A finding of a group, by the rule of this id.
pub fn finding((id, told): (&str, Arc<Told>), key: GroupKey, group: Group, count: u64) -> Finding {
    let mut snapshot = group.earliest.1;
    let members = group.gathered.as_ref().map(|gathered| gathered.members()).unwrap_or_default();
    if let Some(gathered) = &group.gathered {
        snapshot.blank(gathered.is_one());
        gathered.tell(&mut snapshot.details);
    }
    let value = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
    let mut details: BTreeMap<String, Value> =
        snapshot.details.into_iter().map(|(name, text)| (name, value(text))).collect();
    if group.sessions.len() > 0 {
        let sessions = group.sessions.into_iter().map(|(session, ())| Value::from(session));
        details.insert("sessions".into(), sessions.collect());
    }
    // One value is there already, as the rule words it.
    if group.values.named.len() > 1 {
        let one = |(value, count): &(String, u64)| json!({"value": value, "count": count});
        details.insert("values".into(), group.values.named.iter().map(one).collect());
        details.insert("values_count".into(), group.values.named.len().into());
        if group.values.more {
            details.insert("values_at_least".into(), true.into());
        }
    }
    let events = group.events.into_iter().map(|(event, read)| EventRef {
        time: event.order.1,
        id: event.order.2,
        name: event.name,
        origin: read.origin,
        shared: read.shared,
        request: Some(read.request),
        undone: None,
    });
    // Forged copies differ only by a hash, whose order differs from run to run.
    let mut events: Vec<EventRef> = events.collect();
    events.sort_by_cached_key(|event| (event.time.is_none(), event.clone()));
    Finding {
        fingerprint: fingerprint(id, &key),
        rule: id.to_owned(),
        level: group.level,
        attempt: key.attempt,
        count,
        first_seen: group.first,
        last_seen: group.last,
        status: Status::New,
        fresh: group.fresh,
        rank: None,
        account: key.account,
        region: key.region,
        principal: snapshot.principal,
        source_ip: snapshot.source_ip,
        user_agent: snapshot.user_agent,
        key: snapshot.key,
        resource: snapshot.resource,
        claimed: group.claimed,
        folded: 0,
        members,
        events,
        effect: None,
        case: None,
        details,
        told,
    }
}

/// What was folded into a finding that stands for others.
#[derive(Debug)]
pub struct Folded {
    /// How many findings.
    pub findings: u64,
    /// How many different keys they are about.
    pub keys: u64,
    /// How many different resources.
    pub resources: u64,
    /// Whether there are more keys or resources than were counted.
    pub more: bool,
    /// The earliest of them.
    pub first: Vec<FoldedOne>,
}

/// A finding that was folded into another.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FoldedOne {
    order: Order,
    key: Option<String>,
    resource: Option<String>,
    by: Option<String>,
    count: u64,
}

impl FoldedOne {
    /// Of a group and how many records it has.
    pub fn new(key: &GroupKey, group: &Group, count: u64) -> FoldedOne {
        let GroupKey { key, resource, by, .. } = key.clone();
        FoldedOne { order: group.earliest.0.clone(), key, resource, by, count }
    }
}

/// A finding that stands for others of its actor, and says for which.
pub fn finding_of_many(
    (id, told): (&str, Arc<Told>),
    key: GroupKey,
    group: Group,
    (count, folded): (u64, &Folded),
) -> Finding {
    let Folded { findings, keys, resources, more, first } = folded;
    let one = |one: &FoldedOne| {
        let FoldedOne { order, key, resource, count, .. } = one;
        json!({"key": key, "resource": resource, "first_seen": order.1, "count": count})
    };
    let mut said = json!({
        "findings": findings,
        "keys": keys,
        "resources": resources,
        "first": first.iter().map(one).collect::<Vec<_>>(),
    });
    if *more {
        said["at_least"] = Value::from(true);
    }
    let fingerprint = fingerprint_of_actor(id, &key);
    let mut finding = finding((id, told), key, group, count);
    finding.details.insert("folded".into(), said);
    Finding { fingerprint, folded: *findings, ..finding }
}

/// A finding about files that do not verify.
pub fn finding_of_files(meta: &RuleMeta, files: &Unverified, told: Conclusion) -> Finding {
    let event = |fault: &Fault| EventRef {
        time: fault.time,
        id: None,
        name: files.verdict.to_owned(),
        origin: Origin::blob(Arc::clone(&fault.origin)),
        shared: None,
        request: None,
        undone: None,
    };
    let times = || files.faults.iter().filter_map(|fault| fault.time);
    Finding {
        fresh: true,
        rank: None,
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
        folded: 0,
        members: Vec::new(),
        events: files.shown().iter().map(event).collect(),
        effect: None,
        case: None,
        details: told.details,
        told: Arc::new(meta.told()),
    }
}

/// 128 bits of SHA-256 over what makes the group, in hexadecimal: the same on every run, wherever
/// the records lay. Fields are separated by a byte that JSON text cannot hold raw.
fn fingerprint(rule: &str, key: &GroupKey) -> String {
    let event = key.event.as_ref().map(|event| &event.name);
    let [rule, attempt, account, region, principal] = actor(rule, key);
    let fields = [
        rule,
        attempt,
        account,
        region,
        principal,
        key.key.as_deref(),
        key.resource.as_deref(),
        event.map(String::as_str),
    ];
    // Of most findings there is no more to say, and their fingerprints are older than this.
    hashed(fields.into_iter().chain(key.by.as_deref().map(Some)))
}

/// What all findings have in common that fold into one.
fn actor<'k>(rule: &'k str, key: &'k GroupKey) -> [Option<&'k str>; 5] {
    let attempt = if key.attempt { "attempt" } else { "done" };
    let GroupKey { account, region, principal, .. } = key;
    [Some(rule), Some(attempt), account.as_deref(), region.as_deref(), principal.as_deref()]
}

/// The same of a finding that stands for others. It has fewer fields than any other, so that none is
/// taken for it.
fn fingerprint_of_actor(rule: &str, key: &GroupKey) -> String {
    hashed(actor(rule, key).into_iter().chain([Some("folded")]))
}

fn hashed<'f>(fields: impl Iterator<Item = Option<&'f str>>) -> String {
    let mut hash = Sha256::new();
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
    hex::encode(&hash.finalize()[..16])
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
