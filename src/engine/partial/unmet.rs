//! Which of the patterns that should be met fit nothing so far.
//!
//! A pattern is compared with each different caller and key about once, and never again after it has
//! fitted. What must stay true: where nothing should be met, or all of it was met, a record costs
//! nothing; memory is bounded; and no order of records decides.

use std::collections::BTreeSet;

use foldhash::HashSet;

use crate::engine::plan::ToMeet;
use crate::engine::store::hash::HashKey;
use crate::model::pattern::{Patterns, arn_wildcard};
use crate::record::kms::View;

/// As many callers and keys are known to have been compared. Beyond, they are forgotten, and compared
/// again when they come again.
const KNOWN_MAX: usize = 1 << 16;

/// What fits nothing so far.
#[derive(Debug)]
pub struct Unmet {
    callers: Open,
    keys: Open,
}

/// The patterns of one kind that are still open, by their numbers, and what was compared with them.
#[derive(Debug)]
struct Open {
    patterns: Vec<usize>,
    known: HashSet<u64>,
    key: HashKey,
}

impl Unmet {
    /// Nothing is met yet.
    pub fn new(to_meet: &ToMeet, key: HashKey) -> Unmet {
        let open = |patterns: &Patterns| Open {
            patterns: (0..patterns.iter().count()).collect(),
            known: HashSet::default(),
            key,
        };
        Unmet { callers: open(&to_meet.callers), keys: open(&to_meet.keys) }
    }

    /// Meets the caller and the keys of a record.
    pub fn see(&mut self, to_meet: &ToMeet, view: &View<'_>) {
        if !self.callers.patterns.is_empty()
            && let Some(arn) = view.principal_arn()
        {
            self.callers.meet(&to_meet.callers, &arn);
        }
        if self.keys.patterns.is_empty() {
            return;
        }
        for key in view.keys() {
            self.keys.meet(&to_meet.keys, &key.arn);
            key.alias.iter().for_each(|alias| self.keys.meet(&to_meet.keys, alias));
        }
    }

    /// Adds what another worker has met.
    pub fn merge(&mut self, other: &Unmet) {
        self.callers.patterns.retain(|at| other.callers.patterns.binary_search(at).is_ok());
        self.keys.patterns.retain(|at| other.keys.patterns.binary_search(at).is_ok());
    }

    /// The patterns that fit nothing.
    pub fn into_names(self, to_meet: &ToMeet) -> BTreeSet<String> {
        let of = |open: &Open, patterns: &Patterns| -> Vec<String> {
            open.patterns.iter().filter_map(|at| Some(patterns.get(*at)?.to_owned())).collect()
        };
        let callers = of(&self.callers, &to_meet.callers);
        callers.into_iter().chain(of(&self.keys, &to_meet.keys)).collect()
    }
}

impl Open {
    fn meet(&mut self, patterns: &Patterns, text: &str) {
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        if !self.known.insert(self.key.short(text.as_bytes())) {
            return;
        }
        let Open { patterns: open, .. } = self;
        open.retain(|number| {
            patterns.get(*number).is_some_and(|pattern| !arn_wildcard(pattern, text))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_any_worker_has_met_is_met() {
        let callers = Patterns::new(["*:role/a", "*:role/b", "*:role/c", "*:role/*"]);
        let to_meet = ToMeet { callers, keys: Patterns::new(["alias/x"]) };
        let met = |roles: &[&str]| {
            let mut unmet = Unmet::new(&to_meet, HashKey::of_seed(7));
            for role in roles {
                let arn = format!("arn:aws:iam::111122223333:role/{role}");
                unmet.callers.meet(&to_meet.callers, &arn);
                unmet.callers.meet(&to_meet.callers, &arn);
            }
            unmet
        };
        let [mut one, two] = [met(&["a", "d"]), met(&["c"])];
        assert_eq!(two.callers.patterns, [0, 1]);
        one.merge(&two);
        let names: Vec<String> = one.into_names(&to_meet).into_iter().collect();
        assert_eq!(names, ["*:role/b", "alias/x"]);
        assert_eq!(met(&[]).into_names(&to_meet).len(), 5);
    }

    /// Whoever makes up callers makes nothing grow.
    #[test]
    fn memory_is_bounded() {
        let to_meet = ToMeet { callers: Patterns::new(["*:role/a"]), ..ToMeet::default() };
        let mut unmet = Unmet::new(&to_meet, HashKey::of_seed(7));
        for number in 0..3 * KNOWN_MAX {
            unmet.callers.meet(&to_meet.callers, &number.to_string());
        }
        assert!(unmet.callers.known.len() <= KNOWN_MAX);
        unmet.callers.meet(&to_meet.callers, "arn:aws:iam::111122223333:role/a");
        assert!(unmet.callers.patterns.is_empty());
    }
}
