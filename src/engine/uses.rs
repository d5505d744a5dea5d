//! Who used which key for what: one entry for each principal, key, operation and resource.
//!
//! Histories decide over uses and not over records, so that a million Decrypt calls of one service
//! are one thing to remember. What must stay true: merging is commutative, associative and
//! idempotent; how many there were is counted by [`super::facts`].

use std::collections::HashMap;
use std::io;

use super::keys::HashKey;
use super::notes::{EventText, NOWHERE, Note, Notes};
use crate::detect::stateful::{About, Mark, Use};
use crate::model::time::Time;

/// Uses that are remembered at once; more become notes before their time.
const LIMIT: usize = 1 << 18;

/// The uses a worker has seen, by the hash under which facts count them.
#[derive(Debug, Default)]
pub struct Uses(HashMap<[u64; 2], Kept>);

/// One use.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The operation.
    pub name: String,
    /// By whose hand.
    pub actor: &'static str,
    /// Whether it failed.
    pub attempt: bool,
    /// The first record, of equals the smallest.
    pub first: First,
    /// The time of the last.
    pub last: Time,
    /// Whether any lies in the range that is reported.
    pub reported: bool,
    /// Whether any lay there in an earlier run.
    pub recalled: bool,
}

/// The first record of a use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct First {
    /// When.
    pub time: Time,
    /// `eventID`
    pub id: Option<String>,
    /// Who, on what, where.
    pub about: About,
    /// Identity and content of the record.
    pub identity: ([u64; 2], u64),
    /// Where it was read.
    pub place: (u64, u64),
}

impl Uses {
    /// Takes in a use.
    pub fn add(&mut self, hash: [u64; 2], kept: Kept) {
        match self.0.entry(hash) {
            std::collections::hash_map::Entry::Occupied(mut entry) => entry.get_mut().merge(kept),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(kept);
            }
        }
    }

    /// Adds a later record of a use that is known; `false` if it is not, or this may be its first.
    pub fn goes_on(&mut self, hash: [u64; 2], time: Time, reported: bool) -> bool {
        let known = self.0.get_mut(&hash).filter(|known| known.first.time < time);
        known.is_some_and(|known| {
            known.last = known.last.max(time);
            known.reported |= reported;
            true
        })
    }

    /// Whether there are more than should be remembered.
    pub fn is_full(&self) -> bool {
        self.0.len() >= LIMIT
    }

    /// Takes in another worker's.
    pub fn merge(&mut self, other: Uses) {
        for (hash, kept) in other.0 {
            self.add(hash, kept);
        }
    }

    /// When each use was last seen.
    pub fn lasts(&self) -> impl Iterator<Item = ([u64; 2], Time)> {
        self.0.iter().map(|(hash, kept)| (*hash, kept.last))
    }

    /// All uses.
    pub fn drain(&mut self) -> impl Iterator<Item = ([u64; 2], Kept)> {
        std::mem::take(&mut self.0).into_iter()
    }
}

impl Kept {
    fn merge(&mut self, other: Kept) {
        if other.first < self.first {
            self.first = other.first;
        }
        self.last = self.last.max(other.last);
        self.reported |= other.reported;
        self.recalled |= other.recalled;
    }

    /// The use as histories are told of it.
    pub fn told(&self) -> Use<'_> {
        Use {
            name: &self.name,
            actor: self.actor,
            attempt: self.attempt,
            about: &self.first.about,
            times: (self.first.time, self.last),
        }
    }

    /// A note of the use, which facts count under `hash`, for the history `rule`.
    ///
    /// # Errors
    /// When the temporary file cannot be written.
    pub fn note(
        &self,
        notes: &mut Notes,
        key: HashKey,
        (rule, hash): (u32, [u64; 2]),
        mark: &Mark,
    ) -> io::Result<Note> {
        let about = serde_json::to_string(&self.first.about)?;
        let known = key.long(&[about.as_bytes()]);
        let event = EventText {
            id: self.first.id.clone(),
            name: self.name.clone(),
            value: mark.value.clone(),
            last: Some(self.last.0),
        };
        Ok(Note {
            rule,
            part: key.long(&[mark.part.as_bytes()]),
            time: self.first.time.0,
            identity: self.first.identity.0,
            content: self.first.identity.1,
            kind: mark.kind,
            value: [0, 0],
            reported: self.reported,
            recalled: self.recalled,
            group: hash,
            place: self.first.place,
            spool: notes.number(),
            event: notes.spool().add(&serde_json::to_string(&event)?)?,
            about: notes.spool().add_once(known, || about)?,
            by: NOWHERE,
            foreign: NOWHERE,
        })
    }
}
