//! Findings of earlier runs that still hold, by rule, so that what this run does not tell again is not
//! forgotten.
//!
//! A state holds ids and no findings. So each finding leaves ids that begin with its rule: one when it
//! was found, another one when it no longer held, and so on in turn. An odd number of them means that it
//! holds. What must stay true: ids are never taken back, and mean the same in every later version.

use std::collections::{HashMap, HashSet};

use twox_hash::XxHash3_64;

use crate::model::finding::Finding;
use crate::model::level::Level;
use crate::model::memory::{Dated, Id};

/// So many turns of one finding are told apart; then it stays as it is.
const TURNS: u64 = 64;

/// Which findings of earlier runs this one has judged anew.
#[derive(Debug, Default)]
pub struct Open {
    /// By the lower half of their fingerprints.
    judged: HashSet<u64>,
    /// Those that are known and not told, and hold again, by rule: later runs find their ids.
    again: HashMap<String, u64>,
}

impl Open {
    /// Judges a finding of this run: it `holds` or not. If it is `told`, it is none that is only known.
    /// Gives the ids by which later runs know it. Of more than `most` findings nothing is noted: those
    /// that are known may then count although they are told.
    pub fn judge(
        &mut self,
        known: &Dated,
        finding: &Finding,
        (holds, told): (bool, bool),
        most: usize,
    ) -> impl Iterator<Item = Id> + use<> {
        let ids = finding.number().filter(|_| finding.level >= Level::SERIOUS);
        let ids = ids.map(|[_, low]| {
            let rule = first_word(&finding.rule);
            let before = turns(known, rule, low);
            let turn = u64::from(holds != is_open(before) && before < TURNS);
            if holds && !told && turn > 0 {
                *self.again.entry(finding.rule.clone()).or_default() += 1;
            }
            if (told || !holds) && self.judged.len() < most {
                self.judged.insert(low);
            }
            (1..=before + turn).map(move |turn| id(rule, turn, low))
        });
        ids.into_iter().flatten()
    }

    /// How many findings of a rule are known to hold, beside those that this run has told.
    pub fn number(&self, known: &Dated, rule: &str) -> u64 {
        let again = self.again.get(rule).copied().unwrap_or_default();
        let rule = first_word(rule);
        let [word, _] = id(rule, 1, 0);
        let from = known.rows().partition_point(|([first, _], _)| *first < word);
        let rows = known.rows()[from..].iter().take_while(|([first, _], _)| *first == word);
        let holds = |low: u64| !self.judged.contains(&low) && is_open(turns(known, rule, low));
        again + rows.filter(|([_, low], _)| holds(*low)).count() as u64
    }
}

fn first_word(rule: &str) -> u64 {
    XxHash3_64::oneshot(rule.as_bytes())
}

fn id(rule: u64, turn: u64, low: u64) -> Id {
    [rule.wrapping_add(turn.wrapping_mul(0x9e37_79b9_7f4a_7c15)), low]
}

fn turns(known: &Dated, rule: u64, low: u64) -> u64 {
    (1..=TURNS).take_while(|turn| known.has(id(rule, *turn, low))).count() as u64
}

fn is_open(turns: u64) -> bool {
    turns % 2 == 1
}
