//! What a case tells of its findings, and what later runs get to know of it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::mem::take;
use std::sync::Arc;

use super::link::{BREAK, Linking, Node};
use crate::model::case::{Case, Cases, KnownCase, LISTED, Names};
use crate::model::finding::{EventRef, Finding, Status, number};
use crate::model::level::Level;
use crate::model::memory::{Issued, Memory};
use crate::model::time::Time;
use crate::model::undo::{Effect, Fate};

/// Later runs know so many cases, those that were seen last,
const KNOWN: usize = 1 << 12;
/// for so long after the latest event that any run has seen; 45 days in microseconds, as they know
/// records.
const KNOWN_FOR: i64 = 45 * BREAK;

/// The cases of a report, and what later runs get to know of them.
#[derive(Debug, Default)]
pub struct Made {
    pub cases: Cases,
    /// The place of the case of each finding among all, in the order of the report.
    pub of_findings: Vec<u32>,
    pub known: Vec<KnownCase>,
    /// How many cases they do not get to know, or not all of, since there is no room.
    pub cases_forgotten: u64,
    /// Credentials that later runs may meet, and who made them.
    pub issued: Vec<Issued>,
    /// How many more had no room.
    pub issued_forgotten: u64,
}

impl Made {
    /// Hands on to later runs what they get to know.
    pub fn hand_on(&mut self, memory: Memory) -> Memory {
        Memory {
            cases: take(&mut self.known),
            cases_forgotten: self.cases_forgotten,
            issued: take(&mut self.issued),
            issued_forgotten: self.issued_forgotten,
            ..memory
        }
    }
}

/// Of all cases together they know so many findings, and so many spans.
const KNOWN_FINDINGS: usize = 1 << 16;

/// Cases on their way to a report.
pub struct Gathering<'k> {
    nodes: Vec<Node>,
    linking: Linking,
    earlier: &'k [KnownCase],
    cases: BTreeMap<usize, Gathered>,
}

/// What the findings of a case have told so far.
#[derive(Default)]
struct Gathered {
    first: Option<Finding>,
    earliest: Option<(EventRef, String)>,
    last_seen: Option<Time>,
    tactics: BTreeSet<u8>,
    effect: Option<Effect>,
    /// Whether it is not known of all findings what became of them.
    unknown: bool,
    actors: Listing,
    hit: Listing,
    credentials: Listing,
    source_ips: Listing,
    keys: Listing,
    findings: Vec<String>,
    places: Vec<usize>,
}

/// Names that are told once.
#[derive(Default)]
struct Listing {
    names: Names,
    seen: HashSet<String>,
}

impl Listing {
    fn add(&mut self, name: Option<&str>) {
        let Some(name) = name.filter(|name| !self.seen.contains(*name)) else { return };
        self.seen.insert(name.to_owned());
        self.names.count += 1;
        if self.names.first.len() < LISTED {
            self.names.first.push(name.to_owned());
        }
    }
}

impl Gathered {
    /// Takes in the finding of a place in the report; it may be one of whom a chain `hit`.
    fn take(&mut self, (place, hit): (usize, bool), finding: &Finding) {
        self.last_seen = self.last_seen.max(finding.last_seen);
        // Slight findings, of which automation has many kinds, make no case graver.
        let slight = finding.level < Level::Medium;
        if !slight || self.first.as_ref().is_none_or(|first| first.level < Level::Medium) {
            self.tactics.insert(finding.told.tactic);
        }
        // A chain is about events that other findings tell of.
        self.unknown |= finding.effect.is_none() && !finding.attempt && !finding.told.chain;
        self.effect = match (self.effect.take(), finding.effect.clone()) {
            (Some(one), Some(other)) => Some(one.with(other)),
            (one, other) => one.or(other),
        };
        self.places.push(place);
        self.findings.push(finding.fingerprint.clone());
        let actors = if hit { &mut self.hit } else { &mut self.actors };
        actors.add(finding.principal.identity().as_deref());
        self.keys.add(finding.key.as_ref().map(|key| key.arn.as_str()));
        // A chain shows events of whom it hit too.
        let requests = || finding.events.iter().filter_map(|event| event.request.as_deref());
        let who = requests().find_map(|request| request.principal.identity());
        for request in requests().filter(|request| !hit && request.principal.identity() == who) {
            self.credentials.add(request.access_key.as_deref());
            self.source_ips.add(request.source_ip.as_deref());
        }
        // Without a time it comes last.
        let order = |event: &EventRef| (event.time.is_none(), event.time, event.id.clone());
        if let Some(event) = finding.events.first() {
            let is_earlier = self.earliest.as_ref().is_none_or(|(known, fingerprint)| {
                (order(event), &finding.fingerprint) < (order(known), fingerprint)
            });
            if is_earlier {
                self.earliest = Some((event.clone(), finding.fingerprint.clone()));
            }
        }
        if self.first.is_none() {
            self.first = Some(finding.clone());
        }
    }

    /// The id by which it would be known if no earlier run knows it.
    fn own_id(&self) -> &str {
        let named = self.earliest.as_ref().map(|(_, fingerprint)| fingerprint);
        let id = named.or(self.findings.iter().min()).map_or("", String::as_str);
        id.get(..12).unwrap_or(id)
    }
}

impl<'k> Gathering<'k> {
    /// Of findings, followed by what `earlier` runs know, and how they are linked.
    pub fn new(nodes: Vec<Node>, linking: Linking, earlier: &'k [KnownCase]) -> Gathering<'k> {
        Gathering { nodes, linking, earlier, cases: BTreeMap::new() }
    }

    /// Takes in the finding of a place in the report.
    pub fn take(&mut self, place: usize, finding: &Finding) {
        let Some(case) = self.linking.cases.get(place) else { return };
        let hit = self.linking.moved.contains(&place);
        self.cases.entry(*case).or_default().take((place, hit), finding);
    }

    /// All cases, of a report of so many findings; the latest event of all runs was `last`.
    pub fn finish(mut self, findings: u64, last: Time) -> Made {
        let taken = self.nodes.len() - self.earlier.len();
        let mut known: BTreeMap<usize, BTreeSet<&KnownCase>> = BTreeMap::new();
        for (case, of) in self.linking.cases.iter().skip(taken).zip(self.earlier) {
            known.entry(*case).or_default().insert(of);
        }
        let mut made: Vec<(Case, Vec<usize>)> = Vec::new();
        let mut later: Vec<KnownCase> = Vec::new();
        for (number, gathered) in take(&mut self.cases) {
            let known = known.remove(&number).unwrap_or_default();
            let (case, places) = case(gathered, &known);
            later.push(self.known(&case, &places, &known));
            made.push((case, places));
        }
        // Nothing new was found of these; they may have become one all the same.
        later.extend(known.into_values().flatten().cloned());
        let (known, cases_forgotten) = remembered(later, last, KNOWN);
        made.sort_by_cached_key(|(case, places)| {
            let Case { level, tactics, id, effect, .. } = case;
            let fate = effect.as_ref().map_or(Fate::Open, |effect| effect.fate);
            // Of equals, the one whose first finding comes first in the report.
            let first = (Reverse(*level), Reverse(*tactics), fate);
            (first, places.first().copied(), Arc::clone(id))
        });
        let mut of_findings = vec![0; taken];
        let mut all = Vec::new();
        for ((mut case, places), rank) in made.into_iter().zip(1..) {
            case.rank = rank;
            for place in places {
                of_findings[place] = u32::try_from(rank - 1).unwrap_or(u32::MAX);
            }
            all.push(case);
        }
        let without = findings.saturating_sub(taken as u64);
        let cases = Cases { all, without };
        Made { cases, of_findings, known, cases_forgotten, ..Made::default() }
    }

    /// What later runs get to know of a case.
    fn known(&self, case: &Case, places: &[usize], before: &BTreeSet<&KnownCase>) -> KnownCase {
        let of_findings = places.iter().filter(|place| !self.linking.moved.contains(place));
        let of_findings = of_findings.flat_map(|place| &self.nodes[*place].spans);
        let of_findings =
            of_findings.map(|(actor, first, last)| (*actor, Time(*first), Time(*last)));
        let spans = before.iter().flat_map(|known| known.spans.iter().copied()).chain(of_findings);
        let findings = before.iter().flat_map(|known| known.findings.iter().copied());
        let findings: BTreeSet<[u64; 2]> =
            findings.chain(case.findings.iter().filter_map(|text| number(text))).collect();
        let first = before.iter().map(|known| known.first).chain(case.first_seen).min();
        KnownCase {
            first: first.unwrap_or(Time(0)),
            id: Arc::clone(&case.id),
            spans: joined(spans.collect()),
            findings: findings.into_iter().collect(),
        }
    }
}

/// A case and the places of its findings; `known` are the cases of earlier runs that it goes on with.
fn case(gathered: Gathered, known: &BTreeSet<&KnownCase>) -> (Case, Vec<usize>) {
    let own = gathered.own_id().to_owned();
    let mut ids = known.iter().map(|known| Arc::clone(&known.id));
    let id = ids.next().unwrap_or_else(|| own.into());
    let gravest = gathered.first.as_ref();
    // What earlier runs told of it may still hold.
    let unknown = gathered.unknown || !known.is_empty();
    let effect = gathered.effect.filter(|effect| effect.fate == Fate::Open || !unknown);
    let begun = known.iter().map(|known| known.first);
    let first_seen = gathered.earliest.and_then(|(event, _)| event.time);
    let first_seen = begun.chain(first_seen).min();
    let case = Case {
        merged: ids.filter(|other| *other != id).collect(),
        id,
        title: gravest.map(|finding| finding.told.title.clone()).unwrap_or_default(),
        level: gravest.map_or(Level::Informational, |finding| finding.level),
        rank: 0,
        status: if known.is_empty() { Status::New } else { Status::Ongoing },
        actors: gathered.actors.names,
        hit: gathered.hit.names,
        credentials: gathered.credentials.names,
        source_ips: gathered.source_ips.names,
        keys: gathered.keys.names,
        effect,
        tactics: u32::try_from(gathered.tactics.len()).unwrap_or(u32::MAX),
        first_seen,
        last_seen: gathered.last_seen,
        findings: gathered.findings,
    };
    (case, gathered.places)
}

/// The cases that later runs get to know, `most` of them, and how many have no room for all of them.
/// Those that are too old are over.
fn remembered(mut cases: Vec<KnownCase>, last: Time, most: usize) -> (Vec<KnownCase>, u64) {
    cases.retain(|case| case.last().0 >= last.0.saturating_sub(KNOWN_FOR));
    cases.sort_by(|a, b| (Reverse(a.last()), a).cmp(&(Reverse(b.last()), b)));
    let beyond = cases.len().saturating_sub(most) as u64;
    cases.truncate(most);
    let cut = bound(&mut cases);
    (cases, beyond + cut)
}

/// Keeps so many findings and spans of all cases together, those of the latest cases first: a case that
/// goes on for months must not grow from night to night. How many cases lose some.
fn bound(cases: &mut [KnownCase]) -> u64 {
    let (mut findings, mut spans) = (KNOWN_FINDINGS, KNOWN_FINDINGS);
    let mut cut = 0;
    for case in cases {
        cut += u64::from(case.findings.len() > findings || case.spans.len() > spans);
        case.findings.truncate(findings);
        case.spans.truncate(spans);
        findings -= case.findings.len();
        spans -= case.spans.len();
    }
    cut
}

/// Spans of the same actors put together where no break is between them.
fn joined(mut spans: Vec<(u64, Time, Time)>) -> Vec<(u64, Time, Time)> {
    spans.sort_unstable();
    let mut joined: Vec<(u64, Time, Time)> = Vec::new();
    for (actor, first, last) in spans {
        match joined.last_mut() {
            Some((of, _, end)) if *of == actor && first.0.saturating_sub(end.0) <= BREAK => {
                *end = last.max(*end);
            }
            _ => joined.push((actor, first, last)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_later_runs_know_of_all_cases_is_bounded() {
        let case = |findings: usize, spans: usize| KnownCase {
            first: Time(0),
            id: "0123456789ab".into(),
            spans: vec![(1, Time(0), Time(1)); spans],
            findings: vec![[0, 1]; findings],
        };
        let mut cases = [case(KNOWN_FINDINGS - 1, 3), case(5, KNOWN_FINDINGS), case(2, 1)];
        assert_eq!(bound(&mut cases), 2);
        let lens = cases.map(|case| (case.findings.len(), case.spans.len()));
        assert_eq!(lens, [(KNOWN_FINDINGS - 1, 3), (1, KNOWN_FINDINGS - 3), (0, 0)]);
    }

    #[test]
    fn cases_without_room_are_counted_and_those_that_are_over_are_not() {
        let case = |day: i64| KnownCase {
            first: Time(0),
            id: format!("{day}").into(),
            spans: vec![(1, Time(0), Time(day * BREAK))],
            findings: vec![[0, 1]],
        };
        let cases: Vec<KnownCase> = [1, 47, 50, 48, 49].map(case).into();
        for (most, days, forgotten) in [(4, &[50, 49, 48, 47][..], 0), (2, &[50, 49], 2)] {
            let (known, beyond) = remembered(cases.clone(), Time(50 * BREAK), most);
            assert_eq!(known, days.iter().map(|day| case(*day)).collect::<Vec<_>>());
            assert_eq!(beyond, forgotten);
        }
    }
}
