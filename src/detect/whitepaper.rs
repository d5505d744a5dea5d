//! The statements of AWS's whitepaper on KMS best practices, by the short names that rules use.
//!
//! Each statement is one line in our own words. The key `whitepaper` of a rule lists the statements
//! that the rule helps to audit. A test checks that every listed name is in this table.

/// One statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement {
    /// The short name, such as `MFA`.
    pub name: &'static str,
    /// What it asks for.
    pub text: &'static str,
}

const fn says(name: &'static str, text: &'static str) -> Statement {
    Statement { name, text }
}

/// Every statement, in the order of the paper.
pub const STATEMENTS: &[Statement] = &[
    says("IAM", "IAM policies alone open no key: its key policy must let them count"),
    says("POL", "Replace the default key policy by one with least privilege"),
    says("ACC", "Access to encrypted data takes a permission on the data and one on its key"),
    says("LP", "Grant single actions, so that a writer may encrypt and not decrypt"),
    says("SOD", "Who administers a key does not use it, and the other way round"),
    says("XA", "Open a key to another account key by key, to named principals if possible"),
    says(
        "GR",
        "Add access by grants, narrow and short-lived; a new policy replaces all of the old",
    ),
    says("EC", "Bind data to its use by an encryption context, which is logged and never secret"),
    says("MFA", "Demand recent MFA for calls that change a key's policy or destroy it"),
    says("CT", "Keep CloudTrail on everywhere, with every KMS call in it"),
    says("MON", "Watch deletion, disabling, policy changes, and what KMS itself reports of keys"),
    says("VAL", "Check logs and resources all the time, not once"),
    says("TAG", "A key and what it encrypts have the same classification, as their tags say"),
    says("CMK", "Prefer customer managed keys; encrypt directly up to 4 KB only"),
    says(
        "BLAST",
        "No single key over Regions, environments or applications; one or more a data class",
    ),
    says("CENT", "Keep keys beside their data, or in one account that names every user"),
    says("ALIAS", "Call keys by alias after a naming scheme, so that they can be exchanged"),
    says("ALIASPOL", "No aliases in policies and grants: they can be pointed elsewhere"),
    says("ENV", "Encrypt large data with data keys, cache those, and encrypt anew in each Region"),
    says(
        "PCI",
        "Card numbers: keys that cannot leave KMS, every use audited, request limits known",
    ),
    says("S3SEC", "Secrets in S3: a closed bucket, a key of their own, data events in the trail"),
    says("LAM", "Encrypt a Lambda function's environment with a key of your own"),
    says("SSM", "Keep secrets as SecureString under keys of their own, and audit who reads them"),
    says("REST", "Detect storage that is created without encryption"),
];

/// The statement with this short name.
pub fn statement(name: &str) -> Option<&'static Statement> {
    STATEMENTS.iter().find(|statement| statement.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::RuleSet;

    #[test]
    fn every_name_in_the_pack_is_known() {
        let rules = RuleSet::load(true, &[], &Default::default()).unwrap().rules;
        for meta in rules.reported() {
            for name in &meta.whitepaper {
                assert!(statement(name).is_some(), "{}: '{name}' is no statement", meta.id);
            }
        }
    }
}
