//! What is said of keys, aliases and classes of data once all is known.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::ledger::Ledger;
use crate::detect::stateful::About;
use crate::engine::conclude::stateful::evidence::Found;
use crate::engine::context::Context;
use crate::engine::partial::group::{EventKept, Group, GroupKey, Match, Snapshot};
use crate::model::arn::Arn;
use crate::model::estate::GovernedTag;
use crate::model::origin::Origin;
use crate::model::time::Time;
use crate::tags::compare::{environment, environment_of_alias};
use crate::tags::timeline::State;

/// An alias was given to a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AliasSet {
    pub time: Time,
    pub id: Option<String>,
    pub content: u64,
    pub name: String,
    pub about: About,
    pub origin: Origin,
    /// Whether an earlier run has judged it.
    pub recalled: bool,
}

/// Resources that a finding names.
const LISTED: usize = 10;

/// How long after its alias a key's tags are looked at: they may be set by the next call.
const SETTLES: i64 = 60_000_000; // a minute, in microseconds

/// The end of the second of the last record: what happens in it is over then.
fn after(last: Time) -> Time {
    Time(last.0.saturating_add(1_000_000))
}

/// Aliases whose name says another environment than the tags of their keys.
pub fn aliases(
    context: &Context<'_>,
    ledger: &mut Ledger<'_>,
    mut all: Vec<AliasSet>,
    last: Time,
) -> Vec<Found> {
    let last = after(last);
    let Some(rule) = context.plan.rules.decided_late("alias-environment-mismatch") else {
        return Vec::new();
    };
    let is_environment = |tag: &GovernedTag| GovernedTag::folded(&tag.name) == "environment";
    let Some(tag) = ledger.estate().governed_tags.iter().position(is_environment) else {
        return Vec::new();
    };
    all.sort();
    // Copies differ by where they were read.
    all.dedup_by(|a, b| (a.time, &a.id, a.content) == (b.time, &b.id, b.content) && a.id.is_some());
    let mut found = Vec::new();
    for set in all {
        let Some(key) = &set.about.key else { continue };
        let Some(alias) = &key.alias else { continue };
        let Some(named) = environment_of_alias(alias) else { continue };
        let Some(courses) = ledger.courses(&key.arn) else { continue };
        let at = Time(set.time.0.saturating_add(SETTLES)).min(last.max(set.time));
        let State::Known(value, _) = courses[tag].at(at) else { continue };
        let Some(tagged) = environment(ledger.estate().governed_tags[tag].meaning(value)) else {
            continue;
        };
        if tagged == named {
            continue;
        }
        let why = format!("the alias says {named}, the tags of the key say {value}");
        let details = [("why", json!(why)), ("alias", json!(alias)), ("environment", json!(value))];
        found.push(of_alias(context, rule, &set, &details));
    }
    found
}

fn of_alias(
    context: &Context<'_>,
    rule: usize,
    set: &AliasSet,
    details: &[(&str, Value)],
) -> Found {
    let about = &set.about;
    let event = EventKept {
        order: (false, Some(set.time), set.id.clone()),
        name: set.name.clone(),
        place: set.id.is_none().then(|| set.origin.clone()),
        content: set.content,
    };
    let snapshot = Snapshot {
        principal: about.principal.clone(),
        source_ip: about.source_ip.clone(),
        user_agent: about.user_agent.clone(),
        key: about.key.clone(),
        resource: about.resource.clone(),
        details: details.iter().map(|(n, v)| ((*n).to_owned(), v.to_string())).collect(),
    };
    let key = GroupKey {
        account: about.account.clone(),
        region: about.region.clone(),
        principal: about.principal.arn.clone(),
        key: about.key.as_ref().map(|key| key.arn.clone()),
        resource: about.resource.as_ref().map(|resource| resource.arn.clone()),
        ..GroupKey::of_rule(rule)
    };
    let level = context.plan.rules.metas()[rule].level;
    let origin = set.origin.clone();
    let fresh = !set.recalled;
    let group = Group::new(Match { level, event, origin, shared: None, snapshot, fresh });
    Found::new(key, group, 1)
}

/// Classes of data that resources have and no key has, as of the last record.
pub fn classes(context: &Context<'_>, ledger: &mut Ledger<'_>, last: Time) -> Vec<Found> {
    let last = after(last);
    let Some(rule) = context.plan.rules.decided_late("classification-without-key") else {
        return Vec::new();
    };
    let tags = &ledger.estate().governed_tags;
    let Some(tag) = tags.iter().position(|tag| !tag.order.is_empty()) else { return Vec::new() };
    let (mut keys, mut of_keys) = (false, BTreeSet::new());
    let mut of_resources: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let arns: Vec<String> = ledger.tags.book.arns().into_iter().map(str::to_owned).collect();
    for arn in arns {
        let is_key = Arn::parse(&arn).is_some_and(|arn| arn.is_kms_key());
        let Some(courses) = ledger.courses(&arn) else { continue };
        match courses[tag].at(last) {
            State::Unknown(_) => {}
            State::Absent(_) => keys |= is_key,
            State::Known(value, _) => {
                let governed = &ledger.estate().governed_tags[tag];
                let class = governed.class(value).map(|rank| governed.order[rank].clone());
                let class = class.unwrap_or_else(|| governed.meaning(value).to_owned());
                keys |= is_key;
                match is_key {
                    true => drop(of_keys.insert(class)),
                    false => drop(of_resources.entry(class).or_default().insert(arn)),
                }
            }
        }
    }
    // Where the tags of no key are known, nothing can be said of any.
    if !keys {
        return Vec::new();
    }
    let level = context.plan.rules.metas()[rule].level;
    let lacking = of_resources.into_iter().filter(|(class, _)| !of_keys.contains(class));
    lacking.map(|(class, arns)| without_key(rule, level, class, &arns)).collect()
}

fn without_key(
    rule: usize,
    level: crate::model::level::Level,
    class: String,
    arns: &BTreeSet<String>,
) -> Found {
    let why = format!("data of class {class} has no key of its own");
    let shown: Vec<&String> = arns.iter().take(LISTED).collect();
    let details = [("why", json!(why)), ("class", json!(class)), ("resources", json!(shown))];
    let details = details.iter().map(|(n, v)| ((*n).to_owned(), v.to_string())).collect();
    let snapshot = Snapshot::of_nobody(details);
    let group = Group {
        level,
        first: None,
        last: None,
        earliest: ((true, None, None), snapshot),
        events: BTreeMap::new(),
        sessions: BTreeSet::new(),
        // Nobody knows whether it rests on anything new: once is enough.
        fresh: false,
    };
    let key = GroupKey { by: Some(class), ..GroupKey::of_rule(rule) };
    Found::new(key, group, arns.len() as u64)
}
