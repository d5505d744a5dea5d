//! Rules about the trail itself: code for `rules/trail/`.
//!
//! A change of a trail can hide later KMS calls from this audit. `audit-gap` and `log-tampering`
//! are not here: the engine decides the first, the verification of files decides the second.

pub mod trail_encryption_changed;
pub mod trail_kms_events_excluded;
pub mod trail_management_events_off;
pub mod trail_redirected_history;

pub use trail_encryption_changed::TrailEncryptionChanged;
pub use trail_kms_events_excluded::TrailKmsEventsExcluded;
pub use trail_management_events_off::TrailManagementEventsOff;
pub use trail_redirected_history::TrailRedirectedHistory;
