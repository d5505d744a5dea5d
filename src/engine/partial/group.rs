//! Findings in the making: groups of events that a rule matched.
//!
//! What must stay true: merging is commutative, associative and idempotent, whatever the order in
//! which files, workers and copies come. So a group holds only maxima, minima and smallest sets;
//! counting is left to [`super::fact`].

use std::collections::BTreeMap;
use std::sync::Arc;

use super::few::Few;
pub use super::few::SHOWN;
use super::gathered::Gathered;
use super::value_counts::ValueCounts;
use crate::detect::Foreign;
use crate::engine::store::hash::HashKey;
use crate::engine::store::texts::TextAt;
use crate::model::days::{Day, Days};
use crate::model::finding::{Key, Resource};
use crate::model::level::Level;
use crate::model::origin::Origin;
use crate::model::principal::Principal;
use crate::model::request::Request;
use crate::model::time::Time;
use crate::record::kms::is_sym;

/// What makes two matches the same finding.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupKey {
    /// Index of the rule.
    pub rule: usize,
    /// Whether the call failed.
    pub attempt: bool,
    /// `recipientAccountId`
    pub account: Option<String>,
    /// `awsRegion`
    pub region: Option<String>,
    /// The principal's ARN, or what stands for it.
    pub principal: Option<String>,
    /// The key's ARN.
    pub key: Option<String>,
    /// The resource's ARN.
    pub resource: Option<String>,
    /// With `--each`, the event.
    pub event: Option<EventKey>,
    /// What the finding's level rests on, until all accounts are known; not part of what makes a
    /// finding the same.
    pub foreign: Option<Foreign>,
    /// The record, while a history may change the level of each; not part of what makes a finding
    /// the same either.
    pub apart: Option<([u64; 2], u64)>,
    /// What else a correlation groups by, as text.
    pub by: Option<String>,
}

impl GroupKey {
    /// Of a rule, and nothing else.
    pub fn of_rule(rule: usize) -> GroupKey {
        GroupKey {
            rule,
            attempt: false,
            account: None,
            region: None,
            principal: None,
            key: None,
            resource: None,
            event: None,
            foreign: None,
            apart: None,
            by: None,
        }
    }

    /// What it has in common with all findings of the same rule by the same actor.
    pub fn actor(&self) -> GroupKey {
        let GroupKey { rule, attempt, account, region, principal, .. } = self;
        GroupKey {
            attempt: *attempt,
            account: account.clone(),
            region: region.clone(),
            principal: principal.clone(),
            ..GroupKey::of_rule(*rule)
        }
    }

    /// The hash by which facts name the group.
    pub fn hash(&self, hash_key: HashKey) -> [u64; 2] {
        let foreign = self.foreign.as_ref().map(|foreign| format!("{foreign:?}"));
        let apart = self.apart.map(|apart| format!("{apart:?}"));
        self.hash_with(hash_key, [foreign, apart])
    }

    /// What stands for the finding that the group becomes, which may become one with others. `hash` is
    /// that of the group.
    pub fn finding_hash(&self, hash_key: HashKey, hash: [u64; 2]) -> [u64; 2] {
        match (&self.foreign, &self.apart) {
            (None, None) => hash,
            _ => self.hash_with(hash_key, [None, None]),
        }
    }

    fn hash_with(&self, hash_key: HashKey, [foreign, apart]: [Option<String>; 2]) -> [u64; 2] {
        let field = |text: &Option<String>| match text {
            Some(text) => format!("+{text}").into_bytes(),
            None => Vec::new(),
        };
        let event = self.event.as_ref().map(|event| format!("{event:?}"));
        hash_key.long(&[
            &self.rule.to_le_bytes(),
            &[u8::from(self.attempt)],
            &field(&self.account),
            &field(&self.region),
            &field(&self.principal),
            &field(&self.key),
            &field(&self.resource),
            &field(&event),
            &field(&foreign),
            &field(&apart),
            &field(&self.by),
        ])
    }

    /// About how many bytes of memory it takes.
    pub fn weight(&self) -> usize {
        let GroupKey { account, region, principal, key, resource, by, .. } = self;
        let event = self.event.as_ref().map_or(0, |event| event.name.len());
        let foreign = self.foreign.as_ref().map_or(0, |foreign| foreign.accounts.len() * ENTRY);
        size_of::<GroupKey>()
            + texts_len([account, region, principal, key, resource, by])
            + event
            + foreign
    }
}

/// About how many bytes an entry of a map or a list takes, beside its texts.
const ENTRY: usize = 64;

/// Bytes of texts.
fn texts_len<const N: usize>(texts: [&Option<String>; N]) -> usize {
    texts.into_iter().flatten().map(String::len).sum()
}

/// What makes two events the same with `--each`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventKey {
    /// The event id, or a digest of a record that has none: part of the fingerprint.
    pub name: String,
    /// Tells records of one name apart: hash of the content, and the place of a record without id.
    pub apart: (u64, Option<Origin>),
}

/// A group's single values, of one of its events.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Snapshot {
    /// Who acted.
    pub principal: Principal,
    /// `sourceIPAddress`
    pub source_ip: Option<String>,
    /// `userAgent`
    pub user_agent: Option<String>,
    /// The key concerned.
    pub key: Option<Key>,
    /// The resource concerned.
    pub resource: Option<Resource>,
    /// Details by name, each as JSON text, so that snapshots have an order.
    pub details: BTreeMap<String, String>,
}

impl Snapshot {
    /// Of what no one actor did.
    pub fn of_nobody(details: BTreeMap<String, String>) -> Snapshot {
        Snapshot {
            principal: Principal::nobody(),
            source_ip: None,
            user_agent: None,
            key: None,
            resource: None,
            details,
        }
    }

    /// Takes out what is not the same for all records: principal, key, resource.
    pub fn blank(&mut self, [principal, key, resource]: [bool; 3]) {
        if !principal {
            self.principal = Principal::nobody();
            self.source_ip = None;
            self.user_agent = None;
        }
        if !key {
            self.key = None;
        }
        if !resource {
            self.resource = None;
        }
    }

    fn weight(&self) -> usize {
        let Principal { kind, arn, account, session, invoked_by, .. } = &self.principal;
        let who = texts_len([kind, arn, account, session, invoked_by]);
        let client = texts_len([&self.source_ip, &self.user_agent]);
        let key = self.key.as_ref().map_or(0, |key| {
            key.arn.len() + texts_len([&key.account, &key.alias]) + key.tags.len() * ENTRY
        });
        let resource = self.resource.as_ref().map_or(0, |resource| {
            resource.arn.len() + texts_len([&resource.kind]) + resource.tags.len() * ENTRY
        });
        let details = self.details.iter().map(|(name, text)| ENTRY + name.len() + text.len());
        // A map has room for eleven entries as soon as it has one.
        let room = if self.details.is_empty() { 0 } else { 11 * size_of::<(String, String)>() };
        who + client + key + resource + room + details.sum::<usize>()
    }
}

/// Sorts events: by time, those without one last, then by event id.
pub type Order = (bool, Option<Time>, Option<String>);

/// One event of a group as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventKept {
    /// The event's place in the order.
    pub order: Order,
    /// `eventName`
    pub name: String,
    /// Tells records without an id apart. Before the hash, whose order differs from run to run.
    pub place: Option<Origin>,
    /// Hash of the content: tells forged copies apart.
    pub content: u64,
}

/// Where an event was read, and the request behind it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventRead {
    /// Where.
    pub origin: Origin,
    /// `sharedEventID` of a call by a customer.
    pub shared: Option<String>,
    /// The request.
    pub request: Arc<Request>,
    /// Where its session, access key and error are, if it is the request of a use and lacks them yet.
    pub behind: Option<TextAt>,
}

#[cfg(test)]
impl EventRead {
    /// Of what no log says who requested it.
    pub fn of_nobody(origin: Origin) -> EventRead {
        let request = Arc::new(Request::of_nobody());
        EventRead { origin, shared: None, request, behind: None }
    }
}

/// One match of a rule, on its way into a group.
#[derive(Debug, Clone)]
pub struct Match {
    /// Its level.
    pub level: Level,
    /// The event.
    pub event: EventKept,
    /// Where it was read, and the request behind it.
    pub read: EventRead,
    /// The event's values.
    pub snapshot: Snapshot,
    /// Whether it is of the range that is reported.
    pub fresh: bool,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The highest level.
    pub level: Level,
    /// The earliest time.
    pub first: Option<Time>,
    /// The latest time.
    pub last: Option<Time>,
    /// The earliest days of its events.
    pub days: Days,
    /// The values of the earliest event.
    pub earliest: (Order, Snapshot),
    /// The smallest events; of copies, the smallest origin.
    pub events: Few<EventKept, EventRead>,
    /// The smallest session names.
    pub sessions: Few<String, ()>,
    /// Whether any event is of the range that is reported; else all are known from earlier runs.
    pub fresh: bool,
    /// Whether for any event only the caller says which resource it is about.
    pub claimed: bool,
    /// The records that it counts, by their hashes, if several parts of a rule may count the same
    /// ones: ascending, each once.
    pub records: Option<Vec<u64>>,
    /// What is told of all its events, if they lie on different keys and resources.
    pub gathered: Option<Box<Gathered>>,
    /// The different values of what its rule is about, if the rule says what that is.
    pub values: ValueCounts,
}

/// What a request is about: the key, else the resource.
pub fn target(key: Option<&Key>, resource: Option<&Resource>) -> Option<String> {
    key.map(|key| &key.arn).or(resource.map(|on| &on.arn)).cloned()
}

/// Of so many records it is known which ones a group counts.
pub const RECORDS: usize = 1 << 18;

impl Group {
    /// A group of one.
    pub fn new(m: Match) -> Group {
        let time = m.event.order.1;
        Group {
            level: m.level,
            first: time,
            last: time,
            days: time.map_or_else(Days::default, |time| Days::of(Day::of(time))),
            sessions: m.snapshot.principal.session.iter().map(|s| (s.clone(), ())).collect(),
            fresh: m.fresh,
            claimed: is_claimed(&m.event.name, &m.snapshot.principal),
            records: None,
            gathered: None,
            values: ValueCounts::default(),
            earliest: (m.event.order.clone(), m.snapshot),
            events: Few::from_iter([(m.event, m.read)]),
        }
    }

    /// Takes in another group of the same key.
    pub fn merge(&mut self, other: Group) {
        self.level = self.level.max(other.level);
        self.fresh |= other.fresh;
        self.claimed |= other.claimed;
        self.records = union(self.records.take(), other.records);
        match (&mut self.gathered, other.gathered) {
            (Some(mine), Some(theirs)) => mine.merge(*theirs),
            (mine @ None, theirs) => *mine = theirs,
            _ => {}
        }
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
        self.days.merge(other.days);
        self.values.merge(other.values);
        if other.earliest < self.earliest {
            self.earliest = other.earliest;
        }
        for (event, read) in other.events {
            self.events.add(event, read);
        }
        self.add_sessions(other.sessions.into_iter().map(|(session, ())| session));
        self.events.truncate(SHOWN);
    }

    /// About how many bytes of memory it takes.
    pub fn weight(&self) -> usize {
        let events =
            self.events.iter().map(|(event, EventRead { origin, shared, request, .. })| {
                let texts =
                    texts_len([&event.order.2, shared]) + event.name.len() + origin.blob.len();
                size_of::<EventKept>() + size_of::<EventRead>() + ENTRY + texts + request.weight()
            });
        let sessions = self.sessions.keys().map(|session| ENTRY + session.len());
        let earliest = texts_len([&self.earliest.0.2]) + self.earliest.1.weight();
        let records = self.records.as_ref().map_or(0, |records| size_of_val(&records[..]));
        let gathered = self.gathered.as_ref().map_or(0, |gathered| gathered.weight());
        size_of::<Group>()
            + gathered
            + self.values.weight()
            + records
            + earliest
            + events.sum::<usize>()
            + sessions.sum::<usize>()
    }

    /// Adds names of sessions, and keeps the smallest.
    pub fn add_sessions(&mut self, sessions: impl IntoIterator<Item = String>) {
        for session in sessions {
            self.sessions.add(session, ());
            self.sessions.truncate(SHOWN);
        }
    }
}

/// The records of two groups, if both know theirs and they are not too many.
fn union(one: Option<Vec<u64>>, other: Option<Vec<u64>>) -> Option<Vec<u64>> {
    let (mut one, other) = one.zip(other)?;
    one.extend(other);
    one.sort_unstable();
    one.dedup();
    (one.len() <= RECORDS).then_some(one)
}

/// Whether only the caller says what a call was about: KMS takes any encryption context from whoever
/// calls it directly. A service writes the context of its own calls, as AWS does for its sessions.
fn is_claimed(name: &str, principal: &Principal) -> bool {
    is_sym(name) && principal.acts_itself()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::principal::Mfa;

    fn matched((time, id, level, origin, session): (Option<i64>, u8, usize, u8, u8)) -> Match {
        let principal = Principal {
            kind: Some("AssumedRole".into()),
            arn: None,
            account: None,
            session: Some(format!("s{session}")),
            invoked_by: None,
            mfa: Mfa::Unknown,
        };
        Match {
            level: Level::ALL[level],
            event: EventKept {
                order: (time.is_none(), time.map(Time), Some(format!("e{id}"))),
                name: "Decrypt".into(),
                content: u64::from(id),
                place: None,
            },
            read: EventRead::of_nobody(Origin::record(
                format!("b{}", origin / 8),
                u64::from(origin % 8),
            )),
            snapshot: Snapshot {
                principal,
                source_ip: None,
                user_agent: None,
                key: None,
                resource: None,
                details: BTreeMap::new(),
            },
            fresh: level % 2 == 0,
        }
    }

    fn all(groups: impl IntoIterator<Item = Group>) -> Group {
        groups
            .into_iter()
            .reduce(|mut a, b| {
                a.merge(b);
                a
            })
            .unwrap()
    }

    proptest! {
        #[test]
        fn merging_is_commutative_associative_and_idempotent(
            parts in prop::collection::vec((prop::option::of(0..30i64), 0..30u8, 0..5usize, 0..40u8, 0..20u8), 3..40),
            split in 1..2usize, turn in 0..40usize,
        ) {
            let groups: Vec<Group> = parts.into_iter().map(matched).map(Group::new).collect();
            let expected = all(groups.clone());
            let mut turned = groups.clone();
            turned.rotate_left(turn % groups.len());
            turned.reverse();
            prop_assert_eq!(&all(turned), &expected);
            let (left, right) = groups.split_at(split);
            let mut right = all(right.to_vec());
            right.merge(all(left.to_vec()));
            prop_assert_eq!(&right, &expected);
            right.merge(expected.clone());
            right.merge(all(groups[..1].to_vec()));
            prop_assert_eq!(&right, &expected);
            prop_assert!(expected.events.len() <= SHOWN && expected.sessions.len() <= SHOWN);
        }
    }
}
