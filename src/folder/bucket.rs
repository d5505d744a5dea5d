//! A prefix in a bucket.

use std::fs::File;
use std::sync::Arc;

use super::name;
use super::place::{Folder, FolderError, Put};
use crate::source::s3::{Address, Cloud, Files};

/// A prefix in a bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    files: Files,
}

impl Bucket {
    /// What lies below an address.
    pub fn new(cloud: Arc<Cloud>, address: Address) -> Bucket {
        Bucket { files: Files::new(cloud, address) }
    }

    /// What was done with a file of an allowed name.
    fn done<T>(
        &self,
        name: &str,
        done: impl FnOnce() -> Result<T, String>,
    ) -> Result<T, FolderError> {
        let checked = name::check(name).and_then(|()| done());
        checked.map_err(|reason| FolderError { file: self.full(name), reason })
    }
}

impl Folder for Bucket {
    fn full(&self, name: &str) -> String {
        self.files.full(name)
    }

    fn put(&self, name: &str, file: &mut File) -> Result<Put, FolderError> {
        let is_new = self.done(name, || self.files.put(name, file))?;
        Ok(if is_new { Put::New } else { Put::Exists })
    }

    fn fetch(&self, name: &str) -> Result<Option<File>, FolderError> {
        self.done(name, || self.files.fetch(name))
    }

    fn has(&self, name: &str) -> Result<bool, FolderError> {
        self.done(name, || self.files.has(name))
    }

    fn names(&self, below: &str) -> Result<Vec<String>, FolderError> {
        let names = match below {
            "" => {
                let failed = |reason| FolderError { file: self.full(""), reason };
                self.files.names("").map_err(failed)?
            }
            _ => self.done(below, || self.files.names(&format!("{below}/")))?,
        };
        Ok(sorted(names))
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.retain(|name| name::is_allowed(name));
    names.sort_unstable();
    names
}
