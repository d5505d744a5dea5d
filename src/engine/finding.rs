//! The finding that a group of matches becomes, and what names it.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::partial::group::{Group, GroupKey};
use crate::model::finding::{EventRef, Finding, Status};
use crate::model::rule_meta::RuleMeta;

/// A finding of a group.
pub fn finding(metas: &[RuleMeta], key: GroupKey, group: Group, count: u64) -> Finding {
    let meta = &metas[key.rule];
    let snapshot = group.earliest.1;
    let value = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
    let mut details: BTreeMap<String, Value> =
        snapshot.details.into_iter().map(|(name, text)| (name, value(text))).collect();
    if !group.sessions.is_empty() {
        details.insert("sessions".into(), group.sessions.into_iter().collect());
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
        title: meta.title.clone(),
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
        events,
        details,
        attack: meta.attack(),
        references: meta.references.clone(),
        advice: meta.advice.clone(),
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
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
