//! What became of a finding that an earlier run told of, as JSON.

use schemars::JsonSchema;
use serde::Serialize;

use super::case::Outcome;
use crate::model::aftermath;
use crate::model::level::Level;

/// What became of one finding: a member of `outcomes`.
#[derive(Serialize, JsonSchema)]
pub struct Aftermath<'a> {
    /// The fingerprint of the finding.
    fingerprint: &'a str,
    /// The id of the rule that found it.
    rule: &'a str,
    /// The level that was told.
    level: Level,
    /// The ARN of the key that it is about, else of the resource.
    target: Option<&'a str>,
    /// What became of it: it was undone, or holds again.
    outcome: Outcome<'a>,
}

impl<'a> From<&'a aftermath::Aftermath> for Aftermath<'a> {
    fn from(told: &'a aftermath::Aftermath) -> Self {
        Aftermath {
            fingerprint: &told.fingerprint,
            rule: &told.rule,
            level: told.level,
            target: told.target.as_deref(),
            outcome: Outcome::from(&told.effect),
        }
    }
}
