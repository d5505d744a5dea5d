//! Which of the patterns that should be met fit nothing so far.
//!
//! A pattern is compared with each different caller, key and so on about once, and never again after it has
//! fitted. What must stay true: where nothing should be met, or all of it was met, a record costs
//! nothing; memory is bounded; and no order of records decides.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::HashSet;

use crate::detect::native::named;
use crate::engine::plan::ToMeet;
use crate::engine::store::hash::HashKey;
use crate::model::pattern::{Patterns, arn_wildcard, wildcard};
use crate::record::kms::View;

/// As many callers, and as many keys and so on, are known to have been compared. Beyond, they are forgotten, and compared
/// again when they come again.
const KNOWN_MAX: usize = 1 << 16;

/// What fits nothing so far, by what it should fit.
#[derive(Debug)]
pub struct Unmet(BTreeMap<Kind, Open>);

/// What a pattern should fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Caller,
    Key,
    Service,
    Bucket,
    Monitor,
}

impl Kind {
    const ALL: [Kind; 5] = [Kind::Caller, Kind::Key, Kind::Service, Kind::Bucket, Kind::Monitor];

    fn patterns(self, to_meet: &ToMeet) -> &Patterns {
        match self {
            Kind::Caller => &to_meet.callers,
            Kind::Key => &to_meet.keys,
            Kind::Service => &to_meet.services,
            Kind::Bucket => &to_meet.buckets,
            Kind::Monitor => &to_meet.monitors,
        }
    }

    fn fits(self, pattern: &str, text: &str) -> bool {
        match self {
            Kind::Caller | Kind::Key => arn_wildcard(pattern, text),
            Kind::Service | Kind::Bucket => pattern == text,
            Kind::Monitor => wildcard(pattern, text),
        }
    }

    /// Each text of a record that a pattern may fit.
    fn texts(self, view: &View<'_>, mut each: impl FnMut(&str)) {
        match self {
            Kind::Caller => view.principal_arn().iter().for_each(|arn| each(arn)),
            Kind::Key => {
                for key in view.keys() {
                    each(&key.arn);
                    key.alias.iter().for_each(|alias| each(alias));
                }
            }
            Kind::Service => named::services(view, each),
            Kind::Bucket => named::buckets(view, each),
            Kind::Monitor => named::monitors(view, each),
        }
    }
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
        let open = |kind: Kind| Open {
            patterns: (0..kind.patterns(to_meet).iter().count()).collect(),
            known: HashSet::default(),
            key,
        };
        let all = Kind::ALL.into_iter().map(|kind| (kind, open(kind)));
        Unmet(all.filter(|(_, open)| !open.patterns.is_empty()).collect())
    }

    /// Meets what a record names.
    pub fn see(&mut self, to_meet: &ToMeet, view: &View<'_>) {
        for (kind, open) in self.0.iter_mut().filter(|(_, open)| !open.patterns.is_empty()) {
            kind.texts(view, |text| open.meet(*kind, to_meet, text));
        }
    }

    /// Adds what another worker has met.
    pub fn merge(&mut self, other: &Unmet) {
        for (kind, open) in &mut self.0 {
            let others = other.0.get(kind).map(|other| other.patterns.as_slice());
            open.patterns.retain(|at| others.is_some_and(|open| open.binary_search(at).is_ok()));
        }
    }

    /// What fits nothing so far: the number of each kind, with the numbers of its patterns, ascending.
    pub fn open(&self) -> impl Iterator<Item = (usize, &[usize])> {
        self.0.iter().map(|(kind, open)| (*kind as usize, open.patterns.as_slice()))
    }

    /// Adds what [`open`](Unmet::open) told of another: all that is not in it was met.
    pub fn merge_open(&mut self, others: &BTreeMap<usize, Vec<usize>>) {
        for (kind, open) in &mut self.0 {
            let others = others.get(&(*kind as usize));
            open.patterns.retain(|at| others.is_some_and(|open| open.binary_search(at).is_ok()));
        }
    }

    /// The patterns that fit nothing.
    pub fn into_names(self, to_meet: &ToMeet) -> BTreeSet<String> {
        let of = |(kind, open): (&Kind, &Open)| {
            let patterns = kind.patterns(to_meet);
            let names = open.patterns.iter().filter_map(|at| patterns.get(*at));
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of).collect()
    }
}

impl Open {
    fn meet(&mut self, kind: Kind, to_meet: &ToMeet, text: &str) {
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        if !self.known.insert(self.key.short(text.as_bytes())) {
            return;
        }
        let patterns = kind.patterns(to_meet);
        self.patterns.retain(|number| {
            patterns.get(*number).is_some_and(|pattern| !kind.fits(pattern, text))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meet(unmet: &mut Unmet, to_meet: &ToMeet, caller: &str) {
        unmet.0.get_mut(&Kind::Caller).unwrap().meet(Kind::Caller, to_meet, caller);
    }

    #[test]
    fn what_any_worker_has_met_is_met() {
        let callers = Patterns::new(["*:role/a", "*:role/b", "*:role/c", "*:role/*"]);
        let to_meet = ToMeet { callers, keys: Patterns::new(["alias/x"]), ..ToMeet::default() };
        let met = |roles: &[&str]| {
            let mut unmet = Unmet::new(&to_meet, HashKey::of_seed(7));
            for role in roles {
                let arn = format!("arn:aws:iam::111122223333:role/{role}");
                meet(&mut unmet, &to_meet, &arn);
                meet(&mut unmet, &to_meet, &arn);
            }
            unmet
        };
        let [mut one, two] = [met(&["a", "d"]), met(&["c"])];
        assert_eq!(two.0[&Kind::Caller].patterns, [0, 1]);
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
            meet(&mut unmet, &to_meet, &number.to_string());
        }
        assert!(unmet.0[&Kind::Caller].known.len() <= KNOWN_MAX);
        meet(&mut unmet, &to_meet, "arn:aws:iam::111122223333:role/a");
        assert!(unmet.0[&Kind::Caller].patterns.is_empty());
    }
}
