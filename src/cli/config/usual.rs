//! `[scan]`: what holds where neither an option nor a variable says otherwise.
//!
//! What must stay true: an option that was given wins as a whole, so that nobody has to guess which
//! of two lists of files counts.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What the table says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usual {
    /// For `--min-level`.
    pub min_level: Option<String>,
    /// For `--fail-on`.
    pub fail_on: Option<String>,
    /// For `--rules`.
    pub rules: Vec<PathBuf>,
    /// For `--tags`.
    pub tags: Vec<PathBuf>,
    /// For `--public-keys`.
    pub public_keys: Option<PathBuf>,
}

impl Usual {
    /// Makes paths of what is written relative to the file.
    pub fn lie_beside(&mut self, file: &Path) {
        let Some(folder) = file.parent() else { return };
        let paths = self.rules.iter_mut().chain(&mut self.tags).chain(&mut self.public_keys);
        paths.for_each(|path| *path = folder.join(&*path));
    }

    /// The rules of `typed`, else the usual ones.
    pub fn rules(&self, typed: &[PathBuf]) -> Vec<PathBuf> {
        if typed.is_empty() { self.rules.clone() } else { typed.to_vec() }
    }

    /// The files with tags of `typed`, else the usual ones.
    pub fn tags(&self, typed: &[OsString]) -> Vec<OsString> {
        match typed {
            [] => self.tags.iter().map(Into::into).collect(),
            typed => typed.to_vec(),
        }
    }

    /// The file with public keys that was `typed`, else the usual one.
    pub fn public_keys(&self, typed: Option<&Path>) -> Option<PathBuf> {
        typed.or(self.public_keys.as_deref()).map(Path::to_path_buf)
    }
}
