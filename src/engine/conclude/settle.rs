//! Groups of single records once everything is known: how many records each has, whose accounts
//! they concern, and what else happened.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use crate::detect::whole_log::tags::Evasion;
use crate::detect::whole_log::{LooksAt, Piece};
use crate::engine::partial::group::{Group, GroupKey, Groups, SHOWN};
use crate::engine::plan::Plan;
use crate::model::level::Level;
use crate::model::time::Time;

/// Groups that are settled, and how many records each has.
pub type Settled = HashMap<GroupKey, (Group, u64)>;

/// Counts the groups, and decides those that rest on whose accounts theirs are, now that every
/// account is known that receives records, and those that rest on what else happened.
pub fn settle(
    plan: &Plan,
    recipients: &BTreeSet<String>,
    (groups, counts): (Groups, &HashMap<[u64; 2], u64>),
    changes: &HashMap<[u64; 2], Vec<(Level, String)>>,
) -> Settled {
    let mut settled = Settled::new();
    for (mut key, (hash, mut group)) in groups {
        // Where nothing could be counted, there are at least those that are shown.
        let shown = group.events.len() as u64;
        let count = counts.get(&hash).copied().unwrap_or(shown);
        key.apart = None;
        if let Some(foreign) = key.foreign.take() {
            let outside = plan.estate.outside(&foreign.accounts, recipients);
            if !outside.is_empty() {
                let list = Value::from(outside.into_iter().collect::<Vec<_>>());
                group.earliest.1.details.insert("external_accounts".into(), list.to_string());
            } else if let Some(level) = foreign.otherwise {
                group.level = level;
            } else {
                continue;
            }
        }
        if let Some(changes) = changes.get(&hash) {
            change(&mut group, key.attempt, changes);
        }
        add(&mut settled, key, group, count);
    }
    settled
}

/// Gives a group the level that other records give it: the highest that raises it, else the lowest.
fn change(group: &mut Group, attempt: bool, changes: &[(Level, String)]) {
    let level = |level: Level| if attempt { level.lowered() } else { level };
    let raised = changes.iter().filter(|(to, _)| level(*to) > group.level).max();
    let Some((to, _)) = raised.or_else(|| changes.iter().min()) else { return };
    group.level = level(*to);
    let reasons: BTreeSet<&str> =
        changes.iter().filter(|(other, _)| other == to).map(|(_, why)| why.as_str()).collect();
    let details = &mut group.earliest.1.details;
    let known = details.get("why").and_then(|why| serde_json::from_str::<String>(why).ok());
    let mut all: Vec<&str> = known.as_deref().into_iter().collect();
    all.extend(reasons.into_iter().filter(|why| !why.is_empty()));
    details.insert("why".into(), Value::from(all.join("; ")).to_string());
}

/// Adds a group to those of the same key.
pub fn add(settled: &mut Settled, key: GroupKey, group: Group, count: u64) {
    match settled.entry(key) {
        Entry::Occupied(mut entry) => {
            // A record is in one of the two only, since a rule finds it once.
            entry.get_mut().1 += count;
            entry.get_mut().0.merge(group);
        }
        Entry::Vacant(entry) => {
            entry.insert((group, count));
        }
    }
}

/// Raises the findings of tag changes that kept a use from being a mismatch, as the rules say that
/// look at such changes.
pub fn raise_evasions(plan: &Plan, groups: &mut Settled, evasions: &BTreeSet<(String, Time)>) {
    for rule in plan.rules.looking_at(LooksAt::Evasions) {
        let is_of_rule = |key: &GroupKey| key.rule == rule.about && !key.attempt;
        for (key, (group, _)) in groups.iter_mut().filter(|(key, _)| is_of_rule(key)) {
            let Some(arn) = &key.key else { continue };
            let told = evading(group, arn, evasions).find_map(|changed| {
                rule.judge(&plan.estate, Piece::Evasion(Evasion { key: arn, changed }))
            });
            if let Some(told) = told {
                change(group, false, &[(told.level, told.why().to_owned())]);
            }
        }
    }
}

/// Those changes of a key's tags by which uses evaded that a group has, as far as it tells: it shows
/// some of its events, and of the others when they were at the earliest and at the latest.
fn evading<'a>(
    group: &Group,
    arn: &str,
    evasions: &'a BTreeSet<(String, Time)>,
) -> Box<dyn Iterator<Item = Time> + 'a> {
    let at = |time: Time| (arn.to_owned(), time);
    if group.events.len() < SHOWN {
        let shown = group.events.keys().filter_map(|event| event.order.1);
        let evading = shown.filter(|time| evasions.contains(&at(*time)));
        return Box::new(evading.collect::<Vec<_>>().into_iter());
    }
    match (group.first, group.last) {
        (Some(first), Some(last)) if first <= last => {
            Box::new(evasions.range(at(first)..=at(last)).map(|(_, time)| *time))
        }
        _ => Box::new(std::iter::empty()),
    }
}
