//! What the changes of one resource add up to, as of any instant.
//!
//! `eventTime` has a resolution of one second. So there is no order within a second: changes of one
//! second with different results have no answer, and neither has a question about that very second.
//! An observation (a file that lists all tags) holds forward until something changes, and backward to
//! the last change. If it contradicts the log, something was not logged, and the time between is
//! unknown.
//!
//! So does what an enriched event tells, of the tags that it lists. CloudTrail may be late with that, so
//! that what it tells soon after a change of the tag is no evidence.
//!
//! What must stay true: the answer doesn't depend on the order in which changes were learnt.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use super::change::{Change, Tags, What};
pub use super::course::Course;
pub use super::index::Index;
pub use super::state::{State, Why};

/// So many seconds may pass before CloudTrail has taken notice of a change. What it tells of the tag until
/// then may be what was before.
const BEHIND: i64 = 3_600;

/// The changes without what an enriched event tells of a tag soon after the tag was changed.
fn without_stale(changes: &[Change]) -> Vec<Change> {
    let mut swept: Vec<i64> = Vec::new();
    let mut altered: HashMap<&str, Vec<i64>> = HashMap::new();
    for change in changes {
        let second = change.second();
        match &*change.what {
            What::Set(tags) => {
                tags.keys().for_each(|key| altered.entry(key).or_default().push(second));
            }
            What::Remove(tags) => {
                tags.keys().for_each(|key| altered.entry(key).or_default().push(second));
            }
            What::Replace(_) | What::Create(_) | What::Blur | What::Gone => swept.push(second),
            What::Observed(_) | What::Seen(_) | What::Lost => {}
        }
    }
    let is_soon_after = |seconds: &[i64], second: i64| {
        let before = seconds.partition_point(|at| *at <= second);
        before.checked_sub(1).is_some_and(|last| second - seconds[last] < BEHIND)
    };
    let firm = |change: &Change| {
        let What::Seen(tags) = &*change.what else { return Some(change.clone()) };
        let second = change.second();
        if is_soon_after(&swept, second) {
            return None;
        }
        let is_stale =
            |key: &str| altered.get(key).is_some_and(|seconds| is_soon_after(seconds, second));
        let firm = tags.iter().filter(|(key, _)| !is_stale(key));
        let firm: Tags = firm.map(|(key, value)| (key.clone(), value.clone())).collect();
        let evidence = Arc::clone(&change.evidence);
        (!firm.is_empty()).then(|| Change { evidence, what: Arc::new(What::Seen(firm)) })
    };
    changes.iter().filter_map(firm).collect()
}

/// All changes of one resource, in the order of time.
#[derive(Debug, Clone, Default)]
pub struct Timeline(Vec<Change>);

impl Timeline {
    /// The timeline of these changes, in any order, copies included.
    pub fn new(mut changes: Vec<Change>) -> Timeline {
        changes.sort();
        changes.dedup();
        if changes.iter().any(|change| matches!(*change.what, What::Seen(_))) {
            changes = without_stale(&changes);
        }
        Timeline(changes)
    }

    /// Every change, in the order of time.
    pub fn changes(&self) -> &[Change] {
        &self.0
    }

    /// The changes by second and by the tags that they name, to ask for states.
    pub fn index(&self) -> Index<'_> {
        Index::new(&self.0)
    }
}
