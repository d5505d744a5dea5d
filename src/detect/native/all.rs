//! The code of every built-in rule that is code, by the rule's id.

use std::sync::Arc;

use super::*;
use crate::model::estate::Estate;

/// A detector and the id of its rule.
type Coded = (&'static str, Box<dyn Detector>);

/// Every detector, with what the organisation tells about itself.
pub fn detectors(estate: &Arc<Estate>) -> Vec<Coded> {
    let mut all = about_policies(estate);
    all.extend(about_use(estate));
    all.extend(about_trails_and_data());
    all
}

fn about_policies(estate: &Arc<Estate>) -> Vec<Coded> {
    let estate = || Arc::clone(estate);
    vec![
        ("grant-external-grantee", Box::new(grant_external_grantee::GrantExternalGrantee)),
        ("grant-to-self", Box::new(grant_to_self::GrantToSelf)),
        ("grant-unconstrained", Box::new(grant_unconstrained::GrantUnconstrained)),
        ("iam-policy-kms-wide", Box::new(iam_policy_kms_wide::IamPolicyKmsWide)),
        ("policy-admin-and-use", Box::new(policy_admin_and_use::PolicyAdminAndUse)),
        ("policy-alias-reference", Box::new(policy_alias_reference::PolicyAliasReference)),
        (
            "policy-critical-actions-without-mfa",
            Box::new(policy_critical_actions_without_mfa::PolicyCriticalActionsWithoutMfa {
                estate: estate(),
            }),
        ),
        ("policy-default-unedited", Box::new(policy_default_unedited::PolicyDefaultUnedited)),
        ("policy-external-account", Box::new(policy_external_account::PolicyExternalAccount)),
        (
            "policy-external-account-root",
            Box::new(policy_external_account_root::PolicyExternalAccountRoot),
        ),
        (
            "policy-mfa-condition-broken",
            Box::new(policy_mfa_condition_broken::PolicyMfaConditionBroken { estate: estate() }),
        ),
        (
            "policy-no-encryption-context",
            Box::new(policy_no_encryption_context::PolicyNoEncryptionContext { estate: estate() }),
        ),
        ("policy-no-iam-delegation", Box::new(policy_no_iam_delegation::PolicyNoIamDelegation)),
        ("policy-not-principal", Box::new(policy_not_principal::PolicyNotPrincipal)),
        ("policy-public-principal", Box::new(policy_public_principal::PolicyPublicPrincipal)),
        (
            "policy-service-without-source",
            Box::new(policy_service_without_source::PolicyServiceWithoutSource),
        ),
        (
            "policy-unrestricted-grants",
            Box::new(policy_unrestricted_grants::PolicyUnrestrictedGrants),
        ),
        ("policy-wildcard-actions", Box::new(policy_wildcard_actions::PolicyWildcardActions)),
    ]
}

fn about_use(estate: &Arc<Estate>) -> Vec<Coded> {
    let decrypt_burst = |logs| -> Box<dyn Detector> {
        Box::new(decrypt_burst_event::DecryptBurstEvent { logs, estate: Arc::clone(estate) })
    };
    let e = || Arc::clone(estate);
    vec![
        ("decrypt-burst-event", decrypt_burst(false)),
        ("decrypt-burst-log-event", decrypt_burst(true)),
        ("alias-naming-scheme", Box::new(alias_naming_scheme::AliasNamingScheme(e()))),
        ("aws-managed-key-used", Box::new(aws_managed_key_used::AwsManagedKeyUsed(e()))),
        ("critical-call-stale-mfa", Box::new(critical_call_stale_mfa::CriticalCallStaleMfa(e()))),
        (
            "critical-call-without-mfa",
            Box::new(critical_call_without_mfa::CriticalCallWithoutMfa(e())),
        ),
        ("enclave-debug-attestation", Box::new(enclave_debug_attestation::EnclaveDebugAttestation)),
        (
            "encryption-context-sensitive",
            Box::new(encryption_context_sensitive::EncryptionContextSensitive),
        ),
        ("foreign-key-used", Box::new(foreign_key_used::ForeignKeyUsed)),
        (
            "imported-material-expiring",
            Box::new(imported_material_expiring::ImportedMaterialExpiring(e())),
        ),
        (
            "key-governed-tag-changed",
            Box::new(key_governed_tag_changed::KeyGovernedTagChanged(e())),
        ),
        ("key-outside-region", Box::new(key_outside_region::KeyOutsideRegion(e()))),
        (
            "key-used-by-foreign-account",
            Box::new(key_used_by_foreign_account::KeyUsedByForeignAccount),
        ),
        ("reencrypt-to-foreign-key", Box::new(reencrypt_to_foreign_key::ReencryptToForeignKey)),
        ("secrets-bucket-reader", Box::new(secrets_bucket_reader::SecretsBucketReader(e()))),
        (
            "secrets-bucket-wrong-encryption",
            Box::new(secrets_bucket_wrong_encryption::SecretsBucketWrongEncryption(e())),
        ),
    ]
}

fn about_trails_and_data() -> Vec<Coded> {
    vec![
        ("bucket-encryption-changed", Box::new(bucket_encryption_changed::BucketEncryptionChanged)),
        ("ebs-default-key-changed", Box::new(ebs_default_key_changed::EbsDefaultKeyChanged)),
        ("s3-foreign-key-write", Box::new(s3_foreign_key_write::S3ForeignKeyWrite::default())),
        ("s3-in-place-reencrypt", Box::new(s3_in_place_reencrypt::S3InPlaceReencrypt)),
        ("secret-read-catch-all", Box::new(secret_read_catch_all::SecretReadCatchAll)),
        ("snapshot-shared-with-key", Box::new(snapshot_shared_with_key::SnapshotSharedWithKey)),
        ("trail-encryption-changed", Box::new(trail_encryption_changed::TrailEncryptionChanged)),
        ("trail-kms-events-excluded", Box::new(trail_kms_events_excluded::TrailKmsEventsExcluded)),
        (
            "trail-management-events-off",
            Box::new(trail_management_events_off::TrailManagementEventsOff),
        ),
    ]
}
