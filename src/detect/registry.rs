//! The built-in rules: one table, one line a rule.
//!
//! A line holds the id of a rule. The rule is two files in `rules/`, which are embedded in the
//! binary: Sigma YAML, and the explanation that `rules show` prints. If the YAML says
//! `native: true`, the line also holds the code. A YAML file may hold further native documents that
//! belong to the rule; each of them is a `part` line below the line of its rule.
//!
//! The tests prove that the table and the files agree: no file is missing from the table, and every
//! document that says `native: true` has code.

use std::sync::Arc;

use super::native::{Detector, Native, OfLife};
use super::native::{aliases::*, grants::*, lifecycle::*, policy::*, rest::*, s3::*};
use super::native::{secrets::*, tags::*, trail::*, usage::*};
use super::stateful::History;
use super::whole_log::WholeLog;
use crate::model::estate::Estate;

/// A built-in rule: its files, embedded, and its code.
#[derive(Debug, Clone, Copy)]
pub struct Embedded {
    /// The slug: file stem, `name` in the YAML, id in reports.
    pub id: &'static str,
    /// The folder under `rules/`.
    pub group: &'static str,
    /// The path of the YAML file in the source tree.
    pub origin: &'static str,
    /// The Sigma rule.
    pub yaml: &'static str,
    /// The page that `rules show` prints, in Markdown.
    pub explanation: &'static str,
    /// The code of the documents in `yaml` that say `native: true`; empty for a rule that is all
    /// Sigma.
    pub code: &'static [Coded],
}

/// The code of one document.
#[derive(Debug, Clone, Copy)]
pub struct Coded {
    /// The `name` of the document: the id of its rule, or the name of a part.
    pub name: &'static str,
    /// Makes the code. The argument holds the settings about the organisation.
    pub make: fn(Arc<Estate>) -> Native,
}

/// The rule about files that do not verify. It looks at files, so it has no samples.
pub const INTEGRITY: &str = "log-tampering";

/// Makes the table. A line is `"id";` for a rule that is all Sigma, and `"id" = |estate| code;` for
/// a native one. `part "name" = |estate| code;` below it adds a document of the same file.
macro_rules! rules {
    ($($group:literal {
        $($id:literal $(= $make:expr)?; $(part $part:literal = $part_make:expr;)*)+
    })+) => {
        &[$($(Embedded {
            id: $id,
            group: $group,
            origin: concat!("rules/", $group, "/", $id, ".yml"),
            yaml: include_str!(concat!("../../rules/", $group, "/", $id, ".yml")),
            explanation: include_str!(concat!("../../rules/", $group, "/", $id, ".md")),
            code: &[
                $(Coded { name: $id, make: $make },)?
                $(Coded { name: $part, make: $part_make },)*
            ],
        }),+),+]
    };
}

/// Every built-in rule, by group and id.
pub const RULES: &[Embedded] = rules! {
    "aliases" {
        "alias-deleted";
            part "alias-deleted-history" = |_| history(OfLife(AliasDeletedHistory));
        "alias-environment-mismatch" = |_| whole_log(AliasEnvironmentMismatch);
        "alias-naming-scheme" = |e| detector(AliasNamingScheme(e));
        "alias-replaced" = |_| history(AliasReplaced);
        "alias-repointed";
            part "alias-repointed-history" = |_| history(AliasRepointedHistory);
    }
    "chains" {
        "chain-alias-swap";
        "chain-blind-then-act";
        "chain-bucket-lockout";
        "chain-delete-in-use";
        "chain-exfil-snapshot";
        "chain-kms-ransomware";
        "chain-lockout";
        "chain-policy-then-decrypt";
        "chain-recon-then-act";
        "chain-tag-bypass";
    }
    "grants" {
        "grant-allows-delegation";
        "grant-created-directly";
        "grant-external-grantee" = |_| detector(GrantExternalGrantee);
        "grant-retired-burst";
        "grant-retiring-external" = |_| detector(GrantRetiringExternal);
        "grant-revoked";
        "grant-service-principal-unfenced" = |_| detector(GrantServicePrincipalUnfenced);
        "grant-to-self" = |_| detector(GrantToSelf);
        "grant-unconstrained" = |_| detector(GrantUnconstrained);
    }
    "lifecycle" {
        "disabled-key-use";
        "external-origin-key-created";
        "import-parameters-requested";
        "imported-material-deleted";
            part "imported-material-deleted-history" = |_| history(ImportedMaterialDeletedHistory);
        "imported-material-expired";
        "imported-material-expiring" = |e| detector(ImportedMaterialExpiring(e));
        "key-created";
            part "key-created-history" = |_| history(KeyCreatedHistory);
        "key-deleted";
            part "key-deleted-history" = |_| history(KeyDeletedHistory);
        "key-deletion-burst";
            part "key-deletion-burst-event" = |_| history(OfLife(KeyDeletionBurstEvent));
        "key-deletion-cancelled";
        "key-deletion-scheduled";
            part "key-deletion-scheduled-history" = |_| history(OfLife(KeyTakenAway::SCHEDULED));
        "key-deletion-short-window" = |e| detector(KeyDeletionShortWindow(e));
            part "key-deletion-short-window-history" = |_| history(OfLife(KeyTakenAway::SHORT_WINDOW));
        "key-description-changed";
        "key-disabled";
            part "key-disabled-history" = |_| history(OfLife(KeyTakenAway::DISABLED));
        "key-enabled";
            part "key-enabled-history" = |_| history(KeyEnabledHistory);
        "key-material-imported";
        "key-replicated" = |e| detector(KeyReplicated(e));
        "key-rotated";
            part "key-rotated-history" = |_| history(KeyRotatedHistory);
        "multi-region-key-created";
        "pending-deletion-key-use";
        "primary-region-moved";
        "rotation-disabled";
        "rotation-never-enabled" = |_| history(RotationNeverEnabled);
        "rotation-period-long" = |e| detector(RotationPeriodLong(e));
    }
    "policy" {
        "iam-policy-kms-wide" = |e| detector(IamPolicyKmsWide(e));
        "key-policy-changed";
            part "key-policy-changed-history" = |_| history(KeyPolicyChangedHistory);
        "policy-address-only" = |_| detector(PolicyAddressOnly);
        "policy-admin-and-use" = |_| detector(PolicyAdminAndUse);
        "policy-admin-removed" = |_| history(PolicyAdminRemoved);
        "policy-alias-reference" = |_| detector(PolicyAliasReference);
        "policy-critical-actions-without-mfa" = |e| detector(PolicyCriticalActionsWithoutMfa(e));
        "policy-dead-condition" = |_| detector(PolicyDeadCondition);
        "policy-default-unedited" = |_| detector(PolicyDefaultUnedited);
            part "policy-default-unedited-history" = |_| history(PolicyDefaultUneditedHistory);
        "policy-external-account" = |_| detector(PolicyExternalAccount);
        "policy-external-account-root" = |_| detector(PolicyExternalAccountRoot);
        "policy-external-trust-spread" = |e| history(PolicyExternalTrustSpread(e));
        "policy-lockout-check-bypassed";
        "policy-mfa-condition-broken" = |e| detector(PolicyMfaConditionBroken(e));
        "policy-no-encryption-context" = |_| detector(PolicyNoEncryptionContext);
        "policy-no-iam-delegation" = |_| detector(PolicyNoIamDelegation);
        "policy-not-principal" = |_| detector(PolicyNotPrincipal);
        "policy-public-principal" = |_| detector(PolicyPublicPrincipal);
        "policy-self-grant" = |_| history(PolicySelfGrant);
        "policy-service-without-source" = |_| detector(PolicyServiceWithoutSource);
        "policy-unreadable" = |_| detector(PolicyUnreadable);
        "policy-unrestricted-grants" = |_| detector(PolicyUnrestrictedGrants);
        "policy-wildcard-actions" = |_| detector(PolicyWildcardActions);
    }
    "rest" {
        "bucket-encryption-changed" = |e| detector(BucketEncryptionChanged(e));
            part "bucket-encryption-changed-history" = |_| history(BucketEncryptionChangedHistory);
        "bucket-encryption-deleted";
        "ebs-default-encryption-off";
        "ebs-default-key-changed" = |_| detector(EbsDefaultKeyChanged);
        "ebs-snapshot-unencrypted";
            part "ebs-snapshot-unencrypted-history" = |_| history(EbsSnapshotUnencryptedHistory);
        "ebs-volume-unencrypted";
        "image-shared-foreign" = |_| detector(ImageSharedForeign);
        "log-group-key-removed";
        "rds-unencrypted";
        "snapshot-shared-with-key" = |_| detector(SnapshotSharedWithKey);
        "store-unencrypted";
    }
    "s3" {
        "s3-foreign-key-write" = |_| detector(S3ForeignKeyWrite::default());
        "s3-in-place-reencrypt" = |_| detector(S3InPlaceReencrypt);
        "s3-recovery-disabled" = |_| detector(S3RecoveryDisabled);
            part "s3-recovery-disabled-history" = |_| history(S3RecoveryDisabledHistory);
        "s3-ssec-burst";
        "s3-ssec-write";
    }
    "secrets" {
        "lambda-env-decrypted-by-others" = |e| history(LambdaEnvDecryptedByOthers(e));
        "lambda-env-default-key" = |_| history(LambdaEnvDefaultKey);
        "lambda-env-key-removed";
        "secret-bulk-read";
        "secret-default-key";
        "secret-deleted-at-once";
        "secret-read-catch-all" = |_| detector(SecretReadCatchAll);
        "secret-read-denied";
        "secrets-bucket-reader" = |e| detector(SecretsBucketReader(e));
        "secrets-bucket-wrong-encryption" = |e| detector(SecretsBucketWrongEncryption(e));
        "ssm-bulk-decrypt";
        "ssm-default-key";
        "ssm-plaintext-secret";
        "ssm-securestring-downgraded" = |_| history(SsmSecurestringDowngraded);
    }
    "stores" {
        "key-store-changed";
        "key-store-created";
        "key-store-crypto-failure";
        "key-store-deleted";
        "key-store-disconnected";
        "xks-key-created";
    }
    "tags" {
        "classification-without-key" = |_| whole_log(ClassificationWithoutKey);
        "key-governed-tag-changed" = |e| detector(KeyGovernedTagChanged(e));
            part "key-governed-tag-changed-history" = |e| history(KeyGovernedTagChangedHistory(e));
            part "key-governed-tag-changed-evasion" = |_| whole_log(KeyGovernedTagChangedEvasion);
        "key-tag-mismatch" = |_| whole_log(KeyTagMismatch);
        "key-tag-one-sided" = |_| whole_log(KeyTagOneSided);
        "key-untagged" = |_| history(KeyUntagged);
        "subject-tags-unknown" = |_| whole_log(SubjectTagsUnknown);
    }
    "trail" {
        "audit-gap" = |_| whole_log(AuditGap);
        "kms-monitor-removed";
            part "kms-monitor-removed-history" = |_| history(KmsMonitorRemovedHistory);
        "log-tampering" = |_| whole_log(LogTampering);
        "record-truncated";
        "trail-coverage-missing" = |_| whole_log(TrailCoverageMissing);
        "trail-deleted";
        "trail-encryption-changed" = |_| detector(TrailEncryptionChanged);
            part "trail-encryption-changed-history" = |_| history(TrailSettingHistory::KEY);
        "trail-kms-events-excluded" = |_| detector(TrailKmsEventsExcluded);
        "trail-log-read-denied";
        "trail-management-events-off" = |_| detector(TrailManagementEventsOff);
        "trail-redirected";
            part "trail-redirected-history" = |_| history(TrailSettingHistory::BUCKET);
        "trail-stopped";
        "trail-weakened";
    }
    "use" {
        "admin-and-use" = |e| history(AdminAndUse(e));
        "aws-managed-key-used" = |e| detector(AwsManagedKeyUsed(e));
            part "aws-managed-key-used-history" = |e| history(AwsManagedKeyUsedHistory(e));
        "critical-call-stale-mfa" = |e| detector(CriticalCallStaleMfa(e));
        "critical-call-without-mfa" = |e| detector(CriticalCallWithoutMfa(e));
        "decrypt-burst";
            part "decrypt-burst-event" = |e| detector(DecryptBurstEvent::of_data(e));
            part "decrypt-burst-log-event" = |e| detector(DecryptBurstEvent::of_logs(e));
        "direct-decrypt" = |e| detector(DirectDecrypt(e));
        "direct-encrypt-bulk";
        "dormant-key-used" = |_| history(DormantKeyUsed);
        "enclave-debug-attestation" = |_| detector(EnclaveDebugAttestation);
        "enclave-unknown-image" = |e| detector(EnclaveUnknownImage(e));
        "encrypt-only-role-decrypts" = |e| history(EncryptOnlyRoleDecrypts(e));
        "encryption-context-mismatch";
        "encryption-context-sensitive" = |_| detector(EncryptionContextSensitive);
        "first-use-of-key" = |_| history(FirstUseOfKey);
        "foreign-key-used" = |_| detector(ForeignKeyUsed);
        "key-blast-radius" = |e| history(KeyBlastRadius(e));
        "key-outside-region" = |e| detector(KeyOutsideRegion(e));
        "key-policy-or-grants-read";
        "key-unavailable";
        "key-used-by-foreign-account" = |_| detector(KeyUsedByForeignAccount);
        "kms-access-denied";
        "kms-access-denied-burst";
        "kms-dry-run-probing";
        "kms-enumeration";
            part "kms-enumeration-event" = |e| detector(KmsEnumerationEvent(e));
            part "kms-enumeration-key-event" = |e| detector(KmsEnumerationEvent(e));
        "kms-insight";
        "kms-throttled";
        "kms-vpce-denied";
        "no-encryption-context";
        "reencrypt-burst";
        "reencrypt-to-foreign-key" = |_| detector(ReencryptToForeignKey);
        "role-new-source" = |e| history(RoleNewSource(e));
        "root-user-kms";
        "service-only-key-used-directly" = |_| history(ServiceOnlyKeyUsedDirectly);
    }
};

/// Code that looks at single records.
fn detector(code: impl Detector + 'static) -> Native {
    Native::Detector(Box::new(code))
}

/// Code that looks at many records.
fn history(code: impl History + 'static) -> Native {
    Native::History(Box::new(code))
}

/// Code that looks at what the whole log tells.
fn whole_log(code: impl WholeLog + 'static) -> Native {
    Native::WholeLog(Box::new(code))
}

/// The code of every built-in rule that has any, by the name of its document.
pub fn native(estate: &Arc<Estate>) -> Vec<(&'static str, Native)> {
    let coded = RULES.iter().flat_map(|rule| rule.code);
    coded.map(|coded| (coded.name, (coded.make)(Arc::clone(estate)))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::detect::whole_log::LooksAt;

    /// The stems of the files with this extension under a folder of the source tree, but for
    /// README.md, which is about the folder.
    fn stems(folder: &str, extension: &str) -> BTreeSet<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        walkdir::WalkDir::new(root)
            .into_iter()
            .map(|entry| entry.unwrap().into_path())
            .filter(|path| path.extension().is_some_and(|ext| ext == extension))
            .filter(|path| !path.ends_with("README.md"))
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn every_file_is_in_the_list() {
        let rules: BTreeSet<String> = RULES.iter().map(|rule| rule.id.to_owned()).collect();
        assert_eq!(stems("rules", "yml"), rules);
        assert_eq!(stems("rules", "md"), rules);
        assert_eq!(rules.len(), RULES.len(), "an id is there twice");
    }

    /// The documents of a rule's file that say `native: true`, by name.
    fn native_documents(rule: &Embedded) -> BTreeSet<String> {
        let documents = rsigma_parser::parse_sigma_yaml(rule.yaml).unwrap().rules.into_iter();
        let is_native = |own: &yaml_serde::Value| own.get("native")?.as_bool();
        documents
            .filter(|document| {
                document.custom_attributes.get("keytrail").and_then(is_native) == Some(true)
            })
            .filter_map(|document| document.name)
            .collect()
    }

    #[test]
    fn every_native_document_has_code_on_the_line_of_its_rule() {
        for rule in RULES {
            let coded: Vec<&str> = rule.code.iter().map(|coded| coded.name).collect();
            let names: BTreeSet<String> = coded.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(native_documents(rule), names, "{}", rule.id);
            assert_eq!(names.len(), coded.len(), "{}: a name is there twice", rule.id);
        }
        let native = native(&Arc::default());
        let names: BTreeSet<&str> = native.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), native.len(), "a name is there twice");
        let judges_files = |(name, code): &(&'static str, Native)| {
            let Native::WholeLog(code) = code else { return None };
            (code.looks_at() == LooksAt::Files).then_some(*name)
        };
        let judging: Vec<&str> = native.iter().filter_map(judges_files).collect();
        assert_eq!(judging, [INTEGRITY]);
    }

    /// The files of code for a group, without `mod.rs`.
    fn files_of_code(group: &str) -> BTreeSet<String> {
        // `use` is a keyword of Rust.
        let folder = format!("src/detect/native/{}", if group == "use" { "usage" } else { group });
        if !Path::new(env!("CARGO_MANIFEST_DIR")).join(&folder).is_dir() {
            return BTreeSet::new();
        }
        let mut files = stems(&folder, "rs");
        files.remove("mod");
        files
    }

    /// Files of code are named as Rust names modules, in a folder of the rule's group. What is
    /// part of a rule may share a file.
    #[test]
    fn every_rule_in_code_has_its_file_and_every_file_its_rule() {
        for rule in RULES {
            let files = files_of_code(rule.group);
            for coded in rule.code.iter().filter(|coded| coded.name == rule.id) {
                let file = coded.name.replace('-', "_");
                assert!(files.contains(&file), "{} has no file {file}.rs", rule.id);
            }
        }
        let groups: BTreeSet<&str> = RULES.iter().map(|rule| rule.group).collect();
        for group in groups {
            let rules = RULES.iter().filter(|rule| rule.group == group);
            let names = rules.flat_map(|rule| rule.code).map(|coded| coded.name.replace('-', "_"));
            let names: BTreeSet<String> = names.collect();
            let strangers: Vec<String> = files_of_code(group).difference(&names).cloned().collect();
            assert!(strangers.is_empty(), "{group}: {strangers:?} are no rule's");
        }
    }

    #[test]
    fn every_name_is_the_file_stem_and_the_heading() {
        for rule in RULES {
            let parsed = rsigma_parser::parse_sigma_yaml(rule.yaml).unwrap();
            assert!(parsed.errors.is_empty(), "{}: {:?}", rule.id, parsed.errors);
            let rules = parsed.rules.iter().map(|rule| (&rule.name, &rule.level));
            let correlations = parsed.correlations.iter().map(|rule| (&rule.name, &rule.level));
            let main: Vec<_> = rules
                .chain(correlations)
                .filter(|(name, _)| name.as_deref() == Some(rule.id))
                .collect();
            assert_eq!(main.len(), 1, "{}: one document has the file's name", rule.id);
            assert!(main[0].1.is_some(), "{}", rule.id);
            assert!(rule.explanation.starts_with(&format!("# {}: ", rule.id)), "{}", rule.id);
        }
    }
}
