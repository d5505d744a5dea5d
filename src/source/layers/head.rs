//! What lies inside a text, told by its first bytes.
//!
//! What must stay true: whatever might be a log is given as text. A live stream is not held back: more
//! than its first bytes is waited for only where they may begin a tar and no text begins so.

use crate::model::window::Window;
use crate::source::inflate::{Compression, Text, sniff};

use super::{parquet, tar};

/// What lies inside a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside {
    /// Nothing but itself.
    Text,
    /// Another text, compressed.
    Packed,
    /// The members of a tar.
    Tar,
    /// The members of a zip.
    Zip,
    /// The rows of a Parquet file.
    Parquet,
    /// Something of this kind, which cannot be opened.
    Closed(&'static str),
}

/// How zips begin: with a member, without one, with a mark of parts.
const ZIP: [&[u8]; 3] = [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"];

/// How what cannot be opened begins.
const CLOSED: [(&[u8], &str); 3] = [
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a rar archive"),
    (b"\x1f\x9d", "a file of Unix compress"),
];

/// What lies inside `text`. Nothing of it is consumed.
pub(super) fn told(text: &mut Text<'_>) -> Inside {
    let mut all = text.is_all_there();
    loop {
        if let Some(inside) = inside(text.text(), all) {
            return inside;
        }
        all = !text.more();
    }
}

/// What lies inside a text that begins with `head`, and is no more if `all`; `None` if more of it
/// must be seen.
fn inside(head: &[u8], all: bool) -> Option<Inside> {
    match sniff(head) {
        None if !all => return None,
        None | Some(Compression::Plain) => {}
        Some(_) => return Some(Inside::Packed),
    }
    if ZIP.iter().any(|magic| head.starts_with(magic)) {
        return Some(Inside::Zip);
    }
    if parquet::begins(head) {
        return Some(Inside::Parquet);
    }
    if let Some((_, kind)) = CLOSED.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some(Inside::Closed(kind));
    }
    let begun = |magic: &[u8]| head.len() < magic.len() && magic.starts_with(head);
    let mut magics = ZIP.into_iter().chain(parquet::MAGICS).chain(CLOSED.map(|(magic, _)| magic));
    if !all && magics.any(begun) {
        return None;
    }
    if !all && tar::may_be_empty(head) {
        return None;
    }
    if all && tar::is_empty(head) {
        return Some(Inside::Tar);
    }
    match head.first_chunk() {
        Some(block) if tar::begins(block) => Some(Inside::Tar),
        None if !all && !is_text(head) => None,
        _ => Some(Inside::Text),
    }
}

/// Whether a text begins so, rather than a tar.
fn is_text(head: &[u8]) -> bool {
    let begins = |byte: &u8| {
        matches!(byte, b'{' | b'[' | b'<' | b'"')
            || byte.is_ascii_digit()
            || byte.is_ascii_whitespace()
    };
    !head.contains(&0) && (head.first().is_some_and(begins) || head.contains(&b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_what_lies_inside() {
        for (head, wanted) in [
            (&b"{}"[..], Some(Inside::Text)),
            (b"  {", Some(Inside::Text)),
            (b"2026-03-01", Some(Inside::Text)),
            (b"Mar 1 host app\n", Some(Inside::Text)),
            (b"Mar 1 host app", None),
            (b"", None),
            (b"1\0", None),
            (b"7", None),
            (b"77", Some(Inside::Text)),
            (b"PK", None),
            (b"PAR", None),
            (b"PAR1", Some(Inside::Parquet)),
            (b"PARE", Some(Inside::Parquet)),
            (b"PK\x03\x04", Some(Inside::Zip)),
            (b"PK\x05\x06", Some(Inside::Zip)),
            (b"\x1f", None),
            (b"\x1f\x8b", Some(Inside::Packed)),
            (b"\x1f\x9d", Some(Inside::Closed("a file of Unix compress"))),
            (b"7z\xbc\xaf\x27\x1c", Some(Inside::Closed("a 7z archive"))),
            (b"Rar!\x1a\x07\x01", Some(Inside::Closed("a rar archive"))),
        ] {
            assert_eq!(inside(head, false), wanted, "{head:?}");
        }
        let zeros = [0; 10_241];
        for (len, wanted) in [
            (512, (None, Some(Inside::Text))),
            (1024, (None, Some(Inside::Tar))),
            (1025, (None, Some(Inside::Text))),
            (10_240, (None, Some(Inside::Tar))),
            (10_241, (Some(Inside::Text), Some(Inside::Text))),
        ] {
            let head = &zeros[..len];
            assert_eq!((inside(head, false), inside(head, true)), wanted, "{len}");
        }
        let zeros_before = [&zeros[..1024], b"{}"].concat();
        assert_eq!(inside(&zeros_before, false), Some(Inside::Text));
        for head in [&b""[..], b"7", b"PK", b"\x1f", b"1\0", b"Mar 1 host app"] {
            assert_eq!(inside(head, true), Some(Inside::Text), "{head:?}");
        }
    }
}
