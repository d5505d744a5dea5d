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

use super::fact::{Fact, NO_GROUP};
use super::group::{Group, GroupKey};
use super::groups::Groups;
use crate::engine::store::runs::Rows;

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

/// The calls that rules matched, by how they were logged.
#[derive(Debug, Default)]
pub struct Network {
    calls: HashSet<[u64; 2]>,
    held: Vec<Held>,
    /// More calls than `LIMIT` were matched.
    overflow: bool,
}

impl Network {
    /// Notes that a management event was matched.
    pub fn note(&mut self, call: [u64; 2]) {
        if !self.overflow {
            self.calls.insert(call);
            self.check_limit();
        }
    }

    /// Holds an endpoint's record.
    pub fn hold(&mut self, held: Held) {
        self.held.push(held);
    }

    /// Adds another worker's.
    pub fn merge(&mut self, other: Network) {
        self.overflow |= other.overflow;
        self.held.extend(other.held);
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
    pub fn release(self, facts: &mut Rows<Fact>, groups: &mut Groups) {
        for held in self.held {
            if self.calls.contains(&held.call) {
                facts.push(Fact { group: NO_GROUP, ..held.fact });
            } else {
                facts.push(held.fact);
                groups.add(held.key, held.fact.group, held.group);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::partial::group::{EventKept, Match, Snapshot};
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
        let (origin, level) = (Origin::blob("b"), Level::High);
        let group = Group::new(Match { level, event, origin, shared: None, snapshot, fresh: true });
        let key = GroupKey::of_rule(0);
        let fact =
            Fact { identity: [call, 0], content: call, group: [9, 9], blob: 0, record: call };
        Held { call: [call, 0], fact, key, group }
    }

    /// The endpoint's records of calls 1 and 2, the management event of call 1, in any order.
    #[test]
    fn the_endpoints_record_is_dropped_only_beside_the_management_event() {
        let parts = || {
            let (mut a, mut b, mut c) =
                (Network::default(), Network::default(), Network::default());
            a.hold(held(1));
            b.note([1, 0]);
            c.hold(held(2));
            [a, b, c]
        };
        for turn in 0..3 {
            let mut parts = parts();
            parts.rotate_left(turn);
            let mut all = Network::default();
            parts.into_iter().for_each(|part| all.merge(part));
            let (mut facts, mut groups) = (Rows::new(9), Groups::new(HashKey::random(1), 1 << 20));
            all.release(&mut facts, &mut groups);
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
