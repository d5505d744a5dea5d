//! What a correlation found in one part, and the finding it becomes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde_json::Value;

use super::decide::Desk;
use super::distinct::Distinct;
use super::evidence::{Found, group_of_use, known, read_of};
use super::note::Note;
use super::unit::Unit;
use crate::detect::Stateful;
use crate::detect::stateful::{Correlation, Kind, Verdict};
use crate::engine::partial::group::{
    EventKept, EventRead, Group, GroupKey, Match, RECORDS, SHOWN, Snapshot,
};
use crate::engine::partial::key_use::KeyUse;
use crate::engine::store::texts::TextAt;
use crate::model::level::Level;
use crate::model::time::Time;

/// Records of the last second that is shown are all kept, since the event id decides; up to this
/// many.
const KEPT: usize = 1 << 12;

/// The records of a finding in the making, taken in the order of time.
#[derive(Debug)]
pub struct Burst {
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
    /// What was judged, if the rule judges what was found.
    judged: Option<Judged>,
    /// Which records there are, by their hashes; `None` of too many.
    records: Option<Vec<u64>>,
    /// The values that they have, if those are counted.
    distinct: Distinct,
}

impl Default for Burst {
    fn default() -> Burst {
        Burst {
            kept: Vec::new(),
            count: 0,
            last: 0,
            groups: BTreeSet::new(),
            peak: 0,
            passed_on: None,
            judged: None,
            records: Some(Vec::new()),
            distinct: Distinct::default(),
        }
    }
}

/// What the judgement over a burst was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// How serious it is.
    pub level: Level,
    /// What there is to say, as texts.
    pub details: BTreeMap<String, String>,
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
        self.distinct.add(unit);
        self.groups.extend(unit.groups());
        let Note { identity, content, .. } = unit.note;
        let record = identity[0] ^ identity[1].rotate_left(32) ^ content;
        if let Some(records) = &mut self.records {
            records.push(record);
        }
        self.records.take_if(|records| records.len() > RECORDS);
    }

    /// Takes in another burst of the same part and what was judged of it. Of several, the most serious
    /// judgement is told, and of those the first.
    pub fn merge(&mut self, other: &Burst, judged: Judged) {
        self.kept.extend_from_slice(&other.kept);
        self.count += other.count;
        self.last = self.last.max(other.last);
        self.groups.extend(&other.groups);
        self.peak = self.peak.max(other.peak);
        self.distinct.merge(&other.distinct);
        match (&mut self.records, &other.records) {
            (Some(records), Some(more)) => records.extend(more),
            (records, _) => *records = None,
        }
        if self.judged.as_ref().is_none_or(|known| known.level < judged.level) {
            self.judged = Some(judged);
        }
    }
}

impl Desk<'_> {
    /// Makes of what was found what the correlation says.
    pub fn found(
        &mut self,
        rule: &Stateful<'_>,
        correlation: &Correlation,
        burst: Burst,
    ) -> io::Result<()> {
        if burst.count == 0 {
            return Ok(());
        }
        let rules = &self.bench.context.plan.rules;
        let meta = &rules.metas()[rule.rule];
        if let Verdict::Raises(_) = correlation.verdict {
            for group in burst.groups {
                let change = (meta.level, meta.title.clone());
                self.decisions.changes.entry(group).or_default().push(change);
            }
            return Ok(());
        }
        if !rules.is_reported(rule.about) {
            return Ok(());
        }
        let by = self.by(correlation, &burst)?;
        let mut groups: Vec<(Group, Option<TextAt>)> = Vec::new();
        for unit in &burst.kept {
            groups.push(self.group_of(rule, unit, BTreeMap::new())?);
        }
        // In the order of the report, so that the smallest is the first.
        groups.sort_by(|(a, _), (b, _)| a.earliest.cmp(&b.earliest));
        let alike = alike(&groups);
        let named = groups.first().and_then(|(_, text)| *text);
        let sessions = groups.iter().filter_map(|(_, text)| *text).collect();
        let Some(mut group) =
            groups.into_iter().map(|(group, _)| group).reduce(|mut all, group| {
                all.merge(group);
                all
            })
        else {
            return Ok(());
        };
        group.last = Some(Time(burst.last));
        group.records = burst.records.filter(|_| rules.has_several_parts(rule.about));
        if let Some(records) = &mut group.records {
            records.sort_unstable();
            records.dedup();
        }
        // One that began in an earlier run goes on in this one.
        group.fresh = true;
        group.level = burst.judged.as_ref().map_or(meta.level, |judged| judged.level);
        let snapshot = &mut group.earliest.1;
        snapshot.blank(alike);
        details(&mut snapshot.details, correlation, burst.peak, &by);
        snapshot.details.extend(burst.judged.into_iter().flat_map(|judged| judged.details));
        let key = key_of(rule.about, correlation, &by);
        let values = self.named_values(correlation, &burst.distinct, group.level)?;
        self.tell(Found { key, group, count: burst.count, named, sessions, values })
    }

    /// What the records of a burst have in common.
    fn by(&mut self, correlation: &Correlation, burst: &Burst) -> io::Result<Vec<Option<String>>> {
        let Some(first) = burst.kept.first() else { return Ok(Vec::new()) };
        let text = self.text(&first.note)?;
        if !text.by.is_empty() || correlation.by.is_empty() {
            return Ok(text.by);
        }
        let (_, _, about) = self.about(&first.note)?;
        Ok(correlation.by.iter().map(|by| known(&about, &by.name)).collect())
    }

    /// A group of one record; of a use, where its session is.
    pub fn group_of(
        &mut self,
        rule: &Stateful<'_>,
        unit: &Unit,
        details: BTreeMap<String, String>,
    ) -> io::Result<(Group, Option<TextAt>)> {
        let smallest = unit.places().map(|place| self.origin(place)).min();
        if let Some(row) = self.row(&unit.note)? {
            let (mut group, text) = self.group_of_row(rule, &row, details)?;
            if let (Some(smallest), Some((event, read))) = (smallest, group.events.pop_first()) {
                let origin = read.origin.min(smallest);
                let place = event.place.as_ref().map(|_| origin.clone());
                group.events.add(EventKept { place, ..event }, EventRead { origin, ..read });
            }
            return Ok((group, text));
        }
        let level = self.bench.context.plan.rules.metas()[rule.about].level;
        let (id, name, about) = self.about(&unit.note)?;
        let origin = smallest.unwrap_or_else(|| self.origin(unit.note.place));
        let event = EventKept {
            order: (false, Some(Time(unit.note.time)), id.clone()),
            name,
            content: unit.note.content,
            place: id.is_none().then(|| origin.clone()),
        };
        let read = read_of(&about, origin);
        let snapshot = Snapshot {
            principal: about.principal,
            source_ip: about.source_ip,
            user_agent: about.user_agent,
            key: about.key,
            resource: about.resource,
            details,
        };
        let fresh = unit.note.reported;
        Ok((Group::new(Match { level, event, read, snapshot, fresh }), None))
    }
}

impl Desk<'_> {
    /// A group of one use, and where its session is.
    pub fn group_of_row(
        &mut self,
        rule: &Stateful<'_>,
        row: &KeyUse,
        details: BTreeMap<String, String>,
    ) -> io::Result<(Group, Option<TextAt>)> {
        let level = self.bench.context.plan.rules.metas()[rule.about].level;
        let id = self.id_of_row(row)?;
        let context = self.bench.context;
        let group = group_of_use(context, &mut self.lookup, row, (id, level), details)?;
        Ok((group, Some(row.text)))
    }
}

/// Whether principal, key and resource are the same in all groups.
fn alike(groups: &[(Group, Option<TextAt>)]) -> [bool; 3] {
    let same = |value: &dyn Fn(&Snapshot) -> Option<String>| {
        let mut values = groups.iter().map(|(group, _)| value(&group.earliest.1));
        let first = values.next().flatten();
        first.is_some() && values.all(|value| value == first)
    };
    [
        same(&|s| s.principal.identity().map(Cow::into_owned)),
        same(&|s| s.key.as_ref().map(|key| key.arn.clone())),
        same(&|s| s.resource.as_ref().map(|resource| resource.arn.clone())),
    ]
}

/// What makes the finding the same from run to run: the rule and what it groups by.
fn key_of(about: usize, correlation: &Correlation, by: &[Option<String>]) -> GroupKey {
    let mut key = GroupKey::of_rule(about);
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
        Kind::Temporal(_) | Kind::TemporalOrdered => {}
    }
    let group: BTreeMap<&str, &Option<String>> =
        correlation.by.iter().map(|by| by.name.as_str()).zip(by).collect();
    let ours = |name: &&str| !crate::detect::KNOWN.contains(name);
    if group.keys().any(ours) {
        add("group_by", serde_json::to_value(group).unwrap_or_default());
    }
}
