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
use super::of_pair::OfPair;
use super::side::{Side, Stretches};
use crate::detect::stateful::About;
use crate::engine::conclude::lookup::Named;
use crate::engine::conclude::stateful::decide::{Bench, Desk};
use crate::engine::conclude::stateful::evidence::{EventId, RecordEvent};
use crate::engine::partial::key_use::{Call, KeyUse, Purpose, Who, flag};
use crate::engine::store::dictionary::{BySym, NONE, Sym};
use crate::engine::store::texts::TextAt;
use crate::model::outcome::TagCoverage;
use crate::model::time::Time;
use crate::record::kms::Actor;
use crate::tags::compare::{Disagreement, allowed};
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
pub struct Compare {
    pub call: Rc<Named<Call>>,
    pub who: Rc<Named<Who>>,
    pub purpose: Rc<Named<Purpose>>,
    pub sides: Rc<Vec<Side>>,
}

impl Compare {
    /// What makes its uses one finding of a rule.
    pub fn short(&self, rule: &PairRule<'_>, side: &Side, recalled: bool) -> Short {
        let [with_principal, _, with_resource] = rule.scope.shown();
        let resource = side.pair.resource.as_ref().map(|resource| resource.arn.as_str());
        Short {
            rule: rule.over.about,
            recalled,
            call: (self.call.first, self.call.second),
            principal: if with_principal { self.who.first } else { NONE },
            resource: resource.filter(|_| with_resource).map(str::to_owned),
            purpose: if with_resource { self.purpose.first } else { NONE },
        }
    }
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

    /// What follows from the names in the row of a use; `None` of a use that is not compared.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn names(&mut self, row: &KeyUse, desk: &mut Desk<'_>) -> io::Result<Option<Rc<Compare>>> {
        let judged = row.is(flag::REPORTED) || row.is(flag::RECALLED);
        if !judged || row.is(flag::PROBE) || row.is(flag::SEVERAL_KEYS) || row.key == NONE {
            return Ok(None);
        }
        let names = [row.call, row.who, row.purpose];
        let compare = match &self.last {
            Some((last, compare)) if *last == names => Rc::clone(compare),
            _ => Rc::new(self.compare(row, desk)?),
        };
        self.last = Some((names, Rc::clone(&compare)));
        Ok(Some(compare))
    }

    /// The stretches of a side in which an instant lies, and what is said of them; `None` of what cannot be
    /// judged.
    pub fn at(&self, side: &Side, time: Time) -> Option<(Stretches, Rc<Judged>)> {
        side.at(time, &self.ledger)
    }

    /// The rules that look at a disagreement.
    pub fn wanting(&self, disagreement: Option<Disagreement>) -> Vec<PairRule<'a>> {
        let wanted = self.rules.iter().filter(|rule| Some(rule.disagreement) == disagreement);
        wanted.copied().collect()
    }

    /// A disagreement, if any rule looks at it.
    fn wanted(&self, disagreement: Option<Disagreement>) -> Option<Disagreement> {
        disagreement
            .filter(|_| self.rules.iter().any(|rule| Some(rule.disagreement) == disagreement))
    }

    /// Takes in the row of a use.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn take(&mut self, row: &KeyUse, copy: bool, desk: &mut Desk<'_>) -> io::Result<()> {
        let Some(compare) = self.names(row, desk)? else { return Ok(()) };
        let left = row.is(flag::LEFT).then(|| OfPair::of(row));
        let says = |number: usize| {
            left.filter(|left| !left.is_open).map(|left| left.said.get(number).copied())
        };
        if let Some(left) = left.filter(|left| left.is_sum) {
            return self.take_sum((row, &left), &compare);
        }
        let copy = left.as_ref().map_or(copy, |left| left.count == 0);
        let one = One { time: row.time, copy, recalled: row.is(flag::RECALLED) };
        for (number, side) in compare.sides.iter().enumerate() {
            let said = self.judge(side, &one);
            let wanted = self.wanted(said.as_ref().map(|(disagreement, _)| *disagreement));
            // If the bucket said something else, findings may show a use that it has summed up.
            if says(number).is_some_and(|said| said != Some(wanted)) {
                self.bench.context.refute(row.key);
            }
            let Some((disagreement, judged)) = said else { continue };
            let is_wanted = |rule: &&PairRule<'_>| rule.disagreement == disagreement;
            for rule in self.rules.iter().filter(is_wanted) {
                let short = compare.short(rule, side, one.recalled);
                let found = self.found.entry(short).or_insert_with(|| Found::new(rule.brief));
                found.count(&judged, (one.time, one.time), u64::from(!copy), side.pair.attested);
                let resource = side.pair.resource.as_ref().map(|resource| resource.arn.as_str());
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

    /// Takes in what a bucket has summed up: uses of one stretch, of which it said the same. Where they are not,
    /// what the bucket has decided does not hold.
    fn take_sum(&mut self, (row, sum): (&KeyUse, &OfPair), compare: &Compare) -> io::Result<()> {
        let mut holds = compare.sides.len() <= OfPair::SIDES;
        for (number, side) in compare.sides.iter().enumerate() {
            let first = self.at(side, Time(row.time));
            let last = self.at(side, Time(sum.last));
            let wanted = self.wanted(first.as_ref().and_then(|(_, judged)| judged.disagreement));
            let stretches = |at: &Option<(Stretches, _)>| at.as_ref().map(|(at, _)| *at);
            let changed =
                |judged: &Judged| judged.changed_soon(row.time, sum.last).next().is_some();
            let changes = first.as_ref().is_some_and(|(_, judged)| changed(judged));
            let same = stretches(&first) == stretches(&last) && !changes;
            holds &= same && sum.said.get(number) == Some(&wanted);
            let Some((_, judged)) = first else {
                side.unjudged.set(side.unjudged.get() + sum.count);
                continue;
            };
            judged.count.set(judged.count.get() + sum.count);
            for rule in self.wanting(wanted) {
                let short = compare.short(&rule, side, false);
                let found = self.found.entry(short).or_insert_with(|| Found::new(rule.brief));
                let times = (row.time, sum.last);
                found.count(&judged, times, sum.count, side.pair.attested);
                found.about(side.pair.resource.as_ref().map(|resource| resource.arn.as_str()));
            }
        }
        if !holds {
            self.bench.context.refute(row.key);
        }
        self.bench.context.go_on()
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
            let count = u64::from(!one.copy);
            found.count(judged, (one.time, one.time), count, side.pair.attested);
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
        let Some((_, judged)) = side.at(time, &self.ledger) else {
            side.unjudged.set(side.unjudged.get() + counts);
            return None;
        };
        judged.count.set(judged.count.get() + counts);
        for changed in judged.changed_soon(one.time, one.time) {
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
