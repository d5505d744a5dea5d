//! Escapes in JSON strings.

/// Undoes the escapes of a JSON string (RFC 8259, section 7). A surrogate without its other half
/// becomes U+FFFD.
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let (c, len) = escape(&rest[at..]);
        out.push(c);
        rest = &rest[at + len..];
    }
    out.push_str(rest);
    out
}

/// The character of the escape at the start of `text`, and the escape's length.
fn escape(text: &str) -> (char, usize) {
    let simple = match text.as_bytes().get(1) {
        Some(b'u') => return unicode_escape(text),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(&byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
        _ => return (char::REPLACEMENT_CHARACTER, 1),
    };
    (simple, 2)
}

fn unicode_escape(text: &str) -> (char, usize) {
    let unit = |at: usize| {
        let hex = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u32::from_str_radix(hex, 16).ok()
    };
    let Some(first) = unit(0) else { return (char::REPLACEMENT_CHARACTER, 2) };
    if let Some(c) = char::from_u32(first) {
        return (c, 6);
    }
    let pair = |second: u32| 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    match unit(6) {
        Some(second @ 0xdc00..0xe000) if first < 0xdc00 => {
            (char::from_u32(pair(second)).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
        }
        _ => (char::REPLACEMENT_CHARACTER, 6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surrogates_pair_or_are_replaced() {
        assert_eq!(unescape(r"\ud83d\ude00!"), "\u{1f600}!");
        assert_eq!(unescape(r"\ud83dx"), "\u{fffd}x");
        assert_eq!(unescape(r"\ude00\ud83d"), "\u{fffd}\u{fffd}");
        assert_eq!(unescape(r"\ud83d\ud83d\ude00"), "\u{fffd}\u{1f600}");
        assert_eq!(unescape(r"\u0000\/"), "\0/");
    }
}
