//! All tag changes by ARN, and the other names of each ARN.
//!
//! What must stay true: adding is commutative and idempotent. Of a resource whose changes do not fit
//! the tags become unknown for that time, never wrong; and whoever makes too many changes makes his
//! own unknown, and nobody else's.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::change::{Change, Evidence, Source, What};
use super::extract::is_request;
use super::lost::Lost;
use super::second::names;
use super::shares::{Holding, Shares};
use super::timeline::Timeline;
use crate::model::arn::Arn;
use crate::model::memory::LostTags;

/// Everything that was learnt.
#[derive(Debug, Clone, Default)]
pub struct Book {
    changes: HashMap<String, Vec<Held>>,
    joins: HashMap<String, BTreeSet<String>>,
    /// Secrets by their ARN without the characters at its end; two are as good as many.
    secrets: HashMap<String, BTreeSet<String>>,
    /// The room that changes take.
    room: u64,
    /// The room that entries of files take.
    filed: u64,
    limit: u64,
    shares: Shares,
    lost: Lost,
    /// Entries of files for which there was no room.
    unfiled: u64,
    /// Tag changes of resources that no record names in any known way.
    pub unplaced: u64,
}

/// A change, and the room it takes: one for itself, and one for each tag that it names. Resources of
/// one call share its tags.
#[derive(Debug, Clone)]
struct Held {
    change: Change,
    room: u32,
}

/// What a name refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// This ARN.
    Arn(String),
    /// Nothing that was seen.
    Nothing,
    /// Several things at different times.
    Several,
}

/// How many ARNs of one name are kept: which of several is meant is not known anyway.
const JOINED: usize = 16;

/// What the aliases of AWS managed keys start with.
const AWS_ALIAS: &str = ":alias/aws/";

impl Book {
    /// An empty book with room for `limit` changes and tags that they name, for as many of files,
    /// and for as many names.
    pub fn new(limit: usize) -> Book {
        let limit = limit.max(1) as u64;
        Book { limit, shares: Shares::new(limit), lost: Lost::new(limit), ..Book::default() }
    }

    /// Goes on from what earlier runs have lost, whose hashes are under `seed`.
    #[must_use]
    pub fn going_on(self, seed: u64, lost: &LostTags) -> Book {
        Book { lost: Lost::going_on(self.limit, seed, lost), ..self }
    }

    /// Adds what a file says of a resource.
    pub fn file(&mut self, arn: String, change: Change) {
        let room = names(&change.what).count() as u64 + 1;
        self.put_filed(arn, Held { change, room: u32::try_from(room).unwrap_or(u32::MAX) });
    }

    /// Adds what CloudTrail itself says of a resource. It has its room elsewhere, and is nobody's.
    pub fn see(&mut self, arn: String, change: Change) {
        self.put(arn, Held { change, room: 0 });
    }

    /// Which entries of too many are left out depends on the order of files. Nothing is wrong
    /// without them: what was seen of a resource does not change it.
    fn put_filed(&mut self, arn: String, held: Held) {
        if self.filed >= self.limit {
            self.unfiled += 1;
            return;
        }
        self.filed += u64::from(held.room);
        self.put(arn, held);
    }

    /// Adds what a record says of resources; `fresh` if no earlier run has read it.
    pub fn record(
        &mut self,
        evidence: &Arc<Evidence>,
        changes: Vec<(String, Arc<What>)>,
        fresh: bool,
    ) {
        let count = changes.len().max(1);
        for (arn, what) in changes {
            let room = names(&what).count().div_ceil(count) + 1;
            let room = u32::try_from(room).unwrap_or(u32::MAX);
            let held = Held { change: Change { evidence: Arc::clone(evidence), what }, room };
            let holding = holding(&arn, &held);
            if holding.is_some_and(|holding| !self.shares.ask(holding, fresh)) {
                self.lost.mark(&arn, evidence.time);
            } else {
                self.room += u64::from(room);
                self.put(arn, held);
            }
        }
        // Room for a quarter more, so that making room is not done for each change.
        if self.room > self.limit + self.limit / 4 {
            self.fit();
        }
    }

    fn put(&mut self, arn: String, held: Held) {
        if let Some(name) = secret_name(&arn) {
            let known = self.secrets.entry(name.to_owned()).or_default();
            if known.len() < 2 {
                known.insert(arn.clone());
            }
        }
        self.changes.entry(arn).or_default().push(held);
    }

    /// Makes room, if more is held than fits. To be called when all is in the book.
    pub fn fit(&mut self) {
        let held = self
            .changes
            .iter()
            .flat_map(|(arn, all)| all.iter().filter_map(|held| holding(arn, held)));
        if !self.shares.fit(held) {
            return;
        }
        let (shares, lost, room) = (&self.shares, &mut self.lost, &mut self.room);
        self.changes.retain(|arn, all| {
            all.retain(|held| {
                let Some((who, place, of_it)) = holding(arn, held) else { return true };
                let holds = shares.holds(who, place);
                if !holds {
                    *room -= of_it;
                    lost.mark(arn, place.0);
                }
                holds
            });
            !all.is_empty()
        });
    }

    /// Adds another name of an ARN.
    pub fn join(&mut self, name: String, arn: String) {
        if (self.joins.len() as u64) < self.limit || self.joins.contains_key(&name) {
            let arns = self.joins.entry(name).or_default();
            arns.insert(arn);
            // The smallest, so that the order in which they come does not matter.
            if arns.len() > JOINED {
                arns.pop_last();
            }
        }
    }

    /// Gives the volumes that a request made the tags that the request asked for. To be called when
    /// all is in the book, before [`fit`](Book::fit).
    pub fn place_requests(&mut self) {
        let made: Vec<String> =
            self.changes.keys().filter(|name| is_request(name)).cloned().collect();
        for request in made {
            let Some(held) = self.changes.remove(&request) else { continue };
            let volumes = self.joins.remove(&request).unwrap_or_default();
            for held in &held {
                let of_record = holding(&request, held).is_some();
                self.room -= u64::from(held.room) * u64::from(of_record);
                for volume in &volumes {
                    self.room += u64::from(held.room) * u64::from(of_record);
                    self.put(volume.clone(), held.clone());
                }
            }
        }
    }

    /// Adds all of another's.
    pub fn merge(&mut self, other: Book) {
        self.shares.merge(other.shares);
        self.lost.merge(other.lost);
        self.unfiled += other.unfiled;
        self.unplaced += other.unplaced;
        for (arn, changes) in other.changes {
            for held in changes {
                match holding(&arn, &held) {
                    None => self.put_filed(arn.clone(), held),
                    Some((who, place, _)) if !self.shares.holds(who, place) => {
                        self.lost.mark(&arn, place.0);
                    }
                    Some((_, _, room)) => {
                        self.room += room;
                        self.put(arn.clone(), held);
                    }
                }
            }
        }
        for (name, arns) in other.joins {
            arns.into_iter().for_each(|arn| self.join(name.clone(), arn));
        }
        if self.room > self.limit + self.limit / 4 {
            self.fit();
        }
    }

    /// Principals and accounts of whom tag changes had no room that this run has read.
    pub fn cut_short(&self) -> BTreeSet<String> {
        self.shares.cut_short().collect()
    }

    /// How many entries of files had no room.
    pub fn unfiled(&self) -> u64 {
        self.unfiled
    }

    /// Whether anything is known of an ARN.
    pub fn knows(&self, arn: &str) -> bool {
        let by_name = secret_name(arn).is_some_and(|name| self.changes.contains_key(name));
        by_name || self.changes.contains_key(arn)
    }

    /// Every ARN of which anything is known.
    pub fn arns(&self) -> BTreeSet<&str> {
        self.changes.keys().map(String::as_str).collect()
    }

    /// What a name refers to: an ARN to itself, unless it is an alias.
    pub fn named(&self, name: &str) -> Named {
        let arn = Arn::parse(name);
        if arn.is_some_and(|arn| !arn.is_kms_alias()) {
            return Named::Arn(name.to_owned());
        }
        match self.joins.get(name).map(|arns| (arns.first(), arns.len())) {
            Some((Some(arn), 1)) => Named::Arn(arn.clone()),
            Some((_, 2..)) => Named::Several,
            _ => Named::Nothing,
        }
    }

    /// Names and what they refer to.
    pub fn joins(&self) -> BTreeMap<&str, &BTreeSet<String>> {
        self.joins.iter().map(|(name, arns)| (name.as_str(), arns)).collect()
    }

    /// The keys that AWS manages for its services, which cannot be tagged.
    pub fn aws_managed(&self) -> BTreeSet<String> {
        let managed = self.joins.iter().filter(|(name, _)| name.contains(AWS_ALIAS));
        managed.flat_map(|(_, arns)| arns.iter().cloned()).collect()
    }

    /// All that is known of a resource.
    pub fn timeline(&self, arn: &str) -> Timeline {
        let mut all = self.of(arn);
        // Calls may name a secret without the six characters that Secrets Manager appends.
        if let Some(name) = secret_name(arn) {
            let others = self.secrets.get(name);
            let alone = others.is_none_or(|known| known.iter().all(|other| other == arn));
            all.extend(self.of(name).into_iter().map(|change| match (alone, &*change.what) {
                (true, _) | (_, What::Lost) => change,
                (false, _) => Change { what: Arc::new(What::Blur), ..change },
            }));
        }
        Timeline::new(all)
    }

    /// The changes of one name; from the first to the last that had no room, only that they are
    /// lost.
    fn of(&self, arn: &str) -> Vec<Change> {
        let held = self.changes.get(arn).into_iter().flatten();
        let changes = held.map(|held| held.change.clone());
        let Some((first, last)) = self.lost.of(arn) else { return changes.collect() };
        let known = |change: &Change| !(first..=last).contains(&change.evidence.time);
        let lost = [first, last].map(|time| {
            let evidence = Evidence { time, source: Source::File("".into()) };
            Change { evidence: Arc::new(evidence), what: Arc::new(What::Lost) }
        });
        changes.filter(known).chain(lost).collect()
    }
}

/// Whose a change is, and the room it takes; `None` of an entry of a file, which nobody shares.
fn holding<'a>(arn: &'a str, held: &'a Held) -> Option<Holding<'a>> {
    let Source::Record { principal, .. } = &held.change.evidence.source else { return None };
    let principal = principal.as_deref().unwrap_or_default();
    let account = |name| Arn::parse(name).map_or("", |arn| arn.account);
    // What a service does for itself goes with the account it is done in.
    let account = if principal.is_empty() { account(arn) } else { account(principal) };
    let place = (held.change.evidence.time, arn);
    Some(((account, principal), place, u64::from(held.room)))
}

/// The ARN of a secret without the hyphen and six characters at its end.
fn secret_name(arn: &str) -> Option<&str> {
    let parsed = Arn::parse(arn).filter(|arn| arn.service == "secretsmanager")?;
    let (_, suffix) = parsed.resource.rsplit_once('-')?;
    let fits = suffix.len() == 6 && suffix.bytes().all(|b| b.is_ascii_alphanumeric());
    fits.then(|| &arn[..arn.len() - 7])
}
