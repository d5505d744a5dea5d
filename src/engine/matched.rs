//! What a record that rules have matched becomes: a group of one for each hit, on its way to the
//! live report or to what is concluded at the end.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use sha2::{Digest, Sha256};

use super::blob::{BlobSink, Found};
use super::facts::{Fact, NO_GROUP};
use super::group::{EventKept, EventKey, Group, GroupKey, Match, Snapshot};
use super::network::Held;
use crate::detect::Hit;
use crate::model::origin::Origin;
use crate::record::event::{Event, Raw};
use crate::record::kms::{Actor, View};

impl BlobSink<'_, '_> {
    /// Hands the groups of one that a record's hits make to the live report, or to what is
    /// concluded at the end. The hash of each hit's group; zero of those that are not reported.
    pub(super) fn matched(
        &mut self,
        number: u64,
        event: &Event<'_>,
        view: &View<'_>,
        found: &Found<'_, '_>,
    ) -> Vec<[u64; 2]> {
        let call = event.text_at(&["requestID"]).map(|id| self.shared.key.long(&[id.as_bytes()]));
        let by_endpoint = event.text_at(&["eventCategory"]).is_some_and(|c| c == "NetworkActivity");
        let snapshot = snapshot(event, view);
        let shared = (view.actor() != Actor::Service).then(|| view.shared_event_id()).flatten();
        let mut live = Vec::new();
        let mut groups = Vec::with_capacity(found.hits.len());
        for hit in found.hits {
            if !self.shared.plan.rules.is_reported(hit.rule) {
                groups.push([0, 0]);
                continue;
            }
            let (key, group) = self.group(number, event, found, hit, (&snapshot, &shared));
            let hash = self.shared.group_hash(&key);
            let fact = self.fact(number, found.identity, hash);
            groups.push(hash);
            self.shared.progress.findings.fetch_add(1, Ordering::Relaxed);
            if self.shared.live.is_some() && hit.foreign.is_none() {
                // Written as it comes: only copies are left to be counted.
                self.worker.facts.push(Fact { group: NO_GROUP, ..fact });
                live.push((key, group));
                continue;
            }
            let built_in = self.shared.plan.rules.metas()[hit.rule].group.is_some();
            match call.filter(|_| built_in) {
                Some(call) if by_endpoint => {
                    self.worker.network.hold(Held { call, fact, key, group });
                    continue;
                }
                Some(call) => self.worker.network.note(call),
                None => {}
            }
            self.worker.facts.push(fact);
            self.worker.groups.add(key, hash, group);
        }
        if let Some(report) = &self.shared.live
            && !live.is_empty()
        {
            report.record(self.sequence, (found.identity.hash, found.identity.content), live);
        }
        groups
    }

    /// The group of one that a hit makes.
    fn group(
        &self,
        number: u64,
        event: &Event<'_>,
        found: &Found<'_, '_>,
        hit: &Hit,
        (snapshot, shared): (&Snapshot, &Option<String>),
    ) -> (GroupKey, Group) {
        let Found { basics, identity, .. } = found;
        let text = |raw: Option<Raw<'_>>| Some(raw?.text()?.into_owned());
        let origin = Origin::record(self.name.clone(), number);
        let place = identity.id.is_none().then(|| origin.clone());
        let mut snapshot = snapshot.clone();
        snapshot.details.extend(hit.details.iter().map(|(k, v)| (k.clone(), v.to_string())));
        let key = GroupKey {
            rule: hit.rule,
            attempt: hit.attempt,
            account: text(basics.header.account),
            region: text(basics.header.region),
            principal: snapshot.principal.arn.clone(),
            key: snapshot.key.as_ref().map(|key| key.arn.clone()),
            resource: snapshot.resource.as_ref().map(|resource| resource.arn.clone()),
            event: self.shared.plan.each.then(|| EventKey {
                name: identity.id.clone().unwrap_or_else(|| digest(event.text())),
                apart: (identity.content, place.clone()),
            }),
            foreign: hit.foreign.clone(),
            apart: (self.shared.live.is_none() && self.shared.plan.rules.is_adjusted(hit.rule))
                .then_some((identity.hash, identity.content)),
            by: None,
        };
        let kept = EventKept {
            order: (basics.time.is_none(), basics.time, identity.id.clone()),
            name: text(basics.header.name).unwrap_or_default(),
            content: identity.content,
            place,
        };
        let shared = shared.clone();
        let level = hit.level;
        (key, Group::new(Match { level, event: kept, origin, shared, snapshot, fresh: true }))
    }
}

/// The event's values for a finding.
fn snapshot(event: &Event<'_>, view: &View<'_>) -> Snapshot {
    let text = |path: &[&str]| event.text_at(path).map(|text| text.into_owned());
    let mut details = BTreeMap::new();
    for (name, member) in [("error_code", "errorCode"), ("error_message", "errorMessage")] {
        if let Some(value) = text(&[member]) {
            details.insert(name.into(), serde_json::Value::from(value).to_string());
        }
    }
    let mut keys = view.keys();
    if keys.len() > 1 {
        let others: Vec<&str> = keys[1..].iter().map(|key| key.arn.as_str()).collect();
        details.insert("other_keys".into(), serde_json::Value::from(others).to_string());
    }
    Snapshot {
        principal: view.principal(),
        source_ip: text(&["sourceIPAddress"]),
        user_agent: text(&["userAgent"]),
        key: (!keys.is_empty()).then(|| keys.swap_remove(0)),
        resource: view.resource(),
        details,
    }
}

/// SHA-256 of a record that has no id, in hexadecimal.
fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
