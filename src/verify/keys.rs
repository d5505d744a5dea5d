//! The public keys of CloudTrail, as `aws cloudtrail list-public-keys` prints them.
//!
//! Keys belong to a Region and change about once a month. So a file holds the outputs for all Regions
//! and times, one after the other. A key is identified by its fingerprint alone: the MD5 of its
//! bytes. The fingerprint is recomputed, so that a key under a wrong name is refused.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Deserializer, Value};
use sha2::Sha256;

use crate::model::verified::Anchor;

/// Sizes of RSA keys whose signatures can be verified: bits of the modulus.
const BITS: RangeInclusive<usize> = 2048..=8192;

/// Keys by fingerprint.
#[derive(Debug, Clone, Default)]
pub struct PublicKeys {
    keys: HashMap<String, Vec<u8>>,
    /// The SHA-256 of the file, in hex: what all verdicts rest on.
    pub sha256: String,
}

impl PublicKeys {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// Everything that is wrong with it. A file with one bad key is refused as a whole, because digests
    /// under that key would look forged.
    pub fn parse(text: &[u8]) -> Result<PublicKeys, Vec<String>> {
        let mut wrong = Vec::new();
        let mut keys = HashMap::new();
        for document in Deserializer::from_slice(text).into_iter::<Value>() {
            match document {
                Ok(document) => {
                    let list = document.get("PublicKeyList").or(document.get("publicKeyList"));
                    let Some(list) = list.and_then(Value::as_array) else {
                        wrong.push("has no PublicKeyList".to_owned());
                        continue;
                    };
                    for (number, key) in list.iter().enumerate() {
                        match read(key) {
                            Ok((names, der)) => {
                                keys.extend(names.into_iter().map(|name| (name, der.clone())));
                            }
                            Err(reason) => wrong.push(format!("key {}: {reason}", number + 1)),
                        }
                    }
                }
                Err(error) => {
                    wrong.push(format!("is not JSON: {error}"));
                    break;
                }
            }
        }
        if keys.is_empty() && wrong.is_empty() {
            wrong.push("has no keys".to_owned());
        }
        match wrong.is_empty() {
            true => Ok(PublicKeys { keys, sha256: hex::encode(Sha256::digest(text)) }),
            false => Err(wrong),
        }
    }

    /// What all verdicts rest on.
    pub fn anchor(&self) -> Anchor {
        Anchor { sha256: self.sha256.clone(), count: self.len() }
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.values().collect::<BTreeSet<_>>().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether `signature` is one of `text` under the key of that fingerprint (RSASSA-PKCS1-v1_5
    /// with SHA-256, RFC 8017 section 8.2); `None` if there is no such key.
    pub(super) fn verify(&self, fingerprint: &str, text: &[u8], signature: &[u8]) -> Option<bool> {
        let der = self.keys.get(&fingerprint.to_ascii_lowercase())?;
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der);
        Some(key.verify(text, signature).is_ok())
    }
}

/// One key: its PKCS#1 form, and the fingerprints by which digests may name it. They name what
/// CloudTrail hands out, which is PKCS#1; whoever wraps it changes the bytes and not the key.
fn read(key: &Value) -> Result<(BTreeSet<String>, Vec<u8>), String> {
    let field = |name: &str, other: &str| key.get(name).or(key.get(other)).and_then(Value::as_str);
    let value = field("Value", "value").ok_or("has no Value")?;
    let bytes = STANDARD.decode(value.trim()).map_err(|_| "its Value is not base64")?;
    let inner = pkcs1(&bytes);
    let all = [Some(bytes.as_slice()), inner].into_iter().flatten();
    let computed: BTreeSet<String> = all.map(|der| hex::encode(Md5::digest(der))).collect();
    if let Some(named) = field("Fingerprint", "fingerprint")
        && !computed.contains(&named.to_ascii_lowercase())
    {
        let computed: Vec<_> = computed.into_iter().collect();
        let has = computed.join(" or ");
        return Err(format!("its Fingerprint is {named:?}, and its Value has {has}"));
    }
    let inner = inner.ok_or("is no RSA public key")?;
    let bits = modulus_bits(inner).ok_or("is no RSA public key")?;
    if !BITS.contains(&bits) {
        // Otherwise its signatures would be called bad though they may be good.
        let (least, most) = (BITS.start(), BITS.end());
        return Err(format!("is an RSA key of {bits} bits, expected {least} to {most}"));
    }
    Ok((computed, inner.to_vec()))
}

/// Bits of the modulus of an `RSAPublicKey`.
fn modulus_bits(der: &[u8]) -> Option<usize> {
    let (fields, _) = element(der, 0x30)?;
    let (modulus, _) = element(fields, 0x02)?;
    let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
    let first = modulus.get(zeros)?;
    Some((modulus.len() - zeros) * 8 - first.leading_zeros() as usize)
}

/// The `RSAPublicKey` (RFC 8017 A.1.1) in a key that may be wrapped in a `SubjectPublicKeyInfo`
/// (RFC 5280 section 4.1.2.7).
fn pkcs1(der: &[u8]) -> Option<&[u8]> {
    let (inner, rest) = element(der, 0x30)?;
    if !rest.is_empty() {
        return None;
    }
    if inner.first() == Some(&0x02) {
        return Some(der);
    }
    let (_, rest) = element(inner, 0x30)?;
    let (bits, _) = element(rest, 0x03)?;
    let key = bits.strip_prefix(&[0])?;
    (key.first() == Some(&0x30)).then_some(key)
}

/// The content of the DER element of that tag at the front, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, short], rest) = der.split_first_chunk()?;
    let (len, rest) = match short {
        0x81..=0x83 => {
            let (len, rest) = rest.split_at_checked(usize::from(short - 0x80))?;
            (len.iter().fold(0, |len, &byte| len << 8 | usize::from(byte)), rest)
        }
        ..=0x7f => (usize::from(short), rest),
        _ => return None,
    };
    if found == tag { rest.split_at_checked(len) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_files_say_what_is_wrong() {
        let wrong = |text: &str| PublicKeys::parse(text.as_bytes()).unwrap_err().join("; ");
        assert_eq!(wrong(""), "has no keys");
        assert!(wrong("{").starts_with("is not JSON"));
        assert_eq!(wrong(r#"{"Keys":[]}"#), "has no PublicKeyList");
        assert_eq!(wrong(r#"{"PublicKeyList":[{}]}"#), "key 1: has no Value");
        assert_eq!(wrong(r#"{"PublicKeyList":[{"Value":"?"}]}"#), "key 1: its Value is not base64");
        assert_eq!(wrong(r#"{"PublicKeyList":[{"Value":"AAAA"}]}"#), "key 1: is no RSA public key");
        let renamed = wrong(r#"{"PublicKeyList":[{"Value":"AAAA","Fingerprint":"ff"}]}"#);
        assert!(renamed.contains("its Fingerprint is \"ff\""), "{renamed}");
    }

    #[test]
    fn keys_whose_signatures_cannot_be_verified_are_refused() {
        // SEQUENCE { INTEGER modulus, INTEGER 65537 }
        let key = |bytes: u8, first: u8| {
            let mut der = vec![0x30, 0x82, 0, bytes + 3 + 1 + 5, 0x02, 0x81, bytes + 1, 0, first];
            der.extend(vec![0xff; usize::from(bytes) - 1]);
            der.extend([0x02, 0x03, 0x01, 0x00, 0x01]);
            STANDARD.encode(der)
        };
        for (key, bits) in [(key(128, 0xff), 1024), (key(128, 0x01), 1017), (key(64, 0x80), 512)] {
            let text = format!(r#"{{"PublicKeyList":[{{"Value":"{key}"}}]}}"#);
            let wrong = PublicKeys::parse(text.as_bytes()).unwrap_err();
            let expected = format!("key 1: is an RSA key of {bits} bits, expected 2048 to 8192");
            assert_eq!(wrong, [expected]);
        }
    }

    #[test]
    fn lengths_that_lie_are_no_key() {
        assert_eq!(pkcs1(&[0x30, 0x83, 0xff]), None);
        assert_eq!(pkcs1(&[0x30, 0x80]), None);
        assert_eq!(pkcs1(&[0x30, 0x03, 0x02, 0x01]), None);
    }
}
