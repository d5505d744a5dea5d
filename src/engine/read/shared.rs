//! What every worker of a run sees.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::live::Report;
use crate::engine::context::Context;
use crate::record::scan::tape::Fill;
use crate::source::{Entry, Source};

/// Records between two looks at the progress and the stop sign.
pub const BEAT: u64 = 1 << 12;

/// What every worker sees.
pub struct Shared<'a> {
    pub context: &'a Context<'a>,
    pub live: Option<&'a dyn Report>,
    /// How many records of earlier runs were taken up again.
    pub recalled: AtomicUsize,
    pub stop: &'a AtomicBool,
    /// Tells where the values of a record are.
    pub fill: Fill,
    /// Where blobs come from, and how many came.
    pub source: Mutex<(u64, &'a mut dyn Source)>,
}

impl Shared<'_> {
    /// Whether to stop reading: a signal, or a live report that cannot be written.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.live.is_some_and(Report::failed)
    }

    /// The next entry, and the number of blobs before it.
    pub fn next(&self) -> Option<(u64, Entry)> {
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = source.1.next(self.stop)?;
        let sequence = source.0;
        source.0 += u64::from(matches!(entry, Entry::Blob(_)));
        Some((sequence, entry))
    }
}
