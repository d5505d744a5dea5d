//! The verdict on each digest: whether it is signed, and whether a signed one contradicts it.
//!
//! A signature authenticates itself, wherever it came from: a file beside the digest, the object's
//! metadata, or the digest that follows. What must stay true: `verified` needs a signature that
//! verifies, and no verified digest may contradict the digest, by hash or by signature.

use std::collections::{BTreeSet, HashMap};

use rayon::prelude::*;

use super::digest::Digest;
use super::keys::PublicKeys;
use super::place;
use super::seen::{Collected, SeenDigest};
use crate::model::verified::DigestVerdict;
use crate::source::hashed::Hash;

/// The verdict on a digest.
#[derive(Debug, Clone)]
pub(super) struct Ruling {
    pub verdict: DigestVerdict,
    pub detail: String,
}

impl Ruling {
    pub fn new(verdict: DigestVerdict, detail: impl Into<String>) -> Ruling {
        Ruling { verdict, detail: detail.into() }
    }

    pub fn is_verified(&self) -> bool {
        self.verdict == DigestVerdict::Verified
    }
}

/// Rules on every digest, in their order.
pub(super) fn rule(collected: &Collected, keys: &PublicKeys) -> Vec<Ruling> {
    let successors = Successors::new(&collected.digests);
    let signed: Vec<(Ruling, BTreeSet<String>)> = collected
        .digests
        .par_iter()
        .map(|digest| signature(digest, collected, &successors, keys))
        .collect();
    let contradicted = |seen: &SeenDigest, (ruling, good): &(Ruling, BTreeSet<String>)| {
        let Ok((digest, hash)) = &seen.content else { return ruling.clone() };
        let mut after = successors.of(seen).filter(|(number, next)| {
            signed[*number].0.is_verified() && next.previous_object.as_ref() == Some(&digest.object)
        });
        let Some(found) = after.find_map(|(_, next)| contradiction(next, hash, good)) else {
            return ruling.clone();
        };
        let open = [DigestVerdict::Verified, DigestVerdict::SignatureUnavailable];
        if open.contains(&ruling.verdict) {
            return Ruling::new(DigestVerdict::HashChainMismatch, found);
        }
        Ruling::new(ruling.verdict, format!("{}; {found}", ruling.detail))
    };
    collected.digests.iter().zip(&signed).map(|(seen, signed)| contradicted(seen, signed)).collect()
}

/// The digests that name each digest as the one before them.
struct Successors<'a> {
    digests: &'a [SeenDigest],
    /// The numbers of the digests that name a predecessor, by the stem of that predecessor's name.
    by_stem: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Successors<'a> {
    fn new(digests: &'a [SeenDigest]) -> Successors<'a> {
        let mut by_stem: HashMap<&str, Vec<usize>> = HashMap::new();
        for (number, digest) in digests.iter().enumerate() {
            let content = digest.content.as_ref().ok();
            if let Some(object) = content.and_then(|(d, _)| d.previous_object.as_ref()) {
                by_stem.entry(place::stem(place::base(object))).or_default().push(number);
            }
        }
        Successors { digests, by_stem }
    }

    fn of(&self, digest: &SeenDigest) -> impl Iterator<Item = (usize, &'a Digest)> {
        let stem = place::stem(place::base(&digest.name));
        let numbers = self.by_stem.get(stem).map(Vec::as_slice).unwrap_or_default();
        let digests = self.digests;
        numbers.iter().filter_map(|&n| Some((n, &digests[n].content.as_ref().ok()?.0)))
    }
}

/// Whether a digest is signed, and which signatures are good.
fn signature(
    seen: &SeenDigest,
    collected: &Collected,
    successors: &Successors<'_>,
    keys: &PublicKeys,
) -> (Ruling, BTreeSet<String>) {
    let none = BTreeSet::new();
    let (digest, hash) = match &seen.content {
        Ok((digest, hash)) => (digest, hash),
        Err(reason) => {
            return (Ruling::new(DigestVerdict::BadFormat, reason.as_str()), none);
        }
    };
    let beside = collected.signatures.get(place::stem(place::base(&seen.name)));
    // Two trails of one name may have digests of one name; where it is changed, any will do.
    let is_of_this = |next: &&Digest| next.previous_object.as_ref() == Some(&digest.object);
    let mut after: Vec<&Digest> = successors.of(seen).map(|(_, next)| next).collect();
    if after.iter().any(is_of_this) {
        after.retain(is_of_this);
    }
    let named = after.into_iter().filter_map(|next| next.previous_signature.as_ref());
    let candidates: BTreeSet<String> = beside
        .into_iter()
        .flatten()
        .chain(named)
        .map(|text| text.trim().to_ascii_lowercase())
        .collect();
    if candidates.is_empty() {
        let detail = "no signature beside it, and no digest after it that has one";
        return (Ruling::new(DigestVerdict::SignatureUnavailable, detail), none);
    }
    let text = digest.signed(&hex::encode(hash));
    let mut good = BTreeSet::new();
    let all = candidates.len();
    for signature in candidates {
        let bytes = hex::decode(signature.trim()).unwrap_or_default();
        match keys.verify(&digest.fingerprint, text.as_bytes(), &bytes) {
            Some(true) => drop(good.insert(signature)),
            Some(false) => {}
            None => {
                let detail = format!("no public key has the fingerprint {}", digest.fingerprint);
                return (Ruling::new(DigestVerdict::KeyUnknown, detail), none);
            }
        }
    }
    let ruling = match (good.len(), all) {
        (0, _) => Ruling::new(
            DigestVerdict::BadSignature,
            "neither its text nor its place may be changed: no signature verifies",
        ),
        (1, 1) => Ruling::new(DigestVerdict::Verified, ""),
        _ => Ruling::new(
            DigestVerdict::Verified,
            "the signature beside it is not the one that the digest after it names",
        ),
    };
    (ruling, good)
}

/// How a verified digest contradicts its predecessor, which has this hash and these good signatures.
fn contradiction(next: &Digest, hash: &Hash, good: &BTreeSet<String>) -> Option<String> {
    if !is_hash(next.previous_hash.as_deref(), hash) {
        let named = next.previous_hash.as_deref().unwrap_or("none");
        return Some(format!(
            "its SHA-256 is {}, {} names {named}",
            hex::encode(hash),
            next.object
        ));
    }
    let named = next.previous_signature.as_deref().unwrap_or_default();
    // RSA gives one signature for a key and a text, so a different one belongs to a different text.
    let agrees = good.is_empty() || good.contains(&named.trim().to_ascii_lowercase());
    (!agrees).then(|| format!("{} names a signature that is not one of it", next.object))
}

/// Whether a hash in hex is this one. CloudTrail was seen to leave out a leading zero.
pub(super) fn is_hash(text: Option<&str>, hash: &Hash) -> bool {
    text.is_some_and(|text| {
        format!("{:0>64}", text.trim().to_ascii_lowercase()) == hex::encode(hash)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_compared_without_case_and_leading_zero() {
        let mut hash = [0xab; 32];
        hash[0] = 0x0c;
        let text = hex::encode(hash);
        assert!(is_hash(Some(&text), &hash) && is_hash(Some(&text[1..]), &hash));
        assert!(is_hash(Some(&text.to_ascii_uppercase()), &hash));
        assert!(!is_hash(Some(&text[2..]), &hash) || text.starts_with("00"));
        assert!(!is_hash(None, &hash) && !is_hash(Some(""), &hash));
    }
}
