//! The names of KMS calls by what they can do. Sorted, since they are searched by halves.
//!
//! [`ADMIN`], [`CRYPTO`] and [`READ`] are the table: every operation of the KMS API is in one of them.
//! What must stay true: a test lists the operations of the newest API model that are in none.
//!
//! Source: the KMS API reference. Names recur in other services: always ask for the event source as well.

/// Calls that make and manage keys, aliases, grants and key stores.
pub const ADMIN: &[&str] = &[
    "CancelKeyDeletion",
    "ConnectCustomKeyStore",
    "CreateAlias",
    "CreateCustomKeyStore",
    "CreateGrant",
    "CreateKey",
    "DeleteAlias",
    "DeleteCustomKeyStore",
    "DeleteImportedKeyMaterial",
    "DisableKey",
    "DisableKeyRotation",
    "DisconnectCustomKeyStore",
    "EnableKey",
    "EnableKeyRotation",
    "ImportKeyMaterial",
    "PutKeyPolicy",
    "ReplicateKey",
    "RetireGrant",
    "RevokeGrant",
    "RotateKeyOnDemand",
    "ScheduleKeyDeletion",
    "TagResource",
    "UntagResource",
    "UpdateAlias",
    "UpdateCustomKeyStore",
    "UpdateKeyDescription",
    "UpdatePrimaryRegion",
];

/// Calls that use key material.
pub const CRYPTO: &[&str] = &[
    "Decapsulate",
    "Decrypt",
    "DeriveSharedSecret",
    "Encapsulate",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "ReEncrypt",
    "Sign",
    "Verify",
    "VerifyMac",
];

/// Calls that tell something about keys, and change and use none.
pub const READ: &[&str] = &[
    "DescribeCustomKeyStores",
    "DescribeKey",
    "GenerateRandom",
    "GetKeyLastUsage",
    "GetKeyPolicy",
    "GetKeyRotationStatus",
    "GetParametersForImport",
    "GetPublicKey",
    "ListAliases",
    "ListGrants",
    "ListKeyPolicies",
    "ListKeyRotations",
    "ListKeys",
    "ListResourceTags",
    "ListRetirableGrants",
];

/// Calls that use a symmetric encryption key, and so have an encryption context.
pub const SYM: &[&str] = &[
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncrypt",
];

/// Calls that can take a key away from its users, and that the AWS whitepaper "KMS best practices" wants MFA for.
pub const CRITICAL: &[&str] = &[
    "DeleteAlias",
    "DeleteImportedKeyMaterial",
    "DisableKey",
    "PutKeyPolicy",
    "ScheduleKeyDeletion",
];

/// What KMS does by itself, though nobody calls.
pub const UNASKED: &[&str] =
    &["DeleteExpiredKeyMaterial", "DeleteKey", "RotateKey", "SynchronizeMultiRegionKey"];

/// Whether a call of this name changes nothing, so that its record has `readOnly` true.
pub fn is_read(name: &str) -> bool {
    let asks = ["Describe", "Generate", "Get", "List"];
    asks.iter().any(|verb| name.starts_with(verb)) || is_crypto(name)
}

/// Whether `name` is one of [`UNASKED`].
pub fn is_unasked(name: &str) -> bool {
    UNASKED.binary_search(&name).is_ok()
}

/// Whether `name` is one of [`ADMIN`].
pub fn is_admin(name: &str) -> bool {
    ADMIN.binary_search(&name).is_ok()
}

/// Whether `name` is one of [`CRYPTO`].
pub fn is_crypto(name: &str) -> bool {
    CRYPTO.binary_search(&name).is_ok()
}

/// Whether `name` is one of [`SYM`].
pub fn is_sym(name: &str) -> bool {
    SYM.binary_search(&name).is_ok()
}

/// Whether `name` is one of [`CRITICAL`].
pub fn is_critical(name: &str) -> bool {
    CRITICAL.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every operation of the KMS API, version 2014-11-01, in the model that botocore 1.44.8 of
    /// November 2026 has. Bring it up to date with a newer model; the tests then say what to add.
    const OPERATIONS: &str = "CancelKeyDeletion ConnectCustomKeyStore CreateAlias \
        CreateCustomKeyStore CreateGrant CreateKey Decapsulate Decrypt DeleteAlias \
        DeleteCustomKeyStore DeleteImportedKeyMaterial DeriveSharedSecret DescribeCustomKeyStores \
        DescribeKey DisableKey DisableKeyRotation DisconnectCustomKeyStore EnableKey \
        EnableKeyRotation Encapsulate Encrypt GenerateDataKey GenerateDataKeyPair \
        GenerateDataKeyPairWithoutPlaintext GenerateDataKeyWithoutPlaintext GenerateMac \
        GenerateRandom GetKeyLastUsage GetKeyPolicy GetKeyRotationStatus GetParametersForImport \
        GetPublicKey ImportKeyMaterial ListAliases ListGrants ListKeyPolicies ListKeyRotations \
        ListKeys ListResourceTags ListRetirableGrants PutKeyPolicy ReEncrypt ReplicateKey \
        RetireGrant RevokeGrant RotateKeyOnDemand ScheduleKeyDeletion Sign TagResource \
        UntagResource UpdateAlias UpdateCustomKeyStore UpdateKeyDescription UpdatePrimaryRegion \
        Verify VerifyMac";

    #[test]
    fn every_operation_is_in_one_class() {
        let operations: BTreeSet<&str> = OPERATIONS.split_whitespace().collect();
        let classes = || [ADMIN, CRYPTO, READ].into_iter().flatten().copied();
        let classed: BTreeSet<&str> = classes().collect();
        let missing: Vec<&&str> = operations.difference(&classed).collect();
        assert!(missing.is_empty(), "in no class: {missing:?}");
        let unknown: Vec<&&str> = classed.difference(&operations).collect();
        assert!(unknown.is_empty(), "no operations: {unknown:?}");
        assert_eq!(classes().count(), classed.len(), "an operation is in two classes");
    }

    #[test]
    fn lists_are_sorted_and_critical_calls_are_admin_calls() {
        for list in [ADMIN, CRYPTO, READ, SYM, CRITICAL, UNASKED] {
            assert!(list.is_sorted());
        }
        assert!(CRITICAL.iter().all(|name| is_admin(name)));
        assert!(SYM.iter().all(|name| is_crypto(name)));
        assert!(is_sym("ReEncrypt") && !is_sym("Sign") && !is_critical("CreateKey"));
        assert!(CRYPTO.iter().chain(READ).all(|name| is_read(name)));
        assert!(!ADMIN.iter().chain(UNASKED).any(|name| is_read(name)) && is_unasked("RotateKey"));
    }
}
