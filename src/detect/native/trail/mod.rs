//! Rules about the trail itself: code for `rules/trail/`.
//!
//! A change of a trail can hide later KMS calls from this audit. So can files that are gone or were
//! changed, and those that never came: three rules judge what the whole log tells of that.

pub mod audit_gap;
pub mod kms_monitor_removed_history;
pub mod log_tampering;
pub mod trail_coverage_missing;
pub mod trail_encryption_changed;
pub mod trail_kms_events_excluded;
pub mod trail_management_events_off;
pub mod trail_redirected_history;

pub use audit_gap::AuditGap;
pub use kms_monitor_removed_history::KmsMonitorRemovedHistory;
pub use log_tampering::LogTampering;
pub use trail_coverage_missing::TrailCoverageMissing;
pub use trail_encryption_changed::TrailEncryptionChanged;
pub use trail_kms_events_excluded::TrailKmsEventsExcluded;
pub use trail_management_events_off::TrailManagementEventsOff;
pub use trail_redirected_history::TrailSettingHistory;
