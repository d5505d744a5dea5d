//! One key in depth.

use schemars::JsonSchema;
use serde::Serialize;

use super::access::Access;
use super::listed::{Listed, Tally};
use super::state::Proof;
use crate::model::time::Time;

/// Everything that the log tells of one key, beside its row.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Dossier {
    /// Every administrative call on it, in the order of time. Of too many the latest are listed.
    pub life: Listed<LifeEvent>,
    /// Its policies, in the order of time, each with what it changed. Of too many the latest.
    pub policies: Listed<PolicyVersion>,
    /// Its grants, in the order of time; those that ended are counted only.
    pub grants: Listed<OpenGrant>,
    /// How many grants were retired or revoked.
    pub grants_ended: u64,
    /// Its uses by day. Of too many days the latest.
    pub days: Listed<DayUse>,
    /// What failed or was refused since the last change of its state or policy.
    pub refused: Listed<Refused>,
    /// That change.
    pub refused_since: Option<Proof>,
    /// Whether it was used after that change.
    pub used_since: Option<Time>,
    /// Who can do what was asked for.
    pub access: Option<Access>,
}

/// An administrative call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LifeEvent {
    /// The record.
    #[serde(flatten)]
    pub proof: Proof,
    /// The session name of a role session.
    pub session: Option<String>,
    /// `sourceIPAddress`
    pub from: Option<String>,
    /// What it did, beyond its name.
    pub says: Option<String>,
}

/// A policy, and what it changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PolicyVersion {
    /// The record that set it.
    pub proof: Proof,
    /// The document, as written; `None` of one that the record does not show, or that is too long to
    /// be kept.
    pub document: Option<String>,
    /// Whether it is the policy that KMS gives a key when nobody writes one.
    pub default: bool,
    /// Whether the policy before is known, or the key is new, so that `changes` tells what changed.
    pub before_known: bool,
    /// The statements that differ from those of the policy before. If that is not known, all of them.
    pub changes: Vec<StatementChange>,
}

/// How a statement differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Differs {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It says something else.
    Changed,
}

/// A statement that differs from the policy before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StatementChange {
    /// Its `Sid`, else its number.
    pub statement: String,
    /// How it differs.
    pub differs: Differs,
    /// Its lines: `+` what was added, `-` what was taken away, a blank what stayed.
    pub lines: Vec<String>,
}

/// A grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OpenGrant {
    /// `grantId`
    pub id: String,
    /// `name`
    pub name: Option<String>,
    /// Who may act: `granteePrincipal`, or `granteeServicePrincipal`.
    pub grantee: Option<String>,
    /// Who may retire it.
    pub retiring: Option<String>,
    /// What it allows.
    pub operations: Vec<String>,
    /// What a call must fulfil, in words.
    pub constraints: Vec<String>,
    /// The record that made it.
    pub proof: Proof,
    /// When it was retired or revoked.
    pub ended: Option<Time>,
}

/// The uses of one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DayUse {
    /// When it begins.
    pub day: Time,
    /// Uses that succeeded.
    pub ok: u64,
    /// Those that did not.
    pub refused: u64,
}

/// Calls that failed alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Refused {
    /// `eventName`
    pub event: String,
    /// `errorCode`
    pub error: String,
    /// Who called.
    pub by: String,
    /// How often.
    #[serde(flatten)]
    pub tally: Tally,
}
