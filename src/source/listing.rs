//! What is to be read: files, folders walked to their ends, standard input.
//!
//! The walk is lazy, since an archive has more names than memory should hold, and ordered by the
//! bytes of file names, so that two runs meet the same blobs in the same order. Whatever is not
//! read is told: a named source that is not there stops the run before it begins, everything met
//! on the walk is a [`Problem`] and the walk goes on.

mod name;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::vec;

use walkdir::WalkDir;

use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};

use name::shown;

/// How standard input is named, on the command line and in reports.
const STDIN: &str = "-";
/// What names a bucket, and no folder that happens to be called `s3:`.
const S3: &str = "s3://";

/// Something to be read: a name, and how to get at its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// The path as a person would type it (the given path and what was walked), `-` for standard
    /// input. No two blobs have names that look alike.
    pub name: Arc<str>,
    /// Where the bytes are.
    pub body: Body,
}

/// Where the bytes of a blob are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// In a file; if it was named on the command line, maybe in a pipe or a device.
    File(PathBuf),
    /// On standard input.
    Stdin,
}

/// One step of the walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Something to be read.
    Blob(Blob),
    /// Something that cannot be.
    Problem(Problem),
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
        }
    }
}

/// All blobs of some sources, found as they are asked for.
pub struct Listing {
    sources: vec::IntoIter<Source>,
    walk: Option<walkdir::IntoIter>,
    left_out: HashSet<PathBuf>,
}

#[derive(Debug)]
enum Source {
    Stdin,
    Folder(PathBuf),
    /// Whatever else is there, or cannot be looked at: opening it will tell.
    File(PathBuf),
}

impl Listing {
    /// Looks at each source: a file, a folder, or `-`.
    ///
    /// A source given twice is read once, where it was given first; the same by another spelling
    /// or through a link too, told by its canonical path. Pipes and the like have none and are told
    /// by their spelling. A file within a given folder is not looked for: its records are copies.
    ///
    /// # Errors
    /// All sources that are not there. One that is there and cannot be read is a [`Problem`].
    pub fn open<S: AsRef<OsStr>>(sources: &[S]) -> Result<Listing, Vec<SourceError>> {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        for source in sources {
            let source = source.as_ref();
            if source == STDIN {
                if seen.insert(PathBuf::from(STDIN)) {
                    found.push(Source::Stdin);
                }
                continue;
            }
            match look_at(Path::new(source)) {
                Ok(kind) => {
                    if seen.insert(identity(Path::new(source))) {
                        found.push(kind);
                    }
                }
                Err(error) => missing.push(error),
            }
        }
        if missing.is_empty() {
            Ok(Listing { sources: found.into_iter(), walk: None, left_out: HashSet::new() })
        } else {
            Err(missing)
        }
    }

    /// Leaves out a file that the run reads for something else, where it is met on the walk. One
    /// that is named as a source is read all the same.
    pub fn leave_out(&mut self, path: &Path) {
        self.left_out.insert(identity(path));
    }

    /// Whether a file of the walk is left out.
    fn is_left_out(&self, path: &Path) -> bool {
        // Names are compared first: to ask the system about every file would take its time.
        let named = |other: &PathBuf| other.file_name() == path.file_name();
        self.left_out.iter().any(named) && self.left_out.contains(&identity(path))
    }
}

impl Iterator for Listing {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            if let Some(walk) = &mut self.walk {
                match walk.next() {
                    Some(Ok(entry)) if entry.file_type().is_dir() => continue,
                    Some(Ok(entry)) if self.is_left_out(entry.path()) => continue,
                    Some(Ok(entry)) => return Some(walked(entry)),
                    Some(Err(error)) => return Some(Entry::Problem(unwalked(&error))),
                    None => self.walk = None,
                }
            }
            match self.sources.next()? {
                Source::Stdin => {
                    return Some(Entry::Blob(Blob { name: STDIN.into(), body: Body::Stdin }));
                }
                Source::File(path) => return Some(file(path)),
                Source::Folder(path) => {
                    let walk = WalkDir::new(path).follow_links(true).sort_by_file_name();
                    self.walk = Some(walk.into_iter());
                }
            }
        }
    }
}

/// What a source is, by its name alone where it can't be looked at.
fn look_at(path: &Path) -> Result<Source, SourceError> {
    let name = || shown(path.as_os_str()).to_string();
    if path.as_os_str().as_encoded_bytes().starts_with(S3.as_bytes()) {
        return Err(SourceError::Missing { name: name() });
    }
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => Ok(Source::Folder(path.to_owned())),
        Ok(_) => Ok(Source::File(path.to_owned())),
        Err(error) if is_dangling(path, &error) => Err(SourceError::Dangling { name: name() }),
        Err(error) if is_nowhere(&error) => Err(SourceError::Missing { name: name() }),
        Err(_) => Ok(Source::File(path.to_owned())),
    }
}

/// Whether an error says that there is nothing, rather than that it cannot be seen.
fn is_nowhere(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | InvalidFilename | InvalidInput)
}

/// Whether a path that could not be followed is a link to nothing or to itself. A link to what may
/// not be seen is neither.
fn is_dangling(path: &Path, error: &io::Error) -> bool {
    error.kind() != io::ErrorKind::PermissionDenied && fs::read_link(path).is_ok()
}

/// What two spellings of one source have in common.
fn identity(path: &Path) -> PathBuf {
    // Of /dev/fd/63 the canonical path is one that does not exist.
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn file(path: PathBuf) -> Entry {
    Entry::Blob(Blob { name: shown(path.as_os_str()), body: Body::File(path) })
}

fn walked(entry: walkdir::DirEntry) -> Entry {
    if entry.file_type().is_file() {
        return file(entry.into_path());
    }
    let kind = kind_of(entry.file_type());
    let message =
        format!("not a regular file but {kind}; read only when named on the command line");
    Entry::Problem(problem(entry.path(), message))
}

/// Why the walk could not go on at one place.
fn unwalked(error: &walkdir::Error) -> Problem {
    let path = error.path().unwrap_or(Path::new(""));
    if let Some(ancestor) = error.loop_ancestor() {
        let ancestor = shown(ancestor.as_os_str());
        let message = format!("symbolic link loop: leads back to {ancestor}, which is walked");
        return problem(path, message);
    }
    let Some(cause) = error.io_error() else {
        return problem(path, format!("cannot be walked: {error}"));
    };
    if is_dangling(path, cause) {
        return problem(path, format!("symbolic link that leads to no file or folder: {cause}"));
    }
    problem(path, format!("cannot be walked: {cause}; expected a readable file or folder"))
}

fn problem(path: &Path, message: String) -> Problem {
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
