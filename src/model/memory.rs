//! What a run leaves to the next one, so that rules can judge records of several runs together.
//!
//! A run never reads an object again. So rules over many records get from here what they still need:
//! the records themselves. They are few, and they mean the same under other rules. What must stay
//! true: the size is bounded, whatever the number of runs, and the oldest entries go first.

use std::collections::BTreeSet;

use super::aftermath::{Doing, KnownUndoing};
use super::case::KnownCase;
use super::coverage::Coverage;
use super::days::{Day, Days};
use super::delivery::Deliveries;
use super::origin::Origin;
use super::time::Time;

/// An id: a hash of two words.
pub type Id = [u64; 2];

/// What a run leaves to the next one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// The key of the hashes in `known`; random, and kept so that they stay comparable.
    pub seed: u64,
    /// The earliest `eventTime` of all runs.
    pub first_event: Option<Time>,
    /// The latest.
    pub last_event: Option<Time>,
    /// Every `recipientAccountId` of all runs.
    pub accounts: BTreeSet<String>,
    /// Which hours were in the logs.
    pub coverage: Coverage,
    /// Keyed hash of the accounts and Regions that the configuration expected.
    pub expects: u64,
    /// Where trails delivered their log files.
    pub deliveries: Deliveries,
    /// Records that were read, so that a copy that is delivered later is nothing new. The lowest bit
    /// of an id says whether the record was left out ([`left_out`]).
    pub known: Dated,
    /// Records that rules over many may still need.
    pub recalled: Vec<Recalled>,
    /// Uses of keys that such rules may still need.
    pub uses: Uses,
    /// What principals did on which days, as rules see it.
    pub habits: Vec<Habit>,
    /// Cases that were told of.
    pub cases: Vec<KnownCase>,
    /// How many cases had no room, or not all of them: what goes on with one may be told as a new case.
    pub cases_forgotten: u64,
    /// Credentials that may still be in use, and who made them.
    pub issued: Vec<Issued>,
    /// How many credentials had no room: what is done with one may be told as a case of its own.
    pub issued_forgotten: u64,
    /// What findings did that were told of, as long as it may be undone or done again.
    pub doings: Vec<Doing>,
    /// Of how many there is no room: nothing is told of what undoes them.
    pub doings_forgotten: u64,
    /// The latest calls that may undo what comes late.
    pub undoing: Vec<KnownUndoing>,
    /// Tag changes that had no room in any run.
    pub lost_tags: LostTags,
    /// How many records and uses that such rules may still need had no room.
    pub forgotten: u64,
    /// How many records and uses of earlier runs are older than any rule looks back.
    pub aged: u64,
    /// The times of records that were read and not judged, since they lay before what was asked
    /// for.
    pub left_out: Option<Span>,
    /// How many records of this run had no room in `known`: copies of them that come later count
    /// again.
    pub copies_forgotten: u64,
}

/// From the first time to the last.
pub type Span = (Time, Time);

/// Both spans, and what is between them.
pub fn both(one: Option<Span>, other: Option<Span>) -> Option<Span> {
    let all = [one, other].into_iter().flatten();
    all.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
}

/// Of which resources tag changes had no room, from when to when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LostTags {
    /// By a hash of the ARN under the `seed`.
    pub of: Vec<(u64, Span)>,
    /// Of too many of these, by what the ARNs begin with.
    pub alike: Vec<(String, Span)>,
    /// Of too many of these.
    pub all: Option<Span>,
}

/// Uses of keys, in blocks that only the engine reads, and only under the same `seed`: millions of
/// them are held in little memory, and taken up block by block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uses {
    /// The blocks.
    pub blocks: Vec<Vec<u8>>,
    /// How many uses there are in all of them.
    pub count: u64,
}

/// What a principal did on which days, as one rule sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Habit {
    /// Of which rule and part: a hash under the `seed`.
    pub of: Id,
    /// What, in the rule's own words.
    pub value: String,
    /// The earliest days.
    pub days: Days,
    /// The last day.
    pub last: Day,
}

/// A credential, and who made it: whoever creates an access key or assumes a role goes on under another
/// name. Names are keyed hashes of what [`super::lineage`] makes of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Issued {
    /// The access key, or the session's lineage.
    pub made: u64,
    /// Whether the record names only the account of who made it. One of the account does whose role a
    /// principal of another account assumes.
    pub vague: bool,
    /// The lineage of who made it.
    pub maker: u64,
    /// The access key with which it was made; 0 if there was none.
    pub maker_key: u64,
    /// Whether it is an access key that lasts, and not a session.
    pub lasting: bool,
    /// When it was made.
    pub time: Time,
}

/// A record from an earlier run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recalled {
    /// Where it was read.
    pub origin: Origin,
    /// Its text.
    pub text: Vec<u8>,
    /// Whether it lay in the range that was reported.
    pub reported: bool,
    /// Of a use of a key, the time of the last one like it. Only earlier versions kept uses so.
    pub last: Option<Time>,
    /// Of such a use, how many there were; else 1.
    pub count: u64,
}

/// Ids, each with the day on which it was last met. Sorted, so that it is compact and can be asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dated(Vec<(Id, u16)>);

impl Dated {
    /// Ids in any order; of equals, the latest day counts.
    pub fn new(mut rows: Vec<(Id, u16)>) -> Dated {
        rows.sort_unstable_by_key(|(id, day)| (*id, std::cmp::Reverse(*day)));
        rows.dedup_by_key(|(id, _)| *id);
        Dated(rows)
    }

    /// All of them, ascending.
    pub fn rows(&self) -> &[(Id, u16)] {
        &self.0
    }

    /// Where an id is in `rows`.
    pub fn find(&self, id: Id) -> Option<usize> {
        self.0.binary_search_by_key(&id, |(id, _)| *id).ok()
    }

    /// Whether a record is there, and then whether it was judged. Some run may have judged what
    /// another one left out.
    pub fn judged(&self, id: Id) -> Option<bool> {
        let id = judged(id);
        let at = self.0.partition_point(|(known, _)| *known < id);
        let (found, _) = self.0.get(at)?;
        (judged(*found) == id).then_some(*found == id)
    }

    /// Whether a record is there that was left out and that no run has judged.
    pub fn has_left_out(&self) -> bool {
        self.0.iter().any(|(id, _)| *id == left_out(*id) && !self.has(judged(*id)))
    }

    /// Whether an id is there.
    pub fn has(&self, id: Id) -> bool {
        self.find(id).is_some()
    }

    /// Those that were met on `today` and the earlier ones; not those of more than `days` ago, and
    /// of more than `most` the latest.
    pub fn renewed(
        &self,
        met: impl IntoIterator<Item = Id>,
        today: u16,
        days: u16,
        most: usize,
    ) -> Dated {
        let oldest = today.saturating_sub(days);
        let old = self.0.iter().copied().filter(|(_, day)| *day >= oldest);
        let mut all = Dated::new(old.chain(met.into_iter().map(|id| (id, today))).collect());
        if all.0.len() > most {
            let mut by_day: Vec<u16> = all.0.iter().map(|(_, day)| *day).collect();
            by_day.sort_unstable_by_key(|day| std::cmp::Reverse(*day));
            let last = by_day[most - 1];
            let mut room = most - by_day.iter().filter(|day| **day > last).count();
            all.0.retain(|(_, day)| {
                let stays = *day > last || (*day == last && room > 0);
                room -= usize::from(stays && *day == last);
                stays
            });
        }
        all
    }
}

/// The id of a record that was judged.
pub fn judged([one, two]: Id) -> Id {
    [one, two & !1]
}

/// The id of a record that was read and left out.
pub fn left_out([one, two]: Id) -> Id {
    [one, two | 1]
}

/// The day of a time, counted from 1970.
pub fn day(time: Time) -> u16 {
    u16::try_from(time.0 / 86_400_000_000).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_latest_are_kept_and_no_more_than_there_is_room_for(
            old in prop::collection::vec((0..30u64, 0..60u16), 0..40),
            met in prop::collection::vec(0..30u64, 0..20),
            days in 1..70u16, most in 1..40usize,
        ) {
            let id = |n: u64| [n.wrapping_mul(0x9e37_79b9_7f4a_7c15), n];
            let before = Dated::new(old.iter().map(|(n, day)| (id(*n), *day)).collect());
            let after = before.renewed(met.iter().map(|n| id(*n)), 60, days, most);
            // The plain way: the latest day of each, those that are too old dropped.
            let mut plain = std::collections::BTreeMap::new();
            let today = met.iter().map(|n| (*n, 60));
            for (n, day) in old.iter().copied().filter(|(_, day)| day + days >= 60).chain(today) {
                let known = plain.entry(n).or_insert(day);
                *known = day.max(*known);
            }
            prop_assert_eq!(after.rows().len(), plain.len().min(most));
            let oldest = after.rows().iter().map(|(_, day)| *day).min();
            for (n, day) in plain {
                match after.find(id(n)) {
                    Some(at) => prop_assert_eq!(after.rows()[at].1, day),
                    None => prop_assert!(Some(day) <= oldest),
                }
            }
        }
    }
}
