//! What one finding tells of many matches that lie on different keys and resources.
//!
//! Some rules make one finding of all that one principal did with the keys of one account. It says how
//! many keys that were, and names a few. What must stay true: merging is commutative, associative and
//! idempotent, as it is of a group, and what is held is bounded.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::few::{Few, SHOWN};
use crate::engine::store::hash::HashKey;

/// What is counted, by the names of the details that tell it.
pub const KINDS: [&str; 4] = ["keys", "other_keys", "resources", "principals"];

/// So many different ones of a kind are counted; of more, there are at least that many.
const COUNTED: usize = 1 << 16;

/// So many keys and principals of one finding are known to the next run.
const MEMBERS: usize = 1 << 10;

/// About how many bytes an entry of a map takes, beside its texts.
const ENTRY: usize = 64;

/// Different names: the smallest of them, and the hashes by which all are counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// A few, to be shown.
    pub first: Few<String, ()>,
    /// Keyed hashes, of too many the smallest.
    pub hashes: BTreeSet<u64>,
}

impl Names {
    fn merge(&mut self, other: Names) {
        for (name, ()) in other.first {
            self.first.add(name, ());
        }
        self.first.truncate(SHOWN);
        self.hashes.extend(other.hashes);
        while self.hashes.len() > COUNTED {
            self.hashes.pop_last();
        }
    }

    fn tell(&self) -> Value {
        let first: Vec<&String> = self.first.keys().collect();
        let mut told = json!({"count": self.hashes.len(), "first": first});
        if self.hashes.len() >= COUNTED {
            told["at_least"] = Value::from(true);
        }
        told
    }
}

/// What is told of all matches of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gathered {
    /// Different names by kind, in the order of [`KINDS`].
    pub names: [Names; 4],
    /// What the rule said of the matches, as JSON text: by name the smallest different values.
    pub said: BTreeMap<String, Few<String, ()>>,
}

impl Gathered {
    /// Of one match: the names of each kind, and what the rule said.
    pub fn new<'s>(
        hash_key: HashKey,
        names: [Vec<&str>; 4],
        said: impl IntoIterator<Item = (&'s String, String)>,
    ) -> Gathered {
        let of_kind = |names: Vec<&str>| Names {
            hashes: names.iter().map(|name| hash_key.short(name.as_bytes())).collect(),
            first: names.into_iter().map(|name| (name.to_owned(), ())).collect(),
        };
        let said = said.into_iter().map(|(name, text)| (name.clone(), [(text, ())]));
        Gathered {
            names: names.map(of_kind),
            said: said.map(|(name, texts)| (name, Few::from_iter(texts))).collect(),
        }
    }

    /// Takes in what is told of others.
    pub fn merge(&mut self, other: Gathered) {
        for (mine, theirs) in self.names.iter_mut().zip(other.names) {
            mine.merge(theirs);
        }
        for (name, texts) in other.said {
            let known = self.said.entry(name).or_default();
            texts.into_iter().for_each(|(text, ())| known.add(text, ()));
            known.truncate(SHOWN);
        }
    }

    /// About how many bytes of memory it takes.
    pub fn weight(&self) -> usize {
        let few = |few: &Few<String, ()>| few.keys().map(|text| ENTRY + text.len()).sum::<usize>();
        let names = self.names.iter().map(|names| few(&names.first) + names.hashes.len() * 12);
        let said = self.said.iter().map(|(name, texts)| ENTRY + name.len() + few(texts));
        size_of::<Gathered>() + names.sum::<usize>() + said.sum::<usize>()
    }

    /// Hashes of the keys and principals. Resources are left out: volumes are new every day.
    pub fn members(&self) -> Vec<u64> {
        let [keys, others, _, principals] = &self.names;
        let all = [keys, others, principals].into_iter().flat_map(|names| &names.hashes);
        let all: BTreeSet<u64> = all.copied().collect();
        all.into_iter().take(MEMBERS).collect()
    }

    /// Whether there is no more than one principal, one key and one resource.
    pub fn is_one(&self) -> [bool; 3] {
        let [keys, _, resources, principals] = &self.names;
        [principals, keys, resources].map(|names| names.hashes.len() <= 1)
    }

    /// Tells it among the details of a finding.
    pub fn tell(&self, details: &mut BTreeMap<String, String>) {
        for (kind, names) in KINDS.into_iter().zip(&self.names) {
            if !names.hashes.is_empty() {
                details.insert(kind.to_owned(), names.tell().to_string());
            }
        }
        for (name, texts) in &self.said {
            let values = texts.keys().map(|text| value(text));
            let told = match name.as_str() {
                "why" => {
                    let later = details.get(name).map(|text| value(text));
                    let reasons: Vec<Value> = values.chain(later).collect();
                    reasons.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ").into()
                }
                _ if texts.len() == 1 => values.collect::<Vec<_>>().remove(0),
                _ => values.collect(),
            };
            details.insert(name.clone(), told.to_string());
        }
    }
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(key: &str, why: &str) -> Gathered {
        let said = BTreeMap::from([("why".to_owned(), Value::from(why).to_string())]);
        let said = said.iter().map(|(name, text)| (name, text.clone()));
        Gathered::new(HashKey::of_seed(7), [vec![key], vec![], vec![], vec!["ana"]], said)
    }

    #[test]
    fn one_key_is_named_and_several_are_counted() {
        let mut all = one("k1", "wrote");
        assert_eq!(all.is_one(), [true; 3]);
        all.merge(one("k2", "read"));
        all.merge(one("k1", "wrote"));
        assert_eq!(all.is_one(), [true, false, true]);
        let mut details = BTreeMap::from([("why".to_owned(), r#""late""#.to_owned())]);
        all.tell(&mut details);
        assert_eq!(details["keys"], r#"{"count":2,"first":["k1","k2"]}"#);
        assert_eq!(details["principals"], r#"{"count":1,"first":["ana"]}"#);
        assert_eq!(details["why"], r#""read; wrote; late""#);
        assert!(!details.contains_key("resources"));
    }

    proptest! {
        #[test]
        fn merging_knows_no_order(keys in prop::collection::vec(0..40u8, 1..60), turn in 0..60usize) {
            let all = |keys: &[u8]| {
                let of = |key: &u8| one(&format!("k{key}"), &format!("w{}", key % 3));
                keys.iter().map(of).reduce(|mut one, other| { one.merge(other); one }).unwrap()
            };
            let (left, right) = keys.split_at(turn % keys.len());
            let mut turned = all(&[right, left, &keys].concat());
            let expected = all(&keys);
            turned.merge(expected.clone());
            prop_assert_eq!(&turned, &expected);
            let different: BTreeSet<&u8> = keys.iter().collect();
            prop_assert_eq!(expected.names[0].hashes.len(), different.len());
            prop_assert!(expected.names[0].first.len() <= SHOWN);
        }
    }
}
