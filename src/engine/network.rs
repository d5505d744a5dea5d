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

use super::facts::{Fact, Facts, NO_GROUP};
use super::group::{Group, GroupKey, Groups};

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
    pub fn release(self, facts: &mut Facts, groups: &mut Groups) {
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
