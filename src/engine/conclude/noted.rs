//! What is noted of every finding of which a run learns, listed or not.
//!
//! A finding may be hidden in one run and listed in another: by its level, by a suppression, because many
//! became one. What must stay true: what it did in a run that hid it counts as what it did in any other; and
//! a finding of which an earlier run knew and left no word is never taken for a whole one.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::undone::Undoings;
use crate::model::aftermath::Doing;
use crate::model::finding::{Finding, Status};

/// So many findings of which not all is known are told apart; of more, all that earlier runs left no word
/// of are taken for such.
const MOST: usize = 1 << 16;

/// What was noted.
#[derive(Debug, Default)]
pub struct Noted {
    /// Of findings of which earlier runs left word: all that they did, by now; `None` if that is not known
    /// any more. There are no more of them than a state holds.
    pub known: BTreeMap<[u64; 2], Option<Doing>>,
    /// Of which not all is known.
    pub lost: Arc<Lost>,
}

/// Findings of which earlier runs may have seen more than anybody knows by now.
#[derive(Debug, Default)]
pub struct Lost {
    all: HashSet<[u64; 2]>,
    /// Whether there were too many.
    too_many: bool,
}

impl Noted {
    /// Notes a finding, and what it did in this run, if that is known. It `is_lost` if an earlier run has
    /// found it and left no word of what it did.
    pub fn note(
        &mut self,
        finding: &Finding,
        doing: Option<Doing>,
        (undone, is_lost): (&Undoings, bool),
    ) {
        let Some(number) = finding.number() else { return };
        let before = undone.before.as_ref().and_then(|before| before.get(&number));
        if let Some(before) = before {
            let both = doing.and_then(|doing| before.clone().with(doing));
            if both.is_none() {
                self.lose(number);
            }
            self.known.insert(number, both);
        } else if is_lost && doing.is_some() {
            self.lose(number);
        }
    }

    fn lose(&mut self, number: [u64; 2]) {
        // It is shared once all is noted.
        let Some(lost) = Arc::get_mut(&mut self.lost) else { return };
        lost.too_many |= lost.all.len() >= MOST;
        if !lost.too_many {
            lost.all.insert(number);
        }
    }
}

impl Lost {
    /// Whether it is one of them. What stands for others stands for other ones in each run.
    pub fn has(&self, finding: &Finding) -> bool {
        finding.folded > 0 || finding.status == Status::Ongoing || self.has_noted(finding)
    }

    /// Whether it was noted as one of them, or may have been.
    pub fn has_noted(&self, finding: &Finding) -> bool {
        self.too_many || finding.number().is_some_and(|number| self.all.contains(&number))
    }
}
