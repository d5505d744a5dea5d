//! The principals whose reads a correlation may judge, and what is learnt of where they read.
//!
//! What must stay true: nothing is learnt of a principal whose reads no correlation can judge, since there are
//! as many of them as there are callers.

use std::io;

use super::habits::Habits;
use super::kinds::Kind;
use super::lookup::RowNames;
use super::stateful::decide::Desk;
use super::stateful::note::part_of;
use crate::detect::Over;
use crate::detect::stateful::Correlation;
use crate::engine::context::Context;
use crate::engine::store::dictionary::Sym;

/// Principals that are kept at hand.
const AT_HAND: usize = 1 << 16;

/// The principals whose reads may be judged, by the names of who and call.
#[derive(Default)]
pub struct Watched(foldhash::HashMap<(Sym, Sym), Option<[u64; 2]>>);

impl Watched {
    /// Learns where a principal read, if its reads may be judged. `could_hold` says whether a correlation, by
    /// its number, could hold in a part.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn learn(
        &mut self,
        kind: &Kind,
        desk: &mut Desk<'_>,
        habits: &mut Habits,
        could_hold: impl Fn((u32, &Correlation), [u64; 2]) -> bool,
    ) -> io::Result<()> {
        habits.span(kind.days);
        let row = &kind.first;
        let call = desk.lookup.call(row.call)?;
        if call.entry.attempt || call.entry.name != "Decrypt" {
            return Ok(());
        }
        let principal = match self.0.get(&(row.who, row.call)) {
            Some(known) => *known,
            None => {
                let found = principal(desk.bench.context, desk.lookup.names(row)?, could_hold);
                if self.0.len() >= AT_HAND {
                    self.0.clear();
                }
                self.0.insert((row.who, row.call), found);
                found
            }
        };
        if let Some(principal) = principal {
            habits.add(principal, desk.lookup.container(row)?, kind.days);
        }
        Ok(())
    }
}

/// The principal that names stand for, if a correlation may judge its reads.
fn principal(
    context: &Context<'_>,
    names: RowNames,
    could_hold: impl Fn((u32, &Correlation), [u64; 2]) -> bool,
) -> Option<[u64; 2]> {
    let mut by = Vec::new();
    (0..).zip(&context.over).find_map(|(number, rule)| {
        let Over::Correlation(correlation) = rule.code else { return None };
        correlation.usual?;
        names.by(correlation, &mut by);
        let part = part_of(context.key, &by);
        could_hold((number, correlation), part).then_some(part)
    })
}
