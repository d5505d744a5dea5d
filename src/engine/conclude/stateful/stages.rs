//! When each rule over many records decides.
//!
//! A rule waits for those whose findings it looks at. Rules that no use can concern decide first,
//! so that when the uses are gone through it is known which of them matter to the others.

use std::collections::BTreeSet;

use crate::detect::stateful::Uses;
use crate::detect::{ADJUSTS, Over};
use crate::engine::context::Context;

/// The stage of each rule over many records.
#[derive(Debug)]
pub struct Stages {
    /// By the number of the stateful rule.
    of: Vec<usize>,
    /// Of each rule, the steps of it that other rules over many records make, each with the stage
    /// of those.
    fed: Vec<Vec<(u32, usize)>>,
    /// How many there are.
    pub count: usize,
    /// The first one that waits for uses.
    pub waiting: usize,
}

impl Stages {
    /// The stages, where uses matched the rules of `matched`.
    pub fn new(context: &Context<'_>, matched: &BTreeSet<usize>) -> Stages {
        let rules = &context.plan.rules;
        let count = context.over.len();
        let mut feeders: Vec<Vec<(u32, usize)>> = vec![Vec::new(); count];
        for (at, rule) in context.over.iter().enumerate() {
            for feed in rules.feeds(rule.about).iter().filter(|feed| feed.step != ADJUSTS) {
                if let Some(fed) = feeders.get_mut(feed.stateful as usize) {
                    fed.push((feed.step, at));
                }
            }
        }
        let fed_by_uses: BTreeSet<u32> = matched
            .iter()
            .flat_map(|rule| rules.feeds(*rule))
            .filter(|feed| context.is_by_row(feed.stateful))
            .map(|feed| feed.stateful)
            .collect();
        let mut waits: Vec<bool> = (0..)
            .zip(&context.over)
            .map(|(number, rule)| match rule.code {
                Over::History(history) => !matches!(history.uses(), Uses::None),
                // What is usual is known once the uses are gone through.
                Over::Correlation(correlation) => {
                    fed_by_uses.contains(&number) || correlation.usual.is_some()
                }
            })
            .collect();
        let mut level = vec![0; count];
        // A part of a rule makes findings of that rule, so that a rule may come before one that
        // feeds it. Each round settles one level more; in a circle of rules the rounds end it.
        for _ in 0..count {
            let before = (level.clone(), waits.clone());
            for (at, feeders) in feeders.iter().enumerate() {
                for &(_, feeder) in feeders.iter().filter(|(_, feeder)| *feeder != at) {
                    level[at] = level[at].max(level[feeder] + 1).min(count);
                    waits[at] |= waits[feeder];
                }
            }
            if (&level, &waits) == (&before.0, &before.1) {
                break;
            }
        }
        let levels = level.iter().max().map_or(1, |level| level + 1);
        let stage = |at: usize| level[at] + if waits[at] { levels } else { 0 };
        let of: Vec<usize> = (0..count).map(stage).collect();
        let fed = feeders
            .into_iter()
            .map(|all| all.into_iter().map(|(step, feeder)| (step, of[feeder])).collect());
        Stages { fed: fed.collect(), of, count: levels * 2, waiting: levels }
    }

    /// The stage of a rule.
    pub fn of(&self, rule: u32) -> usize {
        self.of.get(rule as usize).copied().unwrap_or_default()
    }

    /// Whether a step of a rule may still be made once the uses are gone through, by what rules
    /// that wait for them find.
    pub fn comes_late(&self, rule: u32, step: u32) -> bool {
        let fed = self.fed.get(rule as usize).map_or(&[][..], Vec::as_slice);
        fed.iter().any(|(of, stage)| *of == step && *stage >= self.waiting)
    }
}
