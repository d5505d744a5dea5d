//! What a list of sources has led to so far, so that nothing is read twice for being named twice.
//!
//! What must stay true: memory is bounded. What is met when there is no more room is not known later,
//! and read again; its records are copies.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::blob::blob_id;
use super::name::shown;
use crate::model::memory::Id;

/// So many files and objects are known again: some 40 MiB.
const FILES: usize = 1 << 20;

/// What the names of folders may take (16 MiB).
const FOLDERS: usize = 16 << 20;

/// Files, objects and folders that were met.
#[derive(Debug, Default)]
pub struct Met {
    files: HashSet<Id>,
    folders: HashSet<PathBuf>,
    /// What the names of all folders take in memory.
    size: usize,
}

impl Met {
    /// Whether a file, by its canonical path, is met for the first time, as far as is known. One
    /// within a folder that was met is not.
    pub fn file(&mut self, path: &Path) -> bool {
        !self.is_within(path) && self.name(&shown(path.as_os_str()))
    }

    /// Whether an object, by its name, is met for the first time, as far as is known.
    pub fn name(&mut self, name: &str) -> bool {
        let id = blob_id(name, 0, "");
        match self.files.len() < FILES {
            true => self.files.insert(id),
            false => !self.files.contains(&id),
        }
    }

    /// Whether a folder, by its canonical path, is met for the first time, as far as is known. One
    /// within another that was met is not.
    pub fn folder(&mut self, path: &Path) -> bool {
        if self.is_within(path) {
            return false;
        }
        let size = path.as_os_str().len() + size_of::<PathBuf>();
        if self.size + size <= FOLDERS {
            self.size += size;
            self.folders.insert(path.to_owned());
        }
        true
    }

    /// Whether a folder, by its canonical path, was met itself.
    pub fn has_folder(&self, path: &Path) -> bool {
        self.folders.contains(path)
    }

    /// Whether something is a folder that was met, or in one.
    fn is_within(&self, path: &Path) -> bool {
        !self.folders.is_empty() && path.ancestors().any(|folder| self.folders.contains(folder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_met_twice() {
        let mut met = Met::default();
        assert!(met.file(Path::new("/a/b")) && !met.file(Path::new("/a/b")));
        assert!(met.name("s3://example-logs/a") && !met.name("s3://example-logs/a"));
        assert!(met.folder(Path::new("/l/m/n")) && met.folder(Path::new("/l/m.o")));
        assert!(met.folder(Path::new("/l")) && !met.folder(Path::new("/l")));
        assert!(met.has_folder(Path::new("/l/m/n")) && !met.has_folder(Path::new("/l/z")));
        for within in ["/l/m/n/o", "/l/m.o", "/l/z"] {
            assert!(!met.folder(Path::new(within)) && !met.file(Path::new(within)), "{within}");
        }
        for beside in ["/la", "/k/z", "/"] {
            assert!(!met.is_within(Path::new(beside)), "{beside}");
        }
        assert!(met.folder(Path::new("/")) && met.is_within(Path::new("/la")));
    }

    #[test]
    fn what_has_no_room_is_met_again() {
        let mut met = Met { size: FOLDERS, ..Met::default() };
        assert!(met.folder(Path::new("/a")) && met.folder(Path::new("/a")));
        assert!(met.file(Path::new("/a/b")) && !met.file(Path::new("/a/b")));
    }
}
