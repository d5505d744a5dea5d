//! Problems in bounded memory: the smallest are kept, the others counted.

use std::collections::BTreeSet;
use std::io;

use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};

/// Every problem of a scan.
#[derive(Debug)]
pub struct Problems {
    kept: BTreeSet<Problem>,
    limit: usize,
    /// How many were dropped because `limit` were kept.
    dropped: u64,
    lost: bool,
}

impl Problems {
    /// No problems; at most `limit` are kept.
    pub fn new(limit: usize) -> Self {
        Problems { kept: BTreeSet::new(), limit: limit.max(1), dropped: 0, lost: false }
    }

    /// Adds a problem.
    pub fn add(&mut self, problem: Problem) {
        self.kept.insert(problem);
        while self.kept.len() > self.limit {
            self.kept.pop_last();
            self.dropped += 1;
        }
    }

    /// Adds some problems, or none.
    pub fn extend(&mut self, problems: impl IntoIterator<Item = Problem>) {
        problems.into_iter().for_each(|problem| self.add(problem));
    }

    /// Adds a problem for which something that was read is missing from the outcome.
    pub fn lose(&mut self, problem: Problem) {
        self.lost = true;
        self.add(problem);
    }

    /// What was done; nothing and a problem where a temporary file cannot be used, or a signal came.
    pub fn or_missing<T: Default>(&mut self, done: io::Result<T>, missing: &str) -> T {
        done.unwrap_or_else(|error| {
            let message = format!("not all is concluded, so {missing}: {error}");
            self.lose(Problem::new(Origin::blob("*"), Stage::Rule, message));
            T::default()
        })
    }

    /// Whether something that was read is missing from the outcome.
    pub fn lost(&self) -> bool {
        self.lost
    }

    /// The problems that are kept.
    pub fn kept(&self) -> impl Iterator<Item = &Problem> {
        self.kept.iter()
    }

    /// How many are only counted.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Adds what another has beside those it kept: how many it only counted, and whether something that
    /// was read is missing.
    pub fn add_counted(&mut self, dropped: u64, lost: bool) {
        self.dropped = self.dropped.saturating_add(dropped);
        self.lost |= lost;
    }

    /// Adds another worker's.
    pub fn merge(&mut self, other: Problems) {
        self.lost |= other.lost;
        self.dropped += other.dropped;
        other.kept.into_iter().for_each(|problem| self.add(problem));
    }

    /// All of them in order, with a last one for those that were only counted.
    pub fn into_sorted(self) -> Vec<Problem> {
        let mut all: Vec<Problem> = self.kept.into_iter().collect();
        if self.dropped > 0 {
            let message = format!("{} more problems, not listed", self.dropped);
            all.push(Problem::new(Origin::blob("*"), Stage::Read, message));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_are_kept_in_any_order_and_the_others_counted() {
        let problem = |n: u64| Problem::new(Origin::record("b", n), Stage::Parse, "x");
        let listed = |order: &[u64]| {
            let mut problems = Problems::new(2);
            order.iter().for_each(|&n| problems.add(problem(n)));
            problems.into_sorted()
        };
        assert_eq!(listed(&[1, 2, 3, 4]), listed(&[4, 2, 3, 1]));
        let all = listed(&[4, 3, 1]);
        assert_eq!(all[..2], [problem(1), problem(3)]);
        assert_eq!(all[2].message, "1 more problems, not listed");
    }
}
