//! The files that a run has read, by name, for whoever has to find them again.

use std::collections::BTreeMap;

/// So many files are named. About 20 MB.
pub const NAMED: usize = 100_000;

/// One file, object or stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct File {
    /// Bytes as stored; `None` if it could not be opened.
    pub bytes: Option<u64>,
    /// SHA-256 of its text, hexadecimal, where texts are verified.
    pub sha256: Option<String>,
}

/// The first files in the order of their names, and how many others there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// By name.
    pub first: BTreeMap<String, File>,
    /// How many are not named. One that was read twice counts twice.
    pub left_out: u64,
}

impl Files {
    /// Adds a file.
    pub fn add(&mut self, name: String, file: File) {
        self.first.insert(name, file);
        self.trim();
    }

    /// Adds those of another worker.
    pub fn merge(&mut self, other: Files) {
        self.first.extend(other.first);
        self.left_out += other.left_out;
        self.trim();
    }

    fn trim(&mut self) {
        while self.first.len() > NAMED {
            self.first.pop_last();
            self.left_out += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_names_stay_whoever_met_them() {
        let files = |range: std::ops::Range<usize>| {
            let mut files = Files::default();
            range.rev().for_each(|n| files.add(format!("{n:08}"), File::default()));
            files
        };
        let mut merged = files(NAMED / 2..NAMED + 7);
        merged.merge(files(0..NAMED / 2));
        assert_eq!(merged.left_out, 7);
        assert_eq!(merged, files(0..NAMED + 7));
    }
}
