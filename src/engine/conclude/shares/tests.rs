//! Shares of a room, against a plain twin, in any order and split.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::engine::store::runs::{Row, Rows};

/// Account, principal, age (the latest first), number, room.
type Plain = [u64; 5];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct One(Plain);

impl Row for One {
    const WORDS: usize = 5;

    fn write(&self, words: &mut [u64]) {
        words.copy_from_slice(&self.0);
    }

    fn read(words: &[u64]) -> One {
        One([words[0], words[1], words[2], words[3], words[4]])
    }

    fn shard(&self) -> u64 {
        self.0[0]
    }
}

impl Claim for One {
    fn owner(&self) -> Owner {
        (self.0[0], self.0[1])
    }

    fn absorb(&mut self, next: &One) -> bool {
        self == next
    }
}

#[derive(Default)]
struct Takes(Vec<Plain>);

impl Asking<One> for Takes {
    fn asks(&self, row: &One) -> bool {
        row.0[3] != 0
    }

    fn room(&mut self, row: &One, _begins: bool) -> io::Result<u64> {
        Ok(row.0[4])
    }

    fn take(&mut self, row: One) -> io::Result<()> {
        self.0.push(row.0);
        Ok(())
    }
}

/// Gives one unit after the other to whoever has the least, accounts first.
fn poured(asked: &BTreeMap<u64, u64>, room: u64) -> BTreeMap<u64, u64> {
    let mut given: BTreeMap<u64, u64> = asked.keys().map(|who| (*who, 0)).collect();
    for _ in 0..room {
        let wants = given.iter().filter(|(who, has)| **has < asked[who]);
        let Some(who) = wants.min_by_key(|(_, has)| **has).map(|(who, _)| *who) else { break };
        *given.entry(who).or_default() += 1;
    }
    // Whoever gives way has the same as the others that do: what is left over is nobody's.
    let full = |who: &u64, has: u64| has < asked[who];
    let least = given.iter().filter(|(who, has)| full(who, **has)).map(|(_, has)| *has).min();
    given.iter_mut().for_each(|(_, has)| *has = (*has).min(least.unwrap_or(u64::MAX)));
    given
}

/// The slow, obvious twin.
fn plain(rows: &BTreeSet<Plain>, room: Room) -> Vec<Plain> {
    let mut asked: BTreeMap<u64, BTreeMap<u64, u64>> = BTreeMap::new();
    for row in rows {
        *asked.entry(row[0]).or_default().entry(row[1]).or_default() += row[4];
    }
    let least = |asked: &BTreeMap<u64, u64>| -> BTreeMap<u64, u64> {
        asked.iter().map(|(who, asked)| (*who, (*asked).min(room.principal))).collect()
    };
    let asked: BTreeMap<u64, _> = asked.iter().map(|(who, asked)| (*who, least(asked))).collect();
    let totals = asked.iter().map(|(who, of)| (*who, of.values().sum::<u64>().min(room.account)));
    let of_accounts = poured(&totals.collect(), room.all);
    let mut kept = Vec::new();
    for (account, of) in asked {
        for (principal, mut left) in poured(&of, of_accounts[&account]) {
            let his = rows.iter().filter(|row| (row[0], row[1]) == (account, principal));
            kept.extend(his.take_while(|row| {
                let fits = row[4] <= left;
                left = left.saturating_sub(row[4]);
                fits
            }));
        }
    }
    kept.sort_unstable();
    kept
}

proptest! {
    #[test]
    fn who_gets_what_follows_from_all_rows_together(
        rows in prop::collection::btree_set((0..3u64, 0..4u64, 0..9u64, 1..5u64, 1..6u64), 0..40),
        seed in any::<u64>(), limit in 1..9usize, workers in 1..4usize,
        room in (1..90u64, 1..60u64, 1..40u64),
    ) {
        let rows: BTreeSet<Plain> = rows.into_iter().map(|(a, p, t, n, r)| [a, p, t, n, r]).collect();
        let room = Room { all: room.0, account: room.1, principal: room.2 };
        let mut shuffled: Vec<&Plain> = rows.iter().collect();
        shuffled.sort_by_key(|row| (row[3] * 7 + row[2] * 3 + row[1]).wrapping_mul(seed | 1));
        let mut parts: Vec<Rows<One>> = (0..workers).map(|_| Rows::new(limit)).collect();
        for (at, row) in shuffled.into_iter().enumerate() {
            parts[at % workers].push(One(*row));
            // Copies change nothing, nor does what asks for nothing.
            parts[(at + 1) % workers].push(One(*row));
            parts[at % workers].push(One([row[0], row[1], row[2], 0, 9]));
        }
        let all = parts.into_iter().reduce(|mut a, b| { a.merge(b); a }).unwrap().sharded();
        let mut takes = Takes::default();
        let cut = share(&all, room, &mut takes).unwrap();
        takes.0.sort_unstable();
        prop_assert_eq!(&takes.0, &plain(&rows, room));
        prop_assert_eq!(cut.rows as usize + takes.0.len(), rows.len());
        prop_assert_eq!(cut.most.is_some(), cut.owners > 0);
        prop_assert!(takes.0.iter().map(|row| row[4]).sum::<u64>() <= room.all);
    }
}

#[test]
fn a_flood_takes_room_from_whoever_makes_it() {
    let mut rows = Rows::new(1000);
    (0..1000).for_each(|at| rows.push(One([1, 1, at, 1, 10])));
    (0..5).for_each(|at| rows.push(One([1, 2, at, 1, 10])));
    (0..5).for_each(|at| rows.push(One([2, 3, at, 1, 10])));
    let mut takes = Takes::default();
    let room = Room { all: 1000, account: 500, principal: 400 };
    let cut = share(&rows.sharded(), room, &mut takes).unwrap();
    let of = |who: u64| takes.0.iter().filter(|row| row[1] == who).count();
    assert_eq!([of(1), of(2), of(3)], [40, 5, 5]);
    assert_eq!((cut.rows, cut.owners), (960, 1));
    assert_eq!(cut.most, Some((960, One([1, 1, 40, 1, 10]))));
}
