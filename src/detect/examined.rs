//! What a report says of each rule, so that its silence can be weighed: the digest of its text, and how
//! many records it looked at.

use std::collections::{BTreeMap, BTreeSet};

use super::RuleSet;
use super::digest::digest_of;

impl RuleSet {
    /// The ids of the rules that are reported, each with a digest of its text, `sha256:…`.
    pub fn digests(&self) -> BTreeMap<String, String> {
        let reported = self.rules.iter().zip(&self.wiring.reported).filter(|(_, wanted)| **wanted);
        reported.map(|(rule, _)| (rule.meta.id.clone(), digest_of([rule]))).collect()
    }

    /// How many records each reported rule looked at, by its id: those of the calls that it is about,
    /// or that a rule which feeds it is about. `taken` says for how many records each list of
    /// candidates was taken, by its number. Rules that look at the whole log are not in it.
    pub fn examined(&self, taken: &[u64]) -> BTreeMap<String, u64> {
        let feeders = self.wiring.feeders();
        let reported = self.metas.iter().zip(&self.wiring.reported).zip(&feeders);
        let over_log: BTreeSet<u32> = self
            .wiring
            .whole_log
            .iter()
            .filter_map(|(_, about)| u32::try_from(*about).ok())
            .collect();
        // Each is among its own feeders.
        let reported = reported
            .filter(|((_, reported), feeders)| **reported && feeders.is_disjoint(&over_log));
        let sum = |feeders: &BTreeSet<u32>| self.router.examined(taken, feeders);
        reported.map(|((meta, _), feeders)| (meta.id.clone(), sum(feeders))).collect()
    }
}
