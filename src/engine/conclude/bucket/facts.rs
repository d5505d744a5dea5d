//! Records and their copies are counted: counts take the place of rows.
//!
//! What must stay true: a record whose copies are here counts once, whatever else is counted elsewhere.

use std::collections::HashSet;
use std::io;

use crate::engine::conclude::count::{self, Known};
use crate::engine::conclude::notices::conflict;
use crate::engine::context::Context;
use crate::engine::partial::Partial;
use crate::engine::partial::counted::OfGroup;
use crate::engine::partial::endpoint::Held;
use crate::engine::partial::fact::Fact;
use crate::engine::partial::looked;
use crate::engine::store::runs::Rows;

/// So many records of endpoints are told from others; with more of them nothing is counted.
const HELD: usize = 1 << 20;

/// Counts the records of each group, their copies, and the records that rules looked at.
///
/// # Errors
/// When a temporary file cannot be read back, or a signal came.
pub fn count(context: &Context<'_>, partial: &mut Partial) -> io::Result<()> {
    count_facts(context, partial)?;
    let rows = std::mem::replace(&mut partial.looked, Rows::new(context.plan.limits.facts));
    let looked = looked::sizes(rows, context.plan.rules.lists())?;
    partial.counted.add(0, &looked);
    Ok(())
}

/// Counts the records of each group. Where an endpoint's record waits to be told from that of the service,
/// all rows of that record wait with it.
fn count_facts(context: &Context<'_>, partial: &mut Partial) -> io::Result<()> {
    let mut waiting: HashSet<[u64; 2]> = HashSet::new();
    let mut too_many = false;
    partial.network.each_held(|bytes| {
        let held = Held::unpack(bytes).ok_or(io::ErrorKind::InvalidData)?;
        too_many |= waiting.len() >= HELD;
        if !too_many {
            waiting.insert(held.fact.identity);
        }
        Ok(())
    })?;
    if too_many {
        return Ok(());
    }
    let limit = context.plan.limits.facts;
    let facts: Rows<Fact> = std::mem::replace(&mut partial.facts, Rows::new(limit));
    let mut alone = facts;
    if !waiting.is_empty() {
        let all = std::mem::replace(&mut alone, Rows::new(limit));
        all.each(|fact| {
            let rows = match waiting.contains(&fact.identity) {
                true => &mut partial.facts,
                false => &mut alone,
            };
            rows.push(*fact);
            Ok(())
        })?;
    }
    let counts = count::count(alone, &Known::default(), context.progress, || context.go_on())?;
    partial.counted.add(counts.duplicates, &[]);
    counts.groups.each(|group, count| partial.counted.groups.push(OfGroup { group, count }));
    for places in &counts.conflicts {
        partial.problems.add(conflict(&context.names, places));
    }
    Ok(())
}
