//! Many findings of one rule by one actor become one: a log can have a million of them, and nobody
//! reads a million.
//!
//! Of an actor's findings (the same rule, attempt, account, Region and principal) up to a fixed number
//! stand for themselves. Of more, those stand that come first in this order; all others are folded
//! into one:
//!
//! 1. those that no earlier report has;
//! 2. of each key the first in what follows, so that a flood over one key leaves those of others standing;
//! 3. those of a higher level;
//! 4. those whose resource not only the caller names: it is free to make up any number of contexts;
//! 5. the earliest, by time and event id.
//!
//! Low findings of some rules say the same of many actors, such as that a log is too short to tell what
//! is usual for a role. Of all actors together a few of them stand, in the same order, and the others are
//! folded into one.
//!
//! What must stay true: which findings stand follows from all of them together, never from the order in
//! which they come or from what memory holds. Those that fall out of some of the findings fall out of
//! all: whatever comes later, as many as stand are before them. So an actor's findings are cut again
//! and again, and nothing is lost that would stand.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io;

use super::settle::Settled;
use crate::engine::finding::{Folded, FoldedOne};
use crate::engine::partial::few::Few;
use crate::engine::partial::group::{Group, GroupKey, SHOWN, Snapshot};
use crate::engine::store::hash::HashKey;
use crate::engine::store::shelf::{Shelf, Stow};
use crate::engine::store::stacks::StackKey;
use crate::model::finding::Status;
use crate::model::level::Level;

/// Different keys and resources that are counted; of more, there are at least that many.
const DISTINCT: usize = 1 << 20;

/// A finding as the report gets it.
#[derive(Debug)]
pub struct Standing {
    pub settled: Settled,
    /// What was folded into it, if it stands for others.
    pub folded: Option<Folded>,
}

/// Whose findings fold together: what their fold is called, and how many of them stand.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Whose {
    key: GroupKey,
    most: usize,
}

/// The findings of all actors.
#[derive(Debug)]
pub struct Fold {
    hash_key: HashKey,
    /// How many of an actor stand for themselves.
    most: usize,
    /// The rules whose low findings say the same of many actors, and how many of those stand.
    alike: (BTreeSet<usize>, usize),
    actors: HashMap<Whose, Actor>,
    /// What the standing ones take, about; bytes.
    weight: usize,
    /// Beyond, they are put away.
    limit: usize,
    away: Shelf<Settled>,
}

impl Fold {
    /// No findings; about `limit` bytes of them are held in memory.
    pub fn new(
        hash_key: HashKey,
        most: usize,
        alike: (BTreeSet<usize>, usize),
        limit: usize,
    ) -> Fold {
        let (actors, away) = (HashMap::new(), Shelf::new(limit));
        Fold { hash_key, most, alike, actors, weight: 0, limit, away }
    }

    /// Takes in a finding that is whole.
    pub fn take(&mut self, settled: Settled) {
        let whose = self.whose(&settled);
        let (most, weight) = (whose.most, settled.weight());
        let actor = self.actors.entry(whose).or_default();
        self.weight += weight;
        actor.weight += weight;
        actor.standing.push(Box::new(settled));
        if actor.standing.len() > most.saturating_mul(2) {
            let before = actor.weight;
            actor.cut(most, self.hash_key);
            self.weight = (self.weight + actor.weight).saturating_sub(before);
        }
        if self.weight > self.limit {
            self.put_away();
        }
    }

    fn whose(&self, settled: &Settled) -> Whose {
        let Settled { key, group, .. } = settled;
        if group.level <= Level::Low && self.alike.0.contains(&key.rule) {
            let key = GroupKey { attempt: key.attempt, ..GroupKey::of_rule(key.rule) };
            return Whose { key, most: self.most.min(self.alike.1) };
        }
        Whose { key: key.actor(), most: self.most }
    }

    /// Puts away all that stand so far. What cannot stand is little of each actor, and few have any.
    fn put_away(&mut self) {
        for (whose, mut actor) in std::mem::take(&mut self.actors) {
            if actor.standing.len() > whose.most {
                actor.cut(whose.most, self.hash_key);
            }
            let at = whose.place(self.hash_key);
            for settled in actor.standing.drain(..) {
                self.away.push(at, *settled);
            }
            if actor.pile.is_some() {
                self.actors.insert(whose, Actor { pile: actor.pile, ..Actor::default() });
            }
        }
        self.weight = 0;
    }

    /// Hands all findings to `take`, in no order.
    ///
    /// # Errors
    /// When a temporary file cannot be read back; what was handed on is as it should be.
    pub fn finish(mut self, mut take: impl FnMut(Standing)) -> io::Result<()> {
        if !self.away.is_empty() {
            self.put_away();
            let away = std::mem::replace(&mut self.away, Shelf::new(0)).sorted();
            let mut read = away.read()?.peekable();
            while let Some(next) = read.next() {
                let (at, settled) = next?;
                let whose = self.whose(&settled);
                let mut actor = self.actors.remove(&whose).unwrap_or_default();
                actor.standing.push(Box::new(settled));
                while let Some(next) = read.next_if(|next| next.as_ref().is_ok_and(|n| n.0 == at)) {
                    actor.standing.push(Box::new(next?.1));
                    if actor.standing.len() > whose.most.saturating_mul(2) {
                        actor.cut(whose.most, self.hash_key);
                    }
                }
                actor.finish(whose, self.hash_key, &mut take);
            }
        }
        let Fold { hash_key, actors, .. } = self;
        actors.into_iter().for_each(|(whose, actor)| actor.finish(whose, hash_key, &mut take));
        Ok(())
    }
}

impl Whose {
    /// Where the findings are put away, next to each other.
    fn place(&self, hash_key: HashKey) -> StackKey {
        let [first, second] = self.key.hash(hash_key);
        [first, second, self.most as u64, 0]
    }
}

/// The findings of one actor.
#[derive(Debug, Default)]
struct Actor {
    #[expect(
        clippy::vec_box,
        reason = "they are sorted again and again, and one takes a kilobyte"
    )]
    standing: Vec<Box<Settled>>,
    /// What they take, about; bytes.
    weight: usize,
    /// What cannot stand.
    pile: Option<Pile>,
}

impl Actor {
    /// Folds what comes after the first `most`.
    fn cut(&mut self, most: usize, hash_key: HashKey) {
        self.standing.sort_by(|one, other| rank(one).cmp(&rank(other)));
        let mut keys = HashSet::new();
        let is_again = |settled: &Settled| !keys.insert((settled.status, settled.key.key.clone()));
        let again: Vec<bool> = self.standing.iter().map(|one| &**one).map(is_again).collect();
        let mut all: Vec<_> = again.into_iter().zip(std::mem::take(&mut self.standing)).collect();
        // The order of those that are alike stays.
        all.sort_by_key(|(again, settled)| (settled.status, *again));
        let folded = all.split_off(most.min(all.len()));
        self.standing.extend(all.into_iter().map(|(_, settled)| settled));
        self.weight = self.standing.iter().map(|settled| settled.weight()).sum();
        for (_, settled) in folded {
            match &mut self.pile {
                Some(pile) => pile.add(*settled, hash_key),
                None => self.pile = Some(Pile::new(*settled, hash_key)),
            }
        }
    }

    fn finish(
        mut self,
        Whose { key, most }: Whose,
        hash_key: HashKey,
        take: &mut impl FnMut(Standing),
    ) {
        if self.standing.len() > most {
            self.cut(most, hash_key);
        }
        for settled in self.standing {
            take(Standing { settled: *settled, folded: None });
        }
        if let Some(pile) = self.pile {
            take(pile.finish(key));
        }
    }
}

/// What decides who stands, but for the first of each key.
fn rank(settled: &Settled) -> impl Ord + '_ {
    let Settled { key, group, status, .. } = settled;
    let told = (*status, Reverse(group.level), group.claimed);
    (told, &group.earliest.0, &key.key, &key.resource, &key.by)
}

/// Findings that are folded into one.
#[derive(Debug)]
struct Pile {
    /// All of their groups. Its values are those of the earliest,
    group: Group,
    /// of which are told: the details that all have in common,
    details: BTreeMap<String, String>,
    /// the principal if it is that of all, and the key.
    alike: [bool; 2],
    count: u64,
    status: Status,
    findings: u64,
    keys: HashSet<u64>,
    resources: HashSet<u64>,
    first: Few<FoldedOne, ()>,
}

impl Pile {
    fn new(settled: Settled, hash_key: HashKey) -> Pile {
        let Settled { key, group, count, status } = settled;
        let first = FoldedOne::new(&key, &group, count);
        let mut pile = Pile {
            details: group.earliest.1.details.clone(),
            group,
            alike: [true; 2],
            count,
            status,
            findings: 1,
            keys: HashSet::new(),
            resources: HashSet::new(),
            first: Few::from_iter([(first, ())]),
        };
        pile.note(&key, hash_key);
        pile
    }

    fn add(&mut self, settled: Settled, hash_key: HashKey) {
        let Settled { key, group, count, status } = settled;
        self.status = self.status.min(status);
        self.note(&key, hash_key);
        self.first.add(FoldedOne::new(&key, &group, count), ());
        self.first.truncate(SHOWN);
        self.count += count;
        self.findings += 1;
        let [known, other] = [&self.group, &group].map(|group| &group.earliest.1);
        self.details.retain(|name, text| other.details.get(name) == Some(text));
        self.alike[0] &= known.principal.identity() == other.principal.identity();
        let arn = |snapshot: &Snapshot| snapshot.key.as_ref().map(|key| key.arn.clone());
        self.alike[1] &= arn(known) == arn(other);
        self.group.merge(group);
    }

    /// Counts different keys and resources.
    fn note(&mut self, key: &GroupKey, hash_key: HashKey) {
        let sets = [(&mut self.keys, &key.key), (&mut self.resources, &key.resource)];
        for (set, text) in sets {
            if let Some(text) = text
                && set.len() < DISTINCT
            {
                set.insert(hash_key.short(text.as_bytes()));
            }
        }
    }

    fn finish(mut self, key: GroupKey) -> Standing {
        let [principal, on] = self.alike;
        let snapshot = &mut self.group.earliest.1;
        snapshot.blank([principal, on, false]);
        snapshot.details = self.details;
        let folded = Folded {
            findings: self.findings,
            keys: self.keys.len() as u64,
            resources: self.resources.len() as u64,
            more: self.keys.len().max(self.resources.len()) >= DISTINCT,
            first: self.first.into_iter().map(|(one, ())| one).collect(),
        };
        let settled = Settled { key, group: self.group, count: self.count, status: self.status };
        Standing { settled, folded: Some(folded) }
    }
}

#[cfg(test)]
mod tests;
