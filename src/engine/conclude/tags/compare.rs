//! All uses against the stretches in which no governed tag of their key and their resource changed.
//!
//! What a stretch says is judged once and counted for each use in it. What must stay true: the order
//! of uses decides nothing, copies count once, and what cannot be judged is counted by its reason.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io;
use std::rc::Rc;

use foldhash::{HashMap, HashMapExt};

use super::finding::{self, Found, Founds, Judged, PairRule, Short, Shown};
use super::ledger::{Courses, Ledger, Reason};
use crate::detect::stateful::About;
use crate::detect::whole_log::tags::{SOON, Said};
use crate::engine::conclude::lookup::Named;
use crate::engine::conclude::stateful::decide::{Bench, Desk};
use crate::engine::conclude::stateful::evidence::{EventId, RecordEvent};
use crate::engine::partial::key_use::{Call, KeyUse, Purpose, Who, flag};
use crate::engine::store::dictionary::{BySym, NONE, Sym};
use crate::engine::store::texts::TextAt;
use crate::model::arn::Arn;
use crate::model::estate::GovernedTag;
use crate::model::level::Level;
use crate::model::outcome::TagCoverage;
use crate::model::pattern::Patterns;
use crate::model::time::Time;
use crate::record::kms::Actor;
use crate::tags::change::{Evidence, Source};
use crate::tags::compare::{Disagreement, Verdict, allowed, compare, told};
use crate::tags::timeline::{Course, State};
use crate::tags::uses::{self, Pair};

/// Sides of one key that are kept at hand: whoever calls may make up as many resources as they like.
const SIDES: usize = 1 << 13;

/// What comparing gives.
#[derive(Default)]
pub struct Compared {
    /// What was found, by group.
    pub founds: Founds,
    /// How much could be judged.
    pub coverage: TagCoverage,
    /// Changes of a key's tags without which a use soon after would have been a mismatch: the key
    /// and the time of the change.
    pub evasions: BTreeSet<(String, Time)>,
}

impl Compared {
    /// Adds what was compared elsewhere.
    pub fn merge(&mut self, other: Compared) {
        finding::merge(&mut self.founds, other.founds);
        self.coverage.merge(other.coverage);
        self.evasions.extend(other.evasions);
    }
}

/// A key and a resource.
struct Side {
    pair: Pair,
    /// Whether only the encryption context says something of the thing that is encrypted.
    declared: bool,
    /// The courses of both, or why there are none.
    courses: Result<(Rc<Courses>, Rc<Courses>), Reason>,
    /// What the key may be used for beside its own values.
    allowed: Vec<Option<Patterns>>,
    /// What is said of the stretches in which both lie.
    known: RefCell<HashMap<(usize, usize), Rc<Judged>>>,
    /// How many uses could not be judged at all.
    unjudged: Cell<u64>,
}

/// A record that names a key and what that is for. Ordered so that copies are neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PairRecord {
    pub identity: [u64; 2],
    pub content: u64,
    pub at: TextAt,
}

/// A record as it is compared.
struct One {
    time: i64,
    copy: bool,
    recalled: bool,
}

/// Compares, key by key.
pub struct Comparing<'a> {
    bench: &'a Bench<'a>,
    ledger: Ledger<'a>,
    all: Compared,
    /// The sides of the key at hand, by what it is used on.
    sides: BySym<Rc<Vec<Side>>>,
    /// What was found of the key at hand.
    found: HashMap<Short, Found>,
    /// The rules that look at pairs.
    rules: Vec<PairRule<'a>>,
    /// Who did what for which purpose in the last row, and what follows from that.
    last: Option<([Sym; 3], Rc<Compare>)>,
}

/// What follows from the names in the row of a use.
struct Compare {
    call: Rc<Named<Call>>,
    who: Rc<Named<Who>>,
    purpose: Rc<Named<Purpose>>,
    sides: Rc<Vec<Side>>,
}

impl<'a> Comparing<'a> {
    pub fn new(bench: &'a Bench<'a>, ledger: Ledger<'a>) -> Comparing<'a> {
        Comparing {
            bench,
            ledger,
            all: Compared::default(),
            sides: BySym::default(),
            found: HashMap::new(),
            rules: PairRule::all(bench.context.plan),
            last: None,
        }
    }

    /// Takes in the row of a use.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn take(&mut self, row: &KeyUse, copy: bool, desk: &mut Desk<'_>) -> io::Result<()> {
        let judged = row.is(flag::REPORTED) || row.is(flag::RECALLED);
        if !judged || row.is(flag::PROBE) || row.is(flag::SEVERAL_KEYS) || row.key == NONE {
            return Ok(());
        }
        let names = [row.call, row.who, row.purpose];
        let compare = match &self.last {
            Some((last, compare)) if *last == names => Rc::clone(compare),
            _ => Rc::new(self.compare(row, desk)?),
        };
        self.last = Some((names, Rc::clone(&compare)));
        let Compare { call, who, purpose, sides } = &*compare;
        let one = One { time: row.time, copy, recalled: row.is(flag::RECALLED) };
        for side in sides.iter() {
            let Some((disagreement, judged)) = self.judge(side, &one) else { continue };
            let is_wanted = |rule: &&PairRule<'_>| rule.disagreement == disagreement;
            for rule in self.rules.iter().filter(is_wanted) {
                let [with_principal, _, with_resource] = rule.scope.shown();
                let resource = side.pair.resource.as_ref().map(|resource| resource.arn.as_str());
                let short = Short {
                    rule: rule.over.about,
                    recalled: one.recalled,
                    call: (call.first, call.second),
                    principal: if with_principal { who.first } else { NONE },
                    resource: resource.filter(|_| with_resource).map(str::to_owned),
                    purpose: match with_resource {
                        true => purpose.first,
                        false => NONE,
                    },
                };
                let found = self.found.entry(short).or_insert_with(|| Found::new(rule.brief));
                found.count_one(&judged, (one.time, copy, side.pair.attested));
                found.about(resource);
                if found.wants(one.time) {
                    let id = desk.event_id(row)?;
                    let pair = (side.pair.key.clone(), side.pair.resource.clone());
                    let origin = (id == EventId::None).then(|| desk.origin(row.place()));
                    let order = (row.time, id, origin, row.content);
                    found.show(order, Shown::Use(Box::new((*row, pair))));
                }
            }
        }
        Ok(())
    }

    fn compare(&mut self, row: &KeyUse, desk: &mut Desk<'_>) -> io::Result<Compare> {
        let call = desk.lookup.call(row.call)?;
        let who = desk.lookup.who(row.who)?;
        let attested = matches!(who.entry.actor, Actor::Service | Actor::Via);
        let known_by = row.purpose.rotate_left(1) ^ u64::from(attested);
        let sides = match call.entry.attempt {
            // A key that was refused protects nothing.
            true => Rc::default(),
            false => self.sides(row, known_by, attested, desk)?,
        };
        Ok(Compare { call, who, purpose: desk.lookup.purpose(row.purpose)?, sides })
    }

    /// The sides of a use.
    fn sides(
        &mut self,
        row: &KeyUse,
        known_by: u64,
        attested: bool,
        desk: &mut Desk<'_>,
    ) -> io::Result<Rc<Vec<Side>>> {
        if let Some(sides) = self.sides.get(&known_by) {
            return Ok(Rc::clone(sides));
        }
        let target = desk.lookup.target(row)?;
        let Some(key) = &target.key else { return Ok(Rc::new(Vec::new())) };
        let mut pairs: Vec<Pair> = [&target.resource, &target.beside]
            .into_iter()
            .flatten()
            .map(|resource| Pair {
                key: key.clone(),
                resource: Some(resource.clone()),
                unmapped: false,
                attested,
            })
            .collect();
        if pairs.is_empty() {
            let unmapped = target.has_context;
            pairs.push(Pair { key: key.clone(), resource: None, unmapped, attested });
        }
        if self.sides.len() >= SIDES {
            self.close_sides();
        }
        let sides = pairs.into_iter().map(|pair| self.side(pair, &target.declared));
        let sides = Rc::new(sides.collect::<Vec<_>>());
        self.sides.insert(known_by, Rc::clone(&sides));
        Ok(sides)
    }

    /// Takes in the records that name a key and what that is for and are no plain use.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn take_records(&mut self, all: &[PairRecord], desk: &mut Desk<'_>) -> io::Result<()> {
        let mut before: Option<&PairRecord> = None;
        for pair in all {
            self.bench.context.go_on()?;
            let same = |other: &PairRecord| {
                (other.identity, other.content) == (pair.identity, pair.content)
            };
            let copy = before.is_some_and(same);
            let (record, recalled) = desk.pairs(pair.at, uses::of)?;
            for pair in record.pairs {
                let side = self.side(pair, &[]);
                let one = One { time: record.time, copy, recalled };
                if let Some((disagreement, judged)) = self.judge(&side, &one) {
                    let of = (&one, disagreement);
                    self.show(&side, &judged, of, &record.about, desk, &record.event);
                }
                self.close(&side);
            }
            before = Some(pair);
        }
        Ok(())
    }

    fn show(
        &mut self,
        side: &Side,
        judged: &Rc<Judged>,
        (one, disagreement): (&One, Disagreement),
        about: &About,
        desk: &Desk<'_>,
        event: &RecordEvent,
    ) {
        for rule in self.rules.iter().filter(|rule| rule.disagreement == disagreement) {
            let mut found = Found::default();
            found.count_one(judged, (one.time, one.copy, side.pair.attested));
            found.about(side.pair.resource.as_ref().map(|resource| resource.arn.as_str()));
            let of_event = (one.time, judged.level, !one.recalled);
            let target = (Some(side.pair.key.clone()), side.pair.resource.clone());
            let origin = desk.origin(event.place);
            let group = event.group(origin.clone(), about, target, of_event);
            found.show(event.order(one.time, origin), Shown::Ready(Box::new(group)));
            let key = (finding::key_of(rule, about, &side.pair), one.recalled);
            finding::add(&mut self.all.founds, key, found.settle(judged.level));
        }
    }

    fn side(&mut self, pair: Pair, declared: &[(String, String)]) -> Side {
        let courses = self.courses(&pair, declared);
        let declared = !declared.is_empty();
        let estate = self.ledger.estate();
        let allowed = estate
            .governed_tags
            .iter()
            .map(|tag| allowed(estate, tag, &pair.key.arn, pair.key.alias.as_deref()).cloned());
        let allowed = allowed.collect();
        Side { pair, declared, courses, allowed, known: RefCell::default(), unjudged: Cell::new(0) }
    }

    fn courses(
        &mut self,
        pair: &Pair,
        declared: &[(String, String)],
    ) -> Result<(Rc<Courses>, Rc<Courses>), Reason> {
        let Some(resource) = &pair.resource else {
            if !declared.is_empty() {
                let key = self.ledger.key(&pair.key)?;
                let said = Courses::declared(self.ledger.estate(), declared);
                return Ok((self.ledger.courses(&key), Rc::new(said)));
            }
            return Err(if pair.unmapped { "context not mapped" } else { "no resource named" });
        };
        let key = self.ledger.key(&pair.key)?;
        let resource = self.ledger.resource(&resource.arn)?;
        Ok((self.ledger.courses(&key), self.ledger.courses(&resource)))
    }

    /// Counts a record of a side, and says what is to be said of it.
    fn judge(&mut self, side: &Side, one: &One) -> Option<(Disagreement, Rc<Judged>)> {
        let counts = u64::from(!one.copy && !one.recalled);
        let time = Time(one.time);
        let Ok((key, resource)) = &side.courses else {
            side.unjudged.set(side.unjudged.get() + counts);
            return None;
        };
        let stretches = (key.start(time), resource.start(time));
        let known = side.known.borrow().get(&stretches).cloned();
        let judged = known.unwrap_or_else(|| {
            let judged = Rc::new(side.judge(stretches, &self.ledger));
            side.known.borrow_mut().insert(stretches, Rc::clone(&judged));
            judged
        });
        judged.count.set(judged.count.get() + counts);
        let soon = |changed: &&Time| (0..=SOON).contains(&one.time.saturating_sub(changed.0));
        for changed in judged.changed.iter().filter(soon) {
            self.all.evasions.insert((side.pair.key.arn.clone(), *changed));
        }
        judged.disagreement.map(|disagreement| (disagreement, judged))
    }

    /// Lets go of all sides; whoever needs one again makes it again, and it counts anew.
    fn close_sides(&mut self) {
        for sides in std::mem::take(&mut self.sides).into_values() {
            sides.iter().for_each(|side| self.close(side));
        }
    }

    /// Adds what was counted of a side to the totals.
    fn close(&mut self, side: &Side) {
        let coverage = &mut self.all.coverage;
        let unjudged = side.unjudged.take();
        coverage.uses += unjudged;
        if let Err(reason) = &side.courses {
            *coverage.unknown.entry(reason).or_default() += unjudged;
        }
        for judged in side.known.borrow().values() {
            finding::count(coverage, &self.ledger.estate().governed_tags, judged);
            judged.count.set(0);
        }
    }

    /// Puts away what was found of the key at hand.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn close_key(&mut self, desk: &mut Desk<'_>) -> io::Result<()> {
        self.last = None;
        self.close_sides();
        for (short, found) in std::mem::take(&mut self.found) {
            let rule = self.rules.iter().find(|rule| rule.over.about == short.rule);
            let Some(PairRule { scope, .. }) = rule else { continue };
            let of = (&short, *scope);
            if let Some((key, settled)) = found.settle_uses(of, self.bench.context, desk)? {
                finding::add(&mut self.all.founds, (key, short.recalled), settled);
            }
        }
        Ok(())
    }

    /// All that was compared, and the ledger for whoever compares next.
    pub fn finish(self) -> (Compared, Ledger<'a>) {
        (self.all, self.ledger)
    }
}

impl Side {
    fn judge(&self, (key, resource): (usize, usize), ledger: &Ledger<'_>) -> Judged {
        let tags = &ledger.estate().governed_tags;
        let mut judged = Judged {
            verdicts: Vec::new(),
            disagreement: None,
            said: Vec::new(),
            level: Level::Low,
            reason: None,
            changed: Vec::new(),
            count: Cell::new(0),
        };
        let Ok((keys, resources)) = &self.courses else { return judged };
        let states = keys.all.iter().zip(&resources.all);
        let states = states.map(|(k, r)| (k.state(key), r.state(resource)));
        let all: Vec<_> = tags.iter().zip(states).zip(&self.allowed).collect();
        for ((tag, (key, resource)), allowed) in &all {
            judged.verdicts.push(compare(tag, key, resource, allowed.as_ref()));
        }
        for (((tag, (now, resource)), allowed), course) in all.iter().zip(&keys.all) {
            judged.changed.extend(evasion(tag, (now, course), resource, allowed.as_ref()));
        }
        judged.reason = judged.verdicts.iter().find_map(|verdict| match verdict {
            // A context says something of some tags only.
            Verdict::ResourceUnknown(_) if self.declared => None,
            Verdict::ResourceUnknown(why) => Some(finding::reason(false, *why)),
            _ => None,
        });
        judged.reason = judged.reason.or_else(|| {
            judged.verdicts.iter().find_map(|verdict| match verdict {
                Verdict::KeyUnknown(why) => Some(finding::reason(true, *why)),
                _ => None,
            })
        });
        let gravest = Disagreement::gravest(&judged.verdicts);
        let unknown = |gravest: &Disagreement| *gravest == Disagreement::Unknown;
        judged.disagreement = gravest.filter(|gravest| !(self.declared && unknown(gravest)));
        for (((tag, (key, resource)), _), verdict) in all.iter().zip(&judged.verdicts) {
            let of_tag = Disagreement::of(*verdict);
            if of_tag.is_some() && of_tag == judged.disagreement {
                judged.said.push(Said::new(tag, key, resource, *verdict));
            }
        }
        let differing = tags.iter().zip(&judged.verdicts);
        let differing = differing.filter(|(_, verdict)| **verdict == Verdict::Mismatch);
        judged.level = differing.map(|(tag, _)| tag.level).max().unwrap_or(judged.level);
        // The caller writes what a context declares.
        if self.declared || is_lent(&self.pair) {
            judged.level = judged.level.min(Level::Low);
        }
        judged
    }
}

/// Whether a key protects what lies in another account. Its owner shares it on purpose, as with the
/// images that a platform team builds for all, so that both have tags of their own.
fn is_lent(pair: &Pair) -> bool {
    let arn = |text| Arn::parse(text).map(|arn| arn.account).filter(|account| !account.is_empty());
    let key = arn(&pair.key.arn).or(pair.key.account.as_deref());
    let resource = pair.resource.as_ref().and_then(|resource| arn(&resource.arn));
    key.zip(resource).is_some_and(|(key, resource)| key != resource)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::{Key, Resource};

    #[test]
    fn a_key_is_lent_where_both_accounts_are_known_and_differ() {
        let is = |resource: Option<&str>| {
            let arn = "arn:aws:kms:eu-central-1:111122223333:key/1a".to_owned();
            let key = Key { arn, account: None, alias: None, tags: Default::default() };
            let resource = resource.map(|arn| Resource {
                arn: arn.to_owned(),
                kind: None,
                tags: Default::default(),
            });
            is_lent(&Pair { key, resource, unmapped: false, attested: true })
        };
        assert!(is(Some("arn:aws:ec2:eu-central-1:444455556666:volume/vol-0a")));
        assert!(!is(Some("arn:aws:ec2:eu-central-1:111122223333:volume/vol-0a")));
        assert!(!is(Some("arn:aws:s3:::example-orders")), "the account of a bucket is not known");
        assert!(!is(Some("db-EXAMPLE")) && !is(None));
    }
}
