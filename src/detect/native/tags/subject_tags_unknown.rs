//! Judges uses of a key on resources whose tags are not known.
//!
//! It is code because it compares tags as of the time of each use. What must stay true: all such
//! uses of a key are one finding, because one key may have a million such resources, and nothing is
//! wrong with any.

use crate::detect::native::shared::tag_pairs;
use crate::detect::stateful::Scope;
use crate::detect::whole_log::{Conclusion, LogView, LooksAt, WholeLog};
use crate::tags::compare::Disagreement;

/// See `rules/tags/subject-tags-unknown.md`.
#[derive(Debug)]
pub struct SubjectTagsUnknown;

impl WholeLog for SubjectTagsUnknown {
    fn looks_at(&self) -> LooksAt {
        LooksAt::Pairs(Disagreement::Unknown, Scope::Key)
    }

    fn judge(&self, view: &LogView<'_>) -> Option<Conclusion> {
        let pairs = tag_pairs::of(&view.piece)?;
        let resources: Vec<String> = pairs.resources.to_vec();
        Some(tag_pairs::told(pairs, view.level).with("resources", resources))
    }
}
