//! Which findings are told when, and how many there were.
//!
//! A finding of single records is told when its object is looked at, and found again when the object has
//! settled. What must stay true: it is told once, unless the second time it is more serious; and every
//! finding is counted as told, suppressed, known or below the least level.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::engine::Admit;
use crate::model::finding::{EventRef, Finding, Status};
use crate::model::level::Level;
use crate::model::memory::Id;
use crate::model::outcome::Outcome;
use crate::triage::Triage;

/// Findings that were told early and are remembered. Of more, some are told twice.
const EARLY: usize = 1 << 20;

/// Events of one finding that are remembered. Of more, a copy is told as something new.
const EVENTS: usize = 1_000;

/// What became of the findings of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// All.
    pub found: u64,
    /// Those that are told, by level.
    pub told: [u64; Level::ALL.len()],
    /// Those that the configuration suppresses.
    pub suppressed: u64,
    /// Those that were told before.
    pub known: u64,
    /// Those below the least level.
    pub low: u64,
}

/// A finding that was told before its object had settled.
#[derive(Debug)]
struct Early {
    level: Level,
    /// Hashes of the events that were told.
    events: HashSet<u64>,
    turn: u64,
}

/// Decides which findings are told.
#[derive(Debug)]
struct Admission {
    triage: Option<Triage>,
    settling: bool,
    min_level: Level,
    turn: u64,
    early: HashMap<String, Early>,
    tally: Tally,
    /// Findings that were neither told nor suppressed by the triage.
    left_out: u64,
}

/// An admission that a run asks.
#[derive(Debug, Clone)]
pub struct SharedAdmission(Arc<Mutex<Admission>>);

impl SharedAdmission {
    /// One for findings of that level and above.
    pub fn new(min_level: Level) -> SharedAdmission {
        SharedAdmission(Arc::new(Mutex::new(Admission {
            triage: None,
            settling: false,
            min_level,
            turn: 0,
            early: HashMap::new(),
            tally: Tally::default(),
            left_out: 0,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Admission> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the engine asks.
    pub fn admit(&self) -> Admit {
        let (asked, knowing) = (self.clone(), self.clone());
        let admit = Admit::new(move |finding| asked.lock().ask(finding));
        admit.after(move |finding| {
            knowing.lock().triage.as_ref().is_some_and(|triage| triage.is_known(finding))
        })
    }

    /// Begins a run: of single records, or of what has settled.
    pub fn begin(&self, triage: Triage, settling: bool) {
        let mut admission = self.lock();
        admission.triage = Some(triage);
        admission.settling = settling;
        admission.turn += 1;
        (admission.tally, admission.left_out) = (Tally::default(), 0);
    }

    /// Ends it: what became of its findings, and their fingerprints for the state.
    pub fn end(&self, outcome: &mut Outcome) -> (Tally, Vec<Id>) {
        let mut admission = self.lock();
        let found = admission.triage.take().map(|triage| triage.finish_screened(outcome));
        let mut tally = std::mem::take(&mut admission.tally);
        tally.suppressed = outcome.summary.suppressed.min(admission.left_out);
        tally.known += admission.left_out - tally.suppressed;
        (tally, found.unwrap_or_default())
    }

    /// The number of this turn.
    pub fn turn(&self) -> u64 {
        self.lock().turn
    }

    /// Forgets what was told before a turn: all its objects are done.
    pub fn forget_before(&self, turn: u64) {
        self.lock().early.retain(|_, early| early.turn >= turn);
    }
}

impl Admission {
    fn ask(&mut self, finding: &Finding) -> Option<Status> {
        self.tally.found += 1;
        let Some(status) = self.triage.as_mut().and_then(|triage| triage.screen(finding)) else {
            self.left_out += 1;
            return None;
        };
        let status = match self.settling {
            true => self.of_settled(finding, status),
            false => self.of_early(finding, status),
        };
        match status {
            None => self.tally.known += 1,
            Some(_) if finding.level < self.min_level => self.tally.low += 1,
            Some(_) => self.tally.told[finding.level as usize] += 1,
        }
        status
    }

    /// What was told early is told again if it is more serious.
    fn of_settled(&self, finding: &Finding, status: Status) -> Option<Status> {
        match self.early.get(&finding.fingerprint) {
            None => Some(status),
            // It was not listed then.
            Some(early) if early.level < self.min_level => Some(status),
            Some(early) if finding.level > early.level => Some(Status::Ongoing),
            Some(_) => None,
        }
    }

    /// A copy of what was told tells nothing new. Of what the state knows, only all that it knows tells
    /// whether this is a copy: that waits until it has settled.
    fn of_early(&mut self, finding: &Finding, status: Status) -> Option<Status> {
        if status == Status::Ongoing {
            return None;
        }
        let events: HashSet<u64> = finding.events.iter().map(hash).collect();
        let (level, turn) = (finding.level, self.turn);
        let Some(early) = self.early.get_mut(&finding.fingerprint) else {
            if self.early.len() < EARLY {
                self.early.insert(finding.fingerprint.clone(), Early { level, events, turn });
            }
            return Some(status);
        };
        let is_copy = level <= early.level
            && finding.count == events.len() as u64
            && events.is_subset(&early.events);
        early.turn = turn;
        early.level = level.max(early.level);
        if early.events.len() < EVENTS {
            early.events.extend(events);
        }
        (!is_copy).then_some(Status::Ongoing)
    }
}

/// The same for copies of an event, wherever they were read.
fn hash(event: &EventRef) -> u64 {
    let mut hasher = DefaultHasher::new();
    let origin = event.id.is_none().then_some(&event.origin);
    (event.time.map(|time| time.0), &event.id, &event.name).hash(&mut hasher);
    origin.map(|origin| (&origin.blob, origin.record)).hash(&mut hasher);
    hasher.finish()
}
