//! Something that could not be read, known or verified. A problem taints the run (exit 3) and never
//! stops it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::origin::Origin;

/// The step at which a problem arose.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Listing, opening or reading bytes.
    Read,
    /// Undoing the compression.
    Inflate,
    /// From text to records and their fields.
    Parse,
    /// Evaluating a rule.
    Rule,
    /// Listing and fetching objects.
    S3,
    /// Reading and comparing tags.
    Tags,
    /// Proving that logs are what was delivered.
    Verify,
}

impl Stage {
    /// Whether bytes could not be had, so that another try may go well.
    pub fn may_pass(self) -> bool {
        matches!(self, Stage::Read | Stage::S3)
    }

    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Read => "read",
            Stage::Inflate => "inflate",
            Stage::Parse => "parse",
            Stage::Rule => "rule",
            Stage::S3 => "s3",
            Stage::Tags => "tags",
            Stage::Verify => "verify",
        }
    }
}

/// One thing that went wrong, where, and what was expected instead.
///
/// Ordered by origin, stage and message, so that a report lists problems the same way on every run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub struct Problem {
    /// The blob or record concerned.
    pub origin: Origin,
    /// The step at which it arose.
    pub stage: Stage,
    /// What was found and what was expected, with the byte offset where known.
    pub message: String,
}

impl Problem {
    /// A problem of `origin` at `stage`.
    pub fn new(origin: Origin, stage: Stage, message: impl Into<String>) -> Self {
        Problem { origin, stage, message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.origin, self.stage.as_str(), self.message)
    }
}
