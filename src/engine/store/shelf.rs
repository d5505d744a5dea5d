//! Values under keys, of any number, read in the order of their keys: in memory while they fit, else
//! in a temporary file as well.
//!
//! What must stay true: what is read does not depend on what was put away. Being exact comes first, so
//! without a temporary file memory grows.

use std::io;

use super::stacks::{SideBySide, StackKey, Stacks};

/// A value that can be put away.
pub trait Stow: Clone {
    /// About how many bytes of memory it takes.
    fn weight(&self) -> usize;

    /// The value as bytes.
    fn pack(&self) -> Vec<u8>;

    /// What [`pack`](Stow::pack) has written; `None` if it is anything else.
    fn unpack(bytes: &[u8]) -> Option<Self>;
}

/// Values under keys.
#[derive(Debug)]
pub struct Shelf<T> {
    held: Vec<(StackKey, T)>,
    /// What they take, about; bytes.
    weight: usize,
    /// Beyond, they are put away.
    limit: usize,
    away: Stacks,
}

impl<T: Stow> Shelf<T> {
    /// No values; about `limit` bytes of them are held in memory.
    pub fn new(limit: usize) -> Shelf<T> {
        Shelf { held: Vec::new(), weight: 0, limit, away: Stacks::default() }
    }

    /// Takes in a value.
    pub fn push(&mut self, key: StackKey, value: T) {
        self.weight = self.weight.saturating_add(value.weight());
        self.held.push((key, value));
        if self.weight > self.limit {
            self.put_away();
        }
    }

    /// Takes in all of another's.
    pub fn merge(&mut self, other: Shelf<T>) {
        self.away.merge(other.away);
        other.held.into_iter().for_each(|(key, value)| self.push(key, value));
    }

    fn put_away(&mut self) {
        self.held.sort_by_cached_key(|(key, _)| *key);
        let texts = self.held.iter().map(|(key, value)| Ok((*key, value.pack())));
        match self.away.put(texts) {
            Ok(()) => {
                self.held.clear();
                self.weight = 0;
            }
            // Nobody tries again.
            Err(_) => self.limit = usize::MAX,
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty() && self.away.is_empty()
    }

    /// Whether memory holds all of them.
    pub fn is_held(&self) -> bool {
        self.away.is_empty()
    }

    /// Puts them in order, to be read as often as it takes.
    pub fn sorted(mut self) -> Sorted<T> {
        if !self.is_held() && !self.held.is_empty() {
            self.put_away();
        }
        self.held.sort_by_cached_key(|(key, _)| *key);
        self.away.settle();
        Sorted { held: self.held, away: self.away }
    }
}

/// Values in the order of their keys.
#[derive(Debug)]
pub struct Sorted<T> {
    held: Vec<(StackKey, T)>,
    away: Stacks,
}

impl<T: Stow> Sorted<T> {
    /// Reads them from the first.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn read(&self) -> io::Result<Read<'_, T>> {
        Ok(Read { held: self.held.iter(), next: None, away: self.away.read()? })
    }
}

/// Values that are being read.
pub struct Read<'a, T> {
    held: std::slice::Iter<'a, (StackKey, T)>,
    next: Option<&'a (StackKey, T)>,
    away: SideBySide<'a>,
}

impl<T: Stow> Read<'_, T> {
    fn step(&mut self) -> io::Result<Option<(StackKey, T)>> {
        self.next = self.next.or_else(|| self.held.next());
        let held = self.next.map(|(key, _)| *key);
        if let Some((key, value)) = self.next
            && self.away.peek().is_none_or(|away| Some(away) >= held)
        {
            self.next = None;
            return Ok(Some((*key, value.clone())));
        }
        let Some((key, text)) = self.away.next()? else { return Ok(None) };
        let value = T::unpack(&text).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Some((key, value)))
    }
}

impl<T: Stow> Iterator for Read<'_, T> {
    type Item = io::Result<(StackKey, T)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Stow for u64 {
        fn weight(&self) -> usize {
            8
        }

        fn pack(&self) -> Vec<u8> {
            self.to_le_bytes().to_vec()
        }

        fn unpack(bytes: &[u8]) -> Option<u64> {
            Some(u64::from_le_bytes(bytes.try_into().ok()?))
        }
    }

    proptest! {
        #[test]
        fn values_come_in_order_whatever_was_put_away(
            values in prop::collection::vec((0..9u64, 0..1000u64), 0..200), limit in 0..400usize,
        ) {
            let mut shelf = Shelf::new(limit);
            let values = || values.iter().map(|(key, value)| ([*key, 0, 0, *value], *value));
            values().for_each(|(key, value)| shelf.push(key, value));
            prop_assert_eq!(shelf.is_held(), values().count() * 8 <= limit);
            let mut expected: Vec<_> = values().collect();
            expected.sort_unstable();
            let sorted = shelf.sorted();
            for _ in 0..2 {
                let read: io::Result<Vec<_>> = sorted.read().unwrap().collect();
                prop_assert_eq!(read.unwrap(), expected.clone());
            }
        }
    }
}
