//! What a key is now, and the record that proves it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::origin::Origin;
use crate::model::time::Time;

/// The record behind a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Proof {
    /// `eventTime`
    pub time: Time,
    /// `eventName`
    pub event: String,
    /// `eventID`
    pub id: Option<String>,
    /// `errorCode` of a call that failed.
    pub error: Option<String>,
    /// Who called.
    pub by: Option<String>,
    /// Where the record lies; of several copies the smallest place.
    pub origin: Origin,
}

/// The states of a key, as far as records tell them.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum KeyState {
    /// It will be deleted.
    PendingDeletion,
    /// It will be deleted when its replicas are.
    PendingReplicaDeletion,
    /// It has no material: not yet, or no more.
    PendingImport,
    /// It cannot be used until somebody enables it.
    Disabled,
    /// Its key store cannot be reached.
    Unavailable,
    /// It is being made.
    Creating,
    /// KMS says that there is no such key: it was deleted, or never was.
    NotFound,
    /// It can be used.
    Enabled,
    /// No record tells.
    #[default]
    Unknown,
    /// It is gone.
    Deleted,
}

impl KeyState {
    /// The state by the name that KMS gives it in responses.
    pub fn named(name: &str) -> Option<KeyState> {
        Some(match name {
            "Creating" => KeyState::Creating,
            "Enabled" => KeyState::Enabled,
            "Disabled" => KeyState::Disabled,
            "PendingDeletion" => KeyState::PendingDeletion,
            "PendingReplicaDeletion" => KeyState::PendingReplicaDeletion,
            "PendingImport" => KeyState::PendingImport,
            "Unavailable" => KeyState::Unavailable,
            _ => return None,
        })
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            KeyState::PendingDeletion => "pending deletion",
            KeyState::PendingReplicaDeletion => "pending replica deletion",
            KeyState::PendingImport => "pending import",
            KeyState::Disabled => "disabled",
            KeyState::Unavailable => "unavailable",
            KeyState::Creating => "being created",
            KeyState::NotFound => "not found",
            KeyState::Enabled => "enabled",
            KeyState::Unknown => "not known",
            KeyState::Deleted => "deleted",
        }
    }

    /// Whether somebody should look at it, since it cannot be used any more or for long.
    pub fn is_urgent(self) -> bool {
        self < KeyState::Creating
    }
}

/// What a key is at the end of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StateNow {
    /// The state.
    pub state: KeyState,
    /// When it will be deleted, if that is told.
    pub due: Option<Time>,
    /// Whether that time lies before the end of the log, which has no record that it was cancelled.
    pub past_due: bool,
    /// The latest record that tells it. A use that succeeded tells that the key was enabled.
    pub proof: Option<Proof>,
    /// The record of the change that made it so, if it is in the log.
    pub changed: Option<Proof>,
}

impl StateNow {
    /// Whether the key should be gone at the end of a log that shows it pending.
    pub fn is_past_due(&self, end: Option<Time>) -> bool {
        self.state == KeyState::PendingDeletion && self.due.is_some_and(|due| Some(due) < end)
    }
}

/// How a key was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Made {
    /// The record of `CreateKey`, or of `ReplicateKey`.
    pub proof: Proof,
    /// `keySpec`, such as `SYMMETRIC_DEFAULT`.
    pub spec: Option<String>,
    /// `keyUsage`, such as `ENCRYPT_DECRYPT`.
    pub usage: Option<String>,
    /// Whether it may have replicas.
    pub multi_region: bool,
    /// `AWS` or `CUSTOMER`.
    pub manager: Option<String>,
}

/// Whether a key rotates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Rotation {
    /// Whether automatic rotation is on; `None` if no record tells.
    pub on: Option<bool>,
    /// The days from one rotation to the next, if told.
    pub period_days: Option<u64>,
    /// The record that turned it on or off.
    pub proof: Option<Proof>,
    /// How many rotations the log has.
    pub rotations: u64,
    /// The last of them.
    pub last: Option<Time>,
}

/// Imported material.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Material {
    /// Whether there is some now.
    pub there: bool,
    /// When it expires; `None` if it does not, or if that is not told.
    pub expires: Option<Time>,
    /// The last record about it.
    pub proof: Proof,
}
