//! A digest of rules, so that a report says by which it was made.

use sha2::{Digest, Sha256};

use super::rule::Rule;

/// A digest of the ids and texts of some rules, `sha256:…`.
pub fn digest_of<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> String {
    let mut hasher = Sha256::new();
    for rule in rules {
        for text in [rule.meta.id.as_str(), &rule.text] {
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text);
        }
    }
    format!("sha256:{}", hex::encode(hasher.finalize()))
}
