//! All uses, each kind as a stream in the order of time, against the stretches in which no tag of
//! its key and its resource changed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;

use super::finding::{Found, Founds, Kind, Said, Seen};
use super::ledger::{Courses, Ledger, Reason, TOO_MANY};
use super::settled;
use super::used::{NO_ID, Used, UsedText, uuid_text};
use super::{Tagging, finding};
use crate::detect::stateful::About;
use crate::engine::group::{EventKept, Group, GroupKey, Match, SHOWN, Snapshot};
use crate::engine::names::Names;
use crate::engine::notes::NOWHERE;
use crate::engine::sorted::Rows;
use crate::engine::spool::Spool;
use crate::engine::worker::Shared;
use crate::model::estate::{GovernedTag, Patterns};
use crate::model::level::Level;
use crate::model::origin::Origin;
use crate::model::outcome::{TagCount, TagCoverage};
use crate::model::time::Time;
use crate::tags::change::{Evidence, Source};
use crate::tags::compare::{Verdict, allowed, compare, told};
use crate::tags::timeline::{Course, State};
use crate::tags::uses::Pair;

/// What comparing gives.
pub(in crate::engine) struct Compared {
    /// Findings, and how many records each rests on.
    pub findings: Vec<(GroupKey, Group, u64)>,
    /// How much could be judged.
    pub coverage: TagCoverage,
    /// Changes of a key's tags without which a use soon after would have been a mismatch: the key
    /// and the time of the change.
    pub evasions: BTreeSet<(String, Time)>,
}

/// How soon a use must follow a change of its key's tags to have to do with it, in microseconds.
const SOON: i64 = 3_600_000_000;

/// Compares everything.
///
/// # Errors
/// When a temporary file cannot be read back.
pub(in crate::engine) fn conclude<'a>(
    shared: &'a Shared<'_>,
    tagging: Tagging,
    last: Time,
) -> io::Result<(Compared, Ledger<'a>)> {
    let Tagging { book, rows, spools, aliases } = tagging;
    let mut ledger = Ledger::new(&shared.plan.estate, book);
    let mut desk = Desk {
        ledger: &mut ledger,
        texts: Texts { spools, names: &shared.names },
        coverage: TagCoverage::default(),
        found: HashMap::new(),
        evasions: BTreeSet::new(),
    };
    desk.all(rows.read()?)?;
    let Desk { found, mut coverage, evasions, .. } = desk;
    let mut findings = finding::findings(shared, found);
    findings.extend(settled::aliases(shared, &mut ledger, aliases, last));
    findings.extend(settled::classes(shared, &mut ledger, last));
    coverage.resources = ledger.book.arns().len() as u64;
    coverage.unplaced = ledger.book.unplaced;
    Ok((Compared { findings, coverage, evasions }, ledger))
}

struct Desk<'a, 'b> {
    ledger: &'a mut Ledger<'b>,
    texts: Texts<'a>,
    coverage: TagCoverage,
    found: Founds,
    evasions: BTreeSet<(String, Time)>,
}

/// The texts behind uses.
struct Texts<'a> {
    spools: Vec<(u32, Spool)>,
    names: &'a Names,
}

/// A key and a resource of the use at hand.
struct Side {
    pair: Pair,
    /// The courses of both, or why there are none.
    courses: Result<(Courses, Courses), Reason>,
    /// What the key may be used for beside its own values.
    allowed: Vec<Option<Patterns>>,
    /// The verdicts by the stretches in which both lie.
    known: HashMap<(usize, usize), Judged>,
    /// What was found for this use, by kind, and whether an earlier run has judged it.
    found: BTreeMap<(Kind, bool), Found>,
    /// When the key's tags were changed so that a use soon after was no mismatch.
    evasions: BTreeSet<Time>,
}

/// What is said of a stretch.
#[derive(Clone)]
struct Judged {
    verdicts: Vec<Verdict>,
    kind: Option<Kind>,
    said: Vec<Said>,
    level: Level,
    reason: Option<Reason>,
    /// Changes of the key's tags before which this was a mismatch.
    changed: Vec<Time>,
}

impl Desk<'_, '_> {
    /// All uses, one kind after the other.
    fn all(&mut self, mut rows: Rows<Used>) -> io::Result<()> {
        let mut next = rows.next()?;
        while let Some(first) = next {
            let text = self.texts.used(&first)?;
            let mut sides: Vec<Side> = text.pairs.into_iter().map(|pair| self.side(pair)).collect();
            let mut last: Option<Used> = None;
            while let Some(row) = next.filter(|row| row.hash == first.hash) {
                let copy = last.is_some_and(|last| row.is_copy_of(&last));
                for side in &mut sides {
                    side.take(&row, copy, self.ledger, &mut self.coverage, &mut self.texts)?;
                }
                last = Some(row);
                next = rows.next()?;
            }
            for mut side in sides {
                let changed = std::mem::take(&mut side.evasions).into_iter();
                let key = &side.pair.key.arn;
                self.evasions.extend(changed.map(|time| (key.clone(), time)));
                self.close(side, &text.about);
            }
        }
        Ok(())
    }

    fn side(&mut self, pair: Pair) -> Side {
        let courses = self.courses(&pair);
        let estate = self.ledger.estate;
        let allowed = estate
            .governed_tags
            .iter()
            .map(|tag| allowed(estate, tag, &pair.key.arn, pair.key.alias.as_deref()).cloned());
        let allowed = allowed.collect();
        Side {
            pair,
            courses,
            allowed,
            known: HashMap::new(),
            found: BTreeMap::new(),
            evasions: BTreeSet::new(),
        }
    }

    fn courses(&mut self, pair: &Pair) -> Result<(Courses, Courses), Reason> {
        let Some(resource) = &pair.resource else {
            return Err(if pair.unmapped { "context not mapped" } else { "no resource named" });
        };
        let key = self.ledger.key(&pair.key)?;
        let resource = self.ledger.resource(&resource.arn)?;
        let key = self.ledger.courses(&key).ok_or(TOO_MANY)?;
        Ok((key, self.ledger.courses(&resource).ok_or(TOO_MANY)?))
    }

    /// Adds what was found of one use to that of the others of the same group.
    fn close(&mut self, side: Side, about: &About) {
        for ((kind, recalled), mut found) in side.found {
            found.about(side.pair.resource.as_ref().map(|resource| resource.arn.as_str()));
            let key = (finding::key_of(kind, about, &side.pair), recalled);
            match self.found.entry(key) {
                std::collections::hash_map::Entry::Occupied(mut entry) => {
                    entry.get_mut().merge(found);
                }
                std::collections::hash_map::Entry::Vacant(entry) => {
                    entry.insert(found);
                }
            }
        }
    }
}

impl Side {
    /// Takes in a record.
    fn take(
        &mut self,
        row: &Used,
        copy: bool,
        ledger: &Ledger<'_>,
        coverage: &mut TagCoverage,
        texts: &mut Texts<'_>,
    ) -> io::Result<()> {
        let counts = !copy && !row.recalled;
        coverage.uses += u64::from(counts);
        let time = Time(row.time);
        let stretches = match &self.courses {
            Err(reason) => {
                *coverage.unknown.entry(reason).or_default() += u64::from(counts);
                return Ok(());
            }
            // All courses of one timeline have the same stretches.
            Ok((key, resource)) => (
                key.first().map_or(0, |course| course.stretch(time)),
                resource.first().map_or(0, |course| course.stretch(time)),
            ),
        };
        if !self.known.contains_key(&stretches) {
            let judged = self.judge(stretches, ledger);
            self.known.insert(stretches, judged);
        }
        let Some(judged) = self.known.get(&stretches) else { return Ok(()) };
        if counts {
            count(coverage, ledger, judged);
        }
        let soon = |changed: &&Time| (0..=SOON).contains(&row.time.saturating_sub(changed.0));
        self.evasions.extend(judged.changed.iter().filter(soon));
        let Some(kind) = judged.kind else { return Ok(()) };
        let kind = (kind, row.recalled);
        let event = match self.found.get(&kind) {
            Some(found) if !found.wants(row.time) => None,
            _ => Some(texts.group(row, &self.pair, judged.level)?),
        };
        let seen = Seen { time, copy, attested: self.pair.attested };
        self.found.entry(kind).or_default().take(seen, judged.level, &judged.said, event);
        Ok(())
    }

    fn judge(&self, (key, resource): (usize, usize), ledger: &Ledger<'_>) -> Judged {
        let tags = &ledger.estate.governed_tags;
        let mut judged = Judged {
            verdicts: Vec::new(),
            kind: None,
            said: Vec::new(),
            level: Level::Low,
            reason: None,
            changed: Vec::new(),
        };
        let Ok((keys, resources)) = &self.courses else { return judged };
        let states = keys.iter().zip(resources.iter());
        let states = states.map(|(k, r)| (k.state(key), r.state(resource)));
        let all: Vec<_> = tags.iter().zip(states).zip(&self.allowed).collect();
        for ((tag, (key, resource)), allowed) in &all {
            judged.verdicts.push(compare(tag, key, resource, allowed.as_ref()));
        }
        for (((tag, (now, resource)), allowed), course) in all.iter().zip(keys.iter()) {
            judged.changed.extend(evasion(tag, (now, course), resource, allowed.as_ref()));
        }
        let any = |test: fn(&Verdict) -> bool| judged.verdicts.iter().any(test);
        let is_mismatch = |verdict: &Verdict| *verdict == Verdict::Mismatch;
        let is_one_sided =
            |verdict: &Verdict| matches!(verdict, Verdict::KeyLacks | Verdict::ResourceLacks);
        let is_resource_unknown =
            |verdict: &Verdict| matches!(verdict, Verdict::ResourceUnknown(_));
        judged.reason = judged.verdicts.iter().find_map(|verdict| match verdict {
            Verdict::ResourceUnknown(why) => Some(finding::reason(false, *why)),
            _ => None,
        });
        judged.reason = judged.reason.or_else(|| {
            judged.verdicts.iter().find_map(|verdict| match verdict {
                Verdict::KeyUnknown(why) => Some(finding::reason(true, *why)),
                _ => None,
            })
        });
        judged.kind = match () {
            () if any(is_mismatch) => Some(Kind::Mismatch),
            () if any(is_one_sided) => Some(Kind::OneSided),
            () if any(is_resource_unknown) => Some(Kind::Unknown),
            () => None,
        };
        for (((tag, (key, resource)), _), verdict) in all.iter().zip(&judged.verdicts) {
            let fits = match judged.kind {
                Some(Kind::Mismatch) => is_mismatch(verdict),
                Some(Kind::OneSided) => is_one_sided(verdict),
                Some(Kind::Unknown) => is_resource_unknown(verdict),
                None => false,
            };
            if fits {
                judged.said.push(Said::new(tag, key, resource, *verdict));
            }
        }
        if let Some(Kind::Mismatch) = judged.kind {
            let levels = judged.verdicts.iter().zip(tags).filter(|(v, _)| is_mismatch(v));
            judged.level = levels.map(|(_, tag)| tag.level).max().unwrap_or(Level::High);
        }
        judged
    }
}

/// When a key's tag was changed, if this was a mismatch before and is none now.
fn evasion(
    tag: &GovernedTag,
    (now, course): (&State, &Course),
    resource: &State,
    allowed: Option<&Patterns>,
) -> Option<Time> {
    let by = told(now).1?;
    let is_mismatch = |key: &State| compare(tag, key, resource, allowed) == Verdict::Mismatch;
    (is_mismatch(before(course, by)?) && !is_mismatch(now)).then_some(by.time)
}

/// What a tag was before a record changed it.
fn before<'c>(course: &'c Course, by: &Evidence) -> Option<&'c State> {
    let stretch = course.stretch(by.time).checked_sub(1)?;
    matches!(by.source, Source::Record { .. }).then(|| course.state(stretch))
}

/// Counts one use.
fn count(coverage: &mut TagCoverage, ledger: &Ledger<'_>, judged: &Judged) {
    for (tag, verdict) in ledger.estate.governed_tags.iter().zip(&judged.verdicts) {
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
        } += 1;
    }
    match (judged.kind, judged.reason) {
        (Some(Kind::Mismatch), _) => coverage.mismatched += 1,
        (Some(Kind::OneSided), _) => coverage.one_sided += 1,
        (_, Some(reason)) => *coverage.unknown.entry(reason).or_default() += 1,
        _ if judged.verdicts.contains(&Verdict::Agree) => coverage.agreeing += 1,
        _ => coverage.untagged += 1,
    }
}

impl Texts<'_> {
    fn text(&mut self, number: u32, place: u64) -> io::Result<String> {
        let spool = self.spools.iter_mut().find(|(known, _)| *known == number);
        let (_, spool) = spool.ok_or(io::ErrorKind::NotFound)?;
        spool.get(place)
    }

    fn used(&mut self, row: &Used) -> io::Result<UsedText> {
        Ok(serde_json::from_str(&self.text(row.spool, row.about)?)?)
    }

    /// A group of one record.
    fn group(&mut self, row: &Used, pair: &Pair, level: Level) -> io::Result<Group> {
        let UsedText { about, name, .. } = self.used(row)?;
        let id = match row.text {
            NOWHERE => Some(uuid_text(row.id)),
            NO_ID => None,
            place => Some(self.text(row.spool, place)?),
        };
        let blob = self.names.get(row.place.0).unwrap_or_else(|_| "?".into());
        let origin = Origin::record(blob, row.place.1);
        let event = EventKept {
            order: (false, Some(Time(row.time)), id),
            name,
            place: (row.text == NO_ID).then(|| origin.clone()),
            content: row.content,
        };
        let snapshot = Snapshot {
            principal: about.principal,
            source_ip: about.source_ip,
            user_agent: about.user_agent,
            key: Some(pair.key.clone()),
            resource: pair.resource.clone(),
            details: BTreeMap::new(),
        };
        let fresh = !row.recalled;
        Ok(Group::new(Match { level, event, origin, shared: None, snapshot, fresh }))
    }
}

/// Whether a group of so many events takes one of this time.
pub fn wants(group: &Group, time: i64) -> bool {
    let last = group.events.last_key_value().and_then(|(event, _)| event.order.1);
    group.events.len() < SHOWN || last.is_some_and(|last| time <= last.0)
}
