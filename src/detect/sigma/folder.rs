//! Finds the rule files at a path.
//!
//! What must stay true: a file that is named twice or linked is one file, and the order is by name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::detect::RuleError;

/// A file that may hold rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it was met in a folder. A file that the user names must hold rules.
    pub met: bool,
}

/// The file `path`, or all `.yml` and `.yaml` files in the folder `path` and its subfolders, by
/// name. Hidden files and folders are skipped: they often contain YAML that is not a rule. A file
/// that is named twice or linked counts once. Files in `seen` are skipped; new files are added to
/// it.
pub fn files(
    path: &Path,
    seen: &mut BTreeSet<PathBuf>,
    errors: &mut Vec<RuleError>,
) -> Vec<Candidate> {
    let mut files = Vec::new();
    let met = path.is_dir();
    if met {
        let visible = |entry: &walkdir::DirEntry| {
            entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.')
        };
        let walk = WalkDir::new(path).follow_links(true).sort_by_file_name();
        for entry in walk.into_iter().filter_entry(visible) {
            match entry {
                Ok(entry) if entry.file_type().is_file() && is_yaml(entry.path()) => {
                    files.push(entry.into_path());
                }
                Ok(_) => {}
                Err(error) => {
                    let at = error.path().unwrap_or(path).display().to_string();
                    errors.push(RuleError::new(at, error.to_string()));
                }
            }
        }
        if files.is_empty() {
            let error = RuleError::new(path.display().to_string(), "no rule in this folder");
            errors.push(error.with_hint("rules are files named *.yml or *.yaml"));
        }
    } else {
        files.push(path.to_owned());
    }
    files.retain(|file| seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())));
    files.into_iter().map(|path| Candidate { path, met }).collect()
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|ext| {
        let ext = ext.to_string_lossy();
        ext.eq_ignore_ascii_case("yml") || ext.eq_ignore_ascii_case("yaml")
    })
}
