//! Rules about aliases: code for `rules/aliases/`.
//!
//! An alias names a key. Who moves, deletes or replaces an alias changes which key an application
//! uses. Most rules here compare one call with earlier calls on the same alias, so they are
//! histories.

pub mod alias_deleted_history;
pub mod alias_environment_mismatch;
pub mod alias_naming_scheme;
pub mod alias_replaced;
pub mod alias_repointed_history;

pub use alias_deleted_history::AliasDeletedHistory;
pub use alias_environment_mismatch::AliasEnvironmentMismatch;
pub use alias_naming_scheme::AliasNamingScheme;
pub use alias_replaced::AliasReplaced;
pub use alias_repointed_history::AliasRepointedHistory;
