//! Keys, resources and their tags over all records: gathered while reading, compared at the end.
//!
//! ```text
//! used       one use of a key for a resource: a row of fixed size, sorted
//! gather     what a record leaves behind
//! ledger     tags by ARN and instant, resolved and kept at hand
//! compare    all uses of a kind as a stream, against the stretches in which nothing changed
//! finding    what becomes a finding, and what it says
//! settled    what is said of keys and aliases when all is known
//! ```
//!
//! What must stay true: a use costs a row, which goes to a temporary file when there are many, and
//! no memory of its own; counts are exact, and copies are dropped exactly.

mod compare;
mod finding;
mod gather;
mod ledger;
mod settled;
#[cfg(test)]
mod tests;
mod used;

use super::limits::Limits;
use super::sorted::Sorted;
use super::spool::Spool;
use crate::tags::book::Book;

pub(super) use compare::{Compared, conclude};
pub(super) use ledger::Ledger;
use settled::AliasSet;
use used::Used;

/// Texts of uses that are recognised when they come again: as many as an organisation has of keys,
/// resources and principals together.
const KNOWN: usize = 1 << 20;

/// What a worker has gathered, or all of them have.
#[derive(Debug)]
pub(super) struct Tagging {
    /// Tags.
    pub book: Book,
    /// Uses.
    pub rows: Sorted<Used>,
    /// The texts behind uses: of one worker at first, of all at the end, by number.
    pub spools: Vec<(u32, Spool)>,
    /// Aliases that were set.
    pub aliases: Vec<AliasSet>,
}

impl Tagging {
    pub fn new(limits: &Limits, worker: u32) -> Tagging {
        Tagging {
            book: Book::new(limits.tags),
            rows: Sorted::new(limits.facts),
            spools: vec![(worker, Spool::knowing(KNOWN))],
            aliases: Vec::new(),
        }
    }

    /// Adds another worker's.
    pub fn merge(&mut self, other: Tagging) {
        self.book.merge(other.book);
        self.rows.merge(other.rows);
        self.spools.extend(other.spools);
        self.aliases.extend(other.aliases);
    }
}
