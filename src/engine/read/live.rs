//! The live report: a finding is written when its record is read.
//!
//! Blobs are read in parallel and written in the order of the listing, so that the report does not
//! depend on the number of workers: the blob whose turn it is writes at once, the others wait with
//! a bounded number of records in hand. The worker whose turn it is never waits, so there is
//! always one that goes on.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::engine::finding::finding;
use crate::engine::partial::group::{Group, GroupKey};
use crate::engine::plan::Plan;
use crate::engine::store::seen::{Mark, Seen};
use crate::model::finding::Finding;
use crate::model::findings::Findings;
use crate::model::outcome::Summary;

/// What writes a live finding; an error stops the scan.
pub type Write<'a> = &'a mut (dyn FnMut(&Finding) -> io::Result<()> + Send);

/// How many matched records a blob holds before its worker waits for its turn.
const IN_HAND: usize = 1 << 10;

/// A record's matches.
type Matches = (Mark, Vec<(GroupKey, Group)>);

/// Where matches go that are written at once.
pub trait Report: Sync {
    /// Whether writing has failed.
    fn failed(&self) -> bool;
    /// Takes in the matches of one record of blob `sequence`.
    fn record(&self, sequence: u64, mark: Mark, matches: Vec<(GroupKey, Group)>);
    /// Blob `sequence` is read to its end: the turn goes on.
    fn blob_done(&self, sequence: u64);
}

/// The report while it is being written.
pub struct Live<'a> {
    state: Mutex<State<'a>>,
    turn: Condvar,
    failed: AtomicBool,
}

struct State<'a> {
    plan: &'a Plan,
    write: Write<'a>,
    /// The blob whose turn it is.
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
    seen: Seen,
    summary: Summary,
    error: Option<io::Error>,
}

#[derive(Default)]
struct Waiting {
    records: Vec<Matches>,
    done: bool,
}

impl<'a> Live<'a> {
    pub fn new(plan: &'a Plan, write: Write<'a>) -> Self {
        let state = State {
            plan,
            write,
            next: 0,
            waiting: BTreeMap::new(),
            seen: Seen::new(plan.limits.seen),
            summary: Summary::default(),
            error: None,
        };
        Live { state: Mutex::new(state), turn: Condvar::new(), failed: AtomicBool::new(false) }
    }

    fn lock(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, state: &State<'_>) {
        if state.error.is_some() {
            self.failed.store(true, Ordering::Relaxed);
            self.turn.notify_all();
        }
    }

    /// Writes what could be decided at the end only. The findings by level, without those.
    ///
    /// # Errors
    /// What made writing fail.
    pub fn finish(self, late: &Findings) -> io::Result<Summary> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = state.error {
            return Err(error);
        }
        for finding in late.read()? {
            (state.write)(&*finding?)?;
        }
        Ok(state.summary)
    }
}

impl Report for Live<'_> {
    fn failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    fn record(&self, sequence: u64, mark: Mark, matches: Vec<(GroupKey, Group)>) {
        let mut state = self.lock();
        if state.next != sequence {
            let waiting = state.waiting.entry(sequence).or_default();
            waiting.records.push((mark, matches));
            if waiting.records.len() < IN_HAND {
                return;
            }
            let waits = |state: &mut State<'_>| state.next != sequence && !self.failed();
            // Whoever passes the turn on writes what is waiting.
            drop(self.turn.wait_while(state, waits));
            return;
        }
        state.write_record((mark, matches));
        self.note(&state);
    }

    fn blob_done(&self, sequence: u64) {
        let mut state = self.lock();
        if state.next != sequence {
            state.waiting.entry(sequence).or_default().done = true;
            return;
        }
        let mut next = sequence + 1;
        while let Some(waiting) = state.waiting.remove(&next) {
            for record in waiting.records {
                state.write_record(record);
            }
            if !waiting.done {
                break;
            }
            next += 1;
        }
        state.next = next;
        self.note(&state);
        self.turn.notify_all();
    }
}

impl State<'_> {
    fn write_record(&mut self, (mark, matches): Matches) {
        if self.error.is_some() {
            return;
        }
        match self.seen.insert(mark) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                self.error = Some(error);
                return;
            }
        }
        for (key, group) in matches {
            self.summary.add(group.level);
            if group.level < self.plan.min_level {
                continue;
            }
            let meta = &self.plan.rules.metas()[key.rule];
            let finding = finding((&meta.id, Arc::new(meta.told())), key, group, 1);
            if let Err(error) = (self.write)(&finding) {
                self.error = Some(error);
                return;
            }
        }
    }
}
