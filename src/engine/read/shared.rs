//! What every worker of a run sees.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::live::Report;
use crate::engine::context::Context;
use crate::record::scan::tape::Fill;

/// Records between two looks at the progress and the stop sign.
pub const BEAT: u64 = 1 << 12;

/// What every worker sees.
pub struct Shared<'a> {
    pub context: &'a Context<'a>,
    pub live: Option<&'a dyn Report>,
    /// How many records of earlier runs were taken up again.
    pub recalled: AtomicUsize,
    /// How many blocks of uses of earlier runs were.
    pub inherited: AtomicUsize,
    pub stop: &'a AtomicBool,
    /// Tells where the values of a record are.
    pub fill: Fill,
}

impl Shared<'_> {
    /// Whether to stop reading: a signal, or a live report that cannot be written.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.live.is_some_and(Report::failed)
    }
}
