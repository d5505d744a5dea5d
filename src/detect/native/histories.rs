//! Every rule over many records that is code, by name.

use std::sync::Arc;

use super::{
    admin_and_use, alias_deleted_history, alias_replaced, alias_repointed_history,
    aws_managed_key_used_history, ebs_snapshot_unencrypted_history, encrypt_only_role_decrypts,
    first_use_of_key, imported_material_deleted_history, key_blast_radius, key_created_history,
    key_deleted_history, key_deletion_scheduled_history, key_enabled_history, key_rotated_history,
    key_untagged, lambda_env_decrypted_by_others, lambda_env_default_key, policy_admin_removed,
    policy_default_unedited_history, policy_external_trust_spread, policy_self_grant,
    rotation_never_enabled, service_only_key_used_directly, ssm_securestring_downgraded,
    trail_redirected_history,
};
use crate::detect::stateful::History;
use crate::model::estate::Estate;

/// A history and the name of the document that selects its records.
type Named = (&'static str, Box<dyn History>);

/// All of them.
pub fn histories(estate: &Arc<Estate>) -> Vec<Named> {
    let mut all = rules(estate);
    all.extend(parts(estate));
    all
}

/// Those that are rules.
fn rules(estate: &Arc<Estate>) -> Vec<Named> {
    vec![
        ("admin-and-use", Box::new(admin_and_use::AdminAndUse(Arc::clone(estate)))),
        ("alias-replaced", Box::new(alias_replaced::AliasReplaced)),
        (
            "encrypt-only-role-decrypts",
            Box::new(encrypt_only_role_decrypts::EncryptOnlyRoleDecrypts(Arc::clone(estate))),
        ),
        ("first-use-of-key", Box::new(first_use_of_key::FirstUseOfKey)),
        ("key-blast-radius", Box::new(key_blast_radius::KeyBlastRadius(Arc::clone(estate)))),
        ("key-untagged", Box::new(key_untagged::KeyUntagged)),
        (
            "lambda-env-decrypted-by-others",
            Box::new(lambda_env_decrypted_by_others::LambdaEnvDecryptedByOthers),
        ),
        ("lambda-env-default-key", Box::new(lambda_env_default_key::LambdaEnvDefaultKey)),
        ("policy-admin-removed", Box::new(policy_admin_removed::PolicyAdminRemoved)),
        (
            "policy-external-trust-spread",
            Box::new(policy_external_trust_spread::PolicyExternalTrustSpread(Arc::clone(estate))),
        ),
        ("policy-self-grant", Box::new(policy_self_grant::PolicySelfGrant)),
        ("rotation-never-enabled", Box::new(rotation_never_enabled::RotationNeverEnabled)),
        (
            "service-only-key-used-directly",
            Box::new(service_only_key_used_directly::ServiceOnlyKeyUsedDirectly),
        ),
        (
            "ssm-securestring-downgraded",
            Box::new(ssm_securestring_downgraded::SsmSecurestringDowngraded),
        ),
    ]
}

/// Those that are parts of other rules: they change the levels of their findings, or add to them.
fn parts(estate: &Arc<Estate>) -> Vec<Named> {
    vec![
        ("alias-deleted-history", Box::new(alias_deleted_history::AliasDeletedHistory)),
        ("alias-repointed-history", Box::new(alias_repointed_history::AliasRepointedHistory)),
        (
            "aws-managed-key-used-history",
            Box::new(aws_managed_key_used_history::AwsManagedKeyUsedHistory(Arc::clone(estate))),
        ),
        (
            "ebs-snapshot-unencrypted-history",
            Box::new(ebs_snapshot_unencrypted_history::EbsSnapshotUnencryptedHistory),
        ),
        (
            "imported-material-deleted-history",
            Box::new(imported_material_deleted_history::ImportedMaterialDeletedHistory),
        ),
        ("key-created-history", Box::new(key_created_history::KeyCreatedHistory)),
        ("key-deleted-history", Box::new(key_deleted_history::KeyDeletedHistory)),
        (
            "key-deletion-scheduled-history",
            Box::new(key_deletion_scheduled_history::KeyDeletionScheduledHistory),
        ),
        ("key-enabled-history", Box::new(key_enabled_history::KeyEnabledHistory)),
        ("key-rotated-history", Box::new(key_rotated_history::KeyRotatedHistory)),
        (
            "policy-default-unedited-history",
            Box::new(policy_default_unedited_history::PolicyDefaultUneditedHistory),
        ),
        ("trail-redirected-history", Box::new(trail_redirected_history::TrailRedirectedHistory)),
    ]
}
