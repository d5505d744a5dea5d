//! Which uses of keys the next run may get: of each kind the first, with the time of the last and how
//! many there were.
//!
//! What must stay true: a use is handed on while any rule may look back at the last one like it, also
//! one of a key with more kinds of use than are decided over together.

use std::cmp::Reverse;
use std::io;

use super::adds::Adds;
use super::stateful::decide::{Bench, Desk};
use crate::engine::partial::handed::{HandedUse, owner};
use crate::engine::partial::key_use::{KeyUse, flag};
use crate::engine::store::dictionary::sym;
use crate::engine::store::runs::Rows;

/// Gathers what is handed on.
pub struct Heirs {
    /// Whether there is to be a next run.
    wanted: bool,
    /// A use before that is older than any rule looks back; microseconds since 1970.
    since: i64,
    pub rows: Rows<HandedUse>,
    /// Uses of earlier runs that are older.
    pub aged: u64,
    /// A kind of use that is only counted: its first, and what its rows have added.
    open: Option<(KeyUse, Adds)>,
}

impl Heirs {
    /// None yet.
    pub fn new(bench: &Bench<'_>, rows: Rows<HandedUse>) -> Heirs {
        let plan = bench.context.plan;
        // A time that has not come yet must not make all others old.
        let newest = bench.range.1.0.min(plan.tomorrow());
        let late = plan.past.as_ref().map(|past| past.late);
        let back = bench.context.use_reach.saturating_add(late.unwrap_or_default());
        let since = newest.saturating_sub(back);
        Heirs { wanted: late.is_some(), since, rows, aged: 0, open: None }
    }

    /// Adds the kinds of use of a key: of each its first, and what its rows have added.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn add_all(
        &mut self,
        kinds: impl Iterator<Item = (KeyUse, Adds)>,
        desk: &mut Desk<'_>,
    ) -> io::Result<()> {
        for (first, all) in kinds {
            self.add(&first, all, desk)?;
        }
        self.close(desk)
    }

    fn add(&mut self, first: &KeyUse, all: Adds, desk: &mut Desk<'_>) -> io::Result<()> {
        let Adds { last, .. } = all;
        if !self.wanted {
            return Ok(());
        }
        if last.0 < self.since {
            self.aged += u64::from(first.is(flag::STANDS_FOR));
            return Ok(());
        }
        let (who, call) = (desk.lookup.who(first.who)?, desk.lookup.call(first.call)?);
        let principal = &who.entry.principal;
        let [account, name] = owner(
            [principal.account.as_deref(), call.entry.account.as_deref()],
            [principal.arn.as_deref(), principal.invoked_by.as_deref()],
        );
        let key = desk.bench.context.key;
        let owner = (sym(key, account.as_bytes()), sym(key, name.as_bytes()));
        self.rows.push(HandedUse { owner, last: Reverse(last.0), row: *first, count: all.count() });
        Ok(())
    }

    /// Counts a use of a kind that is not decided over. Uses of one kind come one after the other,
    /// the first one first.
    ///
    /// # Errors
    /// As [`add_all`](Heirs::add_all).
    pub fn count(&mut self, row: &KeyUse, adds: Adds, desk: &mut Desk<'_>) -> io::Result<()> {
        match &mut self.open {
            Some((first, all)) if first.is_same_use(row) => all.merge(adds),
            _ => {
                self.close(desk)?;
                self.open = Some((*row, adds));
            }
        }
        Ok(())
    }

    /// Adds what was only counted.
    fn close(&mut self, desk: &mut Desk<'_>) -> io::Result<()> {
        match self.open.take() {
            Some((first, all)) => self.add(&first, all, desk),
            None => Ok(()),
        }
    }
}
