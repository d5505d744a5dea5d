//! Keys with more kinds of use than a run decides over together: the next run gets fewer, so that it
//! has room for those that it reads itself.
//!
//! Whoever makes up kinds of use of a key, such as encryption contexts, takes their own room: the
//! principals that have the most give way, and of each the latest stay. What must stay true: what
//! stays follows from all uses together, not from their order.

use std::collections::{BTreeMap, HashMap};
use std::io;

use super::shares::{Cut, each, level};
use crate::engine::partial::handed::{Claim, HandedUse, Owner, WAITS};
use crate::engine::store::dictionary::Sym;
use crate::engine::store::runs::{Rows, Sharded};

/// Kinds of use of one key that the next run gets, of those that it decides over together.
fn room(window: usize) -> u64 {
    window as u64 / 8 * 7
}

/// Those of one principal, so that others have room in later runs.
fn room_of_one(window: usize) -> u64 {
    window as u64 / 4 * 3
}

/// Uses of which no key has too many, and what had no room. A run decides over `window` kinds of use of
/// a key together; `limit` rows are held in memory.
///
/// # Errors
/// When a temporary file cannot be used.
pub fn without_crowds(
    rows: Sharded<HandedUse>,
    window: usize,
    limit: usize,
) -> io::Result<(Sharded<HandedUse>, Cut<HandedUse>)> {
    let mut cut = Cut { rows: 0, owners: 0, most: None };
    let levels = levels(&rows, window)?;
    if levels.is_empty() {
        return Ok((rows, cut));
    }
    let (mut taken, mut given) = (Rows::new(limit), Given::default());
    each(&rows, |row: HandedUse| {
        given.turn_to(Some(row.owner()), &mut cut);
        if given.has_room(&row, &levels) {
            taken.push(row);
        }
        Ok(())
    })?;
    given.turn_to(None, &mut cut);
    Ok((taken.sharded(), cut))
}

/// How many kinds of use of each crowded key a principal may have.
fn levels(rows: &Sharded<HandedUse>, window: usize) -> io::Result<HashMap<Sym, u64>> {
    let mut keys: HashMap<Sym, u64> = HashMap::new();
    each(rows, |row: HandedUse| {
        *keys.entry(row.row.key).or_default() += u64::from(row.count != WAITS);
        Ok(())
    })?;
    keys.retain(|_, count| *count > room(window));
    let mut asked: HashMap<Sym, BTreeMap<u64, u64>> = HashMap::new();
    let (mut of, mut has): (Option<Owner>, HashMap<Sym, u64>) = (None, HashMap::new());
    let mut turn = |owner, has: &mut HashMap<Sym, u64>| {
        if of != owner {
            for (key, count) in has.drain() {
                let count: u64 = count;
                let count = count.min(room_of_one(window));
                *asked.entry(key).or_default().entry(count).or_default() += 1;
            }
            of = owner;
        }
    };
    each(rows, |row: HandedUse| {
        turn(Some(row.owner()), &mut has);
        if row.count != WAITS && keys.contains_key(&row.row.key) {
            *has.entry(row.row.key).or_default() += 1;
        }
        Ok(())
    })?;
    turn(None, &mut has);
    let most = |asked: &BTreeMap<u64, u64>| level(asked, room(window)).min(room_of_one(window));
    Ok(asked.iter().map(|(key, asked)| (*key, most(asked))).collect())
}

/// What was given, principal by principal.
#[derive(Default)]
struct Given {
    of: Option<Owner>,
    /// How many uses of each crowded key the principal at hand has been given.
    has: HashMap<Sym, u64>,
    /// How many of its uses had no room, and one of them.
    lost: Option<(u64, HandedUse)>,
}

impl Given {
    fn turn_to(&mut self, owner: Option<Owner>, cut: &mut Cut<HandedUse>) {
        if self.of == owner {
            return;
        }
        if let Some((rows, row)) = self.lost.take() {
            cut.rows += rows;
            cut.owners += 1;
            if cut.most.is_none_or(|(most, _)| rows > most) {
                cut.most = Some((rows, row));
            }
        }
        self.of = owner;
        self.has.clear();
    }

    /// Whether there is room for a use. They come the latest first.
    fn has_room(&mut self, row: &HandedUse, levels: &HashMap<Sym, u64>) -> bool {
        let Some(level) = levels.get(&row.row.key).filter(|_| row.count != WAITS) else {
            return true;
        };
        let has = self.has.entry(row.row.key).or_default();
        if *has < *level {
            *has += 1;
            return true;
        }
        self.lost = Some((self.lost.map_or(1, |(rows, _)| rows + 1), *row));
        false
    }
}
