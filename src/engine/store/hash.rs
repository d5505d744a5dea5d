//! Keyed hashes: what makes two records the same, and two findings one group.
//!
//! The key is random, for each run unless it goes on from another's memory, so that no log can be
//! written to collide, and nothing that is reported depends on a hash.

use std::cell::RefCell;

use twox_hash::{XxHash3_64, XxHash3_128};

/// A buffer larger than this is not kept.
const LARGEST: usize = 1 << 16;

/// The key of one run, or of all that hand their memory on.
#[derive(Debug, Clone, Copy)]
pub struct HashKey(u64);

impl HashKey {
    /// A fresh key; `or` when the system has no randomness to give.
    pub fn random(or: u64) -> HashKey {
        HashKey(getrandom::u64().unwrap_or(or))
    }

    /// The key of another run.
    pub fn of_seed(seed: u64) -> HashKey {
        HashKey(seed)
    }

    /// What makes the same key again.
    pub fn seed(self) -> u64 {
        self.0
    }

    /// 64 bits over bytes.
    pub fn short(self, bytes: &[u8]) -> u64 {
        XxHash3_64::oneshot_with_seed(self.0, bytes)
    }

    /// 128 bits over fields, each with its length, so that no field runs into the next.
    pub fn long(self, fields: &[&[u8]]) -> [u64; 2] {
        self.over(|bytes| {
            for field in fields {
                bytes.extend((field.len() as u64).to_le_bytes());
                bytes.extend_from_slice(field);
            }
        })
    }

    /// 128 bits over what `write` writes. All at once, which is several times faster than piece by
    /// piece.
    fn over(self, write: impl FnOnce(&mut Vec<u8>)) -> [u64; 2] {
        thread_local! {
            static BYTES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        BYTES.with_borrow_mut(|bytes| {
            bytes.clear();
            write(bytes);
            let hash = XxHash3_128::oneshot_with_seed(self.0, bytes);
            if bytes.capacity() > LARGEST {
                *bytes = Vec::new();
            }
            #[allow(clippy::cast_possible_truncation)]
            [(hash >> 64) as u64, hash as u64]
        })
    }
}

/// The text of a record without the white space between its tokens, so that a copy that was
/// printed prettily is the same copy. Compact text comes back as it is.
pub fn compact(text: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    let spaced = |b: u8| matches!(b, b' ' | b'\n' | b'\r' | b'\t');
    // Whoever puts spaces between tokens puts one around the first colon or before the first key.
    let colon = memchr::memchr(b':', text).unwrap_or(0);
    let looks_compact = text.get(1) == Some(&b'"')
        && colon > 0
        && text[colon - 1] == b'"'
        && text.get(colon + 1).is_some_and(|&b| !spaced(b));
    if looks_compact {
        return text.into();
    }
    let (mut string, mut escape) = (false, false);
    let keep = |&byte: &u8| {
        if string {
            string = escape || byte != b'"';
            escape = !escape && byte == b'\\';
            return true;
        }
        string = byte == b'"';
        !spaced(byte)
    };
    text.iter().copied().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_run_into_each_other() {
        let key = HashKey(7);
        assert_ne!(key.long(&[b"ab", b"c"]), key.long(&[b"a", b"bc"]));
        assert_eq!(key.long(&[b"ab"]), key.long(&[b"ab"]));
        assert_ne!(key.short(b"a"), HashKey(8).short(b"a"));
    }

    #[test]
    fn printing_does_not_change_the_content() {
        let value = serde_json::json!({"a": " x \" \\", "b": [1, {"c": "\n"}], "d": {}});
        let compact_text = value.to_string();
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        let spaced = compact_text.replacen("\":", "\" : ", 1);
        for text in [&compact_text, &pretty, &spaced] {
            assert_eq!(compact(text.as_bytes()), compact_text.as_bytes());
        }
    }
}
