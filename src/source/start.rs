//! What a source leads to: a file, a folder, a bucket, a stream, or nothing.
//!
//! Sources that are named and those of a list are looked at in the same way. What must stay true: what
//! cannot be looked at is not taken for absent.

use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::entry::Entry;
use super::name::shown;
use super::s3::{Access, Address, Cloud, Wanted};
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};

/// How standard input is named, on the command line and in reports.
pub(super) const STDIN: &str = "-";

/// How far a listing reaches beyond the disk, and what of it is wanted.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// The way to S3, if there is one.
    pub cloud: Option<Arc<Cloud>>,
    /// How to find it for the lines of a list, where no source needs it.
    pub access: Option<Access>,
    /// What is wanted of a bucket. Known blobs are left out on disk too.
    pub wanted: Wanted,
    /// Whether blobs get tokens.
    pub identify: bool,
}

/// A source that was named and is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Nothing has that name.
    #[error("{name}: no such file or folder")]
    Missing {
        /// The source as it was given.
        name: String,
    },
    /// A symbolic link leads nowhere, or round in a circle.
    #[error("{name}: the symbolic link leads to no file or folder")]
    Dangling {
        /// The source as it was given.
        name: String,
    },
    /// No address of a bucket.
    #[error("{name}: {reason}")]
    Address {
        /// The source as it was given.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such bucket.
    #[error("{name}: there is no such bucket")]
    Bucket {
        /// The source as it was given.
        name: String,
    },
    /// A list that cannot be read.
    #[error("{list}: cannot be read: {reason}")]
    List {
        /// The list as it was asked for.
        list: String,
        /// Why.
        reason: String,
    },
    /// A list that names nothing.
    #[error("{list}: names no source")]
    EmptyList {
        /// The list as it was asked for.
        list: String,
    },
    /// Standard input as a list and as a source.
    #[error("standard input can be read only once, as a source or as a list")]
    StdinTwice,
}

impl SourceError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            SourceError::Missing { .. } => {
                "name a file, a folder, or - for standard input; paths are relative to the \
                 working directory"
            }
            SourceError::Dangling { .. } => "restore the link's target, or name the target itself",
            SourceError::Address { .. } => "name a bucket as s3://BUCKET or s3://BUCKET/PREFIX",
            SourceError::Bucket { .. } => {
                "check the bucket's name, and whose credentials and which --profile are used"
            }
            SourceError::List { .. } => "give a file with a source on each line, or -",
            SourceError::EmptyList { .. } => "give a list with a source on each line",
            SourceError::StdinTwice => "leave out the source -, or give the list as a file",
        }
    }
}

/// What one source leads to.
#[derive(Debug)]
pub(super) enum Start {
    Stdin,
    Bucket(Arc<Cloud>, Address),
    /// A bucket that does not answer.
    Problem(Problem),
    Folder(PathBuf),
    /// Whatever else is there, or cannot be looked at: opening it will tell.
    File(PathBuf),
}

/// A bucket as a source.
pub(super) fn bucket(word: &str, cloud: Option<&Arc<Cloud>>) -> Result<Start, SourceError> {
    let name = || word.to_owned();
    let address =
        Address::parse(word).map_err(|reason| SourceError::Address { name: name(), reason })?;
    let Some(cloud) = cloud else {
        let reason = "objects in S3 cannot be read here".to_owned();
        return Err(SourceError::Address { name: name(), reason });
    };
    match cloud.look(&address) {
        Ok(()) => Ok(Start::Bucket(Arc::clone(cloud), address)),
        Err(refused) if refused.is_absence() => Err(SourceError::Bucket { name: name() }),
        Err(refused) => {
            let origin = Origin::blob(address.to_string());
            Ok(Start::Problem(Problem::new(origin, Stage::S3, refused.message)))
        }
    }
}

/// What a source is, by its name alone where it can't be looked at.
pub(super) fn look_at(path: &Path) -> Result<Start, SourceError> {
    let name = || shown(path.as_os_str()).to_string();
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => Ok(Start::Folder(path.to_owned())),
        Ok(_) => Ok(Start::File(path.to_owned())),
        Err(error) if is_dangling(path, &error) => Err(SourceError::Dangling { name: name() }),
        Err(error) if is_nowhere(&error) => Err(SourceError::Missing { name: name() }),
        Err(_) => Ok(Start::File(path.to_owned())),
    }
}

/// Whether an error says that there is nothing, rather than that it cannot be seen.
pub(super) fn is_nowhere(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | InvalidFilename | InvalidInput)
}

/// Whether a path that could not be followed is a link to nothing or to itself. A link to what may
/// not be seen is neither.
pub(super) fn is_dangling(path: &Path, error: &io::Error) -> bool {
    error.kind() != io::ErrorKind::PermissionDenied && fs::read_link(path).is_ok()
}

/// What two spellings of one source have in common.
pub(super) fn identity(path: &Path) -> PathBuf {
    // Of /dev/fd/63 the canonical path is one that does not exist.
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Something on the walk or in a list that is no file.
pub(super) fn odd(path: &Path, file_type: FileType) -> Entry {
    let kind = kind_of(file_type);
    let message =
        format!("not a regular file but {kind}; read only when named on the command line");
    Entry::Problem(problem(path, message))
}

pub(super) fn problem(path: &Path, message: String) -> Problem {
    Problem::new(Origin::blob(shown(path.as_os_str())), Stage::Read, message)
}

#[cfg(unix)]
fn kind_of(file_type: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    if file_type.is_fifo() {
        "a named pipe"
    } else if file_type.is_socket() {
        "a socket"
    } else if file_type.is_block_device() || file_type.is_char_device() {
        "a device"
    } else {
        "something else"
    }
}

#[cfg(not(unix))]
fn kind_of(_: FileType) -> &'static str {
    "something else"
}
