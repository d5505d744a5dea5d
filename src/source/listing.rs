//! What a run reads: files, folders, standard input, objects in S3.
//!
//! The walk is lazy, because an archive has more names than memory should hold. It is ordered by the
//! bytes of file names, so that two runs meet the same blobs in the same order. Whatever is not read
//! is reported: a missing source stops the run before it begins, and anything else becomes a
//! [`Problem`] while the walk goes on.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::UNIX_EPOCH;
use std::vec;

use walkdir::WalkDir;

use crate::model::origin::Origin;
use crate::model::outcome::Passed;
use crate::model::path_names::PathNames;
use crate::model::problem::{Problem, Stage};
use crate::model::token::Token;

use super::blob::{Blob, Body, blob_id};
use super::entry::{Entry, Source};
use super::layout;
use super::name::shown;
use super::s3::{Address, Cloud, Objects, Wanted};

/// How standard input is named, on the command line and in reports.
const STDIN: &str = "-";

/// How far a listing reaches beyond the disk, and what of it is wanted.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// The way to S3, if there is one.
    pub cloud: Option<Arc<Cloud>>,
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
        }
    }
}

/// All blobs of some sources, found as they are asked for.
#[derive(Debug)]
pub struct Listing {
    starts: vec::IntoIter<Start>,
    walk: Option<walkdir::IntoIter>,
    objects: Option<Objects>,
    left_out: HashSet<PathBuf>,
    reach: Reach,
    /// What was seen of buckets that are listed to their ends, and of files.
    passed: Passed,
    /// What the paths of folders say, of buckets that are listed to their ends too.
    names: PathNames,
}

/// What one source leads to.
#[derive(Debug)]
enum Start {
    Stdin,
    Bucket(Arc<Cloud>, Address),
    /// A bucket that does not answer.
    Problem(Problem),
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
        Listing::reach(sources, Reach::default())
    }

    /// The same, as far as `reach` goes.
    ///
    /// # Errors
    /// As [`open`](Listing::open); a bucket that there is not. One that does not answer or may not
    /// be looked at is a [`Problem`].
    pub fn reach<S: AsRef<OsStr>>(
        sources: &[S],
        reach: Reach,
    ) -> Result<Listing, Vec<SourceError>> {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        for source in sources {
            let source = source.as_ref();
            if source == STDIN {
                if seen.insert(PathBuf::from(STDIN)) {
                    found.push(Start::Stdin);
                }
                continue;
            }
            let looked = match source.to_str().filter(|word| Address::is_meant(word)) {
                Some(word) => bucket(word, reach.cloud.as_ref()),
                None => look_at(Path::new(source)),
            };
            match looked {
                Ok(kind) => {
                    if seen.insert(identity(Path::new(source))) {
                        found.push(kind);
                    }
                }
                Err(error) => missing.push(error),
            }
        }
        if missing.is_empty() {
            Ok(Listing { starts: found.into_iter(), reach, ..Listing::empty() })
        } else {
            Err(missing)
        }
    }

    /// One that has nothing.
    pub fn empty() -> Listing {
        Listing {
            starts: Vec::new().into_iter(),
            walk: None,
            objects: None,
            left_out: HashSet::new(),
            reach: Reach::default(),
            passed: Passed::default(),
            names: PathNames::default(),
        }
    }

    /// Leaves out a file that the run reads for something else, where it is met on the walk. One
    /// that is named as a source is read all the same.
    pub fn leave_out(&mut self, path: &Path) {
        self.left_out.insert(identity(path));
    }

    /// A file that was met; `None` if it was read before.
    fn file(&mut self, path: PathBuf) -> Option<Entry> {
        let mut blob = Blob::file(path);
        if self.reach.identify
            && let Body::File(path) = &blob.body
            // One that cannot be looked at has no version; opening it will tell.
            && let Ok(meta) = fs::metadata(path)
            && meta.is_file()
        {
            let full = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            let modified = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            let version = format!("{} {}", modified.unwrap_or_default().as_nanos(), changed(&meta));
            let id = blob_id(&shown(full.as_os_str()), meta.len(), &version);
            if self.reach.wanted.known.as_ref().is_some_and(|known| known.has(id)) {
                self.passed.known += 1;
                return self.reach.wanted.tell_known.then(|| Entry::Known(blob.name));
            }
            blob.token = Some(Token::new(id));
        }
        Some(Entry::Blob(blob))
    }

    /// The next entry of the current folder.
    fn walked(&mut self) -> Option<Entry> {
        loop {
            match self.walk.as_mut()?.next() {
                Some(Ok(entry)) if entry.file_type().is_dir() => self.folder(entry.path()),
                Some(Ok(entry)) if self.is_left_out(entry.path()) => {}
                Some(Ok(entry)) if self.is_unwanted(entry.path()) => {}
                Some(Ok(entry)) if entry.file_type().is_file() => {
                    let file = self.file(entry.into_path());
                    if file.is_some() {
                        return file;
                    }
                }
                Some(Ok(entry)) => return Some(odd(&entry)),
                Some(Err(error)) => return Some(Entry::Problem(unwalked(&error))),
                None => self.walk = None,
            }
        }
    }

    /// The next entry of the current bucket.
    fn fetched(&mut self, stop: &AtomicBool) -> Option<Entry> {
        let entry = self.objects.as_mut()?.next(stop);
        if entry.is_none() {
            let objects = self.objects.take();
            add(&mut self.passed, objects.as_ref());
            objects.iter().for_each(|objects| self.names.merge(&objects.seen().names()));
        }
        entry
    }

    /// Notes what a folder's path says.
    fn folder(&mut self, path: &Path) {
        let path = path.to_string_lossy() + "/";
        if let Some((account, region)) = layout::names(&path) {
            self.names.add(&account, region);
        }
    }

    /// Whether a file is a log where none are wanted.
    fn is_unwanted(&self, path: &Path) -> bool {
        let is_log = || layout::is_log(&path.to_string_lossy());
        self.reach.wanted.no_logs && is_log()
    }

    /// Whether a file of the walk is left out.
    fn is_left_out(&self, path: &Path) -> bool {
        // Names are compared first: to ask the system about every file would take its time.
        let named = |other: &PathBuf| other.file_name() == path.file_name();
        self.left_out.iter().any(named) && self.left_out.contains(&identity(path))
    }
}

/// Adds what was seen of a bucket.
fn add(passed: &mut Passed, objects: Option<&Objects>) {
    let Some(seen) = objects.map(Objects::seen) else { return };
    passed.requests += seen.requests.load(Ordering::Relaxed);
    passed.known += seen.known.load(Ordering::Relaxed);
    passed.outside += seen.outside.load(Ordering::Relaxed);
    passed.left_alone += seen.left_alone.load(Ordering::Relaxed);
}

impl Source for Listing {
    fn next(&mut self, stop: &AtomicBool) -> Option<Entry> {
        loop {
            if let Some(entry) = self.walked().or_else(|| self.fetched(stop)) {
                return Some(entry);
            }
            match self.starts.next()? {
                // It can be read only once.
                Start::Stdin if self.reach.wanted.no_logs => {}
                Start::File(path)
                    if self.is_unwanted(&path)
                        || (self.reach.wanted.no_logs && is_stream(&path)) => {}
                Start::Stdin => {
                    let blob = Blob { name: STDIN.into(), body: Body::Stdin, token: None };
                    return Some(Entry::Blob(blob));
                }
                Start::Bucket(cloud, address) => {
                    self.objects = Some(cloud.read(address, self.reach.wanted.clone()));
                }
                Start::Problem(problem) => return Some(Entry::Problem(problem)),
                Start::File(path) => {
                    let file = self.file(path);
                    if file.is_some() {
                        return file;
                    }
                }
                Start::Folder(path) => {
                    let walk = WalkDir::new(path).follow_links(true).sort_by_file_name();
                    self.walk = Some(walk.into_iter());
                }
            }
        }
    }

    fn passed(&self) -> Passed {
        let mut passed = self.passed;
        add(&mut passed, self.objects.as_ref());
        passed
    }

    fn names(&self) -> PathNames {
        let mut names = self.names.clone();
        self.objects.iter().for_each(|objects| names.merge(&objects.seen().names()));
        names
    }
}

/// Whether a file can be read only once: a pipe, a device.
fn is_stream(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| !meta.is_file())
}

/// A bucket as a source.
fn bucket(word: &str, cloud: Option<&Arc<Cloud>>) -> Result<Start, SourceError> {
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

/// When a file's metadata last changed; no user can set it back.
#[cfg(unix)]
fn changed(meta: &fs::Metadata) -> String {
    use std::os::unix::fs::MetadataExt;
    format!("{}.{}", meta.ctime(), meta.ctime_nsec())
}

#[cfg(not(unix))]
fn changed(_: &fs::Metadata) -> String {
    String::new()
}

/// What a source is, by its name alone where it can't be looked at.
fn look_at(path: &Path) -> Result<Start, SourceError> {
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

/// Something on the walk that is no file.
fn odd(entry: &walkdir::DirEntry) -> Entry {
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
