//! What one caller did with one credential: counts, and a few names.
//!
//! What must stay true: what two parts of a log tell can be added up in any order. So of names the
//! smallest are kept, and not those that came first.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::level::Level;
use super::principal::Principal;
use super::time::Time;

/// Names of one kind that are kept of one caller.
pub const NAMES_MAX: usize = 100;

/// What one caller did with one credential.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conduct {
    /// Who it is.
    pub who: Who,
    /// Of the first call and the last, in microseconds.
    pub seen: Option<(i64, i64)>,
    /// Calls, copies not counted.
    pub calls: u64,
    /// Those that were refused.
    pub refused: u64,
    /// Those that failed otherwise.
    pub failed: u64,
    /// How often which event.
    pub events: BTreeMap<String, u64>,
    /// Whether there were other events.
    pub more_events: bool,
    /// `sourceIPAddress`
    pub addresses: Smallest,
    /// `userAgent`
    pub agents: Smallest,
    /// `recipientAccountId`
    pub accounts: Smallest,
    /// `awsRegion`
    pub regions: Smallest,
    /// Keys, by ARN, in calls that succeeded.
    pub keys: Smallest,
    /// Secrets and parameters, likewise.
    pub secrets: Smallest,
    /// Objects in S3, likewise.
    pub objects: Smallest,
    /// Findings about it, by level.
    pub findings: BTreeMap<Level, u64>,
}

/// A caller and its credential.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Who {
    /// `userIdentity.type`
    pub kind: Option<String>,
    /// The ARN of the user or role, or whatever else names the caller.
    pub arn: Option<String>,
    /// The caller's account.
    pub account: Option<String>,
    /// The session's name.
    pub session: Option<String>,
    /// The access key; `None` where a service called, which has one of its own for each call, and where
    /// no record tells.
    pub access_key: Option<String>,
    /// The service that called on the caller's behalf, or for itself.
    pub via: Option<String>,
}

impl Who {
    /// The caller behind a request.
    pub fn of(principal: &Principal, access_key: Option<&str>) -> Who {
        let Principal { kind, arn, account, session, invoked_by, .. } = principal;
        let itself = invoked_by.is_none() && kind.as_deref() != Some("AWSService");
        Who {
            kind: kind.clone(),
            arn: arn.clone(),
            account: account.clone(),
            session: session.clone(),
            access_key: access_key.filter(|_| itself).map(str::to_owned),
            via: invoked_by.clone(),
        }
    }
}

/// A set of names of which the smallest are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Smallest {
    /// Some of them, or all.
    pub names: BTreeSet<String>,
    /// Whether there are others.
    pub more: bool,
}

impl Smallest {
    /// Adds a name; how many bytes that takes.
    pub fn add(&mut self, name: &str) -> usize {
        if self.names.contains(name) {
            return 0;
        }
        if self.names.len() >= NAMES_MAX {
            self.more = true;
            if self.names.last().is_none_or(|last| name > last.as_str()) {
                return 0;
            }
            self.names.pop_last();
        }
        self.names.insert(name.to_owned());
        name.len()
    }

    fn merge(&mut self, other: Smallest) {
        self.more |= other.more;
        other.names.iter().for_each(|name| {
            self.add(name);
        });
    }
}

impl Conduct {
    /// The first call and the last.
    pub fn times(&self) -> Option<(Time, Time)> {
        self.seen.map(|(first, last)| (Time(first), Time(last)))
    }

    /// Notes when a call was.
    pub fn see(&mut self, time: Time) {
        let (first, last) = self.seen.unwrap_or((time.0, time.0));
        self.seen = Some((first.min(time.0), last.max(time.0)));
    }

    /// Counts events of a name; how many bytes that takes.
    pub fn count(&mut self, event: &str, count: u64) -> usize {
        if let Some(known) = self.events.get_mut(event) {
            *known += count;
            return 0;
        }
        if self.events.len() >= NAMES_MAX {
            self.more_events = true;
            // A name that gives way to smaller ones never comes back, so that counts stay exact.
            if self.events.last_key_value().is_none_or(|(last, _)| event > last.as_str()) {
                return 0;
            }
            self.events.pop_last();
        }
        self.events.insert(event.to_owned(), count);
        event.len()
    }

    /// Adds what another part of the log tells of the same caller.
    pub fn merge(&mut self, other: Conduct) {
        if let Some((first, last)) = other.times() {
            self.see(first);
            self.see(last);
        }
        self.calls += other.calls;
        self.refused += other.refused;
        self.failed += other.failed;
        self.more_events |= other.more_events;
        other.events.iter().for_each(|(event, count)| {
            self.count(event, *count);
        });
        self.addresses.merge(other.addresses);
        self.agents.merge(other.agents);
        self.accounts.merge(other.accounts);
        self.regions.merge(other.regions);
        self.keys.merge(other.keys);
        self.secrets.merge(other.secrets);
        self.objects.merge(other.objects);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(names: &[u16]) -> Conduct {
        let mut conduct = Conduct::default();
        for name in names {
            let name = format!("{name:05}");
            conduct.keys.add(&name);
            conduct.count(&name, 1);
            conduct.see(Time(name.len() as i64));
        }
        conduct
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole_in_any_order(
            names in prop::collection::vec(0..300_u16, 0..600), cut in 0..600_usize,
        ) {
            let whole = of(&names);
            let (one, other) = names.split_at(cut.min(names.len()));
            let (mut first, mut second) = (of(other), of(one));
            first.merge(of(one));
            second.merge(of(other));
            prop_assert_eq!(&first, &whole);
            prop_assert_eq!(&second, &whole);
            let different: BTreeSet<_> = names.iter().collect();
            prop_assert_eq!(whole.keys.more, different.len() > NAMES_MAX);
            for (name, count) in &whole.events {
                let is = |n: &&u16| format!("{n:05}") == *name;
                prop_assert_eq!(*count, names.iter().filter(is).count() as u64);
            }
        }
    }
}
