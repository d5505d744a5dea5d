//! All uses of keys that were read: their rows, and the texts behind them.

use std::collections::{BTreeSet, HashMap};

use super::key_use::KeyUse;
use crate::engine::store::dictionary::Words;
use crate::engine::store::hash::HashKey;
use crate::engine::store::runs::Rows;
use crate::engine::store::texts::Texts;
use crate::model::time::Time;

/// A record, by its id in a row and its content.
pub type RecordId = ([u64; 2], u64);

/// Uses of keys.
#[derive(Debug)]
pub struct KeyUses {
    /// One row a use.
    pub rows: Rows<KeyUse>,
    /// Texts that come again and again: of one worker at first, of all at the end.
    pub words: Vec<Words>,
    /// Texts that do not.
    pub heap: Vec<Texts>,
    /// Records that stand for several uses of earlier runs: the time of the last, and how many.
    pub stand_for: HashMap<RecordId, (Time, u64)>,
    /// Names that stand for ARNs: aliases of keys, and ids that contexts use.
    pub joins: BTreeSet<(String, String)>,
    /// Whether there were more of them than are kept.
    pub joins_lost: bool,
    /// Records that change tags of what they do not name in any known way.
    pub unplaced: u64,
}

/// More names than any organisation has; beyond, they stand for nothing that is known.
pub const JOINS: usize = 1 << 18;

impl KeyUses {
    /// No uses; at most `limit` rows are held in memory.
    pub fn new(limit: usize, key: HashKey, worker: u32) -> KeyUses {
        KeyUses {
            rows: Rows::new(limit),
            words: vec![Words::new(key)],
            heap: vec![Texts::new(worker)],
            stand_for: HashMap::new(),
            joins: BTreeSet::new(),
            joins_lost: false,
            unplaced: 0,
        }
    }

    /// Adds another name of an ARN. Of too many the smallest are kept, so that their order decides
    /// nothing.
    pub fn join(&mut self, name: String, arn: String) {
        self.joins.insert((name, arn));
        if self.joins.len() > JOINS {
            self.joins.pop_last();
            self.joins_lost = true;
        }
    }

    /// Adds another worker's.
    pub fn merge(&mut self, other: KeyUses) {
        self.rows.merge(other.rows);
        self.words.extend(other.words);
        self.heap.extend(other.heap);
        self.stand_for.extend(other.stand_for);
        self.unplaced += other.unplaced;
        self.joins_lost |= other.joins_lost;
        other.joins.into_iter().for_each(|(name, arn)| self.join(name, arn));
    }
}
