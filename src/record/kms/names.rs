//! The names of KMS calls by what they can do. Sorted, since they are searched by halves.
//!
//! Source: the KMS API reference. Names recur in other services: always ask for the event source as well.

/// Calls that manage keys, aliases, grants and key stores.
pub const ADMIN: &[&str] = &[
    "CancelKeyDeletion",
    "ConnectCustomKeyStore",
    "CreateAlias",
    "CreateCustomKeyStore",
    "CreateGrant",
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
    "Decrypt",
    "DeriveSharedSecret",
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
    use super::*;

    #[test]
    fn lists_are_sorted_and_critical_calls_are_admin_calls() {
        for list in [ADMIN, CRYPTO, SYM, CRITICAL, UNASKED] {
            assert!(list.is_sorted());
        }
        assert!(CRITICAL.iter().all(|name| is_admin(name)));
        assert!(SYM.iter().all(|name| is_crypto(name)));
        assert!(is_sym("ReEncrypt") && !is_sym("Sign") && !is_critical("CreateKey"));
        assert!(CRYPTO.iter().chain(&["GenerateRandom", "ListKeys"]).all(|name| is_read(name)));
        assert!(!ADMIN.iter().chain(UNASKED).any(|name| is_read(name)) && is_unasked("RotateKey"));
    }
}
