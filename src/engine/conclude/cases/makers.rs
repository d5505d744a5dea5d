//! Who is behind credentials: the principal that made them, or that made those of the one that did.
//!
//! What must stay true: who made a credential follows from all records together. Where several did, as
//! when different principals assume one role under one session name, nobody is named.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::io;

use crate::engine::store::runs::{SHARDS, Sharded};
use crate::model::memory::Issued;
use crate::model::time::Time;

/// So many times credentials are looked for that made others: AWS itself lets a session of a chain of
/// roles assume another without end, but nobody needs many.
const STEPS: usize = 8;

/// A maker: the keyed hashes of its lineage and of its access key.
type Maker = (u64, u64);

/// Who made which credentials.
#[derive(Debug, Default)]
pub struct Makers(HashMap<u64, Vec<(bool, Maker)>>);

impl Makers {
    /// Those of the credentials that are `wanted`, and of their makers' in turn.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn of(rows: &Sharded<Issued>, mut wanted: HashSet<u64>) -> io::Result<Makers> {
        let mut makers = Makers::default();
        for _ in 0..STEPS {
            wanted.retain(|made| !makers.0.contains_key(made));
            if wanted.is_empty() {
                break;
            }
            makers.add(rows, &wanted)?;
            let known = wanted.iter().filter_map(|made| makers.0.get(made));
            let next = known.flatten().flat_map(|(_, (maker, key))| [*maker, *key]);
            wanted = next.filter(|made| *made != 0).collect();
        }
        Ok(makers)
    }

    fn add(&mut self, rows: &Sharded<Issued>, wanted: &HashSet<u64>) -> io::Result<()> {
        for number in 0..SHARDS {
            rows.shard(number).each(|row| {
                if wanted.contains(&row.made) {
                    let makers = self.0.entry(row.made).or_default();
                    let maker = (row.vague, (row.maker, row.maker_key));
                    if !makers.contains(&maker) {
                        makers.push(maker);
                        makers.sort_unstable();
                        makers.truncate(TOLD);
                    }
                }
            })?;
        }
        Ok(())
    }

    /// The lineage behind a lineage that acted with an access key, as keyed hashes; the key may be 0.
    pub fn behind(&self, lineage: u64, key: u64) -> u64 {
        let mut at = (lineage, key);
        for _ in 0..STEPS {
            let Some(maker) = self.maker(at.1).or_else(|| self.maker(at.0)) else { break };
            at = maker;
        }
        at.0
    }

    /// Who made a credential, if that was one.
    fn maker(&self, made: u64) -> Option<Maker> {
        let makers = self.0.get(&made)?;
        let clear = makers.iter().filter(|(vague, _)| !vague);
        let mut of = match clear.clone().next() {
            Some(_) => clear.map(|(_, maker)| *maker).collect::<Vec<_>>(),
            None => makers.iter().map(|(_, maker)| *maker).collect(),
        };
        let (maker, key) = of.pop()?;
        if of.iter().any(|(other, _)| *other != maker) {
            return None;
        }
        // Whoever made it with several keys is known by itself.
        let same = of.iter().all(|(_, other)| *other == key);
        Some((maker, if same { key } else { 0 }))
    }
}

/// Sessions live for a day and a half at most: that of an IAM user's. In microseconds.
const SESSION: i64 = 36 * 3_600_000_000;
/// For so long later runs know who made an access key; 90 days in microseconds.
const LASTING: i64 = 90 * 86_400_000_000;
/// So many credentials later runs know, the latest.
const KNOWN: usize = 1 << 16;

/// The credentials that later runs may meet, after the latest event of all runs.
///
/// # Errors
/// When a temporary file cannot be read back.
pub fn hand_on(rows: &Sharded<Issued>, last: Time) -> io::Result<Vec<Issued>> {
    let mut latest: Vec<Issued> = Vec::new();
    let fit = |latest: &mut Vec<Issued>| {
        latest.sort_unstable_by_key(|row| (Reverse(row.time), *row));
        latest.dedup();
        latest.truncate(KNOWN);
    };
    for number in 0..SHARDS {
        rows.shard(number).each(|row| {
            let lives = if row.lasting { LASTING } else { SESSION };
            if row.time.0 >= last.0.saturating_sub(lives) {
                latest.push(*row);
            }
            if latest.len() > 2 * KNOWN {
                fit(&mut latest);
            }
        })?;
    }
    fit(&mut latest);
    Ok(latest)
}

/// So many makers of one credential are held, the smallest.
const TOLD: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::store::runs::Rows;

    fn makers(rows: &[(u64, bool, u64, u64)], wanted: &[u64]) -> Makers {
        let mut all = Rows::new(2);
        for (made, vague, maker, maker_key) in rows.iter().copied() {
            all.push(Issued { made, vague, maker, maker_key, lasting: false, time: Time(0) });
        }
        Makers::of(&all.sharded(), wanted.iter().copied().collect()).unwrap()
    }

    #[test]
    fn the_first_of_a_chain_is_behind_all_of_it() {
        // A user with key 11 assumes a role; its session 2 with key 12 another.
        let rows = [(12, false, 1, 11), (2, false, 1, 11), (13, false, 2, 12), (3, false, 2, 12)];
        let makers = makers(&rows, &[3, 13]);
        assert_eq!(makers.behind(3, 13), 1);
        assert_eq!(makers.behind(3, 0), 1, "by the session alone");
        assert_eq!(makers.behind(9, 0), 9, "nobody made it");
    }

    #[test]
    fn a_session_name_that_several_use_tells_nobody() {
        let rows = [(5, false, 1, 0), (5, false, 2, 0), (15, false, 2, 0)];
        let makers = makers(&rows, &[5, 15]);
        assert_eq!(makers.behind(5, 0), 5);
        assert_eq!(makers.behind(5, 15), 2, "the key tells");
    }

    #[test]
    fn the_record_that_names_the_caller_counts_before_one_that_names_its_account() {
        let makers = makers(&[(5, true, 7, 0), (5, false, 1, 0)], &[5]);
        assert_eq!(makers.behind(5, 0), 1);
    }

    #[test]
    fn credentials_that_made_each_other_come_to_an_end() {
        let makers = makers(&[(1, false, 2, 0), (2, false, 1, 0)], &[1]);
        assert!([1, 2].contains(&makers.behind(1, 0)));
    }

    #[test]
    fn later_runs_know_who_made_what_may_still_be_in_use() {
        let mut all = Rows::new(2);
        let hour = |hours: i64| Time(hours * 3_600_000_000);
        for (made, lasting, time) in [(1, false, 0), (2, false, 70), (3, true, 0), (2, false, 70)] {
            let time = hour(time);
            all.push(Issued { made, vague: false, maker: 9, maker_key: 0, lasting, time });
        }
        let known = hand_on(&all.sharded(), hour(100)).unwrap();
        assert_eq!(known.iter().map(|row| row.made).collect::<Vec<_>>(), [2, 3]);
    }
}
