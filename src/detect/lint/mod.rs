//! Checks a user's rules before a scan uses them.
//!
//! A scan refuses a rule that does not load. A rule that loads but never matches is worse, because
//! it looks as if there were nothing to find. Three checks look at each file:
//!
//! ```text
//! the loader    whether a scan would accept the file
//! spec          whether it follows the Sigma specification (rsigma's linter)
//! cloudtrail    whether records can hold its fields and values; names: the tables for this
//! ```
//!
//! Four modules help them:
//!
//! ```text
//! flaw          what a check returns
//! references    whether the rules that a correlation names exist
//! controls      whether the controls that a rule names exist
//! tree          the line and column of everything in the file
//! ```
//!
//! What must stay true: the built-in rules pass, and a file that a scan would refuse does not.

mod cloudtrail;
mod controls;
mod flaw;
mod names;
mod references;
mod spec;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::sigma::file::{self, Unread};
use super::sigma::folder::{Candidate, files};
use super::sigma::load::Found;
use super::sigma::older::is_foreign;
use super::{RuleError, RuleSet};
use crate::model::problem::Problem;
pub use flaw::{Flaw, Severity};
use tree::{File, Place};

/// The result of checking some files.
#[derive(Debug, Default)]
pub struct Linted {
    /// How many files were read.
    pub files: usize,
    /// All flaws, sorted by file and place.
    pub flaws: Vec<Flaw>,
    /// Documents that were skipped: `PATH: why`.
    pub skipped: Vec<String>,
}

/// Checks every rule file at `paths`: files, and folders that are searched as in [`RuleSet::load`].
///
/// # Errors
/// Every path that cannot be read.
///
/// [`RuleSet::load`]: super::RuleSet::load
pub fn lint(paths: &[PathBuf]) -> Result<Linted, Vec<RuleError>> {
    let (mut seen, mut errors) = (BTreeSet::new(), Vec::new());
    let names: Vec<Candidate> =
        paths.iter().flat_map(|path| files(path, &mut seen, &mut errors)).collect();
    let (mut linted, mut texts) = (Linted { files: names.len(), ..Linted::default() }, Vec::new());
    let mut loaded = Found::default();
    for candidate in names {
        let origin = candidate.path.display().to_string();
        match file::read(&candidate.path) {
            Err(Unread::Unreadable(message)) => {
                errors.push(RuleError::new(origin, message));
                continue;
            }
            // The loader says so too, as of every rule that it refuses.
            Err(Unread::NoRule { .. }) => {}
            // The loader says that it passes over it.
            Ok(text) if candidate.met && is_foreign(&text) => {}
            Ok(text) => {
                let documents = tree::documents(&text);
                texts.push(File { origin, text, documents });
            }
        }
        loaded.add_user_file(&candidate);
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let known = references::Known::new(&texts);
    for file in &texts {
        let mut flaws = spec::flaws(file);
        for document in &file.documents {
            flaws.extend(cloudtrail::flaws(document));
            flaws.extend(known.flaws(document));
            flaws.extend(controls::flaws(document));
        }
        flaws.iter_mut().for_each(|flaw| flaw.origin.clone_from(&file.origin));
        linted.flaws.append(&mut flaws);
    }
    loaded.finish();
    let levels = linted.flaws.iter().filter(|flaw| flaw.code == "invalid-level");
    let levels: BTreeSet<&str> = levels.map(|flaw| flaw.origin.as_str()).collect();
    let is_said = |problem: &&Problem| {
        problem.message.contains("invalid level") && levels.contains(&*problem.origin.blob)
    };
    let unsaid: Vec<Flaw> =
        loaded.problems.iter().filter(|one| !is_said(one)).map(left_out).collect();
    linted.flaws.extend(unsaid);
    if loaded.errors.is_empty() {
        // Errors that appear only when all rules are combined.
        let together = RuleSet::load(true, paths, &Arc::default());
        loaded.errors = together.err().unwrap_or_default();
    }
    add_load_errors(&loaded.errors, &mut linted.flaws);
    linted.skipped = loaded.skipped;
    linted.flaws.sort_by(|a, b| (&a.origin, a.place, &a.code).cmp(&(&b.origin, b.place, &b.code)));
    linted.flaws.dedup();
    Ok(linted)
}

/// The flaw of rules that a scan leaves out because of each other.
fn left_out(problem: &Problem) -> Flaw {
    Flaw {
        origin: problem.origin.blob.to_string(),
        place: None,
        severity: Severity::Error,
        code: "left-out".to_owned(),
        message: problem.message.clone(),
        hint: None,
    }
}

/// Adds the errors that only the loader reports. If the specification check already reports a
/// mistake, the error of the loader is left out. The loader often does not know the place of an
/// error. In a file with other errors, such an error is reported only if it has a line that no
/// other error has.
fn add_load_errors(errors: &[RuleError], flaws: &mut Vec<Flaw>) {
    for error in errors {
        let said = flaws.iter().any(|flaw| {
            let line = |place: Place| place.0;
            flaw.origin == error.origin
                && flaw.severity == Severity::Error
                && error.place.is_none_or(|(at, _)| flaw.place.map(line) == Some(at))
        });
        if !said {
            flaws.push(Flaw {
                origin: error.origin.clone(),
                place: error.place.map(|(line, column)| (line, column.unwrap_or(1))),
                severity: Severity::Error,
                code: "does-not-load".to_owned(),
                message: error.message.clone(),
                hint: error.hint().map(str::to_owned),
            });
        }
    }
}
