//! What is wrong with a user's rules, before they are trusted to find anything.
//!
//! A scan refuses a rule that does not load; a rule that loads and can never match is worse, since
//! its silence looks like peace. So three readers look at each file:
//!
//! ```text
//! the loader    whether a scan would take it
//! spec          what the Sigma specification says        (rsigma's linter)
//! cloudtrail    what records hold: fields, values        cloudtrail/names: the tables
//! tree          where it stands: LINE:COLUMN
//! ```
//!
//! What must stay true: the built-in rules pass, and a file that a scan would refuse does not.

mod cloudtrail;
mod names;
mod references;
mod spec;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::sigma::load::{Found, files};
use super::{RuleError, RuleSet, duplicates};
use tree::{Node, Place};

/// How bad a flaw is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The rule breaks the specification, or a scan would refuse it.
    Error,
    /// The rule works, but hardly as it is meant.
    Warning,
}

impl Severity {
    /// The name in results.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The file.
    pub origin: String,
    /// Where in it; some of the loader's errors are about the file as a whole.
    pub place: Option<Place>,
    /// How bad it is.
    pub severity: Severity,
    /// A word for this kind of flaw, such as `unknown-field`.
    pub code: String,
    /// What was found.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Flaw {
    fn new(severity: Severity, code: &str, place: Place, message: impl Into<String>) -> Flaw {
        Flaw {
            origin: String::new(),
            place: Some(place),
            severity,
            code: code.to_owned(),
            message: message.into(),
            hint: None,
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Flaw {
        self.hint = Some(hint.into());
        self
    }
}

/// What came of looking at some files.
#[derive(Debug, Default)]
pub struct Linted {
    /// How many files were read.
    pub files: usize,
    /// What is wrong, by file and place.
    pub flaws: Vec<Flaw>,
    /// What is no rule for us: `PATH: why`.
    pub skipped: Vec<String>,
}

/// One file.
struct File {
    origin: String,
    text: String,
    documents: Vec<Node>,
}

/// Looks at every rule file at `paths`: files, and folders as [`RuleSet::load`] searches them.
///
/// # Errors
/// Every path that cannot be read.
///
/// [`RuleSet::load`]: super::RuleSet::load
pub fn lint(paths: &[PathBuf]) -> Result<Linted, Vec<RuleError>> {
    let (mut seen, mut errors) = (BTreeSet::new(), Vec::new());
    let names: Vec<PathBuf> =
        paths.iter().flat_map(|path| files(path, &mut seen, &mut errors)).collect();
    let (mut linted, mut texts) = (Linted { files: names.len(), ..Linted::default() }, Vec::new());
    let mut loaded = Found::default();
    for path in names {
        let origin = path.display().to_string();
        match std::fs::read(&path).map(String::from_utf8) {
            Err(error) => {
                errors.push(RuleError::new(origin, format!("cannot read the rule: {error}")));
                continue;
            }
            Ok(Err(_)) => {}
            Ok(Ok(text)) => {
                let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
                let documents = tree::documents(&text);
                texts.push(File { origin, text, documents });
            }
        }
        loaded.add_user_file(&path);
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
        }
        flaws.iter_mut().for_each(|flaw| flaw.origin.clone_from(&file.origin));
        linted.flaws.append(&mut flaws);
    }
    loaded.pass_over_correlations();
    loaded.errors.extend(duplicates(&loaded.rules));
    if loaded.errors.is_empty() {
        // What only shows when all rules hang together.
        let together = RuleSet::load(true, paths, &Arc::default());
        loaded.errors = together.err().unwrap_or_default();
    }
    add_load_errors(&loaded.errors, &mut linted.flaws);
    linted.skipped = loaded.skipped;
    linted.flaws.sort_by(|a, b| (&a.origin, a.place, &a.code).cmp(&(&b.origin, b.place, &b.code)));
    linted.flaws.dedup();
    Ok(linted)
}

/// What the loader says and nobody else: of one mistake the specification's words are enough. The
/// loader often cannot tell the place, so beside other errors in the file it is heard only on a
/// line of its own.
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
