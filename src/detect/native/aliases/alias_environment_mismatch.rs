//! Judges aliases whose name says another environment than the tags of their key.
//!
//! It is code because the tags of the key come from other records. What must stay true: an alias
//! whose words name no environment, or several, says nothing.

use crate::detect::whole_log::tags::AliasGiven;
use crate::detect::whole_log::{Conclusion, LogView, LooksAt, Piece, WholeLog};
use crate::model::estate::GovernedTag;
use crate::model::time::Time;
use crate::tags::compare::{environment, environment_of_alias};
use crate::tags::timeline::State;

/// How long after its alias a key's tags are looked at: they may be set by the next call.
const SETTLES: i64 = 60_000_000; // a minute, in microseconds

/// See `rules/aliases/alias-environment-mismatch.md`.
#[derive(Debug)]
pub struct AliasEnvironmentMismatch;

impl WholeLog for AliasEnvironmentMismatch {
    fn looks_at(&self) -> LooksAt {
        LooksAt::Aliases
    }

    fn judge(&self, view: &LogView<'_>) -> Option<Conclusion> {
        let Piece::Alias(&AliasGiven { alias, time, courses, end }) = view.piece else {
            return None;
        };
        let named = environment_of_alias(alias)?;
        let tags = &view.estate.governed_tags;
        let is_environment = |tag: &GovernedTag| GovernedTag::folded(&tag.name) == "environment";
        let at = tags.iter().position(is_environment)?;
        let settled = Time(time.0.saturating_add(SETTLES)).min(end.max(time));
        let State::Known(value, _) = courses.get(at)?.at(settled) else { return None };
        if environment(tags[at].meaning(value))? == named {
            return None;
        }
        let why = format!("the alias says {named}, the tags of the key say {value}");
        let told = Conclusion::at(view.level).with("why", why);
        Some(told.with("alias", alias).with("environment", value.as_str()))
    }
}
