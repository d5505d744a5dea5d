//! Who can do something with a key, as far as the log tells.
//!
//! What must stay true: what is certain rests on documents that were seen, and everything that could
//! still refuse or allow a call and was not seen is named.

use schemars::JsonSchema;
use serde::Serialize;

use super::state::Proof;
use crate::model::time::Time;

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Access {
    /// The permission, such as `Decrypt`.
    pub operation: String,
    /// As of when.
    pub at: Time,
    /// Why nobody can, whatever documents say: the state of the key then.
    pub nobody: Option<String>,
    /// The record that set the key policy that held then; `None` if none was seen.
    pub policy: Option<Proof>,
    /// Who is allowed, and by what; the surest first.
    pub allowed: Vec<Allowance>,
    /// How many more there are than are listed.
    pub left_out: u64,
    /// Who is denied, for certain or under conditions.
    pub denied: Vec<Denial>,
    /// What is not known, in words.
    pub unknown: Vec<String>,
}

/// How sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sure {
    /// Documents that were seen allow it by themselves, without conditions, and none denies it.
    Allowed,
    /// If conditions hold.
    IfConditionsHold,
    /// If IAM of the principal's account allows it too.
    IfIamAllows,
    /// The policy leaves the decision to IAM of an account.
    LeftToIam,
    /// IAM allows it, and the log does not show the key policy, which decides too.
    NotKnown,
}

impl Sure {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Sure::Allowed => "allowed",
            Sure::IfConditionsHold => "if conditions hold",
            Sure::IfIamAllows => "if IAM of its account allows it too",
            Sure::LeftToIam => "left to IAM of the account",
            Sure::NotKnown => "not known: IAM allows it, the key policy is not shown",
        }
    }
}

/// Somebody who is allowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Allowance {
    /// How sure it is.
    pub sure: Sure,
    /// Who: a principal as the document names it.
    pub principal: String,
    /// By what: a statement of the key policy, a grant, an IAM policy.
    pub by: String,
    /// What must hold, one condition a text.
    pub conditions: Vec<String>,
}

/// Somebody who is denied.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Denial {
    /// Who.
    pub principal: String,
    /// By what.
    pub by: String,
    /// When it applies; nothing if always.
    pub conditions: Vec<String>,
}
