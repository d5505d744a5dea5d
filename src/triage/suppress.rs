//! Matches suppressions against findings.
//!
//! What must stay true: a suppression never matches by absence. One that names a key doesn't match a
//! finding without a key, even if its pattern is `*`. Nor does it match by what whoever acted is free
//! to say: ARNs are compared part by part, and a resource that only the caller names is none.

use std::collections::BTreeMap;

use crate::model::finding::Finding;
use crate::model::pattern::{arn_wildcard, wildcard};
use crate::model::suppression::{Applied, State, Suppression};
use crate::model::time::Time;

/// All suppressions of a run, and how many findings each fits.
#[derive(Debug)]
pub struct Suppressions {
    all: Vec<Entry>,
    /// Indexes by rule: most rules have none.
    by_rule: BTreeMap<String, Vec<usize>>,
}

#[derive(Debug)]
struct Entry {
    suppression: Suppression,
    expired: bool,
    count: u64,
}

impl Suppressions {
    /// `now` decides which have expired.
    pub fn new(suppressions: Vec<Suppression>, now: Time) -> Suppressions {
        let mut by_rule: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, suppression) in suppressions.iter().enumerate() {
            by_rule.entry(suppression.rule.clone()).or_default().push(index);
        }
        let entry = |suppression: Suppression| Entry {
            expired: suppression.expires.is_over(now),
            suppression,
            count: 0,
        };
        Suppressions { all: suppressions.into_iter().map(entry).collect(), by_rule }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Counts a finding for each suppression that fits; whether one of them still holds.
    pub fn take(&mut self, finding: &Finding) -> bool {
        let mut held = false;
        for &index in self.by_rule.get(&finding.rule).into_iter().flatten() {
            if let Some(entry) = self.all.get_mut(index)
                && fits(&entry.suppression, finding)
            {
                entry.count += 1;
                held |= !entry.expired;
            }
        }
        held
    }

    /// What each did.
    pub fn applied(self) -> Vec<Applied> {
        let applied = |Entry { suppression, expired, count }: Entry| Applied {
            rule: suppression.rule,
            reason: suppression.reason,
            expires: suppression.expires,
            state: match (expired, count) {
                (true, _) => State::Expired,
                (false, 0) => State::Unmatched,
                (false, _) => State::Active,
            },
            count,
        };
        self.all.into_iter().map(applied).collect()
    }
}

fn fits(suppression: &Suppression, finding: &Finding) -> bool {
    let is = |fits: fn(&str, &str) -> bool, pattern: &Option<String>, value: Option<&str>| match (
        pattern, value,
    ) {
        (Some(pattern), Some(value)) => fits(pattern, value),
        (Some(_), None) => false,
        (None, _) => true,
    };
    let principal = &finding.principal;
    let who = principal.arn.as_deref().or(principal.invoked_by.as_deref());
    let key = finding.key.as_ref();
    let arn = key.map(|key| key.arn.as_str());
    let alias = key.and_then(|key| key.alias.as_deref());
    let vouched = suppression.trust_context || !finding.claimed;
    let resource = finding.resource.as_ref().filter(|_| vouched);
    suppression.rule == finding.rule
        && is(arn_wildcard, &suppression.principal, who)
        && (is(arn_wildcard, &suppression.key, arn) || is(arn_wildcard, &suppression.key, alias))
        && is(arn_wildcard, &suppression.resource, resource.map(|on| on.arn.as_str()))
        && is(wildcard, &suppression.account, finding.account.as_deref())
        && is(wildcard, &suppression.region, finding.region.as_deref())
}
