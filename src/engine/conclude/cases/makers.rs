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

/// So many times credentials are looked for that made others. A session of a role can assume another
/// without end.
const STEPS: usize = 64;

/// A maker: the keyed hashes of its lineage and of its access key.
type Maker = (u64, u64);

/// Who made which credentials.
#[derive(Debug, Default)]
pub struct Makers(HashMap<u64, Told>);

/// What all records together tell of who made a credential.
#[derive(Debug, Default)]
struct Told {
    /// Those that name who did,
    clear: Makes,
    /// and those that name the account only.
    vague: Makes,
}

/// Who made a credential.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Makes {
    #[default]
    Nobody,
    /// One, with one key or with several: then the key is 0.
    One(Maker),
    Several,
}

impl Makes {
    fn add(&mut self, (maker, key): Maker) {
        *self = match *self {
            Makes::Nobody => Makes::One((maker, key)),
            Makes::One((known, of)) if known == maker => {
                Makes::One((maker, if of == key { key } else { 0 }))
            }
            _ => Makes::Several,
        };
    }
}

impl Makers {
    /// Those of the credentials that are `wanted`, and of their makers' in turn.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn of(rows: &Sharded<Issued>, mut wanted: HashSet<u64>) -> io::Result<Makers> {
        let mut makers = Makers::default();
        for _ in 0..STEPS {
            wanted.retain(|made| *made != 0 && !makers.0.contains_key(made));
            if wanted.is_empty() {
                break;
            }
            for made in &wanted {
                makers.0.insert(*made, Told::default());
            }
            for number in 0..SHARDS {
                rows.shard(number).each(|row| {
                    if let Some(told) =
                        makers.0.get_mut(&row.made).filter(|_| wanted.contains(&row.made))
                    {
                        let makes = if row.vague { &mut told.vague } else { &mut told.clear };
                        makes.add((row.maker, row.maker_key));
                    }
                })?;
            }
            let known = wanted.iter().filter_map(|made| makers.maker(*made));
            wanted = known.flat_map(|(maker, key)| [maker, key]).collect();
        }
        Ok(makers)
    }

    /// The lineage behind a lineage that acted with an access key, as keyed hashes. Without one the name of
    /// the session tells; with one that nobody in the log made, somebody else may have named a session
    /// so.
    pub fn behind(&self, lineage: u64, key: u64) -> u64 {
        let mut at = (lineage, key);
        for _ in 0..STEPS {
            let made = if at.1 == 0 { at.0 } else { at.1 };
            let Some(maker) = self.maker(made) else { break };
            at = maker;
        }
        at.0
    }

    /// Who made a credential, if that was one.
    fn maker(&self, made: u64) -> Option<Maker> {
        let told = self.0.get(&made)?;
        match (told.clear, told.vague) {
            (Makes::One(maker), _) | (Makes::Nobody, Makes::One(maker)) => Some(maker),
            _ => None,
        }
    }
}

/// Sessions live for a day and a half at most: that of an IAM user's. In microseconds.
const SESSION: i64 = 36 * 3_600_000_000;
/// For so long later runs know who made an access key; 90 days in microseconds.
const LASTING: i64 = 90 * 86_400_000_000;
/// So many credentials later runs know, the latest.
pub const KNOWN: usize = 1 << 16;

/// The credentials that later runs may meet, after the latest event of all runs: `most` of them, the
/// latest. And how many more there are.
///
/// # Errors
/// When a temporary file cannot be read back.
pub fn hand_on(rows: &Sharded<Issued>, last: Time, most: usize) -> io::Result<(Vec<Issued>, u64)> {
    let mut latest: Vec<Issued> = Vec::new();
    let mut all = 0;
    let fit = |latest: &mut Vec<Issued>| {
        latest.sort_unstable_by_key(|row| (Reverse(row.time), *row));
        latest.truncate(most);
    };
    for number in 0..SHARDS {
        let mut rows = rows.shard(number).rows()?;
        let mut previous = None;
        while let Some((row, _)) = rows.next()? {
            let lives = if row.lasting { LASTING } else { SESSION };
            // Copies are neighbours, and count once.
            let is_copy = previous.replace(row) == Some(row);
            if !is_copy && row.time.0 >= last.0.saturating_sub(lives) {
                latest.push(row);
                all += 1;
            }
            if latest.len() > 2 * most {
                fit(&mut latest);
            }
        }
    }
    fit(&mut latest);
    let beyond = all - latest.len() as u64;
    Ok((latest, beyond))
}

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
        let makers = makers(&rows, &[5, 15, 16]);
        assert_eq!(
            makers.behind(5, 16),
            5,
            "a key that nobody made is not of whoever took the name"
        );
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
        let all = all.sharded();
        for (most, made, more) in [(2, &[2, 3][..], 0), (1, &[2], 1)] {
            let (known, beyond) = hand_on(&all, hour(100), most).unwrap();
            assert_eq!(known.iter().map(|row| row.made).collect::<Vec<_>>(), made);
            assert_eq!(beyond, more);
        }
    }

    #[test]
    fn a_maker_with_many_keys_is_one_and_two_makers_are_none_in_any_order() {
        let mut rows: Vec<_> = (0..20).map(|key| (5, false, 1, 100 + key)).collect();
        assert_eq!(makers(&rows, &[5]).behind(5, 0), 1);
        for at in [0, 7, 20] {
            rows.insert(at, (5, false, 2, 9));
            assert_eq!(makers(&rows, &[5]).behind(5, 0), 5);
            rows.remove(at);
        }
    }
}
