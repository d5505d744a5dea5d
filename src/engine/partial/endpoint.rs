//! One call, two records: a call through a VPC endpoint is logged as a management event and, where
//! network activity is logged too, once more by the endpoint, with the same `requestID`.
//!
//! A built-in rule reports the call once. The endpoint's record is held until all is read, and
//! dropped only when the management event was matched too: where management events are not logged,
//! the endpoint's record is all there is. Source: CloudTrail user guide, "Logging network activity
//! events".
//!
//! What must stay true: the order of reading decides nothing. Beyond the limit nothing is dropped.

use std::collections::HashSet;
use std::io;

use super::fact::{Fact, NO_GROUP};
use super::group::{Group, GroupKey};
use super::groups::Groups;
use super::pack::{pack, unpack};
use crate::engine::store::runs::{Row, Rows};
use crate::engine::store::stacks::Stacks;

/// `requestID`s of calls that are held to be compared; beyond, every record is reported.
const LIMIT: usize = 1 << 20;

/// An endpoint's record that a rule matched.
#[derive(Debug)]
pub struct Held {
    /// Keyed hash of `requestID`.
    pub call: [u64; 2],
    /// What is to be counted.
    pub fact: Fact,
    /// The group it would belong to.
    pub key: GroupKey,
    /// The group.
    pub group: Group,
}

impl Held {
    /// Words in front of the group: the call, and the fact.
    const WORDS: usize = 2 + Fact::WORDS;

    fn pack(&self) -> Vec<u8> {
        let mut words = [0; Held::WORDS];
        words[..2].copy_from_slice(&self.call);
        self.fact.write(&mut words[2..]);
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.extend(pack(&self.key, &self.group, 0));
        bytes
    }

    /// What [`each_held`](Network::each_held) gave; `None` if it is anything else.
    pub fn unpack(bytes: &[u8]) -> Option<Held> {
        let (head, rest) = bytes.split_at_checked(Held::WORDS * 8)?;
        let (words, _) = head.as_chunks::<8>();
        let words: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let (key, group, _) = unpack(rest)?;
        Some(Held { call: [words[0], words[1]], fact: Fact::read(&words[2..]), key, group })
    }
}

/// The calls that rules matched, by how they were logged.
#[derive(Debug)]
pub struct Network {
    calls: HashSet<[u64; 2]>,
    held: Vec<Held>,
    /// What those take, about; bytes.
    weight: usize,
    /// Beyond, they are put away.
    limit: usize,
    away: Stacks,
    /// More calls than `LIMIT` were matched.
    overflow: bool,
}

impl Network {
    /// No calls; about `limit` bytes of endpoints' records are held in memory.
    pub fn new(limit: usize) -> Network {
        Network {
            calls: HashSet::new(),
            held: Vec::new(),
            weight: 0,
            limit,
            away: Stacks::default(),
            overflow: false,
        }
    }

    /// Notes that a management event was matched.
    pub fn note(&mut self, call: [u64; 2]) {
        if !self.overflow {
            self.calls.insert(call);
            self.check_limit();
        }
    }

    /// Holds an endpoint's record.
    pub fn hold(&mut self, held: Held) {
        self.weight += held.key.weight() + held.group.weight();
        self.held.push(held);
        if self.weight > self.limit {
            self.put_away();
        }
    }

    /// They may come back in any order.
    fn put_away(&mut self) {
        let texts = self.held.iter().map(|held| Ok(([0; 4], held.pack())));
        match self.away.put(texts) {
            Ok(()) => {
                self.held.clear();
                self.weight = 0;
            }
            // Memory grows, and nobody tries again.
            Err(_) => self.limit = usize::MAX,
        }
    }

    /// The calls that were matched; none if there were too many.
    pub fn calls(&self) -> Option<&HashSet<[u64; 2]>> {
        (!self.overflow).then_some(&self.calls)
    }

    /// Notes that too many calls were matched.
    pub fn overflow(&mut self) {
        self.overflow = true;
        self.check_limit();
    }

    /// Hands the records of endpoints to `take`, as bytes.
    ///
    /// # Errors
    /// What `take` returns, or when a temporary file cannot be read back.
    pub fn each_held(&mut self, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        self.held.iter().try_for_each(|held| take(&held.pack()))?;
        let mut away = self.away.in_order()?;
        while let Some((_, text)) = away.next()? {
            take(&text)?;
        }
        Ok(())
    }

    /// Adds another worker's.
    pub fn merge(&mut self, other: Network) {
        self.overflow |= other.overflow;
        self.away.merge(other.away);
        other.held.into_iter().for_each(|held| self.hold(held));
        if !self.overflow {
            self.calls.extend(other.calls);
        }
        self.check_limit();
    }

    fn check_limit(&mut self) {
        if self.calls.len() > LIMIT {
            self.overflow = true;
        }
        if self.overflow {
            self.calls = HashSet::new();
        }
    }

    /// Hands on the records that stand for a call of their own; the others only count as read.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn release(mut self, facts: &mut Rows<Fact>, groups: &mut Groups) -> io::Result<()> {
        let mut release = |held: Held| {
            if self.calls.contains(&held.call) {
                facts.push(Fact { group: NO_GROUP, ..held.fact });
            } else {
                facts.push(held.fact);
                groups.add(held.key, held.fact.group, held.group);
            }
        };
        self.held.into_iter().for_each(&mut release);
        let mut away = self.away.in_order()?;
        while let Some((_, text)) = away.next()? {
            release(Held::unpack(&text).ok_or(io::ErrorKind::InvalidData)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::partial::group::{EventKept, EventRead, Match, Snapshot};
    use crate::engine::store::hash::HashKey;
    use crate::engine::store::runs::SHARDS;
    use crate::model::level::Level;
    use crate::model::origin::Origin;

    fn held(call: u64) -> Held {
        let snapshot = Snapshot::of_nobody(std::collections::BTreeMap::new());
        let event = EventKept {
            order: (true, None, None),
            name: "DisableKey".into(),
            content: call,
            place: None,
        };
        let (read, level) = (EventRead::of_nobody(Origin::blob("b")), Level::High);
        let group = Group::new(Match { level, event, read, snapshot, fresh: true });
        let key = GroupKey::of_rule(0);
        let fact =
            Fact { identity: [call, 0], content: call, group: [9, 9], blob: 0, record: call };
        Held { call: [call, 0], fact, key, group }
    }

    /// The endpoint's records of calls 1 and 2, the management event of call 1, in any order.
    #[test]
    fn the_endpoints_record_is_dropped_only_beside_the_management_event() {
        let parts = |limit| {
            let [mut a, mut b, mut c] = [(); 3].map(|()| Network::new(limit));
            a.hold(held(1));
            b.note([1, 0]);
            c.hold(held(2));
            [a, b, c]
        };
        for (turn, limit) in [(0, 0), (1, 0), (2, 0), (0, 9_999), (1, 9_999), (2, 9_999)] {
            let mut parts = parts(limit);
            parts.rotate_left(turn);
            let mut all = Network::new(limit);
            parts.into_iter().for_each(|part| all.merge(part));
            let (mut facts, mut groups) = (Rows::new(9), Groups::new(HashKey::random(1), 1 << 20));
            all.release(&mut facts, &mut groups).unwrap();
            let mut groups = groups.in_order().unwrap();
            assert!(groups.next().unwrap().is_some() && groups.next().unwrap().is_none());
            let sharded = facts.sharded();
            let mut counted = Vec::new();
            for shard in 0..SHARDS {
                let mut rows = sharded.shard(shard).rows().unwrap();
                while let Some((fact, _)) = rows.next().unwrap() {
                    counted.push((fact.identity[0], fact.group));
                }
            }
            counted.sort_unstable();
            assert_eq!(counted, [(1, NO_GROUP), (2, [9, 9])]);
        }
    }
}
