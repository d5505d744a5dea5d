//! Which findings are about one call that was logged in two accounts (`sharedEventID`).
//!
//! Whoever writes a log can give a million records the same id, so of each id and rule a few are held
//! and the others counted. What must stay true: each finding names the first of the others, and what it
//! names does not depend on the order in which they come.

use std::collections::{BTreeMap, HashMap};

use serde_json::json;

use crate::engine::partial::group::{EventKept, EventRead, Group, SHOWN};
use crate::engine::store::hash::HashKey;
use crate::model::finding::Finding;

/// An event of a finding that is about a shared call: the call's id, and the event's own.
pub type SharedEvent = (String, Option<String>);

/// The events of a group that are about shared calls.
pub fn shared_events(group: &Group) -> Vec<SharedEvent> {
    let shared = |(event, read): &(EventKept, EventRead)| {
        Some((read.shared.clone()?, event.order.2.clone()))
    };
    group.events.iter().filter_map(shared).collect()
}

/// The fingerprint of a finding, as a number, and one of its events.
type Link = (u128, Option<Box<str>>);

/// The findings of each call and rule, by a hash of both.
#[derive(Debug)]
pub struct Links {
    hash_key: HashKey,
    calls: HashMap<[u64; 2], Call>,
}

/// The findings of one rule about one call.
#[derive(Debug, Default)]
struct Call {
    /// The first ones.
    first: Vec<Link>,
    count: u64,
}

impl Call {
    /// Takes in a finding, which is told once of each of its events.
    ///
    /// A finding names others than its own event's, so that there are enough if there are as many as
    /// are shown of each event, and twice as many in all.
    fn add(&mut self, link: Link) {
        self.count += 1;
        let Err(at) = self.first.binary_search(&link) else { return };
        self.first.insert(at, link);
        let event = &self.first[at].1;
        let mut same = (0..self.first.len()).filter(|at| self.first[*at].1 == *event);
        if let Some(last) = same.nth(SHOWN) {
            self.first.remove(last);
        }
        self.first.truncate(2 * SHOWN);
    }
}

impl Links {
    /// None yet.
    pub fn new(hash_key: HashKey) -> Links {
        Links { hash_key, calls: HashMap::new() }
    }

    fn place(&self, rule: &str, shared: &str) -> [u64; 2] {
        self.hash_key.long(&[rule.as_bytes(), shared.as_bytes()])
    }

    /// Takes in the events of a finding that are about shared calls.
    pub fn add(&mut self, finding: &Finding, events: &[SharedEvent]) {
        let [high, low] = finding.number().unwrap_or_default();
        let fingerprint = u128::from(high) << 64 | u128::from(low);
        for (shared, event) in events {
            let place = self.place(&finding.rule, shared);
            let event = event.as_deref().map(Box::from);
            self.calls.entry(place).or_default().add((fingerprint, event));
        }
    }

    /// Names the other records of a finding's calls, and says how many there are if those are more.
    pub fn name(&self, finding: &mut Finding, events: &[SharedEvent]) {
        let mut others: Vec<&Link> = Vec::new();
        let mut counts = BTreeMap::new();
        for (shared, event) in events {
            let Some(call) = self.calls.get(&self.place(&finding.rule, shared)) else { continue };
            // Its own one is no other.
            counts.insert(shared, call.count - 1);
            others.extend(
                call.first.iter().filter(|(_, other)| other.as_deref() != event.as_deref()),
            );
        }
        others.sort();
        others.dedup();
        if others.is_empty() {
            return;
        }
        if others.len() > SHOWN {
            let count: u64 = counts.values().sum();
            finding.details.insert("same_call_count".into(), count.into());
        }
        let list = |(fingerprint, event): &Link| json!({"fingerprint": format!("{fingerprint:032x}"), "event": event});
        let shown = others.into_iter().take(SHOWN).map(list).collect();
        finding.details.insert("same_call".into(), shown);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whichever event is one's own, the first of the others are there, in any order of coming.
        #[test]
        fn a_few_are_enough_to_name_the_first_others(
            links in prop::collection::vec((0..40u8, prop::option::of(0..5u8)), 0..120), turn in 0..120usize,
        ) {
            let text = |(print, event): &(u8, Option<u8>)| (u128::from(*print), event.map(|event| event.to_string().into()));
            let mut all: Vec<Link> = links.iter().map(text).collect();
            let turn = turn.min(all.len());
            all.rotate_left(turn);
            let mut call = Call::default();
            all.iter().for_each(|link| call.add(link.clone()));
            prop_assert_eq!(call.count, all.len() as u64);
            prop_assert!(call.first.len() <= 2 * SHOWN);
            let known: BTreeSet<Link> = all.into_iter().collect();
            for own in [None, Some("0"), Some("4"), Some("9")] {
                let others = |link: &&Link| link.1.as_deref() != own;
                let expected: Vec<&Link> = known.iter().filter(others).take(SHOWN).collect();
                let found: Vec<&Link> = call.first.iter().filter(others).take(SHOWN).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
