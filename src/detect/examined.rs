//! What a report says of each rule, so that its silence can be weighed: the digest of its text, and how
//! many records it looked at.
//!
//! A rule looks at a record if the record is of a call that the rule is about, by source and name.
//! A rule over many records looks at those of its steps, and at nothing at all if one of its steps had
//! none: it could not have found anything. What must stay true: what only changes the findings of a rule
//! adds nothing to what the rule looked at.

use std::collections::{BTreeMap, BTreeSet};

use super::RuleSet;
use super::digest::digest_of;

impl RuleSet {
    /// The ids of the rules that are reported, each with a digest of its text, `sha256:…`.
    pub fn digests(&self) -> BTreeMap<String, String> {
        let reported = self.rules.iter().zip(&self.wiring.reported).filter(|(_, wanted)| **wanted);
        reported.map(|(rule, _)| (rule.meta.id.clone(), digest_of([rule]))).collect()
    }

    /// How many lists of rules there are, by which records are counted.
    pub fn lists(&self) -> usize {
        self.router.lists()
    }

    /// How many records each reported rule looked at, by its id. `taken` says how many records each
    /// list of rules looked at, by its number. Rules that look at the whole log are not in it.
    pub fn examined(&self, taken: &[u64]) -> BTreeMap<String, u64> {
        let of = |rules: &BTreeSet<u32>| self.router.examined(taken, rules);
        let over_log: BTreeSet<u32> = self
            .wiring
            .whole_log
            .iter()
            .filter_map(|(_, about)| u32::try_from(*about).ok())
            .collect();
        let (all, looked) =
            (self.wiring.feeders(|_| true), self.wiring.feeders(|step| of(step) > 0));
        let reported = self.metas.iter().zip(&self.wiring.reported).zip(all.iter().zip(&looked));
        // Each is among its own feeders.
        let reported =
            reported.filter(|((_, reported), (all, _))| **reported && all.is_disjoint(&over_log));
        reported.map(|((meta, _), (_, looked))| (meta.id.clone(), of(looked))).collect()
    }
}
