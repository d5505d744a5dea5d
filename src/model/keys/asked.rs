//! What of keys is to be gathered while records are read.

use crate::model::named::NamedIdentity;
use crate::model::time::Time;

/// What of keys is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeysAsked {
    /// Only this key, and everything of it: an id, an ARN, or an alias.
    pub one: Option<String>,
    /// Of too many keys those that were used longest ago, and not those that are most urgent.
    pub quiet_first: bool,
    /// Who can do this, a permission such as `Decrypt`,
    pub who_can: Option<String>,
    /// as of when; otherwise at the end of the log.
    pub at: Option<Time>,
    /// Only what is granted to this user or role, and what it used.
    pub principal: Option<NamedIdentity>,
    /// Events that must be there, if the log is whole.
    pub last_usage: Vec<LastUsage>,
}

/// What `aws kms get-key-last-usage` told of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUsage {
    /// The ARN of the key, or its id.
    pub key: String,
    /// The last use; `None` if there was none since `tracked_since`.
    pub last: Option<ToldUse>,
    /// Since when KMS keeps track.
    pub tracked_since: Option<Time>,
    /// The file that tells it.
    pub file: String,
}

/// A use that KMS told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldUse {
    /// The operation, such as `Decrypt`.
    pub operation: String,
    /// When.
    pub time: Time,
    /// `CloudTrailEventId`
    pub event: Option<String>,
}
