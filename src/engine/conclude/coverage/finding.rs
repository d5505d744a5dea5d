//! The findings about hours in which something is missing, one of each account and Region; and about
//! what is expected and never was delivered, one of each account.
//!
//! What they say is for the rules that look at it. What must stay true: what makes a finding the
//! same as that of another run is the account and the Region alone.

use super::judge::Judged;
use crate::detect::whole_log::expected::Undelivered;
use crate::detect::whole_log::{Conclusion, LooksAt, Piece};
use crate::engine::conclude::stateful::evidence::Found;
use crate::engine::context::Context;
use crate::engine::partial::few::Few;
use crate::engine::partial::group::{Group, GroupKey, Snapshot};
use crate::engine::partial::value_counts::ValueCounts;
use crate::model::days::Days;
use crate::model::time::Time;

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
    let mut found = Vec::new();
    for rule in plan.rules.looking_at(LooksAt::Expected) {
        for lacking in undelivered {
            let Some(told) = rule.judge(&plan.estate, Piece::Undelivered(lacking)) else {
                continue;
            };
            let (first, last) = lacking.log.times();
            let key = GroupKey {
                account: Some(lacking.account.clone()),
                ..GroupKey::of_rule(rule.about)
            };
            let count = lacking.regions.len().max(1) as u64;
            let fresh = !before.iter().any(|before| before.is_like(lacking));
            let group = Group { fresh, ..group(&told, (Some(first), Some(last))) };
            found.push(Found::new(key, group, count));
        }
    }
    found
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
