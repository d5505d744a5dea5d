//! `--with-derived-credentials`: which credentials came out of which.
//!
//! Whoever assumes a role or creates an access key goes on under another credential, and again from
//! there. A record names the one that was used, and in its response the one that was given out. Which
//! ones belong to a caller is known only when all records are read, in whatever order they came.
//!
//! The calls that a service makes for a session carry a key of their own and not that of the session.
//! But they tell when the session began, to the second, and that is when the role was assumed: a
//! session is known by its ARN and that time too.
//!
//! What must stay true: what follows from the records follows from them in any order, and a table that
//! is full says so.

use std::collections::{HashMap, HashSet};

use crate::engine::store::hash::HashKey;
use crate::record::issued::Credentials;
use crate::record::kms::View;

/// A credential, or a session, as a keyed hash of its name.
pub type Mark = [u64; 2];

/// Steps from one credential to another, in one table.
const STEPS_MAX: usize = 1 << 20;

/// Which credential was given out to whom.
#[derive(Debug, Default)]
pub struct Lineage {
    /// Those that were given out to callers who were asked for.
    first: HashSet<Mark>,
    /// From one to those that were given out to it.
    steps: HashSet<(Mark, Mark)>,
    full: bool,
}

impl Lineage {
    /// Notes what a call gave out. `asked` is whether its caller was asked for.
    pub fn note(&mut self, view: &View<'_>, asked: bool, key: HashKey) {
        if view.attempt() {
            return;
        }
        let given = given(view, key);
        if given.is_empty() {
            return;
        }
        let by = marks(view, key);
        for mark in given {
            if self.first.len() + self.steps.len() >= STEPS_MAX {
                self.full = true;
                return;
            }
            if asked {
                self.first.insert(mark);
            }
            self.steps.extend(by.iter().map(|by| (*by, mark)));
        }
    }

    /// Adds another worker's.
    pub fn merge(&mut self, other: Lineage) {
        self.first.extend(other.first);
        self.steps.extend(other.steps);
        self.full |= other.full;
    }

    /// Whether some steps had no room.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// All credentials that belong to the callers who were asked for.
    pub fn all(&self) -> HashSet<Mark> {
        let mut next: HashMap<Mark, Vec<Mark>> = HashMap::new();
        for (from, to) in &self.steps {
            next.entry(*from).or_default().push(*to);
        }
        let mut all = self.first.clone();
        let mut left: Vec<Mark> = all.iter().copied().collect();
        while let Some(mark) = left.pop() {
            for to in next.get(&mark).into_iter().flatten() {
                if all.insert(*to) {
                    left.push(*to);
                }
            }
        }
        all
    }
}

/// What a caller is known by: the credential, and the session with its beginning.
pub fn marks(view: &View<'_>, key: HashKey) -> Vec<Mark> {
    let event = view.event();
    let credential = view.access_key().map(|id| key.long(&[b"key", id.as_bytes()]));
    let begun = event.text_at(&["userIdentity", "sessionContext", "attributes", "creationDate"]);
    let arn = event.text_at(&["userIdentity", "arn"]).filter(|_| view.who().session.is_some());
    let session = arn.zip(begun).map(|(arn, begun)| session(&arn, &begun, key));
    credential.into_iter().chain(session).collect()
}

/// What a call gave out, known likewise.
fn given(view: &View<'_>, key: HashKey) -> Vec<Mark> {
    let Credentials { access_key: Some(credential), session: arn, .. } =
        Credentials::of(view.event())
    else {
        return Vec::new();
    };
    let begun = view.event().text_at(&["eventTime"]);
    let session = arn.zip(begun).map(|(arn, begun)| session(&arn, &begun, key));
    let credential = key.long(&[b"key", credential.as_bytes()]);
    [Some(credential), session].into_iter().flatten().collect()
}

fn session(arn: &str, begun: &str, key: HashKey) -> Mark {
    key.long(&[b"session", arn.as_bytes(), begun.as_bytes()])
}
