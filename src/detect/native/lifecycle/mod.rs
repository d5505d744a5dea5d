//! Rules about the life of a key: code for `rules/lifecycle/`.
//!
//! A key is created, rotated, disabled, scheduled for deletion and deleted. The histories here
//! compare these calls over time. Most of them set the level of a rule that is written in Sigma.

pub mod imported_material_deleted_history;
pub mod imported_material_expiring;
pub mod key_created_history;
pub mod key_deleted_history;
pub mod key_deletion_burst_event;
pub mod key_deletion_scheduled_history;
pub mod key_deletion_short_window;
pub mod key_enabled_history;
pub mod key_replicated;
pub mod key_rotated_history;
pub mod rotation_never_enabled;
pub mod rotation_period_long;

pub use imported_material_deleted_history::ImportedMaterialDeletedHistory;
pub use imported_material_expiring::ImportedMaterialExpiring;
pub use key_created_history::KeyCreatedHistory;
pub use key_deleted_history::KeyDeletedHistory;
pub use key_deletion_burst_event::KeyDeletionBurstEvent;
pub use key_deletion_scheduled_history::KeyTakenAway;
pub use key_deletion_short_window::KeyDeletionShortWindow;
pub use key_enabled_history::KeyEnabledHistory;
pub use key_replicated::KeyReplicated;
pub use key_rotated_history::KeyRotatedHistory;
pub use rotation_never_enabled::RotationNeverEnabled;
pub use rotation_period_long::RotationPeriodLong;
