//! What the totals say of the input: the accounts and Regions in it, and a digest of all blobs.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::record::event::Raw;
use crate::source::hashed::{Hash, hex};

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

/// A digest of the names and sizes of the input that does not depend on the order of reading: the
/// sum, modulo 2^256, of the SHA-256 of each `NAME NUL SIZE` (decimal; `-` when it was not opened).
/// Where texts are hashed, `NUL HASH` follows (hex; `-` of what could not be read to its end).
#[derive(Debug, Default)]
pub struct Manifest([u64; 4]);

impl Manifest {
    /// `hash` is the text's, if texts are hashed at all.
    pub fn add(&mut self, name: &str, size: Option<u64>, hash: Option<Option<Hash>>) {
        let mut line = format!("{name}\0");
        line += &size.map_or("-".into(), |size| size.to_string());
        if let Some(hash) = hash {
            line.push('\0');
            line += &hash.map_or("-".into(), |hash| hex(&hash));
        }
        let digest = Sha256::digest(line.as_bytes());
        let (words, _) = digest.as_slice().as_chunks::<8>();
        let word = |i: usize| u64::from_be_bytes(words[3 - i]);
        self.merge(&Manifest([word(0), word(1), word(2), word(3)]));
    }

    /// Adds two numbers of four words, the lowest first.
    pub fn merge(&mut self, other: &Manifest) {
        let mut carry = false;
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            let (sum, over) = mine.overflowing_add(theirs);
            let (sum, over_again) = sum.overflowing_add(u64::from(carry));
            (*mine, carry) = (sum, over | over_again);
        }
    }

    /// The digest, `sha256:…`.
    pub fn to_hex(&self) -> String {
        let [a, b, c, d] = self.0;
        format!("sha256:{d:016x}{c:016x}{b:016x}{a:016x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_does_not_depend_on_order_and_tells_sizes_apart() {
        let manifest = |files: &[(&str, Option<u64>)]| {
            let mut manifest = Manifest::default();
            files.iter().for_each(|(name, size)| manifest.add(name, *size, None));
            manifest.to_hex()
        };
        let (a, b, c) = (("a", Some(1)), ("b", Some(2)), ("c", None));
        assert_eq!(manifest(&[a, b, c]), manifest(&[c, a, b]));
        assert_ne!(manifest(&[a, b]), manifest(&[a, ("b", Some(3))]));
        let hashed = |hash| {
            let mut manifest = Manifest::default();
            manifest.add("a", Some(1), Some(hash));
            manifest.to_hex()
        };
        assert_ne!(hashed(None), manifest(&[a]));
        assert_ne!(hashed(Some([1; 32])), hashed(Some([2; 32])));
        assert_eq!(
            manifest(&[a]),
            // printf 'a\0001' | sha256sum
            format!(
                "sha256:{}",
                Sha256::digest(b"a\x001").iter().map(|b| format!("{b:02x}")).collect::<String>()
            )
        );
    }
}
