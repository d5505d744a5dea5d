//! Rules about encryption at rest: code for `rules/rest/`.
//!
//! Services such as EBS, RDS and S3 encrypt what they store with a KMS key. The rules here report
//! changes of that key, and copies that others can read.

pub mod bucket_encryption_changed;
pub mod bucket_encryption_changed_history;
pub mod ebs_default_key_changed;
pub mod ebs_snapshot_unencrypted_history;
pub mod image_shared_foreign;
pub mod snapshot_shared_with_key;

pub use bucket_encryption_changed::BucketEncryptionChanged;
pub use bucket_encryption_changed_history::BucketEncryptionChangedHistory;
pub use ebs_default_key_changed::EbsDefaultKeyChanged;
pub use ebs_snapshot_unencrypted_history::EbsSnapshotUnencryptedHistory;
pub use image_shared_foreign::ImageSharedForeign;
pub use snapshot_shared_with_key::SnapshotSharedWithKey;
