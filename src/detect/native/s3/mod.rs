//! Rules about calls of S3 that take data away from its owner: code for `rules/s3/`.
//!
//! Ransomware in S3 first disables what would restore the data, and then re-encrypts objects with a
//! key that the owner does not control. Writes are S3 data events, which a trail records only if it
//! is told to.

pub mod s3_foreign_key_write;
pub mod s3_in_place_reencrypt;
pub mod s3_recovery_disabled;
pub mod s3_recovery_disabled_history;

pub use s3_foreign_key_write::S3ForeignKeyWrite;
pub use s3_in_place_reencrypt::S3InPlaceReencrypt;
pub use s3_recovery_disabled::S3RecoveryDisabled;
pub use s3_recovery_disabled_history::S3RecoveryDisabledHistory;
