//! The verdict on each digest: whether it is signed, and whether a signed one contradicts it.
//!
//! A signature authenticates itself, wherever it came from: a file beside the digest, the object's
//! metadata, or the digest that follows. What must stay true: `verified` needs a signature that
//! verifies, and no verified digest may contradict the digest, by hash or by signature.

use std::collections::{BTreeSet, HashMap, HashSet};

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

/// So many signatures are tried of one digest. One that nobody has tampered with has one or two, and each
/// costs as much as a thousand hashes.
const TRIED: usize = 64;

/// What is found of a digest by its signatures: the ruling, and those that are good.
type Signed = (Ruling, BTreeSet<String>);

/// Rules on every digest, in their order.
pub(super) fn rule(collected: &Collected, keys: &PublicKeys) -> Vec<Ruling> {
    let named = Named::by_digests(&collected.digests);
    let (cases, of) = cases(collected, &named);
    let signed: Vec<Signed> = cases.par_iter().map(|case| case.signed(keys)).collect();
    let signed = |number: usize| of.get(number).copied().flatten().and_then(|at| signed.get(at));
    // Of digests that say the same of the one before them, the first counts.
    let mut after: HashMap<&str, Vec<&Digest>> = HashMap::new();
    let mut said = HashSet::new();
    for (number, seen) in collected.digests.iter().enumerate() {
        let Ok((next, _)) = &seen.content else { continue };
        let Some(object) = &next.previous_object else { continue };
        let says = (object, &next.previous_hash, &next.previous_signature);
        if signed(number).is_some_and(|(ruling, _)| ruling.is_verified()) && said.insert(says) {
            after.entry(object).or_default().push(next);
        }
    }
    let ruled = |(number, seen): (usize, &SeenDigest)| {
        let (digest, hash) = match &seen.content {
            Ok(content) => content,
            Err(reason) => return Ruling::new(DigestVerdict::BadFormat, reason.as_str()),
        };
        let Some((ruling, good)) = signed(number) else {
            return Ruling::new(DigestVerdict::SignatureUnavailable, "");
        };
        let is_of_name = stem_of(&digest.object) == stem_of(&seen.name);
        let mut after = after.get(digest.object.as_str()).into_iter().flatten();
        let found = after.find_map(|next| contradiction(next, hash, good));
        let Some(found) = found.filter(|_| is_of_name) else { return ruling.clone() };
        let open = [DigestVerdict::Verified, DigestVerdict::SignatureUnavailable];
        if open.contains(&ruling.verdict) {
            return Ruling::new(DigestVerdict::HashChainMismatch, found);
        }
        Ruling::new(ruling.verdict, format!("{}; {found}", ruling.detail))
    };
    collected.digests.iter().enumerate().map(ruled).collect()
}

fn stem_of(name: &str) -> &str {
    place::stem(place::base(name))
}

/// The signatures by which digests name the one before them.
#[derive(Default)]
struct Named<'a> {
    all: BTreeSet<String>,
    /// By the object that they name.
    by_object: HashMap<&'a str, BTreeSet<String>>,
}

impl<'a> Named<'a> {
    /// By the stem of the predecessor's name.
    fn by_digests(digests: &'a [SeenDigest]) -> HashMap<&'a str, Named<'a>> {
        let mut by_stem: HashMap<&str, Named<'_>> = HashMap::new();
        for (digest, _) in digests.iter().filter_map(|digest| digest.content.as_ref().ok()) {
            let Some(object) = &digest.previous_object else { continue };
            let named = by_stem.entry(stem_of(object)).or_default();
            let signature = digest.previous_signature.as_deref().map(plain);
            named.all.extend(signature.clone());
            named.by_object.entry(object).or_default().extend(signature);
        }
        by_stem
    }
}

/// A signature as it is compared.
fn plain(signature: &str) -> String {
    signature.trim().to_ascii_lowercase()
}

/// Digests of one text and one name, which are judged once, however many copies there are.
struct Case<'a> {
    digest: &'a Digest,
    hash: &'a Hash,
    /// The signatures that may be of it, no more than are tried.
    candidates: BTreeSet<String>,
    /// How many there are beside.
    others: usize,
}

/// The cases, and for each digest which one it is; none of one that cannot be read.
fn cases<'a>(
    collected: &'a Collected,
    named: &HashMap<&str, Named<'_>>,
) -> (Vec<Case<'a>>, Vec<Option<usize>>) {
    let (mut cases, mut known) = (Vec::new(), HashMap::new());
    let case = |seen: &'a SeenDigest| {
        let (digest, hash) = seen.content.as_ref().ok()?;
        let stem = stem_of(&seen.name);
        let at = *known.entry((stem, hash)).or_insert(cases.len());
        if at == cases.len() {
            cases.push(Case::new((digest, hash), collected.signatures.get(stem), named.get(stem)));
        }
        Some(at)
    };
    let of = collected.digests.iter().map(case).collect();
    (cases, of)
}

impl<'a> Case<'a> {
    fn new(
        (digest, hash): (&'a Digest, &'a Hash),
        beside: Option<&BTreeSet<String>>,
        named: Option<&Named<'_>>,
    ) -> Case<'a> {
        // Two trails of one name may have digests of one name; where it is changed, any will do.
        let named =
            named.map(|named| named.by_object.get(digest.object.as_str()).unwrap_or(&named.all));
        let all = [beside, named].into_iter().flatten();
        let others = all.clone().map(BTreeSet::len).sum::<usize>().saturating_sub(TRIED);
        let candidates = all.flatten().take(TRIED).map(|text| plain(text)).collect();
        Case { digest, hash, candidates, others }
    }

    /// Whether a digest is signed, and which signatures are good.
    fn signed(&self, keys: &PublicKeys) -> Signed {
        let Case { digest, candidates, .. } = self;
        let none = BTreeSet::new();
        if candidates.is_empty() {
            let detail = "no signature beside it, and no digest after it that has one";
            return (Ruling::new(DigestVerdict::SignatureUnavailable, detail), none);
        }
        let text = digest.signed(&hex::encode(self.hash));
        let mut good = BTreeSet::new();
        for signature in candidates {
            let bytes = hex::decode(signature).unwrap_or_default();
            match keys.verify(&digest.fingerprint, text.as_bytes(), &bytes) {
                Some(true) => drop(good.insert(signature.clone())),
                Some(false) => {}
                None => {
                    let detail =
                        format!("no public key has the fingerprint {}", digest.fingerprint);
                    return (Ruling::new(DigestVerdict::KeyUnknown, detail), none);
                }
            }
        }
        let all = candidates.len() + self.others;
        let ruling = match (good.len(), all) {
            (0, _) if self.others > 0 => Ruling::new(
                DigestVerdict::BadSignature,
                format!("none of the first {TRIED} of {all} signatures that may be of it verifies"),
            ),
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
    fn copies_are_judged_once_and_each_text_by_few_signatures() {
        let base = "111122223333_CloudTrail-Digest_eu-central-1_main_eu-central-1_20261102T100000Z.json.gz";
        let object =
            format!("AWSLogs/111122223333/CloudTrail-Digest/eu-central-1/2026/11/02/{base}");
        let seen = |folder: usize, signature: usize| {
            let text = serde_json::json!({
                "awsAccountId": "111122223333", "digestStartTime": "2026-11-02T09:00:00Z",
                "digestEndTime": "2026-11-02T10:00:00Z", "digestS3Bucket": "trail",
                "digestS3Object": object, "digestPublicKeyFingerprint": "ab",
                "previousDigestS3Object": object, "previousDigestSignature": format!("{signature:04x}"),
                "logFiles": [],
            });
            let digest = Digest::parse(text.to_string().as_bytes()).unwrap();
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&signature.to_be_bytes());
            SeenDigest {
                name: format!("{folder}/{base}").into(),
                series: None,
                content: Ok((digest, hash)),
            }
        };
        let verifications = |digests: Vec<SeenDigest>| {
            let collected = Collected { digests, ..Collected::default() };
            let (cases, of) = cases(&collected, &Named::by_digests(&collected.digests));
            assert_eq!(of.len(), collected.digests.len());
            cases.iter().map(|case| case.candidates.len()).sum::<usize>()
        };
        let many = 2_000;
        assert_eq!(verifications((0..many).map(|n| seen(n, 7)).collect()), 1);
        assert_eq!(verifications((0..many).map(|n| seen(n, n)).collect()), many * TRIED);
    }

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
