//! The built-in rules, by name: a list, so that what is shipped is what is written here.
//!
//! Each rule is two files in `rules/` that are embedded in the binary: Sigma YAML, and the
//! explanation that `rules show` prints. Those that say `native: true` have their code here. A test
//! proves that no file is missing from the list.

use std::sync::Arc;

use super::native::{
    Detector, alias_naming_scheme, aws_managed_key_used, critical_call_stale_mfa,
    critical_call_without_mfa, enclave_debug_attestation, encryption_context_sensitive,
    foreign_key_used, imported_material_expiring, key_governed_tag_changed, key_outside_region,
    key_used_by_foreign_account, reencrypt_to_foreign_key, secrets_bucket_reader,
    secrets_bucket_wrong_encryption,
};
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

/// Every built-in rule.
pub const RULES: &[Embedded] = embedded! {
    "aliases":
        "alias-naming-scheme";
    "lifecycle":
        "external-origin-key-created",
        "imported-material-deleted",
        "imported-material-expired",
        "imported-material-expiring",
        "key-created",
        "key-deleted",
        "key-deletion-scheduled",
        "key-deletion-short-window",
        "key-disabled",
        "key-material-imported",
        "key-replicated",
        "key-rotated",
        "pending-deletion-key-use",
        "rotation-disabled";
    "secrets":
        "secrets-bucket-reader",
        "secrets-bucket-wrong-encryption";
    "tags":
        "key-governed-tag-changed";
    "trail":
        "trail-deleted",
        "trail-encryption-changed",
        "trail-stopped",
        "trail-weakened";
    "use":
        "aws-managed-key-used",
        "critical-call-stale-mfa",
        "critical-call-without-mfa",
        "enclave-debug-attestation",
        "encryption-context-sensitive",
        "foreign-key-used",
        "key-outside-region",
        "key-used-by-foreign-account",
        "reencrypt-to-foreign-key",
        "root-user-kms";
};

/// The code of every built-in rule that is code, by the rule's id.
pub fn native(estate: &Arc<Estate>) -> Vec<(&'static str, Box<dyn Detector>)> {
    let e = || Arc::clone(estate);
    vec![
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
        let says = |rule: &&Embedded| rule.yaml.contains("\n  native: true\n");
        let said: BTreeSet<&str> = RULES.iter().filter(says).map(|rule| rule.id).collect();
        let coded: BTreeSet<&str> = native.iter().map(|(id, _)| *id).collect();
        assert_eq!(said, coded);
        assert_eq!(coded.len(), native.len(), "an id is there twice");
        // Files of code are named as Rust names modules.
        let files = stems("src/detect/native", "rs");
        for id in coded {
            assert!(files.contains(&id.replace('-', "_")), "{id} has no file");
        }
    }

    #[test]
    fn every_name_is_the_file_stem_and_the_heading() {
        for rule in RULES {
            let parsed = rsigma_parser::parse_sigma_yaml(rule.yaml).unwrap();
            assert!(parsed.errors.is_empty(), "{}: {:?}", rule.id, parsed.errors);
            assert_eq!(parsed.rules.len(), 1, "{}", rule.id);
            assert_eq!(parsed.rules[0].name.as_deref(), Some(rule.id));
            assert!(parsed.rules[0].level.is_some(), "{}", rule.id);
            assert!(rule.explanation.starts_with(&format!("# {}: ", rule.id)), "{}", rule.id);
        }
    }
}
