//! What is known of the tags of one key or resource at an instant, as it is shown.

use schemars::JsonSchema;
use serde::Serialize;

use super::time::Time;

/// One key or resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TagState {
    /// Its ARN.
    pub arn: String,
    /// Every tag that was ever named, by key.
    pub tags: Vec<TagLine>,
    /// Whether these are all tags: `false` if there may be others.
    pub complete: bool,
    /// How many records and files say something of it.
    pub evidence: usize,
}

/// One tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TagLine {
    /// Its key.
    pub key: String,
    /// Whether it is there.
    pub state: Presence,
    /// Its value, if that is known.
    pub value: Option<String>,
    /// Why it is not known, if it is not.
    pub why: Option<&'static str>,
    /// As of when somebody says so.
    pub since: Option<Time>,
    /// Who says so: the call and its principal, or the file.
    pub by: Option<String>,
    /// The event id, if it is a record.
    pub event: Option<String>,
}

/// Whether a tag is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// It is.
    Known,
    /// It is not.
    Absent,
    /// Nobody can say.
    Unknown,
}
