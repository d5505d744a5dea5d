//! Findings of earlier runs that still hold, by rule, so that what this run does not tell again is not
//! forgotten.
//!
//! A state holds ids and no findings. So each finding leaves ids that begin with its rule: one when it
//! was found, another one when it no longer held, and so on in turn. An odd number of them means that it
//! holds. One that a suppression leaves out leaves an id that begins with the suppression's name too, so that
//! it is none that is known while that suppression holds, and is known afterwards. What must stay true:
//! ids are never taken back, and mean the same in every later version.

use std::collections::{HashMap, HashSet};

use twox_hash::XxHash3_64;

use crate::model::aftermath::Aftermath;
use crate::model::finding::{Finding, number};
use crate::model::level::Level;
use crate::model::memory::{Dated, Id};
use crate::model::undo::Fate;

/// So many turns of one finding are told apart; then it stays as it is.
const TURNS: u64 = 64;

/// Which findings of earlier runs this one has judged anew.
#[derive(Debug, Default)]
pub struct Open {
    /// By the lower half of their fingerprints.
    judged: HashSet<u64>,
    /// Those that are known and not told, and hold again, by rule: later runs find their ids.
    again: HashMap<String, HashSet<u64>>,
}

impl Open {
    /// Notes that this run leaves a finding out by a suppression of that name. It `holds` or not all the
    /// same: once the suppression is over, it is one that is only known.
    pub fn leave_out(
        &mut self,
        known: &Dated,
        finding: &Finding,
        suppression: u64,
        most: usize,
    ) -> impl Iterator<Item = Id> + use<> {
        let ids = self.judge(known, finding, (finding.holds(), true), most);
        let low = finding.number().filter(|_| finding.level >= Level::SERIOUS).map(|[_, low]| low);
        ids.chain(low.map(|low| [suppression, low]))
    }

    /// Judges a finding of this run: it `holds` or not. If it is `told`, it is none that is only known.
    /// Gives the ids by which later runs know it. Of more than `most` findings nothing is noted: those
    /// that are known may then count although they are told.
    pub fn judge(
        &mut self,
        known: &Dated,
        finding: &Finding,
        how: (bool, bool),
        most: usize,
    ) -> impl Iterator<Item = Id> + use<> {
        let ids = finding.number().filter(|_| finding.level >= Level::SERIOUS);
        let ids = ids.map(|[_, low]| self.turn(known, (&finding.rule, low), how, most));
        ids.into_iter().flatten()
    }

    /// The same of what this run has learnt of a finding of earlier ones, if they know it.
    pub fn look_back(
        &mut self,
        known: &Dated,
        later: &Aftermath,
        most: usize,
    ) -> impl Iterator<Item = Id> + use<> {
        let holds = later.effect.fate == Fate::Open;
        let ids = number(&later.fingerprint)
            .filter(|[_, low]| self.knows(known, &later.rule, *low))
            .map(|[_, low]| self.turn(known, (&later.rule, low), (holds, false), most));
        ids.into_iter().flatten()
    }

    fn turn(
        &mut self,
        known: &Dated,
        (rule, low): (&str, u64),
        (holds, told): (bool, bool),
        most: usize,
    ) -> impl Iterator<Item = Id> + use<> {
        let word = first_word(rule);
        let before = turns(known, word, low);
        let turn = u64::from(holds != is_open(before) && before < TURNS);
        if holds && !told && turn > 0 {
            let again = self.again.entry(rule.to_owned()).or_default();
            if again.len() < most {
                again.insert(low);
            }
        }
        if (told || !holds) && self.judged.len() < most {
            self.judged.insert(low);
        }
        (1..=before + turn).map(move |turn| id(word, turn, low))
    }

    /// Whether earlier runs have found it.
    pub fn knows(&self, known: &Dated, rule: &str, low: u64) -> bool {
        turns(known, first_word(rule), low) > 0
    }

    /// The findings of a rule that are known to hold, beside those that this run has told: the lower
    /// halves of their fingerprints.
    pub fn holding(&self, known: &Dated, rule: &str) -> Vec<u64> {
        let again = self.again.get(rule).into_iter().flatten().copied();
        let rule = first_word(rule);
        let [word, _] = id(rule, 1, 0);
        let holds = |low: &u64| !self.judged.contains(low) && is_open(turns(known, rule, *low));
        again.chain(of_word(known, word).filter(holds)).collect()
    }
}

/// The findings that earlier runs have left out by a suppression of that name.
pub fn left_out(known: &Dated, suppression: u64) -> impl Iterator<Item = u64> + '_ {
    of_word(known, suppression)
}

/// What follows a word that ids begin with.
fn of_word(known: &Dated, word: u64) -> impl Iterator<Item = u64> + '_ {
    let from = known.rows().partition_point(|([first, _], _)| *first < word);
    let rows = known.rows()[from..].iter().take_while(move |([first, _], _)| *first == word);
    rows.map(|([_, low], _)| *low)
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
