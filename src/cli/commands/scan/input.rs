//! Where a run gets what it concludes from: logs, or facts that were made of logs before.

use std::io;
use std::sync::atomic::AtomicBool;

use crate::engine::{self, Part, Plan, Progress};
use crate::model::keys::facts::Inventory;
use crate::model::outcome::Outcome;
use crate::source::Listing;
use crate::tags::book::Book;

/// What a run reads: logs, or facts in place of them.
pub struct Input {
    pub listing: Listing,
    pub parts: Vec<Part>,
}

impl Input {
    /// Reads it. What was learnt of tags and keys comes with it.
    ///
    /// # Errors
    /// When the run cannot be begun, or facts cannot be read.
    pub fn keys(
        &mut self,
        plan: &Plan,
        progress: &Progress,
        stop: &AtomicBool,
    ) -> io::Result<(Outcome, Book, Inventory)> {
        match self.parts.as_slice() {
            [] => engine::scan_and_list_keys(&mut self.listing, plan, progress, stop),
            parts => engine::conclude_facts(parts, plan, progress, stop),
        }
    }
}
