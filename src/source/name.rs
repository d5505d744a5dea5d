//! File names as text, so that no two different names look alike.
//!
//! A file name is bytes and a report is UTF-8. A reader of the report must be able to find the file.

use std::ffi::OsStr;
use std::fmt::Write;
use std::sync::Arc;

/// A file name as it is, if it is UTF-8. Otherwise its odd bytes become `\xNN` and its backslashes
/// are doubled; so are those of a name that looks as if this had been done to it.
pub(super) fn shown(name: &OsStr) -> Arc<str> {
    let bytes = name.as_encoded_bytes();
    match std::str::from_utf8(bytes) {
        Ok(text) if !looks_escaped(bytes) => text.into(),
        _ => escaped(bytes).into(),
    }
}

fn looks_escaped(bytes: &[u8]) -> bool {
    bytes.windows(4).any(|w| w[..2] == *b"\\x" && w[2..].iter().all(u8::is_ascii_hexdigit))
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '\\' {
                text.push('\\');
            }
            text.push(c);
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
        let names: [&[u8]; 8] = [
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
