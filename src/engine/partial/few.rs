//! Entries in the order of their keys, of which there are a few: a plain list.
//!
//! A million findings of one event each would take 3 GB as trees, whose smallest node has room for
//! eleven entries.

pub use crate::model::finding::SHOWN;

/// Keys and values, ascending, no key twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Few<K, V>(Vec<(K, V)>);

impl<K, V> Default for Few<K, V> {
    fn default() -> Self {
        Few(Vec::new())
    }
}

impl<K: Ord, V: Ord> Few<K, V> {
    /// Adds an entry; of two values of one key the smaller stays.
    pub fn add(&mut self, key: K, value: V) {
        match self.0.binary_search_by(|(known, _)| known.cmp(&key)) {
            Ok(at) => {
                if let Some((_, known)) = self.0.get_mut(at).filter(|(_, known)| value < *known) {
                    *known = value;
                }
            }
            Err(at) => {
                if self.0.is_empty() {
                    // Most lists have one entry for good.
                    self.0.reserve_exact(1);
                }
                self.0.insert(at, (key, value));
            }
        }
    }

    /// Keeps the first entries only.
    pub fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The entries, ascending.
    pub fn iter(&self) -> impl Iterator<Item = &(K, V)> {
        self.0.iter()
    }

    /// The keys, ascending.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    /// Changes values, none of which decides anything about the order of keys.
    pub fn for_each_value(&mut self, mut change: impl FnMut(&mut V)) {
        self.0.iter_mut().for_each(|(_, value)| change(value));
    }

    /// Takes out the first entry.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }

    /// Takes out all entries.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl<K, V> IntoIterator for Few<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<K: Ord, V: Ord> FromIterator<(K, V)> for Few<K, V> {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(entries: T) -> Self {
        let mut few = Few::default();
        entries.into_iter().for_each(|(key, value)| few.add(key, value));
        few
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_list_is_what_a_tree_is(entries in prop::collection::vec((0..9u8, 0..9u8), 0..20), most in 0..9usize) {
            let mut tree = BTreeMap::new();
            let mut few = Few::default();
            for (key, value) in entries {
                few.add(key, value);
                let known = tree.entry(key).or_insert(value);
                *known = value.min(*known);
            }
            few.truncate(most);
            let wanted: Vec<_> = tree.into_iter().take(most).collect();
            prop_assert_eq!(few.len(), wanted.len());
            prop_assert_eq!(few.clone().pop_first(), wanted.first().copied());
            prop_assert_eq!(few.into_iter().collect::<Vec<_>>(), wanted);
        }
    }
}
