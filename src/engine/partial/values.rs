//! The different accounts and Regions in the input.

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
}

impl Values {
    /// More different values than any organisation has accounts: beyond, the text is made up.
    const LIMIT: usize = 100_000;

    /// Adds the value of one record. Returns whether the record before had the same value, which is
    /// usual and fast.
    pub fn add(&mut self, value: Option<Raw<'_>>) -> bool {
        let plain = value.and_then(Raw::plain).unwrap_or_default();
        if !plain.is_empty() && same(plain, &self.last) {
            return true;
        }
        self.last.clear();
        self.last.extend_from_slice(plain);
        let Some(value) = value else { return false };
        if let Some(text) = value.text()
            && self.all.len() < Self::LIMIT
            && !self.all.contains(text.as_ref())
        {
            self.all.insert(text.into_owned());
        }
        false
    }

    /// Adds another worker's.
    pub fn merge(&mut self, other: Values) {
        self.all.extend(other.all);
        while self.all.len() > Self::LIMIT {
            self.all.pop_last();
        }
    }

    /// All of them.
    pub fn into_all(self) -> BTreeSet<String> {
        self.all
    }
}
