//! Which file is the configuration, and its text.
//!
//! What must stay true: a file that is there and cannot be used is an error, never a run without
//! it; a strange thing in the working directory that is called `keytrail.toml` cannot make a run
//! hang; and one that lies in the evidence says nothing, since whoever made the evidence may have
//! written it to hide what they did.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::cli::failure::Failure;
use crate::source::Sources;

/// The file that is read when none is named.
const DEFAULT: &str = "keytrail.toml";

/// More than this is no configuration that somebody wrote: 8 MiB, of more than 10,000 suppressions.
const BYTES_MAX: u64 = 8 << 20;

/// What there is of a configuration.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// None is named, and the usual one is not there.
    Nothing,
    /// The file, and what is in it.
    File(PathBuf, Vec<u8>),
    /// The usual file lies in a source, or may do so, and nobody named it. Which of these, in words.
    InSource(PathBuf, &'static str),
}

/// Looks for the file: the one that is `named`, else the usual one unless it lies in `sources`.
///
/// # Errors
/// A file that is not there though it was named, that cannot be read, or that is too large.
pub fn find(named: Option<&Path>, sources: &Sources) -> Result<Found, Failure> {
    let path = match named {
        Some(path) => path,
        None => match fs::symlink_metadata(DEFAULT) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            _ => match where_it_lies(sources) {
                Some(why) => return Ok(Found::InSource(DEFAULT.into(), why)),
                None => Path::new(DEFAULT),
            },
        },
    };
    let failure = |reason| Failure::Config(format!("{}: {reason}", path.display()));
    let bytes = read(path, named.is_some()).map_err(failure)?;
    Ok(Found::File(path.to_path_buf(), bytes))
}

/// Why the usual file is not to be trusted, if so: it is one of the sources or lies in one, or nobody
/// can tell.
fn where_it_lies(sources: &Sources) -> Option<&'static str> {
    match sources.lists(Path::new(DEFAULT)) {
        _ if is_named(sources) => Some("lies in a source"),
        Some(false) => None,
        Some(true) => Some("lies in a source"),
        None => Some("may lie in a source, since the list is a stream"),
    }
}

/// Whether the usual file is one of the named sources, or lies in a folder that is one.
fn is_named(sources: &Sources) -> bool {
    // As it is reached, and what it leads to if it is a link.
    let folder = fs::canonicalize(".").map(|folder| folder.join(DEFAULT));
    let places: Vec<PathBuf> =
        [folder, fs::canonicalize(DEFAULT)].into_iter().filter_map(Result::ok).collect();
    let sources = sources.named.iter().filter_map(|source| fs::canonicalize(source).ok());
    sources.into_iter().any(|source| places.iter().any(|place| place.starts_with(&source)))
}

/// A pipe is read only when it was `named`: opening one waits for whoever writes to it.
fn read(path: &Path, named: bool) -> Result<Vec<u8>, String> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "no such configuration file".to_owned(),
        io::ErrorKind::PermissionDenied => "cannot be read: permission denied".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    let meta = fs::metadata(path).map_err(unreadable)?;
    if meta.is_dir() {
        return Err("is a folder, expected a configuration file".into());
    }
    if !named && !meta.is_file() {
        return Err("is no regular file; name it with --config to read it all the same".into());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err("is larger than 8 MiB, expected a configuration file".into());
    }
    Ok(bytes)
}

/// The text, without a byte order mark.
///
/// # Errors
/// Where it is no UTF-8.
pub fn text<'b>(name: &str, bytes: &'b [u8]) -> Result<&'b str, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
        format!("{name}:{line}:{column}: is not UTF-8, expected TOML")
    })
}
