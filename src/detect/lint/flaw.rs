//! What a check of rules returns.

use super::tree::Place;

/// How serious a flaw is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The rule breaks the specification, or a scan would refuse it.
    Error,
    /// The rule works, but probably not as intended.
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

/// One flaw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The file.
    pub origin: String,
    /// The place in the file. Some errors of the loader are about the whole file.
    pub place: Option<Place>,
    /// How serious it is.
    pub severity: Severity,
    /// The kind of flaw, such as `unknown-field`.
    pub code: String,
    /// The message.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Flaw {
    /// A flaw at a place; the file is added later.
    pub(super) fn new(
        severity: Severity,
        code: &str,
        place: Place,
        message: impl Into<String>,
    ) -> Flaw {
        Flaw {
            origin: String::new(),
            place: Some(place),
            severity,
            code: code.to_owned(),
            message: message.into(),
            hint: None,
        }
    }

    /// Adds what to do about it.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Flaw {
        self.hint = Some(hint.into());
        self
    }
}
