//! What one principal may do with keys, what it did, and the least policy that would have served.
//!
//! What must stay true: a right is told only where a document in the log gives it, with how sure that is;
//! a use for which there is none is told as such; and the least policy rests on calls that succeeded.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::access::{Denial, Sure};
use super::listed::Listed;
use super::state::Proof;
use crate::model::time::Time;

/// Whom a name stands for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Granted {
    /// Nobody who called.
    Nobody,
    /// Several, by their ARNs.
    Several(Listed<String>),
    /// One.
    One(Box<GrantedVsUsed>),
}

/// What is granted to a principal against what it used.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GrantedVsUsed {
    /// The ARN of the user or role.
    pub principal: String,
    /// As of when rights are told.
    pub at: Time,
    /// The keys that it used, or that documents in the log grant it; what it used most first.
    pub keys: Vec<KeyRights>,
    /// Keys beyond those, which rank below them.
    pub left_out: u64,
    /// Calls that are about no key, such as `ListKeys`.
    pub without_key: Vec<UsedCall>,
    /// Keys that it did not use and whose policy leaves the decision to IAM, which as far as the log
    /// shows allows it nothing.
    pub left_to_iam: u64,
    /// Keys that it did not use, which IAM allows it, and whose policy the log does not show.
    pub not_known: u64,
    /// What is known of its IAM policies.
    pub iam: IamSeen,
    /// The least policy that would have served, as a document of IAM.
    pub least_policy: LeastPolicy,
    /// What to know before the policy is used.
    pub notes: Vec<String>,
}

/// The IAM policies of a principal, as far as the log shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct IamSeen {
    /// Those whose text is known.
    pub policies: BTreeSet<String>,
    /// Those that are attached and whose text no record shows.
    pub unseen: BTreeSet<String>,
    /// Whether there are more than are kept.
    pub cut: bool,
}

/// The rights to one key, and its use.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct KeyRights {
    /// Its ARN.
    pub key: String,
    /// The record that set its policy; `None` if none was seen.
    pub policy: Option<Proof>,
    /// What is allowed, and by what; the surest first.
    pub allowed: Vec<Allowed>,
    /// How many more there are than are listed.
    pub allowed_left_out: u64,
    /// What is denied under conditions.
    pub denied: Vec<Denial>,
    /// What it called.
    pub used: Vec<UsedCall>,
    /// What documents in the log grant and no call that succeeded used.
    pub never_used: Vec<&'static str>,
    /// What could not be read of the policy, in words.
    pub unknown: Vec<String>,
}

/// Operations that one statement, grant or pair of documents allows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Allowed {
    /// How sure it is.
    pub sure: Sure,
    /// By what.
    pub by: String,
    /// What must hold, one condition a text.
    pub conditions: Vec<String>,
    /// Whether these are all that there are for a key.
    pub every: bool,
    /// The permissions.
    pub operations: Vec<&'static str>,
}

/// A permission that was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UsedCall {
    /// The permission, such as `Decrypt`.
    pub operation: &'static str,
    /// Calls that succeeded.
    pub ok: u64,
    /// Those that were refused.
    pub refused: u64,
    /// Those that failed for another reason.
    pub failed: u64,
    /// The first of all.
    pub first: Time,
    /// The last of all.
    pub last: Time,
    /// The services that called for the principal.
    pub services: BTreeSet<String>,
    /// How sure it is that the principal may, if any document says so.
    pub allowed: Option<Sure>,
    /// What allowed the calls that succeeded; `None` if none did.
    pub shown: Option<Shown>,
}

impl Shown {
    /// Whether nothing in the log allowed it when it was used.
    pub fn is_missing(self) -> bool {
        matches!(self, Shown::Later | Shown::No)
    }
}

/// Whether the log shows what allowed a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    /// A document that holds at the end allows it.
    AtTheEnd,
    /// One that no longer holds allowed it.
    Before,
    /// What allows it at the end came after its last use.
    Later,
    /// No document in the log does.
    No,
}

impl Shown {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Shown::AtTheEnd => "allowed",
            Shown::Before => "allowed by a document or grant that no longer holds",
            Shown::Later => {
                "allowed by something that the log does not show; what allows it now came later"
            }
            Shown::No => "allowed by something that the log does not show",
        }
    }
}

/// A policy document. The names of its members are IAM's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct LeastPolicy {
    /// The version of the language.
    pub version: &'static str,
    /// One statement a set of keys and of conditions.
    pub statement: Vec<LeastStatement>,
}

/// A statement of a policy document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct LeastStatement {
    /// `Allow`
    pub effect: &'static str,
    /// The operations.
    pub action: Vec<String>,
    /// The keys, by ARN.
    pub resource: Vec<String>,
    /// What each use had in common, by operator and key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "BTreeMap<String, BTreeMap<String, Vec<String>>>")]
    pub condition: Option<BTreeMap<&'static str, BTreeMap<String, Vec<String>>>>,
}
