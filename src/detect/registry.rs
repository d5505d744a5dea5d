//! The built-in rules, by name: a list, so that what is shipped is what is written here.
//!
//! Each rule is two files in `rules/` that are embedded in the binary: Sigma YAML, and the
//! explanation that `rules show` prints. Those that say `native: true` have their code here. A test
//! proves that no file is missing from the list.

use std::sync::Arc;

use super::native::{Native, all, histories};
use crate::model::estate::Estate;

/// An embedded Sigma rule.
#[derive(Debug, Clone, Copy)]
pub struct Embedded {
    /// The slug: file stem, `name` in the YAML, id in reports.
    pub id: &'static str,
    /// The folder under `rules/`.
    pub group: &'static str,
    /// The file's name, as it would be in the source tree.
    pub origin: &'static str,
    /// The rule.
    pub yaml: &'static str,
    /// Why, when it is harmless, what to do: Markdown.
    pub explanation: &'static str,
}

macro_rules! embedded {
    ($($group:literal: $($id:literal),+;)+) => {
        &[$($(Embedded {
            id: $id,
            group: $group,
            origin: concat!("rules/", $group, "/", $id, ".yml"),
            yaml: include_str!(concat!("../../rules/", $group, "/", $id, ".yml")),
            explanation: include_str!(concat!("../../rules/", $group, "/", $id, ".md")),
        }),+),+]
    };
}

/// The rules that the engine decides by comparing tags, once all is read.
const TAGGING: [&str; 5] = [
    "alias-environment-mismatch",
    "classification-without-key",
    "key-tag-mismatch",
    "key-tag-one-sided",
    "subject-tags-unknown",
];

/// The rules that the engine decides by the hours that the logs cover.
const COVERAGE: [&str; 1] = ["audit-gap"];
/// The rule about files that do not verify. It judges no record, so records cannot show it.
pub const INTEGRITY: &str = "log-tampering";

/// Every built-in rule.
pub const RULES: &[Embedded] = embedded! {
    "aliases":
        "alias-deleted",
        "alias-environment-mismatch",
        "alias-naming-scheme",
        "alias-replaced",
        "alias-repointed";
    "chains":
        "chain-alias-swap",
        "chain-blind-then-act",
        "chain-bucket-lockout",
        "chain-delete-in-use",
        "chain-exfil-snapshot",
        "chain-kms-ransomware",
        "chain-lockout",
        "chain-policy-then-decrypt",
        "chain-recon-then-act",
        "chain-tag-bypass";
    "grants":
        "grant-allows-delegation",
        "grant-created-directly",
        "grant-external-grantee",
        "grant-revoked",
        "grant-to-self",
        "grant-unconstrained";
    "lifecycle":
        "disabled-key-use",
        "external-origin-key-created",
        "import-parameters-requested",
        "imported-material-deleted",
        "imported-material-expired",
        "imported-material-expiring",
        "key-created",
        "key-deleted",
        "key-deletion-burst",
        "key-deletion-cancelled",
        "key-deletion-scheduled",
        "key-deletion-short-window",
        "key-disabled",
        "key-enabled",
        "key-material-imported",
        "key-replicated",
        "key-rotated",
        "multi-region-key-created",
        "pending-deletion-key-use",
        "primary-region-moved",
        "rotation-disabled",
        "rotation-never-enabled",
        "rotation-period-long";
    "policy":
        "iam-policy-kms-wide",
        "key-policy-changed",
        "policy-admin-and-use",
        "policy-admin-removed",
        "policy-alias-reference",
        "policy-critical-actions-without-mfa",
        "policy-default-unedited",
        "policy-external-account",
        "policy-external-account-root",
        "policy-external-trust-spread",
        "policy-lockout-check-bypassed",
        "policy-mfa-condition-broken",
        "policy-no-encryption-context",
        "policy-no-iam-delegation",
        "policy-not-principal",
        "policy-public-principal",
        "policy-self-grant",
        "policy-service-without-source",
        "policy-unrestricted-grants",
        "policy-wildcard-actions";
    "rest":
        "bucket-encryption-changed",
        "bucket-encryption-deleted",
        "ebs-default-encryption-off",
        "ebs-default-key-changed",
        "ebs-snapshot-unencrypted",
        "ebs-volume-unencrypted",
        "log-group-key-removed",
        "rds-unencrypted",
        "snapshot-shared-with-key",
        "store-unencrypted";
    "s3":
        "s3-foreign-key-write",
        "s3-in-place-reencrypt",
        "s3-recovery-disabled",
        "s3-ssec-burst",
        "s3-ssec-write";
    "secrets":
        "lambda-env-decrypted-by-others",
        "lambda-env-default-key",
        "lambda-env-key-removed",
        "secret-bulk-read",
        "secret-default-key",
        "secret-deleted-at-once",
        "secret-read-catch-all",
        "secret-read-denied",
        "secrets-bucket-reader",
        "secrets-bucket-wrong-encryption",
        "ssm-bulk-decrypt",
        "ssm-default-key",
        "ssm-plaintext-secret",
        "ssm-securestring-downgraded";
    "stores":
        "key-store-changed",
        "key-store-created",
        "key-store-crypto-failure",
        "key-store-deleted",
        "key-store-disconnected",
        "xks-key-created";
    "tags":
        "classification-without-key",
        "key-governed-tag-changed",
        "key-tag-mismatch",
        "key-tag-one-sided",
        "key-untagged",
        "subject-tags-unknown";
    "trail":
        "audit-gap",
        "kms-monitor-removed",
        "log-tampering",
        "record-truncated",
        "trail-deleted",
        "trail-encryption-changed",
        "trail-kms-events-excluded",
        "trail-log-read-denied",
        "trail-management-events-off",
        "trail-redirected",
        "trail-stopped",
        "trail-weakened";
    "use":
        "admin-and-use",
        "aws-managed-key-used",
        "critical-call-stale-mfa",
        "critical-call-without-mfa",
        "decrypt-burst",
        "direct-decrypt",
        "direct-encrypt-bulk",
        "enclave-debug-attestation",
        "encrypt-only-role-decrypts",
        "encryption-context-mismatch",
        "encryption-context-sensitive",
        "first-use-of-key",
        "foreign-key-used",
        "key-blast-radius",
        "key-outside-region",
        "key-policy-or-grants-read",
        "key-unavailable",
        "key-used-by-foreign-account",
        "kms-access-denied",
        "kms-access-denied-burst",
        "kms-enumeration",
        "kms-throttled",
        "kms-vpce-denied",
        "no-encryption-context",
        "reencrypt-burst",
        "reencrypt-to-foreign-key",
        "root-user-kms",
        "service-only-key-used-directly";
};

/// The code of every built-in rule that is code, by the rule's id.
pub fn native(estate: &Arc<Estate>) -> Vec<(&'static str, Native)> {
    let detectors = all::detectors(estate).into_iter();
    let detectors = detectors.map(|(id, code)| (id, Native::Detector(code)));
    let histories =
        histories::histories(estate).into_iter().map(|(id, code)| (id, Native::History(code)));
    let tagging = TAGGING.iter().map(|id| (*id, Native::Tagging));
    let coverage = COVERAGE.iter().map(|id| (*id, Native::Coverage));
    let integrity = [(INTEGRITY, Native::Integrity)];
    detectors.chain(histories).chain(tagging).chain(coverage).chain(integrity).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// The stems of the files with this extension under a folder of the source tree.
    fn stems(folder: &str, extension: &str) -> BTreeSet<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        walkdir::WalkDir::new(root)
            .into_iter()
            .map(|entry| entry.unwrap().into_path())
            .filter(|path| path.extension().is_some_and(|ext| ext == extension))
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn every_file_is_in_the_list() {
        let rules: BTreeSet<String> = RULES.iter().map(|rule| rule.id.to_owned()).collect();
        assert_eq!(stems("rules", "yml"), rules);
        assert_eq!(stems("rules", "md"), rules);
        assert_eq!(rules.len(), RULES.len(), "an id is there twice");

        let native = native(&Arc::default());
        let mut said: BTreeSet<String> = BTreeSet::new();
        for rule in RULES {
            for document in rsigma_parser::parse_sigma_yaml(rule.yaml).unwrap().rules {
                let own = document.custom_attributes.get("keytrail");
                let native = own.and_then(|own| own.get("native")?.as_bool());
                said.extend(document.name.filter(|_| native == Some(true)));
            }
        }
        let coded: BTreeSet<String> = native.iter().map(|(id, _)| (*id).to_owned()).collect();
        assert_eq!(said, coded);
        assert_eq!(coded.len(), native.len(), "an id is there twice");
        // Files of code are named as Rust names modules; what is part of a rule may share one.
        let files = stems("src/detect/native", "rs");
        let elsewhere: BTreeSet<&str> =
            TAGGING.into_iter().chain(COVERAGE).chain([INTEGRITY]).collect();
        for id in coded.intersection(&rules).filter(|id| !elsewhere.contains(id.as_str())) {
            assert!(files.contains(&id.replace('-', "_")), "{id} has no file");
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
