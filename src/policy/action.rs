//! The KMS calls of a statement, as a set with one bit a call.
//!
//! Policies name calls by pattern (`kms:ReEncrypt*`), while questions are about calls. The patterns
//! of a statement are resolved once. Every later question is then bit arithmetic, however long the
//! policy is.

use std::sync::LazyLock;

use crate::model::pattern::wildcard;

/// Every KMS permission, sorted. They are named as in policies: the call `ReEncrypt` needs two.
///
/// Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS KMS".
const NAMES: &[&str] = &[
    "CancelKeyDeletion",
    "ConnectCustomKeyStore",
    "CreateAlias",
    "CreateCustomKeyStore",
    "CreateGrant",
    "CreateKey",
    "Decapsulate",
    "Decrypt",
    "DeleteAlias",
    "DeleteCustomKeyStore",
    "DeleteImportedKeyMaterial",
    "DeriveSharedSecret",
    "DescribeCustomKeyStores",
    "DescribeKey",
    "DisableKey",
    "DisableKeyRotation",
    "DisconnectCustomKeyStore",
    "EnableKey",
    "EnableKeyRotation",
    "Encapsulate",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GenerateRandom",
    "GetKeyLastUsage",
    "GetKeyPolicy",
    "GetKeyRotationStatus",
    "GetParametersForImport",
    "GetPublicKey",
    "ImportKeyMaterial",
    "ListAliases",
    "ListGrants",
    "ListKeyPolicies",
    "ListKeyRotations",
    "ListKeys",
    "ListResourceTags",
    "ListRetirableGrants",
    "PutKeyPolicy",
    "ReEncryptFrom",
    "ReEncryptTo",
    "ReplicateKey",
    "RetireGrant",
    "RevokeGrant",
    "RotateKeyOnDemand",
    "ScheduleKeyDeletion",
    "Sign",
    "SynchronizeMultiRegionKey",
    "TagResource",
    "UntagResource",
    "UpdateAlias",
    "UpdateCustomKeyStore",
    "UpdateKeyDescription",
    "UpdatePrimaryRegion",
    "Verify",
    "VerifyMac",
];

/// A set of KMS permissions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Actions(u64);

impl Actions {
    /// None.
    pub const NONE: Actions = Actions(0);
    /// Every permission there is.
    pub const ALL: Actions = Actions(u64::MAX >> (64 - NAMES.len()));
    /// What takes a key away from its users; the whitepaper wants MFA for these.
    pub const CRITICAL: Actions = Actions::of(&[
        "DeleteAlias",
        "DeleteImportedKeyMaterial",
        "DisableKey",
        "PutKeyPolicy",
        "ScheduleKeyDeletion",
    ]);
    /// What gives or takes away control over a key, grants apart.
    pub const CONTROL: Actions = Actions::of(&["PutKeyPolicy", "ScheduleKeyDeletion"]);
    /// What gets data out of, or under, a key.
    pub const USE: Actions = Actions::of(&[
        "Decapsulate",
        "Decrypt",
        "DeriveSharedSecret",
        "GenerateDataKey",
        "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext",
        "ReEncryptFrom",
        "ReEncryptTo",
        "Sign",
    ]);
    /// What an application may do with a key: use it in every way, and describe it.
    pub const APPLICATION: Actions = Actions::USE.with(Actions::of(&[
        "DescribeKey",
        "Encapsulate",
        "Encrypt",
        "GenerateMac",
        "GetPublicKey",
        "Verify",
        "VerifyMac",
    ]));
    /// What an encryption context could bind, beside encryption itself.
    pub const DATA: Actions = Actions::of(&[
        "Decrypt",
        "GenerateDataKey",
        "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext",
    ]);
    /// What is about aliases, and so may rightly name one as its resource.
    pub const ALIAS: Actions =
        Actions::of(&["CreateAlias", "DeleteAlias", "ListAliases", "UpdateAlias"]);
    /// What an IAM policy should not allow on every key.
    pub const PERILOUS: Actions = Actions::of(&[
        "CreateGrant",
        "Decrypt",
        "PutKeyPolicy",
        "ReEncryptFrom",
        "ReEncryptTo",
        "ScheduleKeyDeletion",
    ]);
    /// What is about no key, so that only IAM decides, for all resources. Source: Service Authorization
    /// Reference, "Actions, resources, and condition keys for AWS KMS".
    pub const WITHOUT_KEY: Actions = Actions::of(&[
        "ConnectCustomKeyStore",
        "CreateCustomKeyStore",
        "CreateKey",
        "DeleteCustomKeyStore",
        "DescribeCustomKeyStores",
        "DisconnectCustomKeyStore",
        "GenerateRandom",
        "ListAliases",
        "ListKeys",
        "ListRetirableGrants",
        "UpdateCustomKeyStore",
    ]);
    /// `PutKeyPolicy`, which can give every other call.
    pub const POLICY: Actions = Actions::of(&["PutKeyPolicy"]);
    /// `CreateGrant`.
    pub const GRANT: Actions = Actions::of(&["CreateGrant"]);
    /// `DescribeKey`, which tells nothing worth fencing.
    pub const DESCRIBE: Actions = Actions::of(&["DescribeKey"]);

    /// How many permissions are known. [`bits`](Actions::bits) of another number mean other calls.
    pub const KNOWN: usize = NAMES.len();

    /// The set of these names; a name that is none of KMS's adds nothing (a test proves that none
    /// above is).
    const fn of(names: &[&str]) -> Actions {
        let (mut bits, mut at) = (0, 0);
        while at < names.len() {
            let mut bit = 0;
            while bit < NAMES.len() {
                if same(NAMES[bit].as_bytes(), names[at].as_bytes()) {
                    bits |= 1 << bit;
                }
                bit += 1;
            }
            at += 1;
        }
        Actions(bits)
    }

    /// What `pattern` (`kms:Decrypt`, `kms:re*`, `*`) names, whatever the letter case.
    pub fn matching(pattern: &str) -> Actions {
        let pattern = collapsed(pattern);
        // No permission is longer than this, and each `*` stands beside another character.
        if pattern.len() > 2 * LONGEST {
            return Actions::NONE;
        }
        if pattern == "*" || pattern == "kms:*" {
            return Actions::ALL;
        }
        // Most patterns are about other services.
        if !pattern.starts_with(['k', '*', '?']) {
            return Actions::NONE;
        }
        let bits = FOLDED.iter().enumerate().filter(|(_, name)| wildcard(&pattern, name));
        Actions(bits.fold(0, |set, (bit, _)| set | 1 << bit))
    }

    /// What is in either.
    #[must_use]
    pub const fn with(self, other: Actions) -> Actions {
        Actions(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub fn and(self, other: Actions) -> Actions {
        Actions(self.0 & other.0)
    }

    /// What is in this and not in `other`.
    #[must_use]
    pub const fn without(self, other: Actions) -> Actions {
        Actions(self.0 & !other.0)
    }

    /// Whether nothing is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this and `other` have anything in common.
    pub fn meets(self, other: Actions) -> bool {
        !self.and(other).is_empty()
    }

    /// The set as a number, one bit a call.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// The set of a number that [`bits`](Actions::bits) gave.
    pub fn of_bits(bits: u64) -> Actions {
        Actions(bits).and(Actions::ALL)
    }

    /// The names, sorted, as in policies but for `kms:`.
    pub fn names(self) -> Vec<&'static str> {
        let inside = |(bit, _): &(usize, &&str)| self.0 & (1 << bit) != 0;
        NAMES.iter().enumerate().filter(inside).map(|(_, name)| *name).collect()
    }
}

/// Every KMS permission as a policy names it, in lower case.
static FOLDED: LazyLock<Vec<String>> = LazyLock::new(|| {
    NAMES.iter().map(|name| format!("kms:{}", name.to_ascii_lowercase())).collect()
});

/// The length of the longest permission, `kms:` included, and then some.
const LONGEST: usize = 64;

/// Whether two names are the same; `==` is not for constants.
const fn same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

/// A pattern in lower case, each run of stars as one.
fn collapsed(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len().min(3 * LONGEST));
    for c in pattern.chars() {
        if !(c == '*' && text.ends_with('*')) {
            text.push(c.to_ascii_lowercase());
        }
        if text.len() > 2 * LONGEST {
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::kms::{ADMIN, CRYPTO, READ};

    #[test]
    fn names_are_sorted_and_each_set_is_spelt_right() {
        assert!(NAMES.is_sorted());
        assert_eq!(Actions::ALL.names(), NAMES);
        for (set, len) in [
            (Actions::CRITICAL, 5),
            (Actions::CONTROL, 2),
            (Actions::USE, 10),
            (Actions::DATA, 5),
            (Actions::ALIAS, 4),
            (Actions::PERILOUS, 6),
            (Actions::WITHOUT_KEY, 11),
            (Actions::POLICY, 1),
            (Actions::GRANT, 1),
            (Actions::DESCRIBE, 1),
        ] {
            assert_eq!(set.names().len(), len, "{:?}", set.names());
        }
    }

    /// The lists of calls hold every operation of the API; a test there proves it.
    #[test]
    fn every_operation_is_a_permission() {
        let operations = [ADMIN, CRYPTO, READ].into_iter().flatten();
        // ReEncrypt takes two, one for each key.
        let pattern = |name: &str| match name {
            "ReEncrypt" => "kms:ReEncrypt*".to_owned(),
            name => format!("kms:{name}"),
        };
        let unknown: Vec<&&str> =
            operations.filter(|name| Actions::matching(&pattern(name)).is_empty()).collect();
        assert!(unknown.is_empty(), "no permissions: {unknown:?}");
    }

    #[test]
    fn patterns_name_calls_whatever_their_case() {
        for (pattern, names) in [
            ("KMS:decrypt", vec!["Decrypt"]),
            ("kms:ReEncrypt*", vec!["ReEncryptFrom", "ReEncryptTo"]),
            ("kms:Disable???", vec!["DisableKey"]),
            ("k?s:put*policy", vec!["PutKeyPolicy"]),
            ("kms:ReEncrypt", vec![]),
            ("Decrypt", vec![]),
            ("s3:*", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(Actions::matching(pattern).names(), names, "{pattern}");
        }
        for all in ["*", "kms:*", "KMS:*", "***", "kms:**", "*:*", "k*"] {
            assert_eq!(Actions::matching(all), Actions::ALL, "{all}");
        }
        assert_eq!(Actions::matching(&"*".repeat(1 << 20)), Actions::ALL);
        assert_eq!(Actions::matching(&"*a".repeat(1 << 20)), Actions::NONE);
    }
}
