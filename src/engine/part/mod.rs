//! A partial result as a file, to be concluded later, or together with those of other machines.
//!
//! ```text
//! frame   a file as a list of frames
//! small   entries of the small tables
//! write   a partial result to a file
//! read    a file to a partial result
//! ```
//!
//! Rows name texts and records by hashes under one key, and rules by their numbers. So files can only be
//! put together that were made with one key, one set of rules and one version of the program; [`Head`]
//! says which. What must stay true: concluding what was written and read back gives what concluding at
//! once would have given.

mod all;
mod frame;
mod read;
mod small;
mod write;


use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::outcome::Passed;
use crate::model::path_names::PathNames;
use crate::source::Source;

pub use all::read_all;
use read::PartReader;
pub use write::write;

/// What a file says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The version of the program that wrote it.
    pub program: String,
    /// What tells it from other files: those of one id have the same in them.
    pub id: String,
    /// What makes the key of its hashes.
    pub seed: u64,
    /// The digest of the rules.
    pub rules: String,
    /// What else decides which records count, a line each.
    pub settings: Vec<String>,
    /// What was read, as it was asked for.
    pub sources: Vec<String>,
}

/// What opens a file.
type Open = dyn Fn() -> io::Result<Box<dyn Read + Send>> + Send + Sync;

/// A file that was written, by its name.
pub struct Part {
    /// What to call it.
    pub name: Arc<str>,
    /// What it says of itself.
    pub head: Head,
    open: Box<Open>,
}

impl Part {
    /// Looks at a file, which `open` opens as often as it is asked.
    ///
    /// # Errors
    /// When it cannot be read, or is something else.
    pub fn new(
        name: &str,
        open: impl Fn() -> io::Result<Box<dyn Read + Send>> + Send + Sync + 'static,
    ) -> io::Result<Part> {
        let head = PartReader::new(open()?)?.head().clone();
        Ok(Part { name: name.into(), head, open: Box::new(open) })
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a source told beside its records.
#[derive(Debug, Default)]
pub struct Given {
    /// What it passed over.
    pub passed: Passed,
    /// What the paths say.
    pub names: PathNames,
    /// Whether reading was stopped.
    pub stopped: bool,
}

impl Given {
    /// What a source that was read told; `names` is what members of archives say.
    pub fn of(source: &dyn Source, names: PathNames) -> Given {
        let mut all = source.names();
        all.merge(&names);
        Given { passed: source.passed(), names: all, stopped: false }
    }

    /// Adds what another source told.
    fn merge(&mut self, other: &Given) {
        let Passed { requests, known, outside, left_alone } = other.passed;
        self.passed.requests += requests;
        self.passed.known += known;
        self.passed.outside += outside;
        self.passed.left_alone += left_alone;
        self.names.merge(&other.names);
        self.stopped |= other.stopped;
    }
}
