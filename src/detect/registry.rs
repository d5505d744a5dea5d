//! The built-in rules, by name: a list, so that what is shipped is what is written here.
//!
//! Each rule is two files in `rules/` that are embedded in the binary: Sigma YAML, and the
//! explanation that `rules show` prints. Those that say `native: true` have their code here. A test
//! proves that no file is missing from the list.

use std::sync::Arc;

use super::native::{Detector, Native, critical_call_without_mfa};
use super::stateful::History;
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
    "lifecycle":
        "external-origin-key-created",
        "imported-material-deleted",
        "imported-material-expired",
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
        "lambda-env-key-removed",
        "secret-bulk-read",
        "secret-default-key",
        "secret-deleted-at-once",
        "secret-read-denied",
        "ssm-bulk-decrypt",
        "ssm-default-key",
        "ssm-plaintext-secret";
    "trail":
        "trail-deleted",
        "trail-encryption-changed",
        "trail-stopped",
        "trail-weakened";
    "use":
        "critical-call-without-mfa",
        "direct-decrypt",
        "direct-encrypt-bulk",
        "encryption-context-mismatch",
        "key-policy-or-grants-read",
        "key-unavailable",
        "kms-access-denied",
        "kms-access-denied-burst",
        "kms-enumeration",
        "kms-throttled",
        "kms-vpce-denied",
        "no-encryption-context",
        "reencrypt-burst",
        "root-user-kms";
};

/// The code of every built-in rule that is code, by the rule's id.
pub fn native(_estate: &Arc<Estate>) -> Vec<(&'static str, Native)> {
    let detectors: Vec<(&str, Box<dyn Detector>)> = vec![(
        "critical-call-without-mfa",
        Box::new(critical_call_without_mfa::CriticalCallWithoutMfa),
    )];
    let histories: Vec<(&str, Box<dyn History>)> = vec![];
    let detectors = detectors.into_iter().map(|(id, code)| (id, Native::Detector(code)));
    let histories = histories.into_iter().map(|(id, code)| (id, Native::History(code)));
    detectors.chain(histories).collect()
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
