//! Event ids that are UUIDs, as nearly all are, take two words.

/// A UUID as CloudTrail writes event ids, in two words.
pub fn uuid(text: &str) -> Option<[u64; 2]> {
    let bytes = text.as_bytes();
    if bytes.len() != 36 {
        return None;
    }
    let mut number = 0u128;
    for (at, byte) in bytes.iter().enumerate() {
        let digit = match (at, byte) {
            (8 | 13 | 18 | 23, b'-') => continue,
            (8 | 13 | 18 | 23, _) => return None,
            (_, b'0'..=b'9') => byte - b'0',
            (_, b'a'..=b'f') => byte - b'a' + 10,
            _ => return None,
        };
        number = number << 4 | u128::from(digit);
    }
    let words = number.to_be_bytes();
    let (words, _) = words.as_chunks::<8>();
    Some([u64::from_be_bytes(words[0]), u64::from_be_bytes(words[1])])
}

/// The text of a UUID.
pub fn uuid_text([high, low]: [u64; 2]) -> String {
    let hex = format!("{high:016x}{low:016x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_two_words() {
        let text = "0123cdef-12ab-4def-8abc-0123456789ab";
        assert_eq!(uuid(text).map(uuid_text).as_deref(), Some(text));
        for other in ["", "0123CDEF-12ab-4def-8abc-0123456789ab", &text.replace('-', "a")] {
            assert_eq!(uuid(other), None);
        }
    }
}
