//! Raises changes of a governed tag that kept a use from being a mismatch.
//!
//! It is code because it compares a use with the tags before the change. What must stay true: it
//! raises the findings of `key-governed-tag-changed` and has none of its own.

use crate::detect::whole_log::{Conclusion, LogView, LooksAt, Piece, WholeLog};

/// See `rules/tags/key-governed-tag-changed.md`.
#[derive(Debug)]
pub struct KeyGovernedTagChangedEvasion;

impl WholeLog for KeyGovernedTagChangedEvasion {
    fn looks_at(&self) -> LooksAt {
        LooksAt::Evasions
    }

    fn judge(&self, view: &LogView<'_>) -> Option<Conclusion> {
        let Piece::Evasion(_) = view.piece else { return None };
        let why = "without the change, a use within the hour would have been a mismatch";
        Some(Conclusion::at(view.level).with("why", why))
    }

    fn adjusts(&self) -> Option<&'static str> {
        Some("key-governed-tag-changed")
    }
}
