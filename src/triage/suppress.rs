//! Matches suppressions against findings.
//!
//! What must stay true: a suppression never matches by absence. One that names a key doesn't match a
//! finding without a key, even if its pattern is `*`. Nor does it match by what whoever acted is free
//! to say: ARNs are compared part by part, and a resource that only the caller names is none.

use std::collections::{BTreeSet, HashMap};

use twox_hash::XxHash3_64;

use crate::model::finding::Finding;
use crate::model::pattern::{arn_wildcard, is_plain, wildcard};
use crate::model::suppression::{Applied, Day, State, Suppression};
use crate::model::time::Time;

/// What later runs know a suppression by.
pub type Name = u64;

/// So many findings that it fits are named of each.
const FITTED: usize = 100;

/// All suppressions of a run, and how many findings each fits.
#[derive(Debug)]
pub struct Suppressions {
    all: Vec<Entry>,
    by_rule: HashMap<String, OfRule>,
}

/// The suppressions of one rule, by their indexes. Each is in one list.
#[derive(Debug, Default)]
struct OfRule {
    /// By the one text that fits what they say of the resource, the principal or the key.
    plain: HashMap<(Part, String), Vec<usize>>,
    /// Those that have patterns only.
    patterns: Vec<usize>,
}

/// A part of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Resource,
    Principal,
    Key,
}

impl OfRule {
    fn add(&mut self, index: usize, suppression: &Suppression) {
        let Suppression { resource, principal, key, .. } = suppression;
        let parts = [(Part::Resource, resource), (Part::Principal, principal), (Part::Key, key)];
        let plain = |(part, pattern): (Part, &Option<String>)| {
            let pattern = pattern.as_deref().filter(|pattern| is_plain(pattern))?;
            Some((part, pattern.to_owned()))
        };
        match parts.into_iter().find_map(plain) {
            Some(plain) => self.plain.entry(plain).or_default().push(index),
            None => self.patterns.push(index),
        }
    }

    /// The suppressions that may fit a finding.
    fn candidates(&self, about: &About<'_>) -> Vec<usize> {
        let mut all = self.patterns.clone();
        let texts = [
            (Part::Resource, about.resource),
            (Part::Principal, about.principal),
            (Part::Key, about.key),
            (Part::Key, about.alias),
        ];
        for (part, text) in texts {
            let Some(text) = text.filter(|_| !self.plain.is_empty()) else { continue };
            all.extend(self.plain.get(&(part, text.to_owned())).into_iter().flatten());
        }
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// What a finding says of the parts that suppressions name.
struct About<'f> {
    resource: Option<&'f str>,
    principal: Option<&'f str>,
    key: Option<&'f str>,
    alias: Option<&'f str>,
}

impl<'f> About<'f> {
    fn of(finding: &'f Finding) -> About<'f> {
        let Finding { principal, key, resource, .. } = finding;
        About {
            resource: resource.as_ref().map(|on| on.arn.as_str()),
            principal: principal.arn.as_deref().or(principal.invoked_by.as_deref()),
            key: key.as_ref().map(|key| key.arn.as_str()),
            alias: key.as_ref().and_then(|key| key.alias.as_deref()),
        }
    }
}

#[derive(Debug)]
struct Entry {
    suppression: Suppression,
    expired: bool,
    count: u64,
    /// The smallest fingerprints of what it fits.
    fitted: BTreeSet<String>,
}

impl Suppressions {
    /// `now` decides which have expired.
    pub fn new(suppressions: Vec<Suppression>, now: Time) -> Suppressions {
        let mut by_rule: HashMap<String, OfRule> = HashMap::new();
        for (index, suppression) in suppressions.iter().enumerate() {
            by_rule.entry(suppression.rule.clone()).or_default().add(index, suppression);
        }
        let entry = |suppression: Suppression| Entry {
            expired: suppression.expires.is_over(now),
            suppression,
            count: 0,
            fitted: BTreeSet::new(),
        };
        Suppressions { all: suppressions.into_iter().map(entry).collect(), by_rule }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Counts a finding for each suppression that fits. Of those that still hold, the name of the one that
    /// does so for longest.
    pub fn take(&mut self, finding: &Finding) -> Option<Name> {
        let of_rule = self.by_rule.get(&finding.rule)?;
        let about = About::of(finding);
        let mut held: Option<(Day, usize)> = None;
        for index in of_rule.candidates(&about) {
            if let Some(entry) = self.all.get_mut(index)
                && fits(&entry.suppression, finding, &about)
            {
                entry.count += 1;
                entry.fitted.insert(finding.fingerprint.clone());
                if entry.fitted.len() > FITTED {
                    entry.fitted.pop_last();
                }
                let day = entry.suppression.expires;
                if !entry.expired && held.is_none_or(|(last, _)| last < day) {
                    held = Some((day, index));
                }
            }
        }
        held.and_then(|(_, index)| Some(name(&self.all.get(index)?.suppression)))
    }

    /// The names of those suppressions of a rule that still hold.
    pub fn holding(&self, rule: &str) -> impl Iterator<Item = Name> {
        let of_rule = self.by_rule.get(rule).into_iter();
        let all = of_rule.flat_map(|of| of.plain.values().flatten().chain(&of.patterns));
        let all = all.filter_map(|index| self.all.get(*index));
        all.filter(|entry| !entry.expired).map(|entry| name(&entry.suppression))
    }

    /// Counts so many findings that only earlier runs or reports have told, and of which no more than the rule
    /// is left, for each suppression that fits all of a rule; whether one of them still holds.
    pub fn take_known(&mut self, rule: &str, number: u64) -> bool {
        let Some(of_rule) = self.by_rule.get(rule).filter(|_| number > 0) else { return false };
        let mut held = false;
        for index in &of_rule.patterns {
            if let Some(entry) = self.all.get_mut(*index).filter(|it| fits_all(&it.suppression)) {
                entry.count += number;
                held |= !entry.expired;
            }
        }
        held
    }

    /// What each did.
    pub fn applied(self) -> Vec<Applied> {
        let applied = |Entry { suppression, expired, count, fitted }: Entry| Applied {
            rule: suppression.rule,
            reason: suppression.reason,
            owner: suppression.owner,
            ticket: suppression.ticket,
            expires: suppression.expires,
            state: match (expired, count) {
                (true, _) => State::Expired,
                (false, 0) => State::Unmatched,
                (false, _) => State::Active,
            },
            count,
            fitted: fitted.into_iter().collect(),
        };
        self.all.into_iter().map(applied).collect()
    }
}

/// The name of a suppression, as later runs know it: a hash of what it fits. Whoever gives it another last
/// day or another reason leaves out the same.
fn name(suppression: &Suppression) -> Name {
    let Suppression { rule, principal, key, resource, account, region, .. } = suppression;
    let mut text = format!("suppression {}", suppression.trust_context);
    for part in [Some(rule), principal.as_ref(), key.as_ref(), resource.as_ref()]
        .into_iter()
        .chain([account.as_ref(), region.as_ref()])
    {
        let part = part.map(|part| (part.len(), part.as_str()));
        let (len, part) = part.map_or((String::new(), ""), |(len, part)| (len.to_string(), part));
        text.extend([" ", &len, ":", part]);
    }
    XxHash3_64::oneshot(text.as_bytes())
}

/// Whether every finding of its rule fits.
fn fits_all(suppression: &Suppression) -> bool {
    let Suppression { principal, key, resource, account, region, .. } = suppression;
    [principal, key, resource, account, region].into_iter().all(Option::is_none)
}

fn fits(suppression: &Suppression, finding: &Finding, about: &About<'_>) -> bool {
    let is = |fits: fn(&str, &str) -> bool, pattern: &Option<String>, value: Option<&str>| match (
        pattern, value,
    ) {
        (Some(pattern), Some(value)) => fits(pattern, value),
        (Some(_), None) => false,
        (None, _) => true,
    };
    let vouched = suppression.trust_context || !finding.claimed;
    suppression.rule == finding.rule
        && is(wildcard, &suppression.account, finding.account.as_deref())
        && is(wildcard, &suppression.region, finding.region.as_deref())
        && is(arn_wildcard, &suppression.principal, about.principal)
        && (is(arn_wildcard, &suppression.key, about.key)
            || is(arn_wildcard, &suppression.key, about.alias))
        && is(arn_wildcard, &suppression.resource, about.resource.filter(|_| vouched))
}
