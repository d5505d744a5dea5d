//! What becomes a finding of `audit-gap`, and what it says: which hours, what is missing in them,
//! and why that is no quiet time.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::judge::{Because, Judged, Missing, What};
use crate::engine::conclude::stateful::evidence::Found;
use crate::engine::context::Context;
use crate::engine::partial::group::{Group, GroupKey, SHOWN, Snapshot};

/// The rule whose findings these are.
const RULE: &str = "audit-gap";

impl What {
    /// The name in reports.
    fn as_str(self) -> &'static str {
        match self {
            What::Events => "events",
            What::Reads => "kms-reads",
        }
    }

    fn words(self) -> &'static str {
        match self {
            What::Events => "events",
            What::Reads => "KMS reads",
        }
    }
}

impl Missing {
    fn json(&self) -> Value {
        let (from, to) = self.gap.times();
        let mut value = json!({
            "from": from, "to": to, "hours": self.gap.hours(), "missing": self.what.as_str(),
        });
        match self.because {
            Because::Usual(with, hours) => {
                value["before"] = json!({"hours": hours, "with": with});
            }
            Because::Writes(hours) => value["hours_with_kms_writes"] = json!(hours),
        }
        value
    }

    fn why(&self) -> String {
        let (from, _) = self.gap.times();
        let (what, hours) = (self.what.words(), self.gap.hours());
        match self.because {
            Because::Usual(with, before) => format!(
                "no {what} for {hours} hours from {from}; before, {with} of {before} hours had some"
            ),
            Because::Writes(writes) => format!(
                "no {what} for {hours} hours from {from}, {writes} of which have KMS writes"
            ),
        }
    }
}

/// The findings, one of each account and Region, if the rule is reported.
pub fn findings(context: &Context<'_>, judged: Vec<Judged>) -> Vec<Found> {
    let Some(rule) = context.plan.rules.decided_late(RULE) else { return Vec::new() };
    let level = context.plan.rules.metas()[rule].level;
    let finding = |Judged { place, missing }| {
        let group = Group {
            level,
            first: missing.iter().map(|missing: &Missing| missing.gap.times().0).min(),
            last: missing.iter().map(|missing| missing.gap.times().1).max(),
            earliest: ((true, None, None), snapshot(&missing, context)),
            events: BTreeMap::new(),
            sessions: Default::default(),
            fresh: true,
        };
        let key = GroupKey {
            account: Some(place.account),
            region: Some(place.region),
            ..GroupKey::of_rule(rule)
        };
        Found::new(key, group, missing.len() as u64)
    };
    judged.into_iter().map(finding).collect()
}

fn snapshot(missing: &[Missing], context: &Context<'_>) -> Snapshot {
    let mut details = BTreeMap::new();
    let mut add = |name: &str, value: Value| details.insert(name.to_owned(), value.to_string());
    let gaps: Vec<Value> = missing.iter().take(SHOWN).map(Missing::json).collect();
    add("gaps", gaps.into());
    if let Some(more) = missing.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        add("gaps_not_listed", more.into());
    }
    if let Some(longest) = missing.iter().rev().max_by_key(|missing| missing.gap.hours()) {
        add("why", longest.why().into());
    }
    let kinds = [What::Events, What::Reads].into_iter();
    let kinds = kinds.filter(|what| missing.iter().any(|missing| missing.what == *what));
    add("missing", kinds.map(What::as_str).collect::<Vec<_>>().into());
    add("gap_hours", context.plan.estate.thresholds.gap_hours.into());
    Snapshot::of_nobody(details)
}
