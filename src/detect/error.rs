//! Why a rule does not load: which file, where in it, and what was expected.

use std::fmt;

/// A rule, or a path to rules, that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleError {
    /// The file or folder, or the name of an embedded file.
    pub origin: String,
    /// Line and column, 1-based, where known.
    pub place: Option<(usize, Option<usize>)>,
    /// What was found and what was expected.
    pub message: String,
    hint: Option<String>,
}

impl RuleError {
    /// An error about `origin` as a whole.
    pub fn new(origin: impl Into<String>, message: impl Into<String>) -> RuleError {
        RuleError { origin: origin.into(), place: None, message: message.into(), hint: None }
    }

    /// The same error at a place in the file.
    #[must_use]
    pub fn at(mut self, place: Option<(usize, Option<usize>)>) -> RuleError {
        self.place = place;
        self
    }

    /// The same error with something to try.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> RuleError {
        self.hint = Some(hint.into());
        self
    }

    /// What to try, if there is anything to say beyond the message.
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
