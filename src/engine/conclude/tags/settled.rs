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
use crate::engine::conclude::settle::Settled;
use crate::engine::conclude::stateful::evidence::{Found, RecordEvent};
use crate::engine::context::Context;
use crate::engine::partial::few::Few;
use crate::engine::partial::group::{Group, GroupKey, Snapshot};
use crate::engine::partial::value_counts::ValueCounts;
use crate::engine::store::hash::HashKey;
use crate::engine::store::shelf::Shelf;
use crate::engine::store::stacks::StackKey;
use crate::model::arn::Arn;
use crate::model::days::Days;
use crate::model::finding::Status;
use crate::model::level::Level;
use crate::model::origin::Origin;
use crate::model::time::Time;
use crate::tags::timeline::State;

/// An alias that was given to a key: a finding in the making, of no rule yet, and what tells it from
/// others. Copies have the same.
pub fn given(
    hash_key: HashKey,
    event: &RecordEvent,
    about: &About,
    (time, origin, fresh): (Time, Origin, bool),
) -> (StackKey, Settled) {
    let [id, id2] = match &event.id {
        Some(id) => hash_key.long(&[id.as_bytes()]),
        None => hash_key.long(&[&event.place.0.to_le_bytes(), &event.place.1.to_le_bytes()]),
    };
    let things = (about.key.clone(), about.resource.clone());
    let group = event.group(origin, about, things, (time.0, Level::Informational, fresh));
    let key = GroupKey {
        account: about.account.clone(),
        region: about.region.clone(),
        principal: about.principal.identity().map(Cow::into_owned),
        key: about.key.as_ref().map(|key| key.arn.clone()),
        resource: about.resource.as_ref().map(|resource| resource.arn.clone()),
        ..GroupKey::of_rule(0)
    };
    let settled = Settled { key, group, count: 1, status: Status::New };
    ([time.0.cast_unsigned(), id, id2, event.content], settled)
}

/// The end of the second of the last record: what happens in it is over then.
fn after(last: Time) -> Time {
    Time(last.0.saturating_add(1_000_000))
}

/// Hands on what is said of aliases that were given to keys.
///
/// # Errors
/// When the run is to stop, a temporary file cannot be read back, or what `take` says.
pub fn aliases(
    context: &Context<'_>,
    ledger: &mut Ledger<'_>,
    (all, last): (Shelf<Settled>, Time),
    mut take: impl FnMut(Found) -> io::Result<()>,
) -> io::Result<()> {
    let rules: Vec<_> = context.plan.rules.looking_at(LooksAt::Aliases).collect();
    if rules.is_empty() {
        return Ok(());
    }
    let end = after(last);
    let all = all.sorted();
    let mut read = all.read()?.peekable();
    while let Some(next) = read.next() {
        context.go_on()?;
        let (at, mut set) = next?;
        // Copies differ by where they were read. What has been judged is not new in a copy.
        while let Some(copy) = read.next_if(|next| next.as_ref().is_ok_and(|(to, _)| *to == at)) {
            let (_, Settled { group, .. }) = copy?;
            let fresh = set.group.fresh && group.fresh;
            set.group.merge(group);
            set.group.fresh = fresh;
        }
        let Some(key) = &set.group.earliest.1.key else { continue };
        let (Some(alias), Some(time)) = (&key.alias, set.group.first) else { continue };
        let courses = ledger.courses(&key.arn);
        let given = AliasGiven { alias, time, courses: &courses.all, end };
        for rule in &rules {
            if let Some(told) = rule.judge(ledger.estate(), Piece::Alias(&given)) {
                take(of_alias(rule.about, &set, &told))?;
            }
        }
    }
    Ok(())
}

fn of_alias(rule: usize, set: &Settled, told: &Conclusion) -> Found {
    let mut group = set.group.clone();
    group.level = told.level;
    group.earliest.1.details = told.texts();
    Found::new(GroupKey { rule, ..set.key.clone() }, group, 1)
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
        values: ValueCounts::default(),
        // Nobody knows whether it rests on anything new: once is enough.
        fresh: false,
        claimed: false,
        records: None,
        gathered: None,
    };
    let key = GroupKey { by: Some(class.name.to_owned()), ..GroupKey::of_rule(rule) };
    Found::new(key, group, class.resources.len() as u64)
}
