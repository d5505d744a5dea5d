//! Where the samples of a rule lie.
//!
//! Those of the built-in rules are in a folder a rule. Those of a user's rule in `DIR/STEM.yml` are
//! in `DIR/STEM/` or `DIR/samples/STEM/`; for a file of several rules the stem names none of them,
//! and each has its id instead, which is another name for the only rule of a file too.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Sample, Wanted};
use crate::detect::registry::INTEGRITY;
use crate::model::rule_meta::RuleMeta;

/// What the names of files that a scan reads end with, before any of the second row.
const EXTENSIONS: [&str; 3] = ["json", "jsonl", "ndjson"];
const COMPRESSED: [&str; 2] = ["gz", "zst"];

/// A rule and its samples.
#[derive(Debug)]
pub struct Place {
    /// The rule's id.
    pub rule: String,
    /// Its samples: first those to match, by name.
    pub samples: Vec<Sample>,
    /// What is wrong with them as a whole: a kind of which there is none, a file of no kind.
    pub lacks: Vec<String>,
}

/// The samples of the built-in rules among `rules`, in `folder`: of all that judge records.
pub fn builtin<'a>(rules: impl Iterator<Item = &'a RuleMeta>, folder: &Path) -> Vec<Place> {
    // No record can show a rule about files.
    let own = rules.filter(|rule| rule.group.is_some() && rule.id != INTEGRITY);
    own.map(|rule| Place::new(rule, &[folder.join(&rule.id)])).collect()
}

/// The samples of the user's rules among `rules`, beside them.
pub fn users<'a>(rules: impl Iterator<Item = &'a RuleMeta>) -> Vec<Place> {
    let users: Vec<&RuleMeta> = rules.filter(|rule| rule.group.is_none()).collect();
    let mut in_file: BTreeMap<&str, usize> = BTreeMap::new();
    users.iter().for_each(|rule| *in_file.entry(&rule.origin).or_default() += 1);
    let place = |rule: &RuleMeta| {
        let file = Path::new(&rule.origin);
        let beside = file.parent().unwrap_or(Path::new(""));
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut names = vec![rule.id.clone()];
        if in_file.get(rule.origin.as_str()) == Some(&1) {
            names.insert(0, stem);
        }
        // An id is the rule author's; it must not lead anywhere else.
        names.retain(|name| Path::new(name).file_name().is_some_and(|file| file == name.as_str()));
        names.dedup();
        let folders =
            names.iter().flat_map(|name| [beside.join(name), beside.join("samples").join(name)]);
        Place::new(rule, &folders.collect::<Vec<_>>())
    };
    users.into_iter().map(place).collect()
}

impl Place {
    /// The samples of a rule in any of `folders`.
    fn new(rule: &RuleMeta, folders: &[PathBuf]) -> Place {
        let mut place = Place { rule: rule.id.clone(), samples: Vec::new(), lacks: Vec::new() };
        folders.iter().for_each(|folder| place.add(folder));
        place.samples.sort();
        for wanted in [Wanted::Match, Wanted::Clean] {
            if !place.samples.iter().any(|sample| sample.wanted == wanted) {
                let shown: Vec<String> =
                    folders.iter().map(|folder| folder.display().to_string()).collect();
                let why = format!("no {wanted} sample: no {wanted}*.json in {}", shown.join(", "));
                place.lacks.push(why);
            }
        }
        place
    }

    fn add(&mut self, folder: &Path) {
        // A folder that is not there is one of those that are tried.
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = match entry {
                Ok(entry) => entry.path(),
                Err(error) => {
                    self.lacks.push(format!("{}: cannot be read: {error}", folder.display()));
                    continue;
                }
            };
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let Some(name) = stem(&file) else { continue };
            let wanted = match name {
                _ if name.starts_with("match") => Wanted::Match,
                _ if name.starts_with("clean") => Wanted::Clean,
                _ => {
                    let why = "named neither match* nor clean*, so nothing is known to expect";
                    self.lacks.push(format!("{}: {why}", path.display()));
                    continue;
                }
            };
            self.samples.push(Sample { wanted, name: name.to_owned(), path });
        }
    }
}

/// The name of a sample; `None` for files that are none, such as notes.
fn stem(file: &str) -> Option<&str> {
    let (stem, last) = file.rsplit_once('.')?;
    if COMPRESSED.contains(&last) {
        return self::stem(stem);
    }
    EXTENSIONS.contains(&last).then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_told_by_extension() {
        assert_eq!(stem("match-a.b.json"), Some("match-a.b"));
        assert_eq!(stem("clean.jsonl.gz"), Some("clean"));
        assert_eq!(stem("clean.gz"), None);
        assert_eq!(stem("match.md"), None);
        assert_eq!(stem("match"), None);
    }
}
