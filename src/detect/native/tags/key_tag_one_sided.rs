//! Judges uses of a key on a resource where only one of both has a governed tag.
//!
//! It is code because it compares tags as of the time of each use. What must stay true: the side
//! without the tag is known to lack it.

use crate::detect::native::shared::tag_pairs;
use crate::detect::stateful::Scope;
use crate::detect::whole_log::{Conclusion, LogView, LooksAt, WholeLog};
use crate::tags::compare::Disagreement;

/// See `rules/tags/key-tag-one-sided.md`.
#[derive(Debug)]
pub struct KeyTagOneSided;

impl WholeLog for KeyTagOneSided {
    fn looks_at(&self) -> LooksAt {
        LooksAt::Pairs(Disagreement::OneSided, Scope::Event)
    }

    fn judge(&self, view: &LogView<'_>) -> Option<Conclusion> {
        Some(tag_pairs::told_with_attested(tag_pairs::of(&view.piece)?, view.level))
    }
}
