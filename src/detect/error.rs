//! Errors of loading a rule: the file, the place in it, and what was expected.

use std::fmt;

/// An error in a rule, or in a path to rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleError {
    /// The path of the file or folder, or the name of an embedded file.
    pub origin: String,
    /// Line and column, both 1-based, if known.
    pub place: Option<(usize, Option<usize>)>,
    /// What was found and what was expected.
    pub message: String,
    hint: Option<String>,
}

impl RuleError {
    /// An error about all of `origin`.
    pub fn new(origin: impl Into<String>, message: impl Into<String>) -> RuleError {
        RuleError { origin: origin.into(), place: None, message: message.into(), hint: None }
    }

    /// Adds the place in the file.
    #[must_use]
    pub fn at(mut self, place: Option<(usize, Option<usize>)>) -> RuleError {
        self.place = place;
        self
    }

    /// Adds a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> RuleError {
        self.hint = Some(hint.into());
        self
    }

    /// What the user can try, if the message does not say it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for RuleError {
    /// `PATH:LINE:COLUMN: MESSAGE`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}")?;
            if let Some(column) = column {
                write!(f, ":{column}")?;
            }
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for RuleError {}
