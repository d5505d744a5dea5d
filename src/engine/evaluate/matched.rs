//! What a match becomes: a group of one, on its way to the live report or to what is concluded at
//! the end.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Record;
use super::identity::Identity;
use crate::detect::{Hit, Together};
use crate::engine::context::Context;
use crate::engine::partial::gathered::Gathered;
use crate::engine::partial::group::{
    EventKept, EventKey, EventRead, Group, GroupKey, Match, SHOWN, Snapshot, target,
};
use crate::engine::partial::value_counts::ValueCounts;
use crate::model::finding::Key;
use crate::model::origin::Origin;
use crate::model::request::Request;
use crate::record::event::{Event, Raw};
use crate::record::kms::{Actor, View};
use crate::record::undo;

/// The folder of the rules about policies.
const POLICIES: &str = "policy";

/// What all matches of one record have in common.
pub struct Matching<'m, 'r> {
    record: &'m Record<'r>,
    identity: &'m Identity<'m>,
    origin: Origin,
    snapshot: Snapshot,
    /// The same of a call that made a replica, about the replica: for rules about its policy.
    of_replica: Option<Snapshot>,
    /// `sharedEventID` of a call by a customer.
    shared: Option<String>,
    request: Arc<Request>,
    /// Whether histories may still change the level of a finding, so that each is kept apart.
    apart: bool,
}

impl<'m, 'r> Matching<'m, 'r> {
    /// Of a record that was read at `origin`; `live` findings are written at once.
    pub fn new(
        record: &'m Record<'r>,
        identity: &'m Identity<'m>,
        origin: Origin,
        live: bool,
    ) -> Matching<'m, 'r> {
        let view = &record.view;
        let shared = (view.actor() != Actor::Service).then(|| view.shared_event_id()).flatten();
        let snapshot = snapshot(view.event(), view, view.key());
        let replica = view.replica();
        let of_replica = replica.map(|key| self::snapshot(view.event(), view, Some(key)));
        let request = Arc::new(request(view, &snapshot));
        let apart = !live;
        Matching { record, identity, origin, snapshot, of_replica, shared, request, apart }
    }

    /// What a finding of this hit says of the event: what is wrong with the policy of a replica concerns
    /// the replica, though the record is about the primary.
    fn told_by(&self, context: &Context<'_>, hit: &Hit) -> &Snapshot {
        let group = context.plan.rules.metas()[hit.rule].group.as_deref();
        let of_replica = self.of_replica.as_ref().filter(|_| group == Some(POLICIES));
        of_replica.unwrap_or(&self.snapshot)
    }

    /// What makes a hit the same finding as others.
    pub fn key(&self, context: &Context<'_>, hit: &Hit) -> GroupKey {
        let Matching { record, identity, .. } = self;
        let snapshot = self.told_by(context, hit);
        let text = |raw: Option<Raw<'_>>| Some(raw?.text()?.into_owned());
        let rules = &context.plan.rules;
        let (together, [by_principal, by_key, by_resource]) = grouping(context, hit);
        GroupKey {
            attempt: hit.attempt,
            account: text(record.basics.header.account),
            region: text(record.basics.header.region),
            principal: of(by_principal, snapshot.principal.identity().map(Cow::into_owned)),
            key: of(by_key, snapshot.key.as_ref().map(|key| key.arn.clone())),
            resource: of(by_resource, snapshot.resource.as_ref().map(|on| on.arn.clone())),
            by: together.map(|together| together.by.clone()),
            event: context.plan.each.then(|| EventKey {
                name: match &identity.id {
                    Some(id) => id.to_string(),
                    None => digest(record.view.event().text()),
                },
                apart: (identity.content, self.place()),
            }),
            foreign: hit.foreign.clone(),
            apart: (self.apart && rules.is_adjusted(hit.rule))
                .then_some((identity.hash, identity.content)),
            ..GroupKey::of_rule(hit.rule)
        }
    }

    /// Where a record without an id was read.
    fn place(&self) -> Option<Origin> {
        self.identity.id.is_none().then(|| self.origin.clone())
    }

    /// The group of one that a hit makes.
    pub fn group(&self, context: &Context<'_>, hit: &Hit) -> Group {
        let Matching { record, identity, .. } = self;
        let text = |raw: Option<Raw<'_>>| Some(raw?.text()?.into_owned());
        let mut snapshot = self.told_by(context, hit).clone();
        let said = hit.details.iter().map(|(name, value)| (name, value.to_string()));
        let gathered = match grouping(context, hit) {
            (Some(_), _) => Some(Box::new(self.gathered(context, &snapshot, said))),
            _ => {
                snapshot.details.extend(said.map(|(name, text)| (name.clone(), text)));
                None
            }
        };
        let time = record.basics.time;
        let group = Group::new(Match {
            level: hit.level,
            event: EventKept {
                order: (time.is_none(), time, identity.id.as_deref().map(str::to_owned)),
                name: text(record.basics.header.name).unwrap_or_default(),
                content: identity.content,
                place: self.place(),
            },
            read: EventRead {
                origin: self.origin.clone(),
                shared: self.shared.clone(),
                request: Arc::clone(&self.request),
                behind: None,
            },
            snapshot,
            fresh: true,
        });
        Group { gathered, values: values_of(context, hit), ..group }
    }

    /// What a finding tells of the match beside others on other keys and resources.
    fn gathered<'h>(
        &self,
        context: &Context<'_>,
        of: &Snapshot,
        said: impl Iterator<Item = (&'h String, String)>,
    ) -> Gathered {
        let Snapshot { principal, resource, key, .. } = of;
        let key = key.as_ref().map(|key| key.arn.as_str());
        let others = self.record.view.keys().iter().map(|key| key.arn.as_str());
        let others = others.filter(|arn| Some(*arn) != key).collect();
        let resources = resource.iter().map(|on| on.arn.as_str()).collect();
        let principal = principal.identity();
        let key = key.into_iter().collect();
        let names = [key, others, resources, principal.as_deref().into_iter().collect()];
        Gathered::new(context.key, names, said)
    }
}

/// The values of what the rule of a hit is about: texts, and the texts in lists.
fn values_of(context: &Context<'_>, hit: &Hit) -> ValueCounts {
    let about = context.plan.rules.metas()[hit.rule].values.iter();
    let texts = |value: &Value| match value {
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        other => other.as_str().map(str::to_owned).into_iter().collect::<Vec<_>>(),
    };
    ValueCounts::new(about.filter_map(|name| hit.details.get(name)).flat_map(texts))
}

/// What a hit has in common with others of its finding, and whether it is about one principal, one key
/// and one resource. With `--each` it stands for itself.
fn grouping<'h>(context: &Context<'_>, hit: &'h Hit) -> (Option<&'h Together>, [bool; 3]) {
    let together = hit.together.as_ref().filter(|_| !context.plan.each);
    (together, together.map_or([true; 3], |together| together.scope.shown()))
}

fn of(shown: bool, value: Option<String>) -> Option<String> {
    value.filter(|_| shown)
}

/// The event's values for a finding about a key.
fn snapshot(event: &Event<'_>, view: &View<'_>, key: Option<Key>) -> Snapshot {
    let text = |path: &[&str]| event.text_at(path).map(|text| text.into_owned());
    let mut details = BTreeMap::new();
    for (name, member) in [("error_code", "errorCode"), ("error_message", "errorMessage")] {
        if let Some(value) = text(&[member]) {
            details.insert(name.into(), Value::from(value).to_string());
        }
    }
    let of = key.as_ref().map(|key| key.arn.as_str());
    let others = view.keys().iter().map(|key| key.arn.as_str()).filter(|arn| Some(*arn) != of);
    match others.clone().count() {
        0 => {}
        count => {
            let shown: Vec<&str> = others.take(SHOWN).collect();
            if shown.len() < count {
                details.insert("other_keys_count".into(), count.to_string());
            }
            details.insert("other_keys".into(), Value::from(shown).to_string());
        }
    }
    Snapshot {
        principal: view.principal(),
        source_ip: text(&["sourceIPAddress"]),
        user_agent: text(&["userAgent"]),
        key,
        resource: view.resource(),
        details,
    }
}

/// The request behind an event.
fn request(view: &View<'_>, of: &Snapshot) -> Request {
    let text = |path: &[&str]| view.event().text_at(path).map(|text| text.into_owned());
    Request {
        id: text(&["requestID"]),
        service: text(&["eventSource"]).unwrap_or_default(),
        principal: of.principal.clone(),
        access_key: view.access_key().map(str::to_owned),
        source_ip: of.source_ip.clone(),
        user_agent: of.user_agent.clone(),
        error: text(&["errorCode"]),
        target: target(of.key.as_ref(), of.resource.as_ref()),
        reversible: undo::done(view),
    }
}

/// SHA-256 of a record that has no id, in hexadecimal.
fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// The hash by which facts name a group.
pub fn group_hash(context: &Context<'_>, key: &GroupKey) -> [u64; 2] {
    key.hash(context.key)
}
