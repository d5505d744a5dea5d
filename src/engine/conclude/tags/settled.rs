//! Aliases and classes of data, once all is known: gathered here, and judged by the rules that look at
//! them.
//!
//! What must stay true: copies are dropped before anything is judged.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::ledger::Ledger;
use crate::detect::stateful::About;
use crate::detect::whole_log::tags::{AliasGiven, DataClass};
use crate::detect::whole_log::{Conclusion, LooksAt, Piece};
use crate::engine::conclude::stateful::evidence::Found;
use crate::engine::context::Context;
use crate::engine::partial::few::Few;
use crate::engine::partial::group::{EventKept, Group, GroupKey, Match, Snapshot};
use crate::model::arn::Arn;
use crate::model::days::Days;
use crate::model::origin::Origin;
use crate::model::time::Time;
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

/// The end of the second of the last record: what happens in it is over then.
fn after(last: Time) -> Time {
    Time(last.0.saturating_add(1_000_000))
}

/// What is said of aliases that were given to keys.
///
/// # Errors
/// When the run is to stop.
pub fn aliases(
    context: &Context<'_>,
    ledger: &mut Ledger<'_>,
    mut all: Vec<AliasSet>,
    last: Time,
) -> io::Result<Vec<Found>> {
    let rules: Vec<_> = context.plan.rules.looking_at(LooksAt::Aliases).collect();
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    let end = after(last);
    all.sort();
    // Copies differ by where they were read.
    all.dedup_by(|a, b| (a.time, &a.id, a.content) == (b.time, &b.id, b.content) && a.id.is_some());
    let mut found = Vec::new();
    for set in all {
        context.go_on()?;
        let Some(key) = &set.about.key else { continue };
        let Some(alias) = &key.alias else { continue };
        let courses = ledger.courses(&key.arn);
        let given = AliasGiven { alias, time: set.time, courses: &courses.all, end };
        for rule in &rules {
            let told = rule.judge(ledger.estate(), Piece::Alias(&given));
            found.extend(told.map(|told| of_alias(rule.about, &set, &told)));
        }
    }
    Ok(found)
}

fn of_alias(rule: usize, set: &AliasSet, told: &Conclusion) -> Found {
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
        details: told.texts(),
    };
    let key = GroupKey {
        account: about.account.clone(),
        region: about.region.clone(),
        principal: about.principal.identity().map(Cow::into_owned),
        key: about.key.as_ref().map(|key| key.arn.clone()),
        resource: about.resource.as_ref().map(|resource| resource.arn.clone()),
        ..GroupKey::of_rule(rule)
    };
    let (level, origin, fresh) = (told.level, set.origin.clone(), !set.recalled);
    let group = Group::new(Match { level, event, origin, shared: None, snapshot, fresh });
    Found::new(key, group, 1)
}

/// Who is tagged with which class of data.
#[derive(Default)]
struct Classes {
    /// The resources of each class.
    resources: BTreeMap<String, BTreeSet<String>>,
    /// The classes of keys.
    of_keys: BTreeSet<String>,
    /// Whether of any key it is known which class it has, or that it has none.
    keys_known: bool,
}

/// What is said of the classes of data that resources have, as of the last record.
///
/// # Errors
/// When the run is to stop.
pub fn classes(
    context: &Context<'_>,
    ledger: &mut Ledger<'_>,
    last: Time,
) -> io::Result<Vec<Found>> {
    let rules: Vec<_> = context.plan.rules.looking_at(LooksAt::Classes).collect();
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    let Classes { resources, of_keys, keys_known } = gathered(context, ledger, after(last))?;
    let mut found = Vec::new();
    for (name, resources) in resources {
        let has_key = of_keys.contains(&name);
        let class = DataClass { name: &name, resources: &resources, has_key, keys_known };
        for rule in &rules {
            let told = rule.judge(ledger.estate(), Piece::Class(&class));
            found.extend(told.map(|told| of_class(rule.about, &class, &told)));
        }
    }
    Ok(found)
}

/// The classes of everything whose tags are known, as of an instant.
fn gathered(context: &Context<'_>, ledger: &mut Ledger<'_>, time: Time) -> io::Result<Classes> {
    let mut all = Classes::default();
    let tags = &ledger.estate().governed_tags;
    let Some(tag) = tags.iter().position(|tag| !tag.order.is_empty()) else {
        return Ok(all);
    };
    let arns: Vec<String> = ledger.tags.book.arns().into_iter().map(str::to_owned).collect();
    for arn in arns {
        context.go_on()?;
        let is_key = Arn::parse(&arn).is_some_and(|arn| arn.is_kms_key());
        match ledger.courses(&arn).all[tag].at(time) {
            State::Unknown(_) => {}
            State::Absent(_) => all.keys_known |= is_key,
            State::Known(value, _) => {
                let governed = &tags[tag];
                let class = governed.class(value).map(|rank| governed.order[rank].clone());
                let class = class.unwrap_or_else(|| governed.meaning(value).to_owned());
                all.keys_known |= is_key;
                match is_key {
                    true => drop(all.of_keys.insert(class)),
                    false => drop(all.resources.entry(class).or_default().insert(arn)),
                }
            }
        }
    }
    Ok(all)
}

fn of_class(rule: usize, class: &DataClass<'_>, told: &Conclusion) -> Found {
    let group = Group {
        level: told.level,
        first: None,
        last: None,
        days: Days::default(),
        earliest: ((true, None, None), Snapshot::of_nobody(told.texts())),
        events: Few::default(),
        sessions: Few::default(),
        // Nobody knows whether it rests on anything new: once is enough.
        fresh: false,
        claimed: false,
        records: None,
        gathered: None,
    };
    let key = GroupKey { by: Some(class.name.to_owned()), ..GroupKey::of_rule(rule) };
    Found::new(key, group, class.resources.len() as u64)
}
