//! What becomes a finding: uses of which tags disagree, merged and counted for the rule that judges
//! them.
//!
//! What must stay true: merging keeps only what a finding shows, and the order of uses decides nothing.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;

use super::ledger::Reason;
use crate::detect::OverLog;
use crate::detect::stateful::{About, Scope};
use crate::detect::whole_log::tags::{Often, Pairs, SOON, Said};
use crate::detect::whole_log::{LooksAt, Piece};
use crate::engine::conclude::stateful::decide::Desk;
use crate::engine::conclude::stateful::evidence::{self, RecordOrder, group_of_use};
use crate::engine::context::Context;
use crate::engine::partial::group::{Group, GroupKey, SHOWN};
use crate::engine::partial::key_use::{KeyUse, flag};
use crate::engine::plan::Plan;
use crate::engine::store::dictionary::Sym;
use crate::engine::store::texts::TextAt;
use crate::model::estate::GovernedTag;
use crate::model::finding::{Key, Resource};
use crate::model::level::Level;
use crate::model::outcome::{TagCount, TagCoverage};
use crate::model::time::Time;
use crate::tags::compare::{Disagreement, Verdict};
use crate::tags::timeline::Why;
use crate::tags::uses::Pair;

/// Stretches of which a finding holds what each says; beyond, it holds the words alone.
const STRETCHES: usize = 1 << 10;

/// A rule that looks at pairs whose tags disagree in one way.
#[derive(Clone, Copy)]
pub struct PairRule<'a> {
    /// How it decides.
    pub over: OverLog<'a>,
    /// How the tags disagree.
    pub disagreement: Disagreement,
    /// What the uses of one finding have in common.
    pub scope: Scope,
    /// Whether its findings are counted and not listed.
    pub brief: bool,
}

impl<'a> PairRule<'a> {
    /// Every rule that looks at pairs.
    pub fn all(plan: &'a Plan) -> Vec<PairRule<'a>> {
        let pairs = |over: OverLog<'a>| {
            let LooksAt::Pairs(disagreement, scope) = over.code.looks_at() else { return None };
            let brief = !over.code.sets_levels() && over.level < plan.min_level;
            Some(PairRule { over, disagreement, scope, brief })
        };
        plan.rules.whole_log().filter_map(pairs).collect()
    }
}

/// What is said of a stretch.
pub struct Judged {
    pub verdicts: Vec<Verdict>,
    pub disagreement: Option<Disagreement>,
    pub said: Vec<Said>,
    /// The highest of the levels that the settings give the tags that differ.
    pub level: Level,
    pub reason: Option<Reason>,
    /// Changes of the key's tags before which this was a mismatch.
    pub changed: Vec<Time>,
    /// How many uses were in it.
    pub count: Cell<u64>,
}

impl Judged {
    /// The changes soon after which a use may have been made, of those between two instants.
    pub fn changed_soon(&self, first: i64, last: i64) -> impl Iterator<Item = &Time> {
        let soon =
            move |changed: &&Time| last >= changed.0 && first.saturating_sub(changed.0) <= SOON;
        self.changed.iter().filter(soon)
    }
}

/// What makes uses of one key one finding, in names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Short {
    /// Index of the rule.
    pub rule: usize,
    /// Whether an earlier run has judged it.
    pub recalled: bool,
    /// Account and Region.
    pub call: (Sym, Sym),
    pub principal: Sym,
    pub resource: Option<String>,
    /// The resource that the purpose names first.
    pub purpose: Sym,
}

/// A record that is shown.
pub enum Shown {
    /// A use: its row, the key and the resource.
    Use(Box<(KeyUse, (Key, Option<Resource>))>),
    /// Another record.
    Ready(Box<Group>),
}

/// What was found of one kind in the uses of a group.
#[derive(Default)]
pub struct Found {
    /// The smallest records, copies apart.
    shown: BTreeMap<RecordOrder, Vec<Shown>>,
    first: Option<Time>,
    last: Option<Time>,
    level: Option<Level>,
    count: u64,
    attested: u64,
    /// What was said, by the address of what a stretch says,
    said: foldhash::HashMap<*const Judged, (Rc<Judged>, Often)>,
    /// and by its words, where there were too many stretches.
    told: BTreeMap<Said, Often>,
    /// The smallest names of the resources, where the finding is not about one.
    resources: BTreeSet<String>,
    /// Whether the finding is counted and not listed, so that one record is enough.
    brief: bool,
}

impl Found {
    /// Nothing yet; `brief` if the finding is counted and not listed. A key may have thousands of
    /// such uses, and an organisation a hundred thousand keys.
    pub fn new(brief: bool) -> Found {
        Found { brief, ..Found::default() }
    }

    /// Whether a record of this time may be one of those that are shown.
    pub fn wants(&self, time: i64) -> bool {
        if self.brief {
            return self.shown.is_empty();
        }
        let last = self.shown.last_key_value().map(|((last, ..), _)| *last);
        self.shown.len() < SHOWN || last.is_some_and(|last| time <= last)
    }

    /// Counts records: when the first was and the last, how many there are, copies not counted, and whether a
    /// service attests them.
    pub fn count(
        &mut self,
        judged: &Rc<Judged>,
        (first, last): (i64, i64),
        count: u64,
        attested: bool,
    ) {
        let (time, last) = (Time(first), Time(last));
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = self.last.max(Some(last));
        self.level = self.level.max(Some(judged.level));
        if count == 0 {
            return;
        }
        self.count += count;
        self.attested += if attested { count } else { 0 };
        if self.brief {
            return;
        }
        if self.said.len() >= STRETCHES {
            self.condense();
        }
        let none = || (Rc::clone(judged), Often { uses: 0, first: time, last });
        let (_, often) = self.said.entry(Rc::as_ptr(judged)).or_insert_with(none);
        often.uses += count;
        often.first = often.first.min(time);
        often.last = often.last.max(last);
    }

    /// Takes together what is said in the same words: whoever calls may make up as many resources, each
    /// with stretches of its own, as they like.
    fn condense(&mut self) {
        for (judged, often) in std::mem::take(&mut self.said).into_values() {
            judged.said.iter().for_each(|said| say(&mut self.told, said, often));
        }
    }

    /// Shows a record, if it is one of the smallest.
    pub fn show(&mut self, order: RecordOrder, shown: Shown) {
        self.shown.entry(order).or_default().push(shown);
        if self.shown.len() > SHOWN {
            self.shown.pop_last();
        }
    }

    /// Names the resource.
    pub fn about(&mut self, resource: Option<&str>) {
        let Some(resource) = resource.filter(|_| !self.brief) else { return };
        let is_full = self.resources.len() >= SHOWN;
        if (is_full && self.resources.last().is_some_and(|last| resource > last.as_str()))
            || self.resources.contains(resource)
        {
            return;
        }
        self.resources.insert(resource.to_owned());
        if self.resources.len() > SHOWN {
            self.resources.pop_last();
        }
    }

    /// What is left when all records of it are known, which make one group.
    fn settled(mut self, group: Option<Group>, sessions: Vec<TextAt>) -> Settled {
        self.condense();
        let mut settled = Settled {
            group,
            sessions,
            count: self.count,
            attested: self.attested,
            // There may be a million of them, and a tree has room for eleven entries as soon as it
            // has one.
            said: self.told.into_iter().collect(),
            resources: self.resources.into_iter().collect(),
        };
        if let Some(group) = &mut settled.group {
            group.level = group.level.max(self.level.unwrap_or(group.level));
            group.first = self.first;
            group.last = self.last;
            // Of all of them, not only of those that are shown.
            group.claimed |= self.attested < self.count;
        }
        settled
    }

    /// The same of a record that is no plain use.
    pub fn settle(mut self, level: Level) -> Settled {
        let shown = std::mem::take(&mut self.shown).into_values().flatten();
        let groups = shown.filter_map(|shown| match shown {
            Shown::Ready(group) => Some(*group),
            Shown::Use(_) => None,
        });
        let group = groups.reduce(|mut all, group| {
            all.merge(group);
            all
        });
        self.level = self.level.max(Some(level));
        self.settled(group, Vec::new())
    }

    /// The same of uses, and what makes them one finding.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn settle_uses(
        mut self,
        (short, scope): (&Short, Scope),
        context: &Context<'_>,
        desk: &mut Desk<'_>,
    ) -> io::Result<Option<(GroupKey, Settled)>> {
        let (mut group, mut sessions, mut key): (Option<Group>, _, _) = (None, Vec::new(), None);
        let [with_principal, with_key, _] = scope.shown();
        for ((_, id, ..), copies) in std::mem::take(&mut self.shown) {
            for shown in copies {
                let Shown::Use(shown) = shown else { continue };
                let (row, (of_key, resource)) = *shown;
                let level = self.level.unwrap_or(Level::Low);
                let of_row = (id.text(), level);
                let mut one =
                    group_of_use(context, &mut desk.lookup, &row, of_row, BTreeMap::new())?;
                one.earliest.1.key = Some(of_key.clone());
                one.earliest.1.resource = resource.clone();
                one.fresh = !row.is(flag::RECALLED);
                if key.is_none() {
                    let call = desk.lookup.call(row.call)?;
                    let who = desk.lookup.who(row.who)?;
                    key = Some(GroupKey {
                        account: call.entry.account.clone(),
                        region: call.entry.region.clone(),
                        principal: who
                            .entry
                            .principal
                            .identity()
                            .filter(|_| with_principal)
                            .map(Cow::into_owned),
                        key: Some(of_key.arn).filter(|_| with_key),
                        resource: short.resource.clone(),
                        ..GroupKey::of_rule(short.rule)
                    });
                }
                sessions.push(row.text);
                match &mut group {
                    Some(all) => all.merge(one),
                    None => group = Some(one),
                }
            }
        }
        Ok(key.map(|key| (key, self.settled(group, sessions))))
    }
}

/// What was found of one kind, as it is put together over keys and threads.
#[derive(Debug)]
pub struct Settled {
    group: Option<Group>,
    sessions: Vec<TextAt>,
    count: u64,
    attested: u64,
    said: Box<[(Said, Often)]>,
    resources: Box<[String]>,
}

/// Adds what was said.
fn say(all: &mut BTreeMap<Said, Often>, said: &Said, often: Often) {
    if let Some(known) = all.get_mut(said) {
        known.uses += often.uses;
        known.first = known.first.min(often.first);
        known.last = known.last.max(often.last);
    } else {
        all.insert(said.clone(), often);
    }
}

impl Settled {
    fn merge(&mut self, other: Settled) {
        match (&mut self.group, other.group) {
            (Some(group), Some(more)) => group.merge(more),
            (None, more) => self.group = more,
            (Some(_), None) => {}
        }
        self.sessions.extend(other.sessions);
        self.count += other.count;
        self.attested += other.attested;
        let both = std::mem::take(&mut self.resources).into_iter().chain(other.resources);
        let both: BTreeSet<String> = both.collect();
        self.resources = both.into_iter().take(SHOWN).collect();
        let mut said: BTreeMap<Said, Often> = std::mem::take(&mut self.said).into_iter().collect();
        other.said.iter().for_each(|(one, often)| say(&mut said, one, *often));
        self.said = said.into_iter().collect();
    }

    /// What there is to judge, the most used first. The group has the highest level of its uses.
    fn pairs(&self, highest: Level) -> Pairs<'_> {
        let mut said: Vec<(&Said, Often)> =
            self.said.iter().map(|(said, often)| (said, *often)).collect();
        said.sort_by(|(a, x), (b, y)| y.uses.cmp(&x.uses).then_with(|| a.cmp(b)));
        Pairs { said, attested: self.attested, resources: &self.resources, highest }
    }
}

/// Why a tag is not known, of the key or of the resource.
pub fn reason(key: bool, why: Why) -> Reason {
    match (key, why) {
        (true, Why::NotSeen) => "key tags not seen",
        (true, Why::NotTold) => "key tags not told by the record",
        (true, Why::SameSecond) => "key tags changed in the same second",
        (true, Why::Contradicted) => "key tags contradicted",
        (true, Why::TwoTags) => "key has two tags of one meaning",
        (true, Why::NoRoom) => "key has more tag changes than fit in memory",
        (false, Why::NotSeen) => "resource tags not seen",
        (false, Why::NotTold) => "resource tags not told by the record",
        (false, Why::SameSecond) => "resource tags changed in the same second",
        (false, Why::Contradicted) => "resource tags contradicted",
        (false, Why::TwoTags) => "resource has two tags of one meaning",
        (false, Why::NoRoom) => "resource has more tag changes than fit in memory",
    }
}

/// Counts the uses of a stretch.
pub fn count(coverage: &mut TagCoverage, tags: &[GovernedTag], judged: &Judged) {
    let uses = judged.count.get();
    if uses == 0 {
        return;
    }
    coverage.uses += uses;
    for (tag, verdict) in tags.iter().zip(&judged.verdicts) {
        if !coverage.by_tag.contains_key(&tag.name) {
            coverage.by_tag.insert(tag.name.clone(), TagCount::default());
        }
        let Some(of) = coverage.by_tag.get_mut(&tag.name) else { continue };
        *match verdict {
            Verdict::Agree => &mut of.agreeing,
            Verdict::Neither => &mut of.untagged,
            Verdict::Mismatch => &mut of.mismatched,
            Verdict::KeyLacks | Verdict::ResourceLacks => &mut of.one_sided,
            Verdict::KeyUnknown(_) | Verdict::ResourceUnknown(_) => &mut of.unknown,
        } += uses;
    }
    match (judged.disagreement, judged.reason) {
        (Some(Disagreement::Mismatch), _) => coverage.mismatched += uses,
        (Some(Disagreement::OneSided), _) => coverage.one_sided += uses,
        // One tag that is not known does not hide that others agree.
        _ if judged.verdicts.contains(&Verdict::Agree) => coverage.agreeing += uses,
        (_, Some(reason)) => *coverage.unknown.entry(reason).or_default() += uses,
        _ => coverage.untagged += uses,
    }
}

/// The group of a pair's uses.
pub fn key_of(rule: &PairRule<'_>, about: &About, pair: &Pair) -> GroupKey {
    let [with_principal, with_key, with_resource] = rule.scope.shown();
    let resource = pair.resource.as_ref().map(|resource| resource.arn.clone());
    GroupKey {
        account: about.account.clone(),
        region: about.region.clone(),
        principal: about.principal.identity().filter(|_| with_principal).map(Cow::into_owned),
        key: Some(pair.key.arn.clone()).filter(|_| with_key),
        resource: resource.filter(|_| with_resource),
        ..GroupKey::of_rule(rule.over.about)
    }
}

/// What was found, by group and by whether earlier runs have judged all of it.
pub type Founds = foldhash::HashMap<(GroupKey, bool), Settled>;

/// Adds what was found of a group.
pub fn add(founds: &mut Founds, key: (GroupKey, bool), settled: Settled) {
    match founds.entry(key) {
        Entry::Occupied(mut entry) => entry.get_mut().merge(settled),
        Entry::Vacant(entry) => drop(entry.insert(settled)),
    }
}

/// Adds what was found elsewhere.
pub fn merge(founds: &mut Founds, other: Founds) {
    other.into_iter().for_each(|(key, settled)| add(founds, key, settled));
}

/// Hands on the findings, as the rules judge what was found for them. What earlier runs have judged
/// counts only where there is nothing new.
///
/// # Errors
/// What `take` says.
pub fn findings(
    context: &Context<'_>,
    all: Founds,
    take: impl FnMut(evidence::Found) -> io::Result<()>,
) -> io::Result<()> {
    let (old, mut all): (Founds, Founds) = all.into_iter().partition(|((_, old), _)| *old);
    for ((key, _), found) in old {
        all.entry((key, false)).or_insert(found);
    }
    let rules = PairRule::all(context.plan);
    // One by one: what was found is let go as soon as it is judged.
    let finding = |((key, _), mut found): ((GroupKey, bool), Settled)| {
        let rule = rules.iter().find(|rule| rule.over.about == key.rule)?;
        let mut group = found.group.take()?;
        let pairs = found.pairs(group.level);
        let told = rule.over.judge(&context.plan.estate, Piece::Pairs(&pairs))?;
        group.level = told.level;
        group.earliest.1.details = told.texts();
        group.earliest.1.blank(rule.scope.shown());
        let (mut named, mut sessions) = (found.sessions.first().copied(), found.sessions);
        if !rule.scope.shown()[0] {
            group.sessions.clear();
            sessions.clear();
            named = None;
        }
        let values = Default::default();
        Some(evidence::Found { key, group, count: found.count, named, sessions, values })
    };
    all.into_iter().filter_map(finding).try_for_each(take)
}
