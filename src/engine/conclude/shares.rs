//! Who gets how much of a room that is too small for all.
//!
//! There is room for everyone until the room is full. Then the accounts that ask for the most give
//! way, and in them the principals that do, until all of it fits: so whoever floods a log takes room
//! from himself, and nobody else loses anything. Of one that gives way the latest stays. However
//! much is free, no account and no principal gets more than a part of it, so that a flood is no
//! burden on all later runs.
//!
//! What must stay true: who gets what follows from all rows together, not from their order.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::io;

use crate::engine::partial::handed::{Claim, Owner};
use crate::engine::store::dictionary::Sym;
use crate::engine::store::runs::{SHARDS, Sharded};

/// A room, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// All of it.
    pub all: u64,
    /// The most that one account gets.
    pub account: u64,
    /// The most that one principal gets.
    pub principal: u64,
}

/// What had no room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut<T> {
    /// How many rows.
    pub rows: u64,
    /// How many principals they are of.
    pub owners: u64,
    /// How many rows of the principal who lost the most, and one of them.
    pub most: Option<(u64, T)>,
}

/// Rows that ask for room.
pub trait Asking<T> {
    /// Whether a row asks for any.
    fn asks(&self, row: &T) -> bool;

    /// How much room a row takes. It is asked of all rows of a principal, the latest first; twice,
    /// and both times in the same order. `begins`: of this principal it is the first.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    fn room(&mut self, row: &T, begins: bool) -> io::Result<u64>;

    /// Takes a row that has room.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn take(&mut self, row: T) -> io::Result<()>;

    /// Leaves out a row that has no room.
    fn leave(&mut self, _row: T) {}
}

/// Shares out a room: hands on the rows that have some.
///
/// # Errors
/// When a temporary file cannot be used.
pub fn share<T: Claim>(
    rows: &Sharded<T>,
    room: Room,
    asking: &mut impl Asking<T>,
) -> io::Result<Cut<T>> {
    let mut asked = Asked { room, accounts: HashMap::new(), of: None, sum: 0 };
    each(rows, |row| {
        if asking.asks(&row) {
            let begins = asked.turn_to(Some(row.owner()));
            asked.sum += asking.room(&row, begins)?;
        }
        Ok(())
    })?;
    asked.turn_to(None);
    let cut = Cut { rows: 0, owners: 0, most: None };
    let mut given = Given { levels: asked.levels(), of: None, left: Some(0), lost: None, cut };
    each(rows, |row| {
        if !asking.asks(&row) {
            return Ok(());
        }
        let begins = given.turn_to(Some(row.owner()));
        let room = asking.room(&row, begins)?;
        if given.has_room(&row, room) {
            return asking.take(row);
        }
        asking.leave(row);
        Ok(())
    })?;
    given.turn_to(None);
    Ok(given.cut)
}

/// What all principals ask for.
struct Asked {
    room: Room,
    accounts: HashMap<Sym, Account>,
    /// The principal at hand,
    of: Option<Owner>,
    /// and what he asks for.
    sum: u64,
}

/// What the principals of an account ask for: how many ask for how much.
#[derive(Debug, Default)]
struct Account {
    all: u64,
    principals: BTreeMap<u64, u64>,
}

impl Asked {
    /// Goes on to a principal; whether it is another one.
    fn turn_to(&mut self, owner: Option<Owner>) -> bool {
        if self.of == owner {
            return false;
        }
        if let Some((account, _)) = self.of {
            let account = self.accounts.entry(account).or_default();
            let asked = self.sum.min(self.room.principal);
            account.all += asked;
            *account.principals.entry(asked).or_default() += 1;
        }
        (self.of, self.sum) = (owner, 0);
        true
    }

    /// What everyone may have.
    fn levels(self) -> Levels {
        let Room { all, account: most, principal } = self.room;
        let mut totals: BTreeMap<u64, u64> = BTreeMap::new();
        for account in self.accounts.values() {
            *totals.entry(account.all.min(most)).or_default() += 1;
        }
        let most = level(&totals, all).min(most);
        let full = self.accounts.into_iter().filter(|(_, account)| account.all > most);
        let full = full.map(|(name, account)| (name, level(&account.principals, most)));
        Levels { principal, full: full.collect() }
    }
}

/// How much each may have at most, so that what all have fits; whoever asks for less gets it.
/// `asked` says how many ask for how much.
pub fn level(asked: &BTreeMap<u64, u64>, mut room: u64) -> u64 {
    let mut left: u64 = asked.values().sum();
    for (asked, count) in asked {
        let most = room / left.max(1);
        if *asked > most {
            return most;
        }
        room -= asked * count;
        left -= count;
    }
    u64::MAX
}

/// What everyone may have.
struct Levels {
    /// The most that a principal gets.
    principal: u64,
    /// Of accounts that give way, what each of their principals may have.
    full: HashMap<Sym, u64>,
}

/// What was given, principal by principal.
struct Given<T> {
    levels: Levels,
    of: Option<Owner>,
    /// What the principal at hand may still have; `None` once something of his had no room.
    left: Option<u64>,
    /// How many of his rows had none, and one of them.
    lost: Option<(u64, T)>,
    cut: Cut<T>,
}

impl<T: Claim> Given<T> {
    /// Goes on to a principal; whether it is another one.
    fn turn_to(&mut self, owner: Option<Owner>) -> bool {
        if self.of == owner {
            return false;
        }
        if let Some((rows, row)) = self.lost.take() {
            self.cut.rows += rows;
            self.cut.owners += 1;
            if self.cut.most.is_none_or(|(most, _)| rows > most) {
                self.cut.most = Some((rows, row));
            }
        }
        self.of = owner;
        let level = owner.and_then(|(account, _)| self.levels.full.get(&account));
        self.left = Some(level.copied().unwrap_or(u64::MAX).min(self.levels.principal));
        true
    }

    /// Whether a row has room. Once one has none, nothing that is older has any.
    fn has_room(&mut self, row: &T, room: u64) -> bool {
        self.left = self.left.and_then(|left| left.checked_sub(room));
        if self.left.is_none() {
            let (rows, _) = self.lost.get_or_insert((0, *row));
            *rows += 1;
        }
        self.left.is_some()
    }
}

/// Each row with all that says the same, in order.
///
/// # Errors
/// When a temporary file cannot be used, or what `take` returns.
pub fn each<T: Claim>(
    rows: &Sharded<T>,
    mut take: impl FnMut(T) -> io::Result<()>,
) -> io::Result<()> {
    for shard in 0..SHARDS {
        let mut sorted = rows.shard(shard).rows()?;
        let mut open: Option<T> = None;
        while let Some((row, _)) = sorted.next()? {
            let absorbed = open.as_mut().is_some_and(|open| open.absorb(&row));
            if !absorbed && let Some(whole) = open.replace(row) {
                take(whole)?;
            }
        }
        open.map_or(Ok(()), &mut take)?;
    }
    Ok(())
}
