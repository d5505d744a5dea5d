//! The keys that are shown: of any number those that rank first.
//!
//! What must stay true: which ones stay follows from all keys together, never from the order in which
//! they come.

use super::grants::KnownGrants;
use crate::model::keys::asked::KeysAsked;
use crate::model::keys::facts::KeyFacts;

/// Keys that are shown. Beyond, they are counted.
const KEYS: usize = 10_000;

/// Keys that are shown with all that is known of them: an id or an alias may be of several.
const DEEP: usize = 100;

/// A key that may be shown.
pub struct Shown {
    pub facts: KeyFacts,
    /// Its grants, if all of the key is asked for.
    pub grants: KnownGrants,
}

/// The keys that rank first.
pub struct Top {
    most: usize,
    quiet_first: bool,
    shown: Vec<Shown>,
    left_out: u64,
}

impl Top {
    /// None yet, of what is asked for.
    pub fn new(asked: &KeysAsked) -> Top {
        let most = if asked.one.is_some() { DEEP } else { KEYS };
        Top { most, quiet_first: asked.quiet_first, shown: Vec::new(), left_out: 0 }
    }

    /// Adds a key.
    pub fn add(&mut self, key: Shown) {
        self.shown.push(key);
        // Room for a half more, so that making room is not done for each key.
        if self.shown.len() > self.most + self.most / 2 {
            self.fit();
        }
    }

    fn fit(&mut self) {
        let last = |one: &Shown| one.facts.uses.last;
        match self.quiet_first {
            true => {
                self.shown.sort_by(|a, b| (last(a), &a.facts.arn).cmp(&(last(b), &b.facts.arn)))
            }
            false => self.shown.sort_by(|a, b| a.facts.rank().cmp(&b.facts.rank())),
        }
        self.left_out += self.shown.len().saturating_sub(self.most) as u64;
        self.shown.truncate(self.most);
    }

    /// All of them, what is most urgent first, and how many were left out.
    pub fn into_sorted(mut self) -> (Vec<Shown>, u64) {
        self.fit();
        (self.shown, self.left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Time;

    /// The last uses of the keys that stay, in their order.
    fn kept(quiet_first: bool, order: impl Iterator<Item = i64>) -> (Vec<i64>, u64) {
        let mut top =
            Top { most: 3, ..Top::new(&KeysAsked { quiet_first, ..KeysAsked::default() }) };
        for number in order {
            let mut facts = KeyFacts::of(&format!("arn:aws:kms:r:111122223333:key/{number}"));
            (0..=number).for_each(|at| facts.uses.add(Time(at), true));
            top.add(Shown { facts, grants: KnownGrants::default() });
        }
        let (shown, left_out) = top.into_sorted();
        let last = |one: &Shown| one.facts.uses.last.map(|last| last.0);
        (shown.iter().filter_map(last).collect(), left_out)
    }

    #[test]
    fn which_keys_stay_does_not_depend_on_the_order_in_which_they_come() {
        for (quiet_first, expected) in [(false, [8, 7, 6]), (true, [0, 1, 2])] {
            assert_eq!(kept(quiet_first, 0..9), (expected.to_vec(), 6));
            assert_eq!(kept(quiet_first, (0..9).rev()), (expected.to_vec(), 6));
        }
    }
}
