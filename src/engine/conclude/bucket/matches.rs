//! Which matches of uses others still need.
//!
//! A correlation that groups by account has all records of its parts here, so that a part that has too few of them
//! here has too few of them at all. What must stay true: a part that could give a finding with what others know
//! keeps all of its rows.

use std::collections::HashSet;
use std::io;

use crate::detect::stateful::{Compare, Correlation, Kind};
use crate::detect::{ADJUSTS, Over};
use crate::engine::conclude::by_names::ByNames;
use crate::engine::conclude::lookup::Lookup;
use crate::engine::conclude::stateful::decide::Bench;
use crate::engine::conclude::stateful::note::part_of;
use crate::engine::context::Context;
use crate::engine::partial::key_use::KeyUse;
use crate::engine::store::dictionary::{BySym, Sym};

/// Which correlations are decided with the records of one account.
pub struct Local {
    /// By the number of the stateful rule: whether all records of its parts are of one account.
    of_account: Vec<bool>,
    /// Steps of rules that others may make, by what rules find that look at more than one account.
    open: HashSet<(u32, u32)>,
    /// All steps that are made by what other rules find.
    fed: HashSet<(u32, u32)>,
}

impl Local {
    /// What follows from the rules.
    pub fn of(context: &Context<'_>) -> Local {
        let of_account: Vec<bool> = context
            .over
            .iter()
            .map(|rule| match rule.code {
                Over::Correlation(correlation) => is_of_account(correlation),
                Over::History(_) => false,
            })
            .collect();
        let mut local = Local { of_account, open: HashSet::new(), fed: HashSet::new() };
        // A rule that looks at what another finds is as open as that. Each round goes one rule further.
        for _ in 0..=context.over.len() {
            let before = local.open.len();
            for (number, rule) in (0..).zip(&context.over) {
                let feeds = context.plan.rules.feeds(rule.about).iter();
                let feeds = feeds.filter(|feed| feed.step != ADJUSTS);
                let steps: Vec<(u32, u32)> = feeds.map(|feed| (feed.stateful, feed.step)).collect();
                if !local.is_closed(number) {
                    local.open.extend(&steps);
                }
                local.fed.extend(steps);
            }
            if local.open.len() == before {
                break;
            }
        }
        local
    }

    /// Whether all that a rule looks at is of one account.
    fn is_closed(&self, number: u32) -> bool {
        let of_account = self.of_account.get(number as usize).copied().unwrap_or_default();
        of_account && !self.open.iter().any(|(rule, _)| *rule == number)
    }

    /// Whether a part of a correlation could give anything with what others know.
    pub fn could_hold(
        &self,
        bench: &Bench<'_>,
        (number, correlation): (u32, &Correlation),
        part: [u64; 2],
    ) -> bool {
        let of_account = self.of_account.get(number as usize).copied().unwrap_or_default();
        // What other rules find here in the part may be several findings there, which are one here.
        let comes = |step| {
            bench.stages.comes_late(number, step)
                || self.open.contains(&(number, step))
                || (self.fed.contains(&(number, step)) && bench.presence.has(number, step, part))
        };
        !of_account || bench.presence.could_hold(number, correlation, part, comes)
    }
}

/// Whether all records of a part are of one account, and more of them never make it hold less.
fn is_of_account(correlation: &Correlation) -> bool {
    let limits = match &correlation.kind {
        Kind::EventCount(limits) | Kind::ValueCount(limits, _) | Kind::Temporal(limits) => {
            limits.as_slice()
        }
        Kind::TemporalOrdered => &[],
    };
    let at_least = |than: Compare| matches!(than, Compare::More | Compare::MoreOrEqual);
    limits.iter().all(|limit| at_least(limit.than))
        && correlation.by.iter().any(|by| by.name == "recipientAccountId" && by.of.is_empty())
}

/// Tells which rows correlations still need.
pub struct Matches<'a> {
    bench: &'a Bench<'a>,
    local: &'a Local,
    could: ByNames<bool>,
    /// Entries of matches of which a row is left, so that it is known which rules matched uses at all.
    met: BySym<()>,
}

impl<'a> Matches<'a> {
    pub fn new(bench: &'a Bench<'a>, local: &'a Local) -> Matches<'a> {
        Matches { bench, local, could: ByNames::default(), met: BySym::default() }
    }

    /// Whether a correlation may look at the matches of a row.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn wants(&mut self, row: &KeyUse, lookup: &mut Lookup<'_>) -> io::Result<bool> {
        let (bench, local) = (self.bench, self.local);
        let make = |lookup: &mut Lookup<'_>| could(bench, local, lookup, row);
        let could = self.could.of((bench.context, row), lookup, make, |_| ())?;
        Ok(*could || self.is_new(row.matches))
    }

    fn is_new(&mut self, matches: Sym) -> bool {
        self.met.insert(matches, ()).is_none()
    }
}

/// Whether any correlation that looks at the matches of a row could hold in its part.
fn could(
    bench: &Bench<'_>,
    local: &Local,
    lookup: &mut Lookup<'_>,
    row: &KeyUse,
) -> io::Result<bool> {
    let context = bench.context;
    let names = lookup.names(row)?;
    let mut by = Vec::new();
    for matched in lookup.matches(row.matches)?.iter() {
        for (feed, correlation) in context.feeds_by_row(matched.rule) {
            if matched.level < correlation.from {
                continue;
            }
            names.by(correlation, &mut by);
            let part = part_of(context.key, &by);
            if local.could_hold(bench, (feed.stateful, correlation), part) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
