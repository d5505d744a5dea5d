//! What histories need that ask where calls came from: of calls of one day that mean the same to them, the
//! first and when the last was.
//!
//! What must stay true: what is left adds up to what all calls add up to, in [`crate::engine::conclude::sums`].

use std::io;

use foldhash::{HashMap, HashMapExt};

use super::left::Left;
use crate::engine::conclude::calls::{asking, marks};
use crate::engine::conclude::stateful::decide::Desk;
use crate::engine::context::Context;
use crate::engine::partial::key_use::{KeyUse, flag};
use crate::engine::store::dictionary::Sym;
use crate::model::days::Day;
use crate::model::time::Time;

/// How many combinations of names are kept at hand.
const AT_HAND: usize = 1 << 16;
/// So many sums are held; more are left, and what comes after begins again.
const HELD: usize = 1 << 16;

/// Calls of one day that mean the same.
struct Sum {
    first: KeyUse,
    /// When the last was; microseconds since 1970.
    last: i64,
    /// One in the range that is reported, if there is any.
    reported: Option<KeyUse>,
}

/// Calls that are summed up.
pub struct Daily {
    /// The histories that ask, by the number of their rules.
    histories: Vec<u32>,
    /// What stands for all that calls of some names mean; `None` of nothing.
    known: HashMap<[Sym; 3], Option<[u64; 2]>>,
    held: HashMap<([u64; 2], Day), Sum>,
}

impl Daily {
    /// None yet.
    pub fn new(context: &Context<'_>) -> Daily {
        Daily { histories: asking(context), known: HashMap::new(), held: HashMap::new() }
    }

    /// Takes in a use that is no copy.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn take(
        &mut self,
        row: &KeyUse,
        (desk, left): (&mut Desk<'_>, &mut Left),
    ) -> io::Result<()> {
        if self.histories.is_empty() {
            return Ok(());
        }
        let names = [row.who, row.call, row.client];
        let meant = match self.known.get(&names) {
            Some(known) => *known,
            None => {
                let meant = meant(&self.histories, row, desk)?;
                if self.known.len() >= AT_HAND {
                    self.known.clear();
                }
                self.known.insert(names, meant);
                meant
            }
        };
        let Some(meant) = meant else { return Ok(()) };
        let first = || Sum { first: *row, last: row.time, reported: None };
        let sum = self.held.entry((meant, Day::of(Time(row.time)))).or_insert_with(first);
        let order = |row: &KeyUse| (row.time, row.id, row.content);
        if order(row) < order(&sum.first) {
            sum.first = *row;
        }
        sum.last = sum.last.max(row.time);
        sum.reported = sum.reported.or_else(|| row.is(flag::REPORTED).then_some(*row));
        if self.held.len() >= HELD {
            self.leave(left);
        }
        Ok(())
    }

    /// Leaves what was taken in.
    pub fn leave(&mut self, left: &mut Left) {
        for (_, Sum { first, last, reported }) in self.held.drain() {
            left.push(first.left_for(flag::OF_CALL, (1, last)));
            if let Some(row) = reported.filter(|_| !first.is(flag::REPORTED)) {
                left.push(row.left_for(flag::OF_CALL, (1, row.time)));
            }
        }
    }
}

/// What stands for all that a use means to the histories; `None` if it means nothing.
fn meant(histories: &[u32], row: &KeyUse, desk: &mut Desk<'_>) -> io::Result<Option<[u64; 2]>> {
    let all = marks(histories, row, desk)?;
    if all.is_empty() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    for (rule, mark) in &all {
        bytes.extend(rule.to_le_bytes());
        bytes.extend(mark.kind.to_le_bytes());
        for text in [&mark.part, &mark.value] {
            bytes.extend((text.len() as u64).to_le_bytes());
            bytes.extend(text.as_bytes());
        }
    }
    Ok(Some(desk.bench.context.key.long(&[&bytes])))
}
