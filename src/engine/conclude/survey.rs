//! A first look at all uses: how many matches each part of a correlation has, and which rules matched
//! any use at all. It needs no order.

use std::cell::Cell;
use std::collections::HashSet;
use std::io;

use rayon::prelude::*;

use super::by_names::ByNames;
use super::lookup::Lookup;
use super::stateful::note::part_of;
use super::stateful::presence::Presence;
use crate::engine::context::Context;
use crate::engine::partial::key_use::KeyUse;
use crate::engine::store::dictionary::{Dictionary, NONE};
use crate::engine::store::runs::{SHARDS, Sharded};

/// The matches of all rows that share their names.
struct Matches {
    rules: Vec<usize>,
    /// Rule, step and part of each correlation that looks at them.
    parts: Vec<(u32, u32, [u64; 2])>,
    rows: Cell<u32>,
}

/// Counts the matches of all uses, and which rules matched any.
///
/// # Errors
/// When a temporary file cannot be read back.
pub fn survey(
    context: &Context<'_>,
    uses: &Sharded<KeyUse>,
    dictionary: &Dictionary,
    presence: &Presence,
) -> io::Result<HashSet<usize>> {
    let at_hand = || (Lookup::new(dictionary, context.key), ByNames::<Matches>::default());
    let shards = (0..SHARDS).into_par_iter().map_init(at_hand, |(lookup, all), shard| {
        let mut rules = HashSet::new();
        let mut leave = |matches: &Matches| {
            let rows = matches.rows.take();
            if rows > 0 {
                rules.extend(&matches.rules);
                let parts = matches.parts.iter();
                parts.for_each(|(rule, step, part)| presence.add((*rule, *step), *part, rows));
            }
        };
        let mut failed = None;
        uses.shard(shard).each(|row| {
            if row.looked_at() != NONE && failed.is_none() {
                let make = |lookup: &mut Lookup<'_>| matches(context, lookup, row);
                let found = context.go_on();
                match found.and_then(|()| all.of((context, row), lookup, make, &mut leave)) {
                    Ok(matches) => matches.rows.set(matches.rows.get().saturating_add(1)),
                    Err(error) => failed = Some(error),
                }
            }
        })?;
        all.values().for_each(leave);
        failed.map_or(Ok(rules), Err)
    });
    shards.try_reduce(HashSet::new, |mut one, other| {
        one.extend(other);
        Ok(one)
    })
}

fn matches(context: &Context<'_>, lookup: &mut Lookup<'_>, row: &KeyUse) -> io::Result<Matches> {
    let matches = lookup.matches(row.matches)?;
    let names = lookup.names(row)?;
    let (mut parts, mut by) = (Vec::new(), Vec::new());
    for matched in matches.iter() {
        for (feed, correlation) in context.feeds_by_row(matched.rule) {
            names.by(correlation, &mut by);
            parts.push((feed.stateful, feed.step, part_of(context.key, &by)));
        }
    }
    let rules = matches.iter().map(|matched| matched.rule).collect();
    Ok(Matches { rules, parts, rows: Cell::new(0) })
}
