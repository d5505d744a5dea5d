//! Which reports go on from each other: those of one state, until it is begun anew.
//!
//! Many states may have one name, since each machine has files of its own, and the sources of one may be
//! other folders every night. So a report goes on from the one whose run was the one before, if there is
//! one. What must stay true: a report costs no more than a bounded search.

use std::collections::BTreeMap;

use super::document::Document;

/// So many states of one name are told apart.
const LIVES: usize = 64;

/// A state from its begin on, by the last report that went on from it.
#[derive(Debug)]
struct Life {
    number: usize,
    sources: Vec<String>,
    runs: Option<u64>,
    /// The name of that report.
    report: String,
}

/// What is known of all states.
#[derive(Debug, Default)]
pub struct States {
    lives: BTreeMap<String, Vec<Life>>,
    begun: usize,
}

/// Where a report belongs.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    /// The number of its state; one without a state has a number of its own.
    pub number: usize,
    /// Whether it is the first of a state that other reports, which are not here, have begun.
    pub goes_on_unseen: bool,
    /// How many reports are missing between the one of this name and it.
    pub missing: Option<(u64, String)>,
}

impl States {
    /// Takes in the next report, in the order of time.
    pub fn place(&mut self, name: &str, report: &Document) -> Place {
        let begun = self.begun;
        let fresh = |goes_on_unseen| Place { number: begun, goes_on_unseen, missing: None };
        let Some(state) = &report.run.state else {
            self.begun += 1;
            return fresh(false);
        };
        let (runs, sources) = (state.runs, &report.run.sources);
        let lives = self.lives.entry(state.path.clone()).or_default();
        let same = |life: &Life| life.sources == *sources;
        let next = |life: &Life| life.runs.zip(runs).is_none_or(|(last, runs)| last + 1 == runs);
        let before = |life: &Life| life.runs < runs;
        let found = match runs {
            Some(0) => None,
            _ => lives
                .iter()
                .rposition(|life| next(life) && same(life))
                .or_else(|| lives.iter().rposition(next))
                .or_else(|| lives.iter().rposition(|life| before(life) && same(life)))
                .or_else(|| lives.iter().rposition(before)),
        };
        let known = found.map(|at| lives.remove(at));
        if runs == Some(0) {
            // Who begins anew goes on from nothing that was before.
            let alone = lives.len() == 1;
            lives.retain(|life| !alone && !same(life));
        }
        let place = match &known {
            Some(life) => {
                let missing = life.runs.zip(runs).map_or(0, |(last, runs)| runs - last - 1);
                let told = missing > 0 && !state.path.is_empty();
                let missing = told.then(|| (missing, life.report.clone()));
                Place { number: life.number, goes_on_unseen: false, missing }
            }
            None => {
                self.begun += 1;
                fresh(runs.is_some_and(|runs| runs > 0))
            }
        };
        if lives.len() >= LIVES {
            lives.remove(0);
        }
        let (number, report) = (place.number, name.to_owned());
        lives.push(Life { number, sources: sources.clone(), runs, report });
        place
    }
}
