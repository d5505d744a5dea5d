//! Where a run gets what it concludes from: logs, or facts that were made of logs before.

use std::io;
use std::sync::atomic::AtomicBool;

use crate::cli::facts_dir::Facts;
use crate::engine::{self, Plan, Progress};
use crate::model::keys::facts::Inventory;
use crate::model::outcome::Outcome;
use crate::source::Listing;
use crate::tags::book::Book;

/// What a run reads: logs, or facts in place of them.
pub struct Input {
    pub listing: Listing,
    pub facts: Facts,
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
        if self.facts.is_empty() {
            return engine::scan_and_list_keys(&mut self.listing, plan, progress, stop);
        }
        let Facts { parts, head, problems, .. } = &self.facts;
        let all = engine::conclude_facts((parts, head, problems), plan, progress, stop);
        let (mut outcome, book, inventory) = all?;
        self.facts.complete(&mut outcome);
        Ok((outcome, book, inventory))
    }
}
