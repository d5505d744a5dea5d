//! A digest of rules, so that a report says by which it was made.

use sha2::{Digest, Sha256};

use super::rule::Rule;

/// A digest of the ids and texts of some rules and of the filters that narrow them, `sha256:…`.
pub fn digest_of<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> String {
    let mut hasher = Sha256::new();
    for rule in rules {
        let narrowed = rule.narrowed.iter().map(|text| &**text);
        for text in [rule.meta.id.as_str(), &rule.text].into_iter().chain(narrowed) {
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text);
        }
    }
    format!("sha256:{}", hex::encode(hasher.finalize()))
}
