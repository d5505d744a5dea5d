//! Rules about the use of keys: code for `rules/use/`.
//!
//! The folder is named `usage` because `use` is a keyword of Rust. The registry maps the group
//! `use` to this module. These rules see every `Decrypt` and `Encrypt` call, so they must be cheap.

pub mod admin_and_use;
pub mod aws_managed_key_used;
pub mod aws_managed_key_used_history;
pub mod critical_call_stale_mfa;
pub mod critical_call_without_mfa;
pub mod decrypt_burst_event;
pub mod direct_decrypt;
pub mod dormant_key_used;
pub mod enclave_debug_attestation;
pub mod enclave_unknown_image;
pub mod encrypt_only_role_decrypts;
pub mod encryption_context_sensitive;
pub mod first_use_of_key;
pub mod foreign_key_used;
pub mod key_blast_radius;
pub mod key_outside_region;
pub mod key_used_by_foreign_account;
pub mod kms_enumeration_event;
pub mod reencrypt_to_foreign_key;
pub mod role_new_source;
pub mod service_only_key_used_directly;

pub use admin_and_use::AdminAndUse;
pub use aws_managed_key_used::AwsManagedKeyUsed;
pub use aws_managed_key_used_history::AwsManagedKeyUsedHistory;
pub use critical_call_stale_mfa::CriticalCallStaleMfa;
pub use critical_call_without_mfa::CriticalCallWithoutMfa;
pub use decrypt_burst_event::DecryptBurstEvent;
pub use direct_decrypt::DirectDecrypt;
pub use dormant_key_used::DormantKeyUsed;
pub use enclave_debug_attestation::EnclaveDebugAttestation;
pub use enclave_unknown_image::EnclaveUnknownImage;
pub use encrypt_only_role_decrypts::EncryptOnlyRoleDecrypts;
pub use encryption_context_sensitive::EncryptionContextSensitive;
pub use first_use_of_key::FirstUseOfKey;
pub use foreign_key_used::ForeignKeyUsed;
pub use key_blast_radius::KeyBlastRadius;
pub use key_outside_region::KeyOutsideRegion;
pub use key_used_by_foreign_account::KeyUsedByForeignAccount;
pub use kms_enumeration_event::KmsEnumerationEvent;
pub use reencrypt_to_foreign_key::ReencryptToForeignKey;
pub use role_new_source::RoleNewSource;
pub use service_only_key_used_directly::ServiceOnlyKeyUsedDirectly;
