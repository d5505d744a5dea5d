//! The SHA-256 of a blob's whole text, and whether the blob holds anything else.
//!
//! CloudTrail signs the text of one gzip member. What must stay true: a hash is given only for a text
//! that was read to its end, that nothing was left out of, and that nothing follows.

use sha2::{Digest, Sha256};

use super::inflate::Text;
use crate::model::window::{Cut, Window};

/// How much of a text is kept to recognise what it is.
const HEAD: usize = 4096;

/// A SHA-256.
pub type Hash = [u8; 32];

/// Why a blob's text is not what CloudTrail wrote, whatever it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// Something follows the one gzip member.
    Trailing(String),
    /// It cannot be read to its end.
    Unreadable(String),
    /// It has bytes that are no text.
    Altered(&'static str),
}

/// The text of a blob, hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hashed {
    /// SHA-256 of the text.
    pub hash: Result<Hash, Flaw>,
    /// The first bytes of the text.
    pub head: Vec<u8>,
    /// Why the text ends early, if it does.
    pub cut: Option<Cut>,
}

impl Hashed {
    /// Hashes a text to its end, and hands on each piece of it. Nothing is in view afterwards.
    pub fn of(text: &mut Text<'_>, mut each: impl FnMut(&[u8])) -> Hashed {
        let (mut sha, mut len, mut head) = (Sha256::new(), 0, Vec::new());
        let cut = loop {
            let view = text.text();
            sha.update(view);
            len += view.len() as u64;
            head.extend_from_slice(&view[..view.len().min(HEAD - head.len())]);
            each(view);
            let read = view.len();
            text.consume(read);
            match text.fill() {
                Ok(true) => {}
                Ok(false) => break None,
                Err(cut) => break Some(cut),
            }
        };
        Hashed::ended(text, len, cut, head, || sha.finalize().into())
    }

    /// Hashes a text that is all there and leaves it in view.
    pub fn in_view(text: &mut Text<'_>) -> Hashed {
        let cut = text.fill().err();
        let view = text.text();
        let (len, head) = (view.len() as u64, view[..view.len().min(HEAD)].to_vec());
        Hashed::ended(text, len, cut, head, || Sha256::digest(text.text()).into())
    }

    fn ended(
        text: &Text<'_>,
        len: u64,
        cut: Option<Cut>,
        head: Vec<u8>,
        hash: impl FnOnce() -> Hash,
    ) -> Hashed {
        let (members, trailing) = text.members();
        let hash = match &cut {
            Some(cut) if trailing => Err(Flaw::Trailing(cut.message.clone())),
            Some(cut) => Err(Flaw::Unreadable(cut.message.clone())),
            None if members > 1 => {
                Err(Flaw::Trailing(format!("it has {members} gzip members; expected one")))
            }
            None if len != text.bytes_inflated() => Err(Flaw::Altered(
                "it begins with a byte order mark, which CloudTrail never writes",
            )),
            None => Ok(hash()),
        };
        Hashed { hash, head, cut }
    }

    /// The value for a blob that cannot be opened.
    pub fn unreadable(why: String) -> Hashed {
        Hashed { hash: Err(Flaw::Unreadable(why)), head: Vec::new(), cut: None }
    }

    /// Whether the beginning of the text has this in it.
    pub fn begins_with(&self, needle: &[u8]) -> bool {
        memchr::memmem::find(&self.head, needle).is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::Arc;

    use super::*;
    use crate::source::{Blob, Body, Inflater, Limits};

    /// Hashes in view if all is there, else piece by piece, and the other way round through a stream.
    fn both(bytes: &[u8]) -> [Hashed; 2] {
        let name: Arc<str> = "x".into();
        let object = crate::source::s3::Object::whole(bytes.to_vec().into(), None);
        let blob = Blob { name: Arc::clone(&name), body: Body::Object(object), token: None };
        let mut inflater = Inflater::new(Limits::default());
        let mut text = inflater.open(&blob).unwrap();
        let whole = if text.is_all_there() {
            Hashed::in_view(&mut text)
        } else {
            Hashed::of(&mut text, |_| {})
        };
        drop(text);
        let mut text = inflater.open_bytes(&name, Box::new(Cursor::new(bytes.to_vec())));
        [whole, Hashed::of(&mut text, |_| {})]
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn in_view_and_in_pieces_agree() {
        let text = br#"{"Records":[]}"#;
        let hash = Sha256::digest(text).into();
        for bytes in [text.to_vec(), gzip(text), zstd::encode_all(&text[..], 3).unwrap()] {
            both(&bytes).iter().for_each(|hashed| assert_eq!(hashed.hash, Ok(hash)));
        }
        let is = |bytes: Vec<u8>, wanted: fn(&Flaw) -> bool| {
            for hashed in both(&bytes) {
                assert!(hashed.hash.as_ref().is_err_and(wanted), "{hashed:?}");
            }
        };
        is([gzip(text), gzip(b"")].concat(), |flaw| matches!(flaw, Flaw::Trailing(_)));
        is([gzip(text), b"junk".to_vec()].concat(), |flaw| matches!(flaw, Flaw::Trailing(_)));
        is(gzip(text)[..12].to_vec(), |flaw| matches!(flaw, Flaw::Unreadable(_)));
        is(gzip("\u{feff}{}".as_bytes()), |flaw| matches!(flaw, Flaw::Altered(_)));
    }
}
