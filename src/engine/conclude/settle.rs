//! Groups of single records once everything is known: how many records each has, whose accounts
//! they concern, and what else happened. One finding after the other is made whole, and handed on.

use std::collections::{BTreeSet, HashMap};
use std::io;

use serde_json::Value;

use super::count::Sizes;
use crate::detect::whole_log::tags::Evasion;
use crate::detect::whole_log::{LooksAt, Piece as Look};
use crate::engine::partial::group::{Group, GroupKey, SHOWN};
use crate::engine::partial::groups::{Groups, Piece};
use crate::engine::partial::pack::{pack, unpack};
use crate::engine::partial::value_counts::value_hash;
use crate::engine::plan::Plan;
use crate::engine::store::hash::HashKey;
use crate::engine::store::shelf::Stow;
use crate::model::finding::Status;
use crate::model::level::Level;
use crate::model::time::Time;

/// A group that is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    pub key: GroupKey,
    pub group: Group,
    /// How many records it has.
    pub count: u64,
    /// Whether an earlier report has it.
    pub status: Status,
}

const STATUS: [Status; 2] = [Status::New, Status::Ongoing];

impl Stow for Settled {
    fn weight(&self) -> usize {
        self.key.weight() + self.group.weight()
    }

    fn pack(&self) -> Vec<u8> {
        let Settled { key, group, count, status } = self;
        let mut bytes = pack(key, group, *count);
        bytes.push(u8::from(*status == Status::Ongoing));
        bytes
    }

    fn unpack(bytes: &[u8]) -> Option<Settled> {
        let (status, bytes) = bytes.split_last()?;
        let (key, group, count) = unpack(bytes)?;
        let status = *STATUS.get(usize::from(*status))?;
        Some(Settled { key, group, count, status })
    }
}

/// What settles groups.
pub struct Settling<'a> {
    pub plan: &'a Plan,
    /// Every account that receives records.
    pub recipients: &'a BTreeSet<String>,
    pub hash_key: HashKey,
    /// How many records each group has, by its hash.
    pub counts: &'a Sizes,
    /// New levels of groups, by their hashes, with the reasons.
    pub changes: &'a HashMap<[u64; 2], Vec<(Level, String)>>,
    /// Changes of a key's tags that kept a use from being a mismatch.
    pub evasions: &'a BTreeSet<(String, Time)>,
}

impl Settling<'_> {
    /// Settles all groups, and hands on the findings that they become together with what rules over
    /// many records have `found`.
    ///
    /// # Errors
    /// When a temporary file cannot be read back; what was handed on is as it should be.
    pub fn settle(
        &self,
        (mut groups, mut found): (Groups, Groups),
        mut take: impl FnMut(Settled),
    ) -> io::Result<()> {
        let (mut groups, mut found) = (groups.in_order()?, found.in_order()?);
        while let Some(at) = [groups.peek(), found.peek()].into_iter().flatten().min() {
            let mut finding = None;
            while groups.peek() == Some(at)
                && let Some(piece) = groups.next()?
            {
                add(&mut finding, self.settled(piece));
            }
            if let Some(finding) = &mut finding {
                self.raise_evasion(finding);
            }
            // A record is in one of the two only, since a rule finds it once.
            while found.peek() == Some(at)
                && let Some(Piece { key, group, count, .. }) = found.next()?
            {
                add(&mut finding, Some(Settled { key, group, count, status: Status::New }));
            }
            if let Some(mut finding) = finding {
                // Parts of one rule may have counted the same records.
                if let Some(records) = finding.group.records.take() {
                    finding.count = records.len() as u64;
                }
                self.lower_routine(&mut finding);
                take(finding);
            }
        }
        Ok(())
    }

    /// Counts a group, and decides one that rests on whose accounts its are, now that every account is
    /// known that receives records, and one that rests on what else happened. `None` if it is no
    /// finding.
    fn settled(&self, piece: Piece) -> Option<Settled> {
        let Piece { mut key, hash, mut group, .. } = piece;
        // Where nothing could be counted, there are at least those that are shown.
        let shown = group.events.len() as u64;
        let count = self.counts.get(hash).unwrap_or(shown);
        key.apart = None;
        // What a VPC endpoint alone logged was not counted by its values.
        for (value, count) in &mut group.values.named {
            *count = self.counts.get(value_hash(self.hash_key, hash, value)).unwrap_or(1);
        }
        if let Some(foreign) = key.foreign.take() {
            let outside = self.plan.estate.outside(&foreign.accounts, self.recipients);
            if !outside.is_empty() {
                let list = Value::from(outside.into_iter().collect::<Vec<_>>());
                group.earliest.1.details.insert("external_accounts".into(), list.to_string());
            } else {
                group.level = foreign.otherwise?;
            }
        }
        if let Some(changes) = self.changes.get(&hash) {
            change(&mut group, key.attempt, changes);
        }
        Some(Settled { key, group, count, status: Status::New })
    }

    /// Lowers a finding that is made on many days, if its rule says that this is usual then.
    fn lower_routine(&self, finding: &mut Settled) {
        let Settled { key, group, .. } = finding;
        let Some(routine) = self.plan.rules.metas()[key.rule].routine else { return };
        if group.days.is_routine() && group.level > routine {
            let why = "the same was done on three days or more";
            change(group, false, &[(routine, why.to_owned())]);
        }
    }

    /// Raises the finding of a tag change that kept a use from being a mismatch, as the rules say that
    /// look at such changes.
    fn raise_evasion(&self, finding: &mut Settled) {
        let Settled { key, group, .. } = finding;
        let Some(arn) = key.key.as_deref().filter(|_| !key.attempt) else { return };
        let looking = self.plan.rules.looking_at(LooksAt::Evasions);
        for rule in looking.filter(|rule| rule.about == key.rule) {
            let told = evading(group, arn, self.evasions).find_map(|changed| {
                rule.judge(&self.plan.estate, Look::Evasion(Evasion { key: arn, changed }))
            });
            if let Some(told) = told {
                change(group, false, &[(told.level, told.why().to_owned())]);
            }
        }
    }
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

/// Adds what was settled to what becomes the same finding.
fn add(finding: &mut Option<Settled>, more: Option<Settled>) {
    match (finding, more) {
        (Some(finding), Some(more)) => {
            finding.count += more.count;
            finding.group.merge(more.group);
        }
        (finding, more @ Some(_)) => *finding = more,
        (_, None) => {}
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
