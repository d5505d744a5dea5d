//! What can be done with files in a folder, wherever it is.

use std::fmt::Debug;
use std::fs::File;

/// Whether a file was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is there now.
    New,
    /// One of that name was there before, and still is.
    Exists,
}

/// Why something could not be done with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {reason}")]
pub struct FolderError {
    /// The file: a path, or `s3://BUCKET/KEY`.
    pub file: String,
    /// Why, and for S3 the permission that is missing.
    pub reason: String,
}

/// A place for files.
///
/// Names are relative and have `/` between their parts. A part consists of `A-Z`, `a-z`, `0-9`, `.`, `_`,
/// `=` and `-` and does not begin with a dot. A name has at most 512 bytes.
pub trait Folder: Send + Sync + Debug {
    /// What the folder, or a file in it, is called for people.
    fn full(&self, name: &str) -> String;

    /// Puts a file there, whole or not at all, if none of that name is there. `file` is read from its
    /// beginning.
    ///
    /// # Errors
    /// A name of another form; when it cannot be written.
    fn put(&self, name: &str, file: &mut File) -> Result<Put, FolderError>;

    /// A file, to be read at random, at its beginning; `None` if it is not there. In S3 its bytes are
    /// fetched into a temporary file.
    ///
    /// # Errors
    /// A name of another form; when it cannot be read.
    fn fetch(&self, name: &str) -> Result<Option<File>, FolderError>;

    /// Whether a file is there.
    ///
    /// # Errors
    /// A name of another form; when nobody says.
    fn has(&self, name: &str) -> Result<bool, FolderError>;

    /// The names of all files below a folder, sorted by their bytes; `below` is the folder's name, and
    /// empty for all. Files whose names have another form were put by others and are left out. What is not
    /// there holds nothing.
    ///
    /// # Errors
    /// A name of another form; when they cannot be listed; more than 4,194,304 files.
    fn names(&self, below: &str) -> Result<Vec<String>, FolderError>;
}
