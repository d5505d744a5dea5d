//! A member of an archive, and what its archive says of it.

use std::collections::HashSet;
use std::hash::BuildHasher;
use std::io::{self, Read};

use foldhash::quality::RandomState;

use crate::model::problem::Stage;
use crate::model::window::{Cut, Window};
use crate::source::budget::Budget;
use crate::source::inflate::Text;
use crate::source::name::of_member;

/// What is found in an archive.
pub(super) enum Found<'m> {
    /// A file.
    Member(Member<'m>),
    /// One that cannot be read.
    LeftOut {
        /// Its path.
        path: Vec<u8>,
        /// What it is.
        kind: String,
    },
}

/// What a member is that has the name of a folder, and bytes.
pub(super) const FOLDER_WITH_CONTENT: &str = "named like a folder, though with content";

/// A file in an archive.
pub(super) struct Member<'m> {
    /// Its path, as the archive has it.
    pub path: Vec<u8>,
    /// Its bytes.
    pub reader: Box<dyn Read + 'm>,
    /// How many the reader gives.
    pub size: u64,
    /// How many it takes in the archive.
    pub stored: u64,
}

/// Takes in what is found; `false` to read no further.
pub(super) type Each<'e> = &'e mut dyn FnMut(Found<'_>) -> bool;

/// Why an archive is not read to its end.
pub(super) enum Fault {
    /// For this reason.
    Cut(Cut),
    /// For one that its last member has told.
    Told,
}

impl From<Cut> for Fault {
    fn from(cut: Cut) -> Fault {
        Fault::Cut(cut)
    }
}

/// A fault of the archive itself.
pub(super) fn broken(message: String) -> Cut {
    Cut { stage: Stage::Inflate, message }
}

/// The rest of a text, as bytes.
pub(super) struct Rest<'r, 't> {
    pub text: &'r mut Text<'t>,
    /// Is told how much was read, if the text is of the blob itself.
    pub budget: Option<&'r Budget>,
}

impl Rest<'_, '_> {
    /// Some bytes in view; none at the end.
    pub fn view(&mut self) -> Result<&[u8], Cut> {
        if self.text.text().is_empty() {
            self.text.fill()?;
            self.budget.iter().for_each(|budget| budget.stored(self.text.bytes_read()));
        }
        Ok(self.text.text())
    }

    /// Moves bytes out; 0 at the end.
    pub fn give(&mut self, out: &mut [u8]) -> Result<usize, Cut> {
        let view = self.view()?;
        let len = view.len().min(out.len());
        out[..len].copy_from_slice(&view[..len]);
        self.text.consume(len);
        Ok(len)
    }
}

impl Read for Rest<'_, '_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.give(out).map_err(io::Error::other)
    }
}

/// Names whose hashes are kept, to tell when one comes again (4,194,304, some 75 MB).
const KEPT: usize = 1 << 22;

/// No more of a path is kept (4,096 bytes).
const PATH_MAX: usize = 1 << 12;

/// The names of the members of one archive, no two alike.
#[derive(Default)]
pub(super) struct Names {
    hash: RandomState,
    seen: HashSet<u64, RandomState>,
    members: u64,
}

impl Names {
    /// The name of the next member. Where another has it, its number in the archive stands before
    /// the path: `ARCHIVE!/(7)/PATH`. The end of the path, which says what a log is, stays.
    pub fn next(&mut self, archive: &str, path: &[u8]) -> String {
        self.members += 1;
        let mut path = plain(path).to_vec();
        path.truncate(PATH_MAX);
        while !self.is_new(&path) {
            path.splice(..0, format!("({})/", self.members).into_bytes());
        }
        of_member(archive, &path)
    }

    /// Whether no member had that path. Beyond the limit every member gets its number.
    fn is_new(&mut self, path: &[u8]) -> bool {
        if self.seen.len() < KEPT {
            return self.seen.insert(self.hash.hash_one(path));
        }
        path.starts_with(format!("({})/", self.members).as_bytes())
    }
}

/// A path without what only says that it begins here.
fn plain(mut path: &[u8]) -> &[u8] {
    while let Some(rest) = path.strip_prefix(b"./").or(path.strip_prefix(b"/")) {
        path = rest;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_members_have_one_name() {
        let mut names = Names::default();
        let paths: [&[u8]; 8] = [b"./a", b"a", b"/a", b"(4)/a", b"a", b"(2)/a", b"a!/b", b"a\xff"];
        let names: Vec<_> = paths.iter().map(|path| names.next("x.tar", path)).collect();
        let wanted = ["a", "(2)/a", "(3)/a", "(4)/a", "(5)/a", "(6)/(2)/a", "a\\x21/b", "a\\xff"];
        assert_eq!(names, wanted.map(|name| format!("x.tar!/{name}")));
        assert_eq!(Names::default().next("x", &[b'a'; 9999]).len(), "x!/".len() + PATH_MAX);
    }
}
