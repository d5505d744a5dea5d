//! The keys that are shown: of any number those that rank first.
//!
//! What must stay true: which ones stay follows from all keys together, never from the order in which
//! they come.

use crate::model::keys::dossier::OpenGrant;
use crate::model::keys::facts::KeyFacts;

/// Keys that are shown. Beyond, they are counted.
const KEYS: usize = 10_000;

/// Keys that are shown with all that is known of them: an id or an alias may be of several.
const DEEP: usize = 100;

/// A key that may be shown.
pub struct Shown {
    pub facts: KeyFacts,
    /// Its grants, if all of the key is asked for.
    pub grants: Vec<OpenGrant>,
}

/// The keys that rank first.
pub struct Top {
    most: usize,
    shown: Vec<Shown>,
    left_out: u64,
}

impl Top {
    /// None; `deep` if all that is known of a key is asked for.
    pub fn new(deep: bool) -> Top {
        Top { most: if deep { DEEP } else { KEYS }, shown: Vec::new(), left_out: 0 }
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
        self.shown.sort_by(|a, b| a.facts.rank().cmp(&b.facts.rank()));
        self.left_out += self.shown.len().saturating_sub(self.most) as u64;
        self.shown.truncate(self.most);
    }

    /// All of them, what is most urgent first, and how many were left out.
    pub fn into_sorted(mut self) -> (Vec<Shown>, u64) {
        self.fit();
        (self.shown, self.left_out)
    }
}
