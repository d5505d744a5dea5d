//! Rules that are code: what Sigma cannot say of one record.
//!
//! `rules/<group>/<rule>.yml` says everything about a rule that is not code: its level, what it is
//! about, and a selection of the records to be shown. `<rule>.rs` here decides. A detector says how
//! serious the call is; that a failed call is an attempt, one level down, is nobody's business but
//! the rule set's.

pub mod admin_and_use;
pub mod alias_deleted_history;
pub mod alias_naming_scheme;
pub mod alias_replaced;
pub mod alias_repointed_history;
pub mod all;
pub mod aws_managed_key_used;
pub mod aws_managed_key_used_history;
pub mod bucket_encryption_changed;
pub mod critical_call_stale_mfa;
pub mod critical_call_without_mfa;
pub mod decrypt_burst_event;
mod documents;
pub mod ebs_default_key_changed;
pub mod ebs_snapshot_unencrypted_history;
pub mod enclave_debug_attestation;
pub mod encrypt_only_role_decrypts;
pub mod encryption_context_sensitive;
pub mod first_use_of_key;
pub mod foreign_key_used;
mod foreign_principals;
mod grant;
pub mod grant_external_grantee;
pub mod grant_to_self;
pub mod grant_unconstrained;
pub mod histories;
pub mod iam_policy_kms_wide;
pub mod imported_material_deleted_history;
pub mod imported_material_expiring;
pub mod key_blast_radius;
pub mod key_created_history;
pub mod key_deleted_history;
pub mod key_deletion_scheduled_history;
pub mod key_enabled_history;
pub mod key_governed_tag_changed;
pub mod key_outside_region;
pub mod key_rotated_history;
pub mod key_untagged;
pub mod key_used_by_foreign_account;
pub mod lambda_env_decrypted_by_others;
pub mod lambda_env_default_key;
mod places;
pub mod policy_admin_and_use;
pub mod policy_admin_removed;
pub mod policy_alias_reference;
mod policy_change;
pub mod policy_critical_actions_without_mfa;
pub mod policy_default_unedited;
pub mod policy_default_unedited_history;
pub mod policy_external_account;
pub mod policy_external_account_root;
pub mod policy_external_trust_spread;
pub mod policy_mfa_condition_broken;
pub mod policy_no_encryption_context;
pub mod policy_no_iam_delegation;
pub mod policy_not_principal;
pub mod policy_public_principal;
pub mod policy_self_grant;
pub mod policy_service_without_source;
pub mod policy_unrestricted_grants;
pub mod policy_wildcard_actions;
#[cfg(test)]
mod recorded;
pub mod reencrypt_to_foreign_key;
pub mod rotation_never_enabled;
pub mod s3_foreign_key_write;
pub mod s3_in_place_reencrypt;
pub mod secret_read_catch_all;
pub mod secrets_bucket_reader;
pub mod secrets_bucket_wrong_encryption;
mod selectors;
mod sensitive;
pub mod service_only_key_used_directly;
mod shape;
pub mod snapshot_shared_with_key;
pub mod ssm_securestring_downgraded;
#[cfg(test)]
mod testing;
mod timeline;
pub mod trail_encryption_changed;
pub mod trail_kms_events_excluded;
pub mod trail_management_events_off;
pub mod trail_redirected_history;
#[cfg(test)]
mod waiting;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::stateful::History;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// The code of a rule.
pub enum Native {
    /// Judges single records.
    Detector(Box<dyn Detector>),
    /// Judges many.
    History(Box<dyn History>),
    /// Compares tags, once all is read.
    Tagging,
    /// Looks at the hours that the logs cover, once all is read.
    Coverage,
    /// Judges files, not records.
    Integrity,
}

/// What a detector found in a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// How serious the call is, had it succeeded.
    pub level: Level,
    /// What the finding has to say beside its own members. `why`: what raised or lowered the level.
    pub details: BTreeMap<String, Value>,
    /// What the level rests on, if it rests on whose accounts these are.
    pub foreign: Option<Foreign>,
}

/// Accounts of which it is known only when all records are read whether they are the
/// organisation's own.
///
/// The finding stands as it is if any of them is neither own nor trusted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Foreign {
    /// The accounts.
    pub accounts: BTreeSet<String>,
    /// The level if all of them are own or trusted; `None`: no finding.
    pub otherwise: Option<Level>,
}

impl Found {
    /// A finding at `level` that rests on the record alone.
    pub fn at(level: Level) -> Found {
        Found { level, details: BTreeMap::new(), foreign: None }
    }

    /// With one more detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Found {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// Only if any of `accounts` is neither own nor trusted.
    #[must_use]
    pub fn if_foreign(self, accounts: impl IntoIterator<Item = String>) -> Found {
        let accounts = accounts.into_iter().collect();
        Found { foreign: Some(Foreign { accounts, otherwise: None }), ..self }
    }

    /// At this level if any of `accounts` is neither own nor trusted, else at `otherwise`.
    #[must_use]
    pub fn if_foreign_else(
        self,
        accounts: impl IntoIterator<Item = String>,
        otherwise: Level,
    ) -> Found {
        let accounts = accounts.into_iter().collect();
        Found { foreign: Some(Foreign { accounts, otherwise: Some(otherwise) }), ..self }
    }
}

/// A rule that is code.
pub trait Detector: Send + Sync {
    /// Judges one record. It may be any record at all, not only one that the selection fits.
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found>;

    /// Whether the rule can find anything at all; `false` when it rests on a setting that is not
    /// made, so that no record need be routed to it.
    fn is_set_up(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
