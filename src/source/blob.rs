//! A blob: a name, and where its bytes are.
//!
//! The listing and S3 both produce blobs, so that neither defines them.

use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::name::shown;
use super::s3::Object;
use crate::model::memory::Id;
use crate::model::token::Token;

/// Something to be read: a name, and how to get at its bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Blob {
    /// The path as a person would type it (the given path and what was walked), `-` for standard
    /// input. No two blobs have names that look alike.
    pub name: Arc<str>,
    /// Where the bytes are.
    pub body: Body,
    /// What its source gets back once it is read and reported; `None` if nobody waits for that.
    pub token: Option<Token>,
}

impl Blob {
    /// A file by the name of its path.
    pub fn file(path: PathBuf) -> Blob {
        Blob { name: shown(path.as_os_str()), body: Body::File(path), token: None }
    }
}

/// Where the bytes of a blob are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// In a file; if it was named on the command line, maybe in a pipe or a device.
    File(PathBuf),
    /// On standard input.
    Stdin,
    /// Fetched from S3.
    Object(Object),
    /// Inside another blob, an archive.
    Member,
    /// In S3, where only names and sizes were asked for.
    Listed {
        /// How many bytes there are.
        size: u64,
        /// What S3 calls this content; empty if it does not say.
        etag: Arc<str>,
    },
}

/// Blobs that earlier runs have read, by their ids.
#[derive(Clone)]
pub struct Known(Arc<dyn Fn(Id) -> bool + Send + Sync>);

impl Known {
    /// The blobs for which `is_known` returns true.
    pub fn new(is_known: impl Fn(Id) -> bool + Send + Sync + 'static) -> Known {
        Known(Arc::new(is_known))
    }

    /// Whether a blob was read.
    pub fn has(&self, id: Id) -> bool {
        (self.0)(id)
    }
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Known")
    }
}

/// The id of a blob of that name and size; `version` is whatever changes with its content.
pub fn blob_id(name: &str, size: u64, version: &str) -> Id {
    let hash = Sha256::digest(format!("{name}\0{size}\0{version}"));
    let word =
        |at: usize| hash[at..at + 8].iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    [word(0), word(8)]
}
