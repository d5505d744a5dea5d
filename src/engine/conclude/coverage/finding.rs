//! The findings about hours in which something is missing: one of each account and Region.
//!
//! What they say is for the rules that look at hours. What must stay true: what makes a finding the
//! same as that of another run is the account and the Region alone.

use super::judge::Judged;
use crate::detect::whole_log::{LooksAt, Piece};
use crate::engine::conclude::stateful::evidence::Found;
use crate::engine::context::Context;
use crate::engine::partial::few::Few;
use crate::engine::partial::group::{Group, GroupKey, Snapshot};
use crate::engine::partial::value_counts::ValueCounts;
use crate::model::days::Days;

/// The findings of every rule that looks at hours.
pub fn findings(context: &Context<'_>, judged: &[Judged]) -> Vec<Found> {
    let plan = context.plan;
    let mut found = Vec::new();
    for rule in plan.rules.looking_at(LooksAt::Hours) {
        for Judged { place, missing } in judged {
            let Some(told) = rule.judge(&plan.estate, Piece::Hours(missing)) else { continue };
            let group = Group {
                level: told.level,
                first: missing.iter().map(|missing| missing.gap.times().0).min(),
                last: missing.iter().map(|missing| missing.gap.times().1).max(),
                days: Days::default(),
                earliest: ((true, None, None), Snapshot::of_nobody(told.texts())),
                events: Few::default(),
                sessions: Few::default(),
                values: ValueCounts::default(),
                fresh: true,
                claimed: false,
                records: None,
                gathered: None,
            };
            let key = GroupKey {
                account: Some(place.account.clone()),
                region: Some(place.region.clone()),
                ..GroupKey::of_rule(rule.about)
            };
            found.push(Found::new(key, group, missing.len() as u64));
        }
    }
    found
}
