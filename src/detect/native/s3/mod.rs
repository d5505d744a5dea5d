//! Rules about writes to S3 that take data away from its owner: code for `rules/s3/`.
//!
//! Ransomware in S3 re-encrypts objects with a key that the owner does not control. These calls are
//! S3 data events, which a trail records only if it is told to.

pub mod s3_foreign_key_write;
pub mod s3_in_place_reencrypt;

pub use s3_foreign_key_write::S3ForeignKeyWrite;
pub use s3_in_place_reencrypt::S3InPlaceReencrypt;
