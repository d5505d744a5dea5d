//! The findings about hours in which something is missing, one of each account and Region; and about
//! what is expected and never was delivered, one of each account.
//!
//! What they say is for the rules that look at it. What must stay true: what makes a finding the
//! same as that of another run is the account and the Region alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::judge::Judged;
use crate::detect::whole_log::expected::Undelivered;
use crate::detect::whole_log::{Conclusion, LooksAt, Piece};
use crate::engine::conclude::stateful::evidence::Found;
use crate::engine::context::Context;
use crate::engine::finding::finding;
use crate::engine::partial::few::Few;
use crate::engine::partial::group::{Group, GroupKey, Snapshot};
use crate::engine::partial::value_counts::ValueCounts;
use crate::model::aftermath::Aftermath;
use crate::model::days::Days;
use crate::model::finding::Finding;
use crate::model::time::Time;
use crate::model::undo::{Effect, Fate, Undone};

/// The findings of every rule that looks at hours.
pub fn of_hours(context: &Context<'_>, judged: &[Judged]) -> Vec<Found> {
    let plan = context.plan;
    let mut found = Vec::new();
    for rule in plan.rules.looking_at(LooksAt::Hours) {
        for Judged { place, missing } in judged {
            let Some(told) = rule.judge(&plan.estate, Piece::Hours(missing)) else { continue };
            let first = missing.iter().map(|missing| missing.gap.times().0).min();
            let last = missing.iter().map(|missing| missing.gap.times().1).max();
            let key = GroupKey {
                account: Some(place.account.clone()),
                region: Some(place.region.clone()),
                ..GroupKey::of_rule(rule.about)
            };
            found.push(Found::new(key, group(&told, (first, last)), missing.len() as u64));
        }
    }
    found
}

/// The findings of every rule that looks at what is expected. Where the same lacked `before`, as far as
/// earlier runs know, nothing is new.
pub fn of_expected(
    context: &Context<'_>,
    undelivered: &[Undelivered],
    before: &[Undelivered],
) -> Vec<Found> {
    let plan = context.plan;
    let before: BTreeSet<_> = before.iter().map(Undelivered::lack).collect();
    let mut found = Vec::new();
    for rule in plan.rules.looking_at(LooksAt::Expected) {
        for lacking in undelivered {
            let Some(told) = rule.judge(&plan.estate, Piece::Undelivered(lacking)) else {
                continue;
            };
            let (key, group, count) = lacks(rule.about, lacking, &told);
            let fresh = !before.contains(&lacking.lack());
            found.push(Found::new(key, Group { fresh, ..group }, count));
        }
    }
    found
}

/// The finding about what lacks something.
fn lacks(about: usize, lacking: &Undelivered, told: &Conclusion) -> (GroupKey, Group, u64) {
    let (first, last) = lacking.log.times();
    let account = Some(lacking.account.clone());
    let key = GroupKey { account, ..GroupKey::of_rule(about) };
    (key, group(told, (Some(first), Some(last))), lacking.regions.len().max(1) as u64)
}

/// What became of those findings that earlier runs told about what is delivered by now, since a time.
/// Whoever decides about findings knows which were told.
pub fn of_delivered(context: &Context<'_>, delivered: &[(Undelivered, Time)]) -> Vec<Aftermath> {
    let plan = context.plan;
    let Some(admit) = &plan.admit else { return Vec::new() };
    let mut ended = Vec::new();
    for rule in plan.rules.looking_at(LooksAt::Expected) {
        let meta = &plan.rules.metas()[rule.about];
        for (lacked, since) in delivered {
            let Some(told) = rule.judge(&plan.estate, Piece::Undelivered(lacked)) else { continue };
            let (key, group, count) = lacks(rule.about, lacked, &told);
            let undone = Some(Undone { at: *since, by: None });
            let effect = Effect { fate: Fate::Reversed, undone, due: None };
            let known = finding((&meta.id, Arc::new(meta.told())), key, group, count);
            let known = Finding { fresh: false, effect: Some(effect.clone()), ..known };
            if admit.ask(&known).is_some() {
                let Finding { fingerprint, rule, level, .. } = known;
                ended.push(Aftermath { fingerprint, rule, level, target: None, effect });
            }
        }
    }
    ended
}

/// A finding in the making that no record is behind.
fn group(told: &Conclusion, (first, last): (Option<Time>, Option<Time>)) -> Group {
    Group {
        level: told.level,
        first,
        last,
        days: Days::default(),
        earliest: ((true, None, None), Snapshot::of_nobody(told.texts())),
        events: Few::default(),
        sessions: Few::default(),
        values: ValueCounts::default(),
        fresh: true,
        claimed: false,
        records: None,
        gathered: None,
    }
}
