//! How far the log reaches, and what that says of keys without use.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::time::Time;

/// What the log says of a key that it shows no use of, for a time that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Quiet {
    /// Whether it was used.
    pub verdict: Verdict,
    /// Why the log cannot tell, if it cannot.
    pub why: Option<&'static str>,
    /// The time that was asked for.
    pub since: Time,
    /// The end of the log.
    pub until: Time,
    /// Where the log of the key's account and Region begins, within that time.
    pub covered_from: Option<Time>,
    /// Where it ends.
    pub covered_to: Option<Time>,
    /// Of how many hours it has files.
    pub hours_covered: u64,
    /// How many hours that time has.
    pub hours_asked: u64,
}

/// Whether a key was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// No use in a log that reaches over all of the time.
    Unused,
    /// No use in what there is of the log, which does not tell for all of the time.
    NotKnown,
    /// It was used.
    Used,
    /// It did not exist for so long.
    Younger,
    /// It is deleted.
    Gone,
}

impl Verdict {
    /// Whether a list of keys without use shows the key.
    pub fn is_listed(self) -> bool {
        matches!(self, Verdict::Unused | Verdict::NotKnown)
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Verdict::Unused => "unused",
            Verdict::NotKnown => "not known to be unused",
            Verdict::Used => "used",
            Verdict::Younger => "younger",
            Verdict::Gone => "deleted",
        }
    }
}

/// The last use of a key that KMS told of, beside what the log has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct KmsUse {
    /// When; `None` if there was none since `tracked_since`.
    pub time: Option<Time>,
    /// The operation.
    pub operation: Option<String>,
    /// `CloudTrailEventId`
    pub event: Option<String>,
    /// Since when KMS keeps track.
    pub tracked_since: Option<Time>,
    /// What the log says of it.
    pub in_log: InLog,
}

/// Whether the log has the use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InLog {
    /// There it is.
    There,
    /// It is missing where the log reaches, so that the log is not whole.
    Missing,
    /// The log does not reach to it, or a filter leaves it out.
    OutOfReach,
    /// KMS knows of no use.
    NothingToldOf,
}
