//! Event ids that are UUIDs, as nearly all are, take two words.

/// Where the groups of digits begin, and how many digits each has.
const GROUPS: [(usize, usize); 5] = [(0, 8), (9, 4), (14, 4), (19, 4), (24, 12)];

/// What no digit is worth.
const NO_DIGIT: u8 = 0x80;

/// What each byte is worth as a digit, as CloudTrail spells them.
const WORTH: [u8; 256] = {
    let mut worth = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < 16 {
        worth[b"0123456789abcdef"[digit as usize] as usize] = digit;
        digit += 1;
    }
    worth
};

/// A UUID as CloudTrail writes event ids, in two words.
pub fn uuid(text: &str) -> Option<[u64; 2]> {
    let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
    let (mut number, mut all) = (0u128, 0);
    for (from, len) in GROUPS {
        let mut group = 0u64;
        for byte in &text[from..from + len] {
            let worth = WORTH[usize::from(*byte)];
            all |= worth;
            group = group << 4 | u64::from(worth);
        }
        number = number << (4 * len) | u128::from(group);
    }
    let dashes = [8, 13, 18, 23].iter().all(|at| text[*at] == b'-');
    let words = number.to_be_bytes();
    let (words, _) = words.as_chunks::<8>();
    (dashes && all & NO_DIGIT == 0)
        .then(|| [u64::from_be_bytes(words[0]), u64::from_be_bytes(words[1])])
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
        let wrong = [
            "",
            "0123CDEF-12ab-4def-8abc-0123456789ab",
            "\u{e9}123cdef-12ab-4def-8abc-0123456789a",
        ];
        for other in wrong.into_iter().chain([&*text.replace('-', "a")]) {
            assert_eq!(uuid(other), None, "{other}");
        }
    }
}
