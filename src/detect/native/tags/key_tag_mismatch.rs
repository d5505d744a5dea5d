//! Judges uses of a key on a resource of another business category.
//!
//! It is code because it compares tags as of the time of each use. What must stay true: the gravest
//! of the tags that differ decides the level.

use crate::detect::native::shared::tag_pairs;
use crate::detect::stateful::Scope;
use crate::detect::whole_log::{Conclusion, LogView, LooksAt, WholeLog};
use crate::tags::compare::Disagreement;

/// See `rules/tags/key-tag-mismatch.md`.
#[derive(Debug)]
pub struct KeyTagMismatch;

impl WholeLog for KeyTagMismatch {
    fn looks_at(&self) -> LooksAt {
        LooksAt::Pairs(Disagreement::Mismatch, Scope::Event)
    }

    fn judge(&self, view: &LogView<'_>) -> Option<Conclusion> {
        let pairs = tag_pairs::of(&view.piece)?;
        Some(tag_pairs::told_with_attested(pairs, pairs.highest))
    }

    /// The settings say how serious it is when a tag differs.
    fn sets_levels(&self) -> bool {
        true
    }
}
