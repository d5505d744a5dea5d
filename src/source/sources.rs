//! What a command was asked to read: the sources that were named, and a list of more.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::list::{Line, List};

/// The sources of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// Files, folders, `s3://BUCKET/PREFIX`, `-`.
    pub named: Vec<OsString>,
    /// A file that lists more of them.
    pub list: Option<List>,
}

impl Sources {
    /// As they were asked for, a text each. A list is one: `--files-from FILE`.
    pub fn told(&self) -> Vec<String> {
        let named = self.named.iter().map(|source| source.to_string_lossy().into_owned());
        named.chain(self.list.iter().map(ToString::to_string)).collect()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty() && self.list.is_none()
    }

    /// Whether the list has a file, or a folder around it. Of a list that can be read only once nobody
    /// can tell before the run: `None`. One that cannot be read has nothing.
    ///
    /// Takes a look at each file of the list.
    pub fn lists(&self, file: &Path) -> Option<bool> {
        let Some(list) = &self.list else { return Some(false) };
        if list.is_stream() {
            return None;
        }
        // As it is reached, and what it leads to if it is a link.
        let reached = std::path::absolute(file).ok().and_then(|path| {
            let folder = fs::canonicalize(path.parent()?).ok()?;
            Some(folder.join(path.file_name()?))
        });
        let places: Vec<PathBuf> = reached.into_iter().chain(fs::canonicalize(file)).collect();
        let has = |line: Line| match line {
            Line::Name(_, name) => leads_to(Path::new(&name), file, &places),
            Line::TooLong(_) | Line::Broken(..) => false,
        };
        Some(list.names().is_ok_and(|mut names| names.any(has)))
    }
}

/// Whether `path` is a file, or a folder around one of its `places`.
fn leads_to(path: &Path, file: &Path, places: &[PathBuf]) -> bool {
    let Ok(meta) = fs::metadata(path) else { return false };
    if meta.is_dir() {
        let folder = fs::canonicalize(path);
        return folder.is_ok_and(|folder| places.iter().any(|place| place.starts_with(&folder)));
    }
    fs::metadata(file).is_ok_and(|other| is_same(&meta, &other))
}

#[cfg(unix)]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    (one.len(), one.modified().ok()) == (other.len(), other.modified().ok())
}

/// Sources that were named, and no list.
impl<S: Into<OsString>> FromIterator<S> for Sources {
    fn from_iter<I: IntoIterator<Item = S>>(named: I) -> Sources {
        Sources { named: named.into_iter().map(Into::into).collect(), list: None }
    }
}
