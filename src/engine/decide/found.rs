//! What a correlation found in one part, and the finding it becomes.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde_json::Value;

use super::{Bench, Unit};
use crate::detect::Stateful;
use crate::detect::stateful::{About, Correlation, Kind, Verdict};
use crate::engine::group::{EventKept, Group, GroupKey, Match, SHOWN, Snapshot};
use crate::engine::notes::{EventText, NOWHERE};
use crate::model::origin::Origin;
use crate::model::principal::Principal;
use crate::model::time::Time;

/// Records of the last second that is shown are all kept, since the event id decides; up to this
/// many.
const KEPT: usize = 1 << 12;

/// The records of a finding in the making, taken in the order of time.
#[derive(Debug, Default)]
pub(super) struct Burst {
    /// The first ones: those that may be shown.
    kept: Vec<Unit>,
    /// How many there are.
    count: u64,
    /// When the last one was.
    last: i64,
    /// The findings of single records that they are.
    groups: BTreeSet<[u64; 2]>,
    /// The most that a window counted.
    pub peak: u64,
    /// When the rules that count this one were last told.
    pub passed_on: Option<i64>,
}

impl Burst {
    /// Takes in a record that is not in it.
    pub fn take(&mut self, unit: &Unit) {
        let time = unit.note.time;
        let shown = self.kept.len() < SHOWN
            || (self.kept.len() < KEPT && self.kept.last().is_some_and(|u| u.note.time == time));
        if shown {
            self.kept.push(unit.clone());
        }
        self.count += 1;
        self.last = time;
        self.groups.extend(&unit.groups);
    }
}

impl Bench<'_, '_> {
    /// Makes of what was found what the correlation says.
    pub(super) fn found(
        &mut self,
        rule: &Stateful<'_>,
        correlation: &Correlation,
        burst: Burst,
    ) -> io::Result<()> {
        if burst.count == 0 {
            return Ok(());
        }
        let meta = &self.shared.plan.rules.metas()[rule.rule];
        if let Verdict::Raises(_) = correlation.verdict {
            for group in burst.groups {
                let change = (meta.level, meta.title.clone());
                self.decisions.changes.entry(group).or_default().push(change);
            }
            return Ok(());
        }
        if !self.shared.plan.rules.is_reported(rule.about) {
            return Ok(());
        }
        let Some(first) = burst.kept.first().map(|unit| unit.note) else { return Ok(()) };
        let by: Vec<Option<String>> = match first.by {
            NOWHERE => Vec::new(),
            place => self.text_of(&first, place)?,
        };
        let mut groups = Vec::new();
        for unit in &burst.kept {
            groups.push(self.group_of(rule, unit, BTreeMap::new())?);
        }
        // In the order of the report, so that the smallest is the first.
        groups.sort_by(|a, b| a.earliest.cmp(&b.earliest));
        let same = |value: &dyn Fn(&Snapshot) -> Option<String>| {
            let mut values = groups.iter().map(|group| value(&group.earliest.1));
            let first = values.next()?;
            values.all(|value| value == first).then_some(first).flatten()
        };
        let alike = [
            same(&|s| s.principal.arn.clone()).is_some(),
            same(&|s| s.key.as_ref().map(|key| key.arn.clone())).is_some(),
            same(&|s| s.resource.as_ref().map(|resource| resource.arn.clone())).is_some(),
        ];
        let Some(mut group) = groups.into_iter().reduce(|mut all, group| {
            all.merge(group);
            all
        }) else {
            return Ok(());
        };
        group.last = Some(Time(burst.last));
        // One that began in an earlier run goes on in this one.
        group.fresh = true;
        group.level = meta.level;
        let snapshot = &mut group.earliest.1;
        blank(snapshot, alike);
        details(&mut snapshot.details, correlation, burst.peak, &by);
        let key = self.key_of(rule, correlation, &by);
        self.decisions.findings.push((key, group, burst.count));
        Ok(())
    }

    /// A group of one record.
    pub(super) fn group_of(
        &mut self,
        rule: &Stateful<'_>,
        unit: &Unit,
        details: BTreeMap<String, String>,
    ) -> io::Result<Group> {
        let text: EventText = self.text_of(&unit.note, unit.note.event)?;
        let about: About = self.text_of(&unit.note, unit.note.about)?;
        let origin = |(blob, record): &(u64, u64)| {
            let name = self.shared.names.get(*blob).unwrap_or_else(|_| "?".into());
            Origin::record(name, *record)
        };
        let smallest = unit.places.iter().map(origin).min();
        let origin = smallest.unwrap_or_else(|| Origin::blob("?"));
        let time = Some(Time(unit.note.time));
        let event = EventKept {
            order: (false, time, text.id.clone()),
            name: text.name,
            content: unit.note.content,
            place: text.id.is_none().then(|| origin.clone()),
        };
        let snapshot = Snapshot {
            principal: about.principal,
            source_ip: about.source_ip,
            user_agent: about.user_agent,
            key: about.key,
            resource: about.resource,
            details,
        };
        let level = self.shared.plan.rules.metas()[rule.about].level;
        let fresh = unit.note.reported;
        Ok(Group::new(Match { level, event, origin, shared: None, snapshot, fresh }))
    }

    /// What makes the finding the same from run to run: the rule and what it groups by.
    fn key_of(
        &self,
        rule: &Stateful<'_>,
        correlation: &Correlation,
        by: &[Option<String>],
    ) -> GroupKey {
        let mut key = GroupKey {
            rule: rule.about,
            attempt: false,
            account: None,
            region: None,
            principal: None,
            key: None,
            resource: None,
            event: None,
            foreign: None,
            apart: None,
            by: None,
        };
        let mut others = Vec::new();
        for (field, value) in correlation.by.iter().zip(by) {
            let member = match field.name.as_str() {
                "recipientAccountId" => &mut key.account,
                "awsRegion" => &mut key.region,
                "keytrail.principal" => &mut key.principal,
                "keytrail.key" => &mut key.key,
                "keytrail.resource" => &mut key.resource,
                name => {
                    others.push(format!("{name}={value:?}"));
                    continue;
                }
            };
            member.clone_from(value);
        }
        if !others.is_empty() {
            key.by = Some(others.join(" "));
        }
        key
    }
}

/// What is known of a stateful rule's finding that others may group by.
pub(super) fn known(about: &About, field: &str) -> Option<String> {
    match field {
        "recipientAccountId" => about.account.clone(),
        "awsRegion" => about.region.clone(),
        "keytrail.principal" => about.principal.arn.clone(),
        "keytrail.key" => about.key.as_ref().map(|key| key.arn.clone()),
        "keytrail.resource" => about.resource.as_ref().map(|resource| resource.arn.clone()),
        _ => None,
    }
}

/// Takes out what is not the same for all records: principal, key, resource.
pub(in crate::engine) fn blank(snapshot: &mut Snapshot, [principal, key, resource]: [bool; 3]) {
    if !principal {
        snapshot.principal = Principal::nobody();
        snapshot.source_ip = None;
        snapshot.user_agent = None;
    }
    if !key {
        snapshot.key = None;
    }
    if !resource {
        snapshot.resource = None;
    }
}

fn details(
    details: &mut BTreeMap<String, String>,
    correlation: &Correlation,
    peak: u64,
    by: &[Option<String>],
) {
    let mut add = |name: &str, value: Value| details.insert(name.to_owned(), value.to_string());
    add("window_seconds", (correlation.span / 1_000_000).into());
    match correlation.kind {
        Kind::EventCount(_) => {
            add("most_events_in_window", peak.into());
        }
        Kind::ValueCount(..) => {
            add("most_values_in_window", peak.into());
        }
        Kind::Temporal | Kind::TemporalOrdered => {}
    }
    let group: BTreeMap<&str, &Option<String>> =
        correlation.by.iter().map(|by| by.name.as_str()).zip(by).collect();
    let ours = |name: &&str| !crate::detect::KNOWN.contains(name);
    if group.keys().any(ours) {
        add("group_by", serde_json::to_value(group).unwrap_or_default());
    }
}
