//! Rules about the tags of keys: code for `rules/tags/`.
//!
//! Most of them judge what the whole log tells: the tags of a key and of what it protects, compared
//! as of each use.

pub mod classification_without_key;
pub mod key_governed_tag_changed;
pub mod key_governed_tag_changed_evasion;
pub mod key_governed_tag_changed_history;
pub mod key_tag_mismatch;
pub mod key_tag_one_sided;
pub mod key_untagged;
pub mod subject_tags_unknown;

pub use classification_without_key::ClassificationWithoutKey;
pub use key_governed_tag_changed::KeyGovernedTagChanged;
pub use key_governed_tag_changed_evasion::KeyGovernedTagChangedEvasion;
pub use key_governed_tag_changed_history::KeyGovernedTagChangedHistory;
pub use key_tag_mismatch::KeyTagMismatch;
pub use key_tag_one_sided::KeyTagOneSided;
pub use key_untagged::KeyUntagged;
pub use subject_tags_unknown::SubjectTagsUnknown;
