//! All findings in the making, in bounded memory.
//!
//! What is too much to hold is put away in the order of the findings that it will be part of, so that
//! in the end one finding after the other can be made of all its pieces. See
//! [`Stacks`](crate::engine::store::stacks).
//!
//! What must stay true: what comes out does not depend on what was put away, nor on who read what.

use std::collections::hash_map::Entry;
use std::io;

use super::group::{Group, GroupKey};
use super::pack::{pack, unpack};
use crate::engine::store::hash::HashKey;
use crate::engine::store::stacks::{SideBySide, StackKey, Stacks};

/// A finding in the making, or what one worker has seen of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// What makes it the same as others.
    pub key: GroupKey,
    /// The hash by which facts name it.
    pub hash: [u64; 2],
    /// What it shows.
    pub group: Group,
    /// How many records it rests on, beside those that facts count.
    pub count: u64,
}

/// Every group, by key.
#[derive(Debug)]
pub struct Groups {
    hash_key: HashKey,
    held: foldhash::HashMap<GroupKey, ([u64; 2], Group, u64)>,
    /// What they take, about; bytes.
    weight: usize,
    /// Beyond, they are put away.
    limit: usize,
    away: Stacks,
}

impl Groups {
    /// No groups; about `limit` bytes of them are held in memory.
    pub fn new(hash_key: HashKey, limit: usize) -> Groups {
        Groups {
            hash_key,
            held: foldhash::HashMap::default(),
            weight: 0,
            limit,
            away: Stacks::default(),
        }
    }

    /// All of them; none are left here.
    pub fn take_all(&mut self) -> Groups {
        let none = Groups::new(self.hash_key, self.limit);
        std::mem::replace(self, none)
    }

    /// Takes in a group, whose records facts count.
    pub fn add(&mut self, key: GroupKey, hash: [u64; 2], group: Group) {
        self.take(Piece { key, hash, group, count: 0 });
    }

    /// Takes in a group whose records are counted.
    pub fn add_counted(&mut self, key: GroupKey, group: Group, count: u64) {
        let hash = key.hash(self.hash_key);
        self.take(Piece { key, hash, group, count });
    }

    fn take(&mut self, piece: Piece) {
        let Piece { key, hash, group, count } = piece;
        match self.held.entry(key) {
            Entry::Occupied(mut entry) => {
                let (_, known, counted) = entry.get_mut();
                let before = known.weight();
                known.merge(group);
                *counted += count;
                self.weight = (self.weight + known.weight()).saturating_sub(before);
            }
            Entry::Vacant(entry) => {
                self.weight += entry.key().weight() + group.weight();
                entry.insert((hash, group, count));
            }
        }
        if self.weight > self.limit {
            self.put_away();
        }
    }

    /// What is held, in order.
    fn sorted(&mut self) -> Vec<(StackKey, Piece)> {
        let all = std::mem::take(&mut self.held).into_iter();
        let mut all: Vec<_> = all
            .map(|(key, (hash, group, count))| {
                let [first, second] = key.finding_hash(self.hash_key, hash);
                let [third, fourth] = hash;
                ([first, second, third, fourth], Piece { key, hash, group, count })
            })
            .collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        self.weight = 0;
        all
    }

    fn put_away(&mut self) {
        let all = self.sorted();
        let texts = all
            .iter()
            .map(|(at, Piece { key, group, count, .. })| Ok((*at, pack(key, group, *count))));
        if self.away.put(texts).is_err() {
            // Being exact comes first: memory grows, and nobody tries again.
            self.limit = usize::MAX;
            all.into_iter().for_each(|(_, piece)| self.take(piece));
        }
    }

    /// Why memory holds what a temporary file should.
    pub fn trouble(&self) -> Option<&io::Error> {
        self.away.trouble()
    }

    /// Takes in all of another's.
    pub fn merge(&mut self, other: Groups) {
        self.away.merge(other.away);
        for (key, (hash, group, count)) in other.held {
            self.take(Piece { key, hash, group, count });
        }
    }

    /// All groups, those next to each other that become one finding.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn in_order(&mut self) -> io::Result<InOrder<'_>> {
        let held = self.sorted().into_iter().peekable();
        Ok(InOrder { held, away: self.away.in_order()? })
    }
}

/// Groups in the order of the findings that they become.
pub struct InOrder<'a> {
    held: std::iter::Peekable<std::vec::IntoIter<(StackKey, Piece)>>,
    away: SideBySide<'a>,
}

impl InOrder<'_> {
    /// What stands for the finding that the next group becomes.
    pub fn peek(&mut self) -> Option<[u64; 2]> {
        self.peek_key().map(|[first, second, ..]| [first, second])
    }

    fn peek_key(&mut self) -> Option<StackKey> {
        let held = self.held.peek().map(|(key, _)| *key);
        [held, self.away.peek()].into_iter().flatten().min()
    }

    /// The next group, of all its pieces.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn next(&mut self) -> io::Result<Option<Piece>> {
        let Some(at) = self.peek_key() else { return Ok(None) };
        let mut all: Option<Piece> = None;
        while let Some(piece) = self.next_at(at)? {
            match &mut all {
                None => all = Some(piece),
                Some(all) => {
                    all.group.merge(piece.group);
                    all.count += piece.count;
                }
            }
        }
        Ok(all)
    }

    /// The next piece of the group at a place.
    fn next_at(&mut self, at: StackKey) -> io::Result<Option<Piece>> {
        if let Some((_, piece)) = self.held.next_if(|(key, _)| *key == at) {
            return Ok(Some(piece));
        }
        if self.away.peek() != Some(at) {
            return Ok(None);
        }
        let Some((_, text)) = self.away.next()? else { return Ok(None) };
        let (key, group, count) = unpack(&text).ok_or(io::ErrorKind::InvalidData)?;
        let [_, _, first, second] = at;
        Ok(Some(Piece { key, hash: [first, second], group, count }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::detect::Foreign;
    use crate::engine::partial::group::{EventKept, EventRead, Match, Snapshot};
    use crate::model::level::Level;
    use crate::model::origin::Origin;
    use crate::model::time::Time;

    /// Key, whose accounts it rests on, time.
    type One = (u8, Option<u8>, i64);

    fn piece((key, foreign, time): One) -> (GroupKey, Group) {
        let event = EventKept {
            order: (false, Some(Time(time)), Some(format!("e{time}"))),
            name: "Decrypt".into(),
            place: None,
            content: 0,
        };
        let snapshot = Snapshot::of_nobody(BTreeMap::new());
        let (level, read) = (Level::High, EventRead::of_nobody(Origin::blob("b")));
        let group = Group::new(Match { level, event, read, snapshot, fresh: true });
        let foreign = foreign
            .map(|account| Foreign { accounts: [account.to_string()].into(), otherwise: None });
        (GroupKey { key: Some(key.to_string()), foreign, ..GroupKey::of_rule(1) }, group)
    }

    /// All that comes out, as texts; that of one finding is next to each other.
    fn all(mut groups: Groups) -> Vec<String> {
        let mut all = Vec::new();
        let mut findings = Vec::new();
        let mut read = groups.in_order().unwrap();
        while let Some(at) = read.peek() {
            let piece = read.next().unwrap().unwrap();
            findings.push(at);
            all.push(format!("{piece:?}"));
        }
        findings.dedup();
        let len = findings.len();
        findings.sort_unstable();
        findings.dedup();
        assert_eq!(findings.len(), len);
        all.sort();
        all
    }

    proptest! {
        #[test]
        fn groups_are_whole_whatever_was_put_away(
            ones in prop::collection::vec((0..9u8, prop::option::of(0..3u8), 0..40i64), 0..80),
            workers in 1..4usize, limit in 0..9_000usize,
        ) {
            let key = HashKey::of_seed(7);
            let add = |groups: &mut Groups, one: &One| {
                let (key, group) = piece(*one);
                groups.add_counted(key, group, 1);
            };
            let mut parts: Vec<Groups> = (0..workers).map(|_| Groups::new(key, limit)).collect();
            let mut one = Groups::new(key, usize::MAX);
            for (at, other) in ones.iter().enumerate() {
                add(&mut parts[at % workers], other);
                add(&mut one, other);
            }
            let merged = parts.into_iter().rev().reduce(|mut a, b| { a.merge(b); a }).unwrap();
            prop_assert_eq!(all(merged), all(one));
        }
    }
}
