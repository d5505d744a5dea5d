//! Finds the rules that could match a record, by its event source, its event name and its case.
//!
//! Most records interest no rule. For such a record the router computes one hash of the event
//! source and probes one small table. Every answer is a list that was built beforehand.
//!
//! What must stay true: a rule that matches a record is in the record's list. Sigma folds case by
//! Unicode, so the router cannot look up a source or name that is not ASCII. Such a record gets the
//! list of all rules.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::case::{COUNT, Case, Cases};
use crate::record::event::{Header, Raw};

/// The records that a rule could match: those that fit at least one route.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Routes(pub Vec<Route>);

/// A set of event sources, event names and cases. `None` means any. Names are compared without
/// regard to ASCII case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The values of `eventSource`.
    pub sources: Option<BTreeSet<String>>,
    /// The values of `eventName`.
    pub names: Option<BTreeSet<String>>,
    /// The cases.
    pub cases: Cases,
}

impl Default for Route {
    fn default() -> Self {
        Route { sources: None, names: None, cases: Cases::ALL }
    }
}

/// The rules that could match records of one source and name, as ascending indexes.
#[derive(Debug, Default)]
pub struct Candidates {
    /// The number of its first list among all lists of the router.
    first: usize,
    any: Box<[u32]>,
    /// One list for each case, if the lists differ.
    by_case: Option<Box<[Box<[u32]>; COUNT]>>,
}

impl Candidates {
    fn new(wanted: &Wanted) -> Candidates {
        let of = |case: Case| {
            let rules = wanted.iter().filter(|(_, cases)| cases.contains(case));
            rules.map(|(rule, _)| *rule).collect()
        };
        let varies = wanted.values().any(|cases| *cases != Cases::ALL);
        Candidates {
            first: 0,
            any: wanted.keys().copied().collect(),
            by_case: varies.then(|| {
                let mut lists: Box<[Box<[u32]>; COUNT]> = Box::default();
                Case::all().for_each(|case| lists[case.number()] = of(case));
                lists
            }),
        }
    }

    /// The list of the rules that are about a record, by its number among all of the router; `None` if
    /// there is none. Who acted and whether that failed is what a rule asks, so that it is about all
    /// cases; but for CloudTrail's own deliveries, which are not shown to most rules. `case` is called
    /// only if the lists differ by case.
    pub fn list(&self, case: impl FnOnce() -> Case) -> Option<u64> {
        let (number, rules) = match self.delivered() {
            Some(delivered) if case().is_delivered() => (1, delivered),
            _ => (0, &*self.any),
        };
        (!rules.is_empty()).then_some((self.first + number) as u64)
    }

    /// The rules that CloudTrail's own deliveries are shown to, if those are not all.
    fn delivered(&self) -> Option<&[u32]> {
        let case = Case::all().find(|case| case.is_delivered())?;
        self.by_case.as_ref().map(|lists| &*lists[case.number()])
    }

    /// Whether the lists are empty for every case.
    pub fn is_empty(&self) -> bool {
        self.any.is_empty()
    }

    /// The rules for a record whose case is unknown: those of all cases.
    pub fn of_any(&self) -> &[u32] {
        &self.any
    }

    /// The rules for a record. `case` is called only if the lists differ by case.
    pub fn of(&self, case: impl FnOnce() -> Case) -> &[u32] {
        match &self.by_case {
            Some(lists) => &lists[case().number()],
            None => &self.any,
        }
    }
}

/// For each rule, the cases in which it wants a record.
type Wanted = BTreeMap<u32, Cases>;

/// Adds the cases of a rule.
fn add(wanted: &mut Wanted, rule: u32, cases: Cases) {
    let known = wanted.entry(rule).or_insert(cases);
    *known = *known | cases;
}

impl Routes {
    /// Every record.
    pub fn any() -> Routes {
        Routes(vec![Route::default()])
    }

    /// The records of some calls to one service.
    pub fn calls(source: &str, names: &[&str]) -> Routes {
        let set =
            |texts: &[&str]| Some(texts.iter().map(|text| text.to_ascii_lowercase()).collect());
        Routes(vec![Route { sources: set(&[source]), names: set(names), cases: Cases::ALL }])
    }

    /// The same routes without some cases.
    #[must_use]
    pub fn without(mut self, cases: Cases) -> Routes {
        self.0.iter_mut().for_each(|route| route.cases = route.cases & cases.others());
        self
    }
}

/// Finds the candidates of a record.
#[derive(Debug, Default)]
pub struct Router {
    sources: Table<Source>,
    /// Rules for event names without a source. They apply to sources that no rule names.
    names: Table<Candidates>,
    /// The rules that want every record.
    any: Candidates,
    all: Candidates,
    /// The rules of each list, by its number.
    lists: Vec<Box<[u32]>>,
}

/// What the rules want from one event source.
#[derive(Debug)]
struct Source {
    names: Table<Candidates>,
    /// The list for names that are not in the table.
    rest: Candidates,
}

impl Router {
    /// Builds a router. `routes` holds the routes of each rule, in the order of the rules.
    pub fn new(routes: &[Routes]) -> Router {
        let mut wants = Wants::default();
        for (rule, routes) in (0u32..).zip(routes) {
            for route in &routes.0 {
                wants.add(rule, route);
            }
        }
        let mut router = Router {
            sources: Table::new(wants.sources().map(|source| (source.clone(), wants.of(&source)))),
            names: Table::new(wants.names.iter().map(|(name, rules)| {
                let list = Candidates::new(&union([rules, &wants.any]));
                (name.clone(), list)
            })),
            any: Candidates::new(&wants.any),
            all: Candidates { any: (0u32..).take(routes.len()).collect(), ..Candidates::default() },
            lists: Vec::new(),
        };
        let mut all = Vec::new();
        for candidates in router.every() {
            candidates.first = all.len();
            all.push(candidates.any.clone());
            all.extend(candidates.delivered().map(Box::from));
        }
        router.lists = all;
        router
    }

    fn every(&mut self) -> Vec<&mut Candidates> {
        let mut every = vec![&mut self.any, &mut self.all];
        for source in self.sources.items() {
            every.push(&mut source.rest);
            every.extend(source.names.items());
        }
        every.extend(self.names.items());
        every
    }

    /// How many lists there are.
    pub fn lists(&self) -> usize {
        self.lists.len()
    }

    /// For each rule that is in a list, the numbers of its lists.
    pub fn lists_of(&self) -> HashMap<u32, Vec<usize>> {
        let mut of: HashMap<u32, Vec<usize>> = HashMap::new();
        for (number, list) in self.lists.iter().enumerate() {
            list.iter().for_each(|rule| of.entry(*rule).or_default().push(number));
        }
        of
    }

    /// The rules that could match a record of this `eventSource` and `eventName`, as ascending
    /// indexes.
    ///
    /// Both strings are unescaped. Pass an empty string if the member is missing.
    pub fn candidates(&self, source: &[u8], name: &[u8]) -> &Candidates {
        let Some(hash) = hash(source) else { return &self.all };
        match self.sources.get(hash, source) {
            None if self.names.is_empty() => &self.any,
            None => self.named(&self.names, name, &self.any),
            Some(found) => self.named(&found.names, name, &found.rest),
        }
    }

    /// The candidates for a record, by its header.
    ///
    /// If the source or name is not a plain string, the tables cannot be used: an array, for
    /// example, matches by any of its elements.
    pub fn candidates_of(&self, header: &Header<'_>) -> &Candidates {
        match (plain(header.source), plain(header.name)) {
            (Some(source), Some(name)) => self.candidates(source, name),
            _ => &self.all,
        }
    }

    /// Those of a record's candidates that are about it. A record whose source or name is no plain string
    /// is shown to all rules, and about it are those that are about what it spells: else one odd record
    /// would count for each rule. `None` if it spells none that is in the tables.
    pub fn about<'a>(
        &'a self,
        candidates: &'a Candidates,
        header: &Header<'_>,
    ) -> Option<&'a Candidates> {
        if !std::ptr::eq(candidates, &raw const self.all) {
            return Some(candidates);
        }
        let spelt = |member: Option<Raw<'_>>| match member {
            Some(raw) => raw.text().map(Cow::into_owned),
            None => Some(String::new()),
        };
        let (source, name) = (spelt(header.source)?, spelt(header.name)?);
        let found = self.candidates(source.as_bytes(), name.as_bytes());
        Some(found).filter(|found| !std::ptr::eq(*found, &raw const self.all))
    }

    fn named<'a>(
        &'a self,
        names: &'a Table<Candidates>,
        name: &[u8],
        rest: &'a Candidates,
    ) -> &'a Candidates {
        match hash(name) {
            Some(hash) => names.get(hash, name).unwrap_or(rest),
            None => &self.all,
        }
    }
}

/// The bytes of a plain string; empty for a missing member; `None` for anything else.
fn plain(member: Option<Raw<'_>>) -> Option<&[u8]> {
    match member {
        Some(raw) => raw.plain(),
        None => Some(b""),
    }
}

/// What all rules want, collected before the tables are built.
#[derive(Debug, Default)]
struct Wants {
    pairs: BTreeMap<String, BTreeMap<String, Wanted>>,
    whole: BTreeMap<String, Wanted>,
    names: BTreeMap<String, Wanted>,
    any: Wanted,
}

impl Wants {
    fn add(&mut self, rule: u32, route: &Route) {
        let cases = route.cases;
        match (&route.sources, &route.names) {
            (None, None) => add(&mut self.any, rule, cases),
            (None, Some(names)) => {
                for name in names {
                    add(self.names.entry(name.clone()).or_default(), rule, cases);
                }
            }
            (Some(sources), None) => {
                for source in sources {
                    add(self.whole.entry(source.clone()).or_default(), rule, cases);
                }
            }
            (Some(sources), Some(names)) => {
                for source in sources {
                    let pairs = self.pairs.entry(source.clone()).or_default();
                    for name in names {
                        add(pairs.entry(name.clone()).or_default(), rule, cases);
                    }
                }
            }
        }
    }

    fn sources(&self) -> impl Iterator<Item = String> {
        let all: BTreeSet<&String> = self.pairs.keys().chain(self.whole.keys()).collect();
        all.into_iter().cloned().collect::<Vec<_>>().into_iter()
    }

    fn of(&self, source: &str) -> Source {
        let none = BTreeMap::new();
        let pairs = self.pairs.get(source).unwrap_or(&none);
        let rest = union([&self.any].into_iter().chain(self.whole.get(source)));
        let names: BTreeSet<&String> = pairs.keys().chain(self.names.keys()).collect();
        let list = |name: &String| {
            let named = [pairs.get(name), self.names.get(name)].into_iter().flatten();
            (name.clone(), Candidates::new(&union([&rest].into_iter().chain(named))))
        };
        Source { names: Table::new(names.into_iter().map(list)), rest: Candidates::new(&rest) }
    }
}

/// The union of what several routes want.
fn union<'a>(parts: impl IntoIterator<Item = &'a Wanted>) -> Wanted {
    let mut all = Wanted::new();
    for (rule, cases) in parts.into_iter().flatten() {
        add(&mut all, *rule, *cases);
    }
    all
}

/// A hash table of ASCII texts, folded to lower case. It never changes after it is built, so a
/// crafted log cannot degrade it.
#[derive(Debug)]
struct Table<T> {
    /// Index of an entry plus one; 0 for an empty slot. The length is a power of two.
    slots: Box<[u32]>,
    entries: Vec<(Box<[u8]>, T)>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table { slots: Box::default(), entries: Vec::new() }
    }
}

impl<T> Table<T> {
    fn new(entries: impl Iterator<Item = (String, T)>) -> Table<T> {
        let entries: Vec<(Box<[u8]>, T)> =
            entries.map(|(text, item)| (text.into_bytes().into_boxed_slice(), item)).collect();
        let size = if entries.is_empty() { 0 } else { (entries.len() * 4).next_power_of_two() };
        let mut slots = vec![0u32; size].into_boxed_slice();
        for (number, (text, _)) in (1u32..).zip(&entries) {
            let mut at = slot(hash(text).unwrap_or_default(), size);
            while slots[at] != 0 {
                at = (at + 1) & (size - 1);
            }
            slots[at] = number;
        }
        Table { slots, entries }
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn items(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut().map(|(_, item)| item)
    }

    fn get(&self, hash: u64, text: &[u8]) -> Option<&T> {
        let size = self.slots.len();
        if size == 0 {
            return None;
        }
        let mut at = slot(hash, size);
        // Three of four slots are empty, so the loop ends.
        while let Some(entry) = (self.slots[at] as usize).checked_sub(1) {
            let (known, item) = &self.entries[entry];
            if known.eq_ignore_ascii_case(text) {
                return Some(item);
            }
            at = (at + 1) & (size - 1);
        }
        None
    }
}

fn slot(hash: u64, size: usize) -> usize {
    // The high bits are mixed best.
    (hash >> 32) as usize & (size - 1)
}

/// A hash that ignores ASCII case. `None` if the text is not all ASCII.
///
/// It takes eight bytes a step. Setting bit 5 folds letters. It also makes some other characters
/// equal, which a hash may do.
fn hash(text: &[u8]) -> Option<u64> {
    const FOLD: u64 = 0x2020_2020_2020_2020;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = text.len() as u64;
    let mut seen = 0;
    let (words, tail) = text.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word);
        seen |= word;
        hash = (hash.rotate_left(23) ^ (word | FOLD)).wrapping_mul(PRIME);
    }
    let mut last = 0u64;
    for &byte in tail {
        last = last << 8 | u64::from(byte);
    }
    seen |= last;
    hash = (hash.rotate_left(23) ^ (last | FOLD)).wrapping_mul(PRIME);
    (seen & HIGH == 0).then_some(hash ^ hash >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(sources: &[&str], names: &[&str]) -> Route {
        let set = |texts: &[&str]| {
            (!texts.is_empty()).then(|| texts.iter().map(|text| (*text).to_owned()).collect())
        };
        Route { sources: set(sources), names: set(names), cases: Cases::ALL }
    }

    #[test]
    fn lists_are_those_of_pair_source_name_and_any() {
        let routes = [
            Routes(vec![route(&["kms"], &["decrypt", "encrypt"]), route(&["s3"], &["getobject"])]),
            Routes(vec![route(&["kms"], &[])]),
            Routes(vec![route(&[], &["stoplogging"])]),
            Routes::default(),
        ];
        let router = Router::new(&routes);
        let of = |source: &str, name: &str| {
            router.candidates(source.as_bytes(), name.as_bytes()).of_any().to_vec()
        };
        assert_eq!(of("KMS", "Decrypt"), [0, 1]);
        assert_eq!(of("kms", "StopLogging"), [1, 2]);
        assert_eq!(of("kms", ""), [1]);
        assert_eq!(of("s3", "GetObject"), [0]);
        assert_eq!(of("s3", "PutObject"), [0u32; 0]);
        assert_eq!(of("ec2", "StopLogging"), [2]);
        assert_eq!(of("", ""), [0u32; 0]);
        // U+212A becomes an ASCII k in lower case.
        assert_eq!(of("\u{212a}ms", "Decrypt"), [0, 1, 2, 3]);
        assert_eq!(of("kms", "Stop\u{e9}"), [0, 1, 2, 3]);
        let everything = Router::new(&[Routes::any(), Routes::calls("KMS", &["Sign"])]);
        assert_eq!(everything.candidates(b"kms", b"sign").of_any(), [0, 1]);
        assert_eq!(everything.candidates(b"ec2", b"sign").of_any(), [0]);
        assert!(Router::new(&[]).candidates(b"kms", b"Sign").is_empty());
    }

    #[test]
    fn a_rule_is_in_the_lists_of_its_cases_by_whichever_route() {
        let of = |names: &[&str], cases| Route { cases, ..route(&["kms"], names) };
        let direct = Cases::of_actor("direct");
        let routes = [
            Routes(vec![of(&["decrypt"], Cases::FAILED), of(&[], direct)]),
            Routes(vec![of(&["decrypt"], Cases::ALL)]),
        ];
        let router = Router::new(&routes);
        for case in Case::all() {
            let first = Cases::FAILED.contains(case) || direct.contains(case);
            let wanted: &[u32] = if first { &[0, 1] } else { &[1] };
            assert_eq!(router.candidates(b"kms", b"Decrypt").of(|| case), wanted);
            let wanted: &[u32] = if direct.contains(case) { &[0] } else { &[] };
            assert_eq!(router.candidates(b"kms", b"Encrypt").of(|| case), wanted);
        }
    }

    #[test]
    fn hashing_folds_case_at_every_length() {
        let text = "abcdefghijklmnopqrstuvwxyz.amazonaws.com";
        for len in 0..text.len() {
            let (small, capital) = (&text[..len], text[..len].to_uppercase());
            assert_eq!(hash(small.as_bytes()), hash(capital.as_bytes()));
        }
        assert_eq!(hash("kms\u{e9}".as_bytes()), None);
        assert_eq!(hash("12345678\u{e9}".as_bytes()), None);
    }
}
