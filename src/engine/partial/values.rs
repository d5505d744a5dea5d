//! The different accounts and Regions in the input.
//!
//! What must stay true: memory is bounded, and which values are kept does not depend on the order in
//! which records come.

use std::collections::BTreeSet;

use crate::record::event::Raw;

/// Whether two texts are the same; those of 8 to 16 bytes, as accounts and most Regions are,
/// without a call.
fn same(a: &[u8], b: &[u8]) -> bool {
    match a.len() {
        8..=16 => {
            a.len() == b.len()
                && a.first_chunk::<8>() == b.first_chunk::<8>()
                && a.last_chunk::<8>() == b.last_chunk::<8>()
        }
        _ => a == b,
    }
}

/// The different values of a member that has few: accounts, Regions.
#[derive(Debug, Default)]
pub struct Values {
    all: BTreeSet<String>,
    last: Vec<u8>,
    /// Whether there were more than are kept.
    cut: bool,
    /// Whether a record has none.
    lacking: bool,
}

impl Values {
    /// More different values than any organisation has accounts: beyond, the text is made up.
    pub const LIMIT: usize = 100_000;

    /// Adds the value of one record. Returns whether the record before had the same value, which is
    /// usual and fast.
    pub fn add(&mut self, value: Option<Raw<'_>>) -> bool {
        let plain = value.and_then(Raw::plain).unwrap_or_default();
        if !plain.is_empty() && same(plain, &self.last) {
            return true;
        }
        self.last.clear();
        self.last.extend_from_slice(plain);
        match value.and_then(Raw::text) {
            Some(text) if self.all.contains(text.as_ref()) => {}
            Some(text) => {
                self.all.insert(text.into_owned());
                self.bound(Self::LIMIT);
            }
            None => self.lacking = true,
        }
        false
    }

    /// Keeps the smallest values, whose number is all that matters beyond the limit.
    fn bound(&mut self, limit: usize) {
        while self.all.len() > limit {
            self.all.pop_last();
            self.cut = true;
        }
    }

    /// Adds another worker's.
    pub fn merge(&mut self, other: Values) {
        self.all.extend(other.all);
        self.cut |= other.cut;
        self.lacking |= other.lacking;
        self.bound(Self::LIMIT);
    }

    /// Adds one that another has, or that there were more than are kept.
    pub fn add_text(&mut self, value: Option<&str>) {
        match value {
            Some(value) if self.all.contains(value) => {}
            Some(value) => drop(self.all.insert(value.to_owned())),
            None => self.cut = true,
        }
        self.bound(Self::LIMIT);
    }

    /// Whether a record has none.
    pub fn is_lacking(&self) -> bool {
        self.lacking
    }

    /// Says that a record has none.
    pub fn lack(&mut self) {
        self.lacking = true;
    }

    /// Whether there were more than are kept.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// All of them; `None` says that there were more than are kept.
    pub fn texts(&self) -> impl Iterator<Item = Option<&str>> {
        let all = self.all.iter().map(|value| Some(value.as_str()));
        all.chain(self.cut.then_some(None))
    }

    /// All of them, and whether there were more than are kept.
    pub fn into_all(self) -> (BTreeSet<String>, bool) {
        (self.all, self.cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_values_the_smallest_are_kept_in_any_order() {
        let of = |order: [&str; 4]| {
            let mut values = Values::default();
            for value in order {
                values.all.insert(value.into());
                values.bound(2);
            }
            values.into_all()
        };
        let (kept, cut) = of(["d", "a", "c", "b"]);
        assert_eq!(
            (kept.iter().map(String::as_str).collect::<Vec<_>>(), cut),
            (vec!["a", "b"], true)
        );
        assert_eq!(of(["a", "b", "c", "d"]), (kept, cut));
    }
}
