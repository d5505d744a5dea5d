//! A first look at all uses: how many matches each part of a correlation has, and which rules matched
//! any use at all. It needs no order.

use std::collections::HashSet;
use std::io;

use rayon::prelude::*;

use super::lookup::Lookup;
use super::stateful::note::part_of;
use super::stateful::presence::Presence;
use crate::detect::ADJUSTS;
use crate::engine::context::Context;
use crate::engine::partial::key_use::KeyUse;
use crate::engine::store::dictionary::{Dictionary, NONE, Sym};
use crate::engine::store::runs::{SHARDS, Sharded};

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
    let shards = (0..SHARDS).into_par_iter().map(|shard| {
        let mut lookup = Lookup::new(dictionary, context.key);
        let (mut matched, mut by) = (HashSet::new(), Vec::new());
        let mut failed = None;
        uses.shard(shard).each(|row| {
            if row.matches != NONE && failed.is_none() {
                let counted = survey_row(context, &mut lookup, row, presence, &mut by);
                match counted {
                    Ok(rules) => matched.extend(rules),
                    Err(error) => failed = Some(error),
                }
            }
        })?;
        failed.map_or(Ok(matched), Err)
    });
    shards.try_reduce(HashSet::new, |mut one, other| {
        one.extend(other);
        Ok(one)
    })
}

fn survey_row(
    context: &Context<'_>,
    lookup: &mut Lookup<'_>,
    row: &KeyUse,
    presence: &Presence,
    by: &mut Vec<Sym>,
) -> io::Result<Vec<usize>> {
    let matches = lookup.matches(row.matches)?;
    let names = lookup.names(row)?;
    for matched in matches.iter() {
        for feed in context.plan.rules.feeds(matched.rule) {
            let Some(correlation) = context.correlation(feed.stateful) else { continue };
            if feed.step != ADJUSTS && context.is_by_row(feed.stateful) {
                names.by(correlation, by);
                presence.add(feed.stateful, feed.step, part_of(context.key, by));
            }
        }
    }
    Ok(matches.iter().map(|matched| matched.rule).collect())
}
