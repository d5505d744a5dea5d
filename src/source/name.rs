//! File names as text, so that no two different names look alike.
//!
//! A file name is bytes and a report is UTF-8. A reader of the report must be able to find the file.
//! `ARCHIVE!/MEMBER` names a member, so that `!/` stands in no other name.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Write;
use std::sync::Arc;

/// Stands between the names of an archive and of its member.
const INSIDE: &str = "!/";

/// A file name as it is, if it is UTF-8. Otherwise its odd bytes become `\xNN` and its backslashes
/// are doubled; so are those of a name that looks as if this had been done to it, or like a member's.
pub fn shown(name: &OsStr) -> Arc<str> {
    shown_bytes(name.as_encoded_bytes()).into()
}

/// The name of an archive's member.
pub(super) fn of_member(archive: &str, path: &[u8]) -> String {
    format!("{archive}{INSIDE}{}", shown_bytes(path))
}

/// The archive that holds what has this name, the outermost one.
pub fn archive_of(name: &str) -> Option<&str> {
    name.split_once(INSIDE).map(|(archive, _)| archive)
}

/// The same for a name that is bytes.
pub(super) fn shown_bytes(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !looks_escaped(bytes) && !text.contains(INSIDE) => text.into(),
        _ => escaped(bytes).into(),
    }
}

fn looks_escaped(bytes: &[u8]) -> bool {
    bytes.windows(4).any(|w| w[..2] == *b"\\x" && w[2..].iter().all(u8::is_ascii_hexdigit))
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        let mut chars = chunk.valid().chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' => text.push_str("\\\\"),
                '!' if chars.peek() == Some(&'/') => text.push_str("\\x21"),
                c => text.push(c),
            }
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

#[cfg(all(test, unix))]
mod tests {
    use std::collections::HashSet;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    fn show(bytes: &[u8]) -> String {
        shown(OsStr::from_bytes(bytes)).to_string()
    }

    #[test]
    fn only_odd_names_are_escaped() {
        assert_eq!(show(b"a/b.json.gz"), "a/b.json.gz");
        assert_eq!(show("a\\b\u{e9}".as_bytes()), "a\\b\u{e9}");
        assert_eq!(show(b"a\\b\xff\xfe.gz"), "a\\\\b\\xff\\xfe.gz");
    }

    #[test]
    fn no_two_names_look_alike() {
        let names: [&[u8]; 11] = [
            b"a!/b",
            b"a\\x21/b",
            b"a!b",
            b"\xff",
            b"\\xff",
            b"\\\\xff",
            b"\\\\\\xff",
            b"\\\xff",
            b"\\\\\xff",
            b"\\xFF",
            b"\\xfg",
        ];
        let shown: HashSet<String> = names.iter().map(|name| show(name)).collect();
        assert_eq!(shown.len(), names.len());
    }
}
