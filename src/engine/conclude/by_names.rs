//! What follows from the names in the row of a use, worked out once for all rows that share them.
//!
//! An organisation has millions of uses, but only thousands of combinations of who, call and rules
//! that matched. What must stay true: what is kept depends on nothing in a row but those names.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::io;
use std::rc::Rc;

use super::lookup::Lookup;
use crate::engine::context::Context;
use crate::engine::partial::key_use::KeyUse;
use crate::engine::store::dictionary::{BySym, NONE, Same, Sym};

/// How many combinations are kept at hand.
const AT_HAND: usize = 1 << 16;

/// The names in a row that matter: matches, call and who; purpose and key only where a correlation
/// groups by the resource or the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Names([Sym; 5]);

impl Hash for Names {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mixed = self.0.iter().fold(0u64, |hash, name| {
            (hash.rotate_left(23) ^ name).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        });
        state.write_u64(mixed);
    }
}

/// Values by the names in rows.
pub struct ByNames<T> {
    known: HashMap<Names, Rc<T>, BuildHasherDefault<Same>>,
    last: Option<(Names, Rc<T>)>,
    /// Of each entry of matches, whether a correlation groups them by resource, and by key.
    targets: BySym<[bool; 2]>,
}

impl<T> Default for ByNames<T> {
    fn default() -> Self {
        ByNames { known: HashMap::default(), last: None, targets: BySym::default() }
    }
}

impl<T> ByNames<T> {
    /// The value of a row, from those at hand or else made. Before values are forgotten, they go to
    /// `leave`.
    ///
    /// # Errors
    /// What `make` returns, or when a temporary file cannot be read back.
    pub fn of(
        &mut self,
        (context, row): (&Context<'_>, &KeyUse),
        lookup: &mut Lookup<'_>,
        make: impl FnOnce(&mut Lookup<'_>) -> io::Result<T>,
        leave: impl FnMut(&T),
    ) -> io::Result<Rc<T>> {
        let [resource, key] = match self.targets.get(&row.matches) {
            Some(known) => *known,
            None => {
                let found = targets(context, row, lookup)?;
                if self.targets.len() >= AT_HAND {
                    self.targets.clear();
                }
                self.targets.insert(row.matches, found);
                found
            }
        };
        let only = |wanted: bool, name| if wanted { name } else { NONE };
        let names = Names([
            row.matches,
            row.call,
            row.who,
            only(resource, row.purpose),
            only(key, row.key),
        ]);
        if let Some((last, value)) = &self.last
            && *last == names
        {
            return Ok(Rc::clone(value));
        }
        let value = match self.known.get(&names) {
            Some(known) => Rc::clone(known),
            None => {
                let made = Rc::new(make(lookup)?);
                if self.known.len() >= AT_HAND {
                    self.values().for_each(leave);
                    self.known.clear();
                }
                self.known.insert(names, Rc::clone(&made));
                made
            }
        };
        self.last = Some((names, Rc::clone(&value)));
        Ok(value)
    }

    /// All values at hand.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.known.values().map(|value| &**value)
    }
}

/// Whether a correlation that looks at the matches of a row groups them by resource, and by key.
fn targets(context: &Context<'_>, row: &KeyUse, lookup: &mut Lookup<'_>) -> io::Result<[bool; 2]> {
    let mut found = [false; 2];
    for matched in lookup.matches(row.matches)?.iter() {
        for by in context.feeds_by_row(matched.rule).flat_map(|(_, correlation)| &correlation.by) {
            found[0] |= by.name == "keytrail.resource";
            found[1] |= by.name == "keytrail.key";
        }
    }
    Ok(found)
}
