//! Rules about the tags of keys: code for `rules/tags/`.
//!
//! The rules that compare the tags of a key with the tags of its subject are not here. The engine
//! decides them after the last record; the registry marks them as `Native::Tagging`.

pub mod key_governed_tag_changed;
pub mod key_untagged;

pub use key_governed_tag_changed::KeyGovernedTagChanged;
pub use key_untagged::KeyUntagged;
