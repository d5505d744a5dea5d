//! The texts of a record, and words in them.
//!
//! A key or a credential may be named anywhere: in a request, in an ARN, in a policy that is a string
//! of JSON. What must stay true: one pass over the record finds every string in it, whatever nests in
//! what.

use std::borrow::Cow;

use memchr::memmem;

use crate::record::json::unescape;

/// Every string of a record, names of members too, escapes undone.
pub fn texts(record: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = record;
    std::iter::from_fn(move || {
        let start = memchr::memchr(b'"', rest.as_bytes())? + 1;
        let inner = &rest[start..];
        let (mut at, mut escaped) = (0, false);
        loop {
            at += memchr::memchr2(b'"', b'\\', inner.as_bytes().get(at..)?)?;
            if inner.as_bytes()[at] == b'"' {
                break;
            }
            escaped = true;
            at += 2;
        }
        rest = &inner[at + 1..];
        let text = &inner[..at];
        Some(if escaped { Cow::Owned(unescape(text)) } else { Cow::Borrowed(text) })
    })
}

/// Whether `word` stands in `text` by itself: no byte beside it is one of a word.
pub fn has_word(text: &str, word: &str, of_word: fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    memmem::find_iter(bytes, word.as_bytes()).any(|at| {
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        let behind = bytes.get(at + word.len());
        !before.is_some_and(|b| of_word(*b)) && !behind.is_some_and(|b| of_word(*b))
    })
}

/// What the id of a key is made of.
pub fn of_id(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

/// What the name of an alias is made of.
pub fn of_alias(byte: u8) -> bool {
    of_id(byte) || matches!(byte, b'/' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_string_is_found_wherever_it_is() {
        let record = r#"{"a":"x","b":{"c":["y",{"d\"e":"z\\"}]},"n":1,"é":"\u0061"}"#;
        let found: Vec<_> = texts(record).collect();
        assert_eq!(found, ["a", "x", "b", "c", "y", "d\"e", "z\\", "n", "é", "a"]);
        assert_eq!(texts("{}").count(), 0);
    }

    #[test]
    fn words_end_where_they_end() {
        assert!(has_word("arn:aws:kms:r:1:key/ab-1", "ab-1", of_id));
        assert!(!has_word("key/ab-12", "ab-1", of_id) && !has_word("xab-1", "ab-1", of_id));
        assert!(has_word("xab-1 ab-1", "ab-1", of_id));
        assert!(has_word("arn:aws:kms:r:1:alias/pay", "alias/pay", of_alias));
        assert!(!has_word("alias/pay/more", "alias/pay", of_alias));
    }
}
