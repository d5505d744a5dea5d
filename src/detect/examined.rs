//! What a report says of each rule, so that its silence can be weighed: the digest of its text, and how
//! many records it looked at.
//!
//! A rule looks at a record if the record is of a call that the rule is about, by source and name.
//! A rule over many records looks at those of its steps, and at nothing at all if one of its steps had
//! none: it could not have found anything. A rule over the whole log looks at what it is shown, and at
//! nothing if the log is no log that it can judge. What must stay true: what only changes the findings of a rule
//! adds nothing to what the rule looked at.

use std::collections::{BTreeMap, BTreeSet};

use super::RuleSet;
use super::digest::Digests;
use super::rule::Body;
use super::whole_log::LooksAt;

impl RuleSet {
    /// The ids of the rules that are reported, each with a digest of its text, `sha256:…`.
    pub fn digests(&self) -> BTreeMap<String, String> {
        let reported = self.rules.iter().zip(&self.wiring.reported).filter(|(_, wanted)| **wanted);
        let mut digests = Digests::default();
        reported.map(|(rule, _)| (rule.meta.id.clone(), digests.of([rule]))).collect()
    }

    /// How many lists of rules there are, by which records are counted.
    pub fn lists(&self) -> usize {
        self.router.lists()
    }

    /// How many records each reported rule looked at, by its id. `taken` says how many records each
    /// list of rules looked at, by its number; `whole` how many records, or uses of keys, rules over the
    /// whole log were shown that look at this. What several of its parts looked at may be the same, so a
    /// rule looked at so many at least.
    pub fn examined(&self, taken: &[u64], whole: impl Fn(LooksAt) -> u64) -> BTreeMap<String, u64> {
        let shown = |&(rule, about): &(usize, usize)| match &self.rules.get(rule)?.body {
            Body::WholeLog(_, code) => Some((u32::try_from(about).ok()?, whole(code.looks_at()))),
            _ => None,
        };
        let shown: Vec<(u32, u64)> = self.wiring.whole_log.iter().filter_map(shown).collect();
        let lists = self.router.lists_of();
        let of = |rules: &BTreeSet<u32>| {
            let shown = shown.iter().filter(|(about, _)| rules.contains(about));
            let most = shown.map(|(_, number)| *number).max().unwrap_or(0);
            // A record counts once, by its list.
            let looked: BTreeSet<usize> =
                rules.iter().filter_map(|rule| lists.get(rule)).flatten().copied().collect();
            looked.iter().filter_map(|list| taken.get(*list)).sum::<u64>().max(most)
        };
        let looked = self.wiring.feeders(|step| of(step) > 0);
        let reported = self.metas.iter().zip(&self.wiring.reported).zip(&looked);
        let reported = reported.filter(|((_, reported), _)| **reported);
        reported.map(|((meta, _), looked)| (meta.id.clone(), of(looked))).collect()
    }
}
