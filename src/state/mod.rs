//! What a run leaves to the next one: which objects were read, which findings were reported, and what
//! rules over many records still need.
//!
//! ```text
//! format    the bytes
//! file      a file that is locked while a run uses it, and replaced as a whole
//! ```
//!
//! A run writes its report first and its state last. If it is killed before that, the state stays as
//! it was, and the next run reads and reports the same again, under the same fingerprints. What must
//! stay true: a state is whole or absent. One that cannot be read ends the run before it begins,
//! because starting over would silently report everything again.

mod file;
mod format;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::model::memory::{Dated, Id, Memory};
use crate::model::time::Time;
use crate::model::token::Token;

pub use file::{File, Refused, files};
pub use format::{decode, encode};

/// Objects that are remembered: of a hundred nights with a hundred thousand each.
const OBJECTS_MAX: usize = 10 << 20;
/// Findings that are remembered.
const REPORTED_MAX: usize = 1 << 20;
/// For how many days an object is remembered that no listing has shown since, or a finding that was
/// not found again.
const DAYS: u16 = 400;

/// All that is known from earlier runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// When the last run wrote it.
    pub written: Option<Time>,
    /// How many runs have gone on from each other.
    pub runs: u64,
    /// What the last run asked: its rules, as a digest, and its filters.
    pub asked: String,
    /// The rules that the last run reported: a digest of each by its id. A state from before these
    /// were kept has none.
    pub rules: BTreeMap<String, String>,
    /// What was read, by the ids that listings give.
    pub objects: Dated,
    /// The fingerprints of all that was found.
    pub reported: Dated,
    /// What rules over many records need.
    pub memory: Memory,
}

/// What a listing has met of the objects that were read before.
#[derive(Debug)]
pub struct Met {
    objects: Arc<Dated>,
    met: Vec<AtomicBool>,
}

impl Met {
    /// Nothing met yet.
    pub fn new(objects: Dated) -> Met {
        let met = objects.rows().iter().map(|_| AtomicBool::new(false)).collect();
        Met { objects: Arc::new(objects), met }
    }

    /// The objects that were read before.
    pub fn objects(&self) -> Arc<Dated> {
        Arc::clone(&self.objects)
    }

    /// Whether an object was read before; notes that it was met.
    pub fn meet(&self, id: Id) -> bool {
        let found = self.objects.find(id);
        if let Some(met) = found.and_then(|at| self.met.get(at)) {
            met.store(true, Ordering::Relaxed);
        }
        found.is_some()
    }

    fn all(&self) -> impl Iterator<Item = Id> {
        let rows = self.objects.rows().iter().zip(&self.met);
        rows.filter(|(_, met)| met.load(Ordering::Relaxed)).map(|((id, _), _)| *id)
    }
}

/// What a run adds to the state.
#[derive(Debug)]
pub struct Added<'a> {
    /// What it met of what was read before.
    pub met: &'a Met,
    /// What it has read and reported.
    pub read: Vec<Token>,
    /// The fingerprints of what it has found.
    pub found: Vec<Id>,
    /// What rules over many records need.
    pub memory: Memory,
    /// What it asked: its rules, as a digest, and its filters.
    pub asked: String,
    /// A digest of each rule that it reported, by its id.
    pub rules: BTreeMap<String, String>,
}

impl State {
    /// Whether the last run asked something else, if there was one.
    pub fn asked_other(&self, asked: &str) -> bool {
        self.runs > 0 && self.asked != asked
    }

    /// Which of `rules` the last run did not have, or had with another text: what it has read is not
    /// judged by them. None if nobody knows which rules it had.
    pub fn new_rules(&self, rules: &BTreeMap<String, String>) -> Vec<String> {
        if self.rules.is_empty() {
            return Vec::new();
        }
        let new = rules.iter().filter(|(id, digest)| self.rules.get(*id) != Some(digest));
        new.map(|(id, _)| id.clone()).collect()
    }

    /// The state after a run. It settles the tokens of what was read.
    #[must_use]
    pub fn after(&self, run: Added<'_>, now: Time) -> State {
        let today = crate::model::memory::day(now);
        let objects = run.met.all().chain(run.read.into_iter().map(Token::settle));
        // Taken out while the run went on.
        let before = &run.met.objects;
        let mut memory = run.memory;
        memory.coverage.age(i32::from(today));
        State {
            written: Some(now),
            runs: self.runs + 1,
            asked: run.asked,
            rules: run.rules,
            objects: before.renewed(objects, today, DAYS, OBJECTS_MAX),
            reported: self.reported.renewed(run.found, today, DAYS, REPORTED_MAX),
            memory,
        }
    }
}
