//! Digests of rules, so that a report says by which it was made.
//!
//! A digest is of the file of a rule, and a file may hold thousands of rules. What must stay true: what
//! a rule costs does not grow with its file, so a long text counts by a digest of its own, which is
//! made once.

use std::collections::HashMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::rule::Rule;

/// The longest text that counts by itself. Only a file of many rules is longer.
const LONG: usize = 32 << 10;

/// Makes digests.
#[derive(Default)]
pub struct Digests {
    /// The digest of each long text, by the address of the text. The rules keep the texts.
    long: HashMap<*const u8, [u8; 32]>,
}

impl Digests {
    /// A digest of the ids and texts of some rules and of the filters that narrow them, `sha256:…`.
    pub fn of<'r>(&mut self, rules: impl IntoIterator<Item = &'r Rule>) -> String {
        let mut hasher = Sha256::new();
        for rule in rules {
            add(&mut hasher, rule.meta.id.as_bytes());
            let mut texts: Vec<&Arc<str>> =
                rule.narrowed.iter().map(|filter| &filter.text).collect();
            // Filters of one file, which come one after the other, have one text.
            texts.dedup_by(|next, text| Arc::ptr_eq(next, text));
            for text in [&rule.text].into_iter().chain(texts) {
                if text.len() <= LONG {
                    add(&mut hasher, text.as_bytes());
                    continue;
                }
                let digest = || <[u8; 32]>::from(Sha256::digest(text.as_bytes()));
                let known = self.long.entry(Arc::as_ptr(text).cast::<u8>()).or_insert_with(digest);
                add(&mut hasher, known);
            }
        }
        format!("sha256:{}", hex::encode(hasher.finalize()))
    }
}

fn add(hasher: &mut Sha256, bytes: &[u8]) {
    hasher.update((bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}
