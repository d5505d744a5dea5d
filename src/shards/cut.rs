//! Objects to shards, while they are found.
//!
//! Each account has a shard that is filled, since objects of several accounts may be found in turn. What
//! must stay true: what waits in such shards is bounded. Where it is too much, the largest are ended before
//! they are full. The order of a shard's objects is that of their names.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::problem::Problem;

/// What objects that wait may take in memory (128 MiB).
const HELD_MAX: usize = 128 << 20;

/// The most objects that a shard may have (1,000,000): they are held while they are read.
pub(super) const OBJECTS_MAX: u64 = 1_000_000;

/// Accounts that have shards of their own (1,048,576). Folders of more were made up.
const ACCOUNTS_MAX: usize = 1 << 20;

/// An account; `None` for objects whose names tell none.
pub(super) type Account = Option<Arc<str>>;

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// An object, and the account that its name tells.
    Object(Option<String>, Object),
    /// What could not be listed.
    Problem(Problem),
}

/// An object, and what it must still be when it is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// As a scan names it: a path, or `s3://BUCKET/KEY`.
    pub name: String,
    /// How many bytes it has.
    pub size: u64,
    /// What S3 calls its content, with quotes.
    pub etag: Option<String>,
    /// Its version in S3, where only that is known.
    pub version: Option<String>,
    /// When a file was modified, in nanoseconds since 1970.
    pub modified: Option<i64>,
}

impl Object {
    /// What it takes in memory, about.
    fn held(&self) -> usize {
        let len = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        size_of::<Object>() + self.name.len() + len(&self.etag) + len(&self.version)
    }
}

/// How large a shard may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes, unless it has only one object.
    pub bytes: u64,
    /// Objects; at least 1.
    pub objects: u64,
}

/// Objects of one account.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shard {
    pub account: Account,
    pub objects: Vec<Object>,
    bytes: u64,
    held: usize,
}

/// How much an account has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub objects: u64,
    pub bytes: u64,
    pub shards: u64,
}

/// Cuts shards.
#[derive(Debug)]
pub(super) struct Cutter {
    limits: Limits,
    held_max: usize,
    filled: BTreeMap<Account, Shard>,
    held: usize,
    /// How much each account has.
    pub tallies: BTreeMap<Account, Tally>,
}

impl Cutter {
    /// One that has nothing yet.
    pub fn new(limits: Limits) -> Cutter {
        let (filled, tallies) = (BTreeMap::new(), BTreeMap::new());
        Cutter { limits, held_max: HELD_MAX, filled, held: 0, tallies }
    }

    /// Adds an object; the shards that are full now.
    pub fn add(&mut self, account: Option<&str>, object: Object) -> Vec<Shard> {
        let mut account: Account = account.map(Into::into);
        if !self.tallies.contains_key(&account) && self.tallies.len() >= ACCOUNTS_MAX {
            account = None;
        }
        let mut full = Vec::new();
        let has_no_room = |shard: &Shard| {
            shard.objects.len() as u64 >= self.limits.objects
                || shard.bytes.saturating_add(object.size) > self.limits.bytes
        };
        if self.filled.get(&account).is_some_and(has_no_room) {
            full.extend(self.end(&account));
        }
        let tally = self.tallies.entry(account.clone()).or_default();
        tally.objects += 1;
        tally.bytes = tally.bytes.saturating_add(object.size);
        let held = object.held();
        self.held += held;
        let shard = self.filled.entry(account.clone()).or_default();
        shard.account = account;
        shard.bytes = shard.bytes.saturating_add(object.size);
        shard.held += held;
        shard.objects.push(object);
        if self.held > self.held_max {
            full.extend(self.end_largest());
        }
        full
    }

    /// The shards that are not full.
    pub fn rest(&mut self) -> Vec<Shard> {
        let accounts: Vec<Account> = self.filled.keys().cloned().collect();
        accounts.iter().filter_map(|account| self.end(account)).collect()
    }

    fn end(&mut self, account: &Account) -> Option<Shard> {
        let mut shard = self.filled.remove(account)?;
        self.held -= shard.held;
        shard.objects.sort_unstable();
        let tally = self.tallies.entry(account.clone()).or_default();
        tally.shards += 1;
        // What an inventory has twice is one object.
        shard.objects.dedup_by(|again, one| {
            let is_same = again == one;
            if is_same {
                tally.objects -= 1;
                tally.bytes = tally.bytes.saturating_sub(again.size);
            }
            is_same
        });
        Some(shard)
    }

    /// Ends the largest shards, until half of the room is free.
    fn end_largest(&mut self) -> Vec<Shard> {
        let mut sizes: Vec<(usize, Account)> =
            self.filled.values().map(|shard| (shard.held, shard.account.clone())).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        let mut ended = Vec::new();
        for (_, account) in sizes {
            if self.held <= self.held_max / 2 {
                break;
            }
            ended.extend(self.end(&account));
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(number: u64, size: u64) -> Object {
        Object { name: format!("logs/{number:04}"), size, ..Object::default() }
    }

    /// The shards of objects with accounts and sizes.
    fn cut(mut cutter: Cutter, all: &[(Option<&str>, u64)]) -> Vec<(Account, Vec<u64>)> {
        let mut shards = Vec::new();
        for (number, (account, size)) in (0..).zip(all) {
            shards.extend(cutter.add(*account, object(number, *size)));
        }
        shards.extend(cutter.rest());
        assert_eq!(cutter.held, 0);
        let told: u64 = cutter.tallies.values().map(|tally| tally.shards).sum();
        assert_eq!(told, shards.len() as u64);
        let sizes = |shard: Shard| (shard.account, shard.objects.iter().map(|o| o.size).collect());
        shards.into_iter().map(sizes).collect()
    }

    #[test]
    fn shards_are_pure_and_within_their_limits() {
        let limits = Limits { bytes: 10, objects: 3 };
        let (a, b) = (Some("111122223333"), Some("444455556666"));
        let all =
            [(a, 4), (b, 1), (a, 6), (None, 2), (a, 1), (b, 25), (b, 1), (b, 0), (b, 0), (b, 0)];
        let shards = cut(Cutter::new(limits), &all);
        let of = |account: Option<&str>, sizes: &[u64]| (account.map(Arc::from), sizes.to_vec());
        let expected = [
            of(a, &[4, 6]),
            of(b, &[1]),
            of(b, &[25]),
            of(b, &[1, 0, 0]),
            of(None, &[2]),
            of(a, &[1]),
            of(b, &[0]),
        ];
        assert_eq!(shards, expected);
    }

    #[test]
    fn what_is_found_twice_is_one_object() {
        let mut cutter = Cutter::new(Limits { bytes: 100, objects: 10 });
        for (number, size) in [(1, 4), (2, 4), (1, 4), (1, 5), (2, 4)] {
            assert_eq!(cutter.add(None, object(number, size)), []);
        }
        let shards = cutter.rest();
        assert_eq!(shards[0].objects, [object(1, 4), object(1, 5), object(2, 4)]);
        assert_eq!(cutter.tallies[&None], Tally { objects: 3, bytes: 13, shards: 1 });
    }

    #[test]
    fn what_waits_is_bounded() {
        let limits = Limits { bytes: 1 << 30, objects: 1_000 };
        let names: Vec<String> = (0..50).map(|n| format!("{n:012}")).collect();
        let all: Vec<(Option<&str>, u64)> =
            (0..5_000).map(|n| (Some(names[n * 7 % 50].as_str()), 1)).collect();
        let one = object(0, 0).held();
        let narrow = Cutter { held_max: 100 * one, ..Cutter::new(limits) };
        let shards = cut(narrow, &all);
        assert!(shards.len() >= 50 && shards.iter().all(|(_, sizes)| sizes.len() <= 101));
        assert_eq!(shards.iter().map(|(_, sizes)| sizes.len()).sum::<usize>(), 5_000);
        assert_eq!(cut(Cutter::new(limits), &all).len(), 50);
    }
}
