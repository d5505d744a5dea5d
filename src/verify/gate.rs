//! Lets only verified logs into a scan.
//!
//! The digests are judged before the scan. Each log is judged by its hash when it is read, and the
//! verdict is remembered, so that the end of the scan reports the same as `verify`. What must stay
//! true: both use the same judge.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use super::faults::unverified;
use super::judge::judge;
use super::judged::Judged;
use super::place::{self, Place};
use super::range::Range;
use super::seen::Collected;
use crate::model::verified::{LogVerdict, Unverified, Verified};
use crate::source::gate::{Admission, Gate, ReadBefore};
use crate::source::hashed::Hashed;

/// A gate for logs.
#[derive(Debug)]
pub struct VerifiedOnly {
    judged: RwLock<Judged>,
    range: Range,
    /// The logs that were read since the digests were judged.
    seen: Mutex<Collected>,
    left_out: AtomicU64,
    said: OnceLock<Verified>,
}

impl VerifiedOnly {
    /// A gate that judges logs by these digests and reports what lies in `range`.
    pub fn new(judged: Judged, range: Range) -> VerifiedOnly {
        VerifiedOnly {
            judged: RwLock::new(judged),
            range,
            seen: Mutex::default(),
            left_out: AtomicU64::new(0),
            said: OnceLock::new(),
        }
    }

    /// What was found, once the scan is over, and how many files were kept out.
    pub fn said(&self) -> (Verified, u64) {
        let verified = self.said.get().cloned().unwrap_or_default();
        (verified, self.left_out.load(Ordering::Relaxed))
    }

    /// The judged digests. They change only after all logs were read, so that no reader waits.
    fn judged(&self) -> RwLockReadGuard<'_, Judged> {
        self.judged.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gate for VerifiedOnly {
    fn read_before(&self, name: &str) -> Option<ReadBefore> {
        self.judged().collected.read.get(name).copied()
    }

    fn may_let_in(&self, name: &str) -> bool {
        self.judged().names(name)
    }

    fn read_earlier(&self, name: &Arc<str>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.earlier.insert(place::stem(place::base(name)).to_owned());
    }

    fn decide(&self, name: &Arc<str>, text: &Hashed) -> Admission {
        let mut found = Collected::default();
        let place = place::of(name);
        // Digests were read before the logs. One that is met now did not exist then.
        let late = matches!(place, Place::Digest(_) | Place::Sidecar(_));
        found.note(name, place, text, None, 0);
        let admission = match found.logs.first() {
            Some(log) => match self.judged().log(log) {
                Some((LogVerdict::Verified, _)) => Admission::In,
                _ => Admission::Out,
            },
            None => Admission::Other,
        };
        self.left_out.fetch_add(u64::from(admission == Admission::Out), Ordering::Relaxed);
        if !late {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let before = std::mem::take(&mut *seen);
            *seen = before.merge(found);
        }
        admission
    }

    fn conclude(&self, ended: bool) {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        let mut judged = self.judged.write().unwrap_or_else(PoisonError::into_inner);
        judged.add(seen);
        // This is called once, so the cell is empty.
        let _ = self.said.set(judge(&judged, &self.range, ended, false));
    }

    fn unverified(&self, each: bool) -> Vec<Unverified> {
        self.said.get().map(|verified| unverified(verified, each)).unwrap_or_default()
    }
}
