//! Rules over the whole log: code that judges what only all records and files together tell.
//!
//! ```text
//! tags     keys and resources whose tags were compared, aliases, classes of data
//! hours    hours in which something is missing
//! expected accounts and Regions that are expected and never deliver
//! ```
//!
//! The engine gathers, merges, counts and cuts off. A rule says what that is worth: the level and the
//! words. It is shown the log piece by piece, so that nothing has to be in memory at once. What must
//! stay true: a rule changes nothing of what it is shown and judges each piece by itself, so that
//! the order of pieces decides nothing.

pub mod expected;
pub mod hours;
pub mod tags;

use std::collections::BTreeMap;

use serde_json::Value;

use super::stateful::Scope;
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::model::verified::Unverified;
use crate::tags::compare::Disagreement;
use expected::Undelivered;
use hours::Missing;
use tags::{AliasGiven, DataClass, Evasion, Pairs};

/// A rule that judges the whole log.
pub trait WholeLog: Send + Sync {
    /// What it looks at. The engine gathers this for it and shows it nothing else.
    fn looks_at(&self) -> LooksAt;

    /// Judges one piece of the log; `None` if there is nothing to say.
    fn judge(&self, view: &LogView<'_>) -> Option<Conclusion>;

    /// Whether it gives its findings other levels than its own. If not, and if no report lists its
    /// own level, its findings are counted, and less is kept of each.
    fn sets_levels(&self) -> bool {
        false
    }

    /// The rule whose findings it raises and lowers, if it has none of its own.
    fn adjusts(&self) -> Option<&'static str> {
        None
    }
}

/// What a rule over the whole log looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LooksAt {
    /// Uses of keys on resources whose tags disagree in this way. The scope is what the uses of one
    /// finding have in common.
    Pairs(Disagreement, Scope),
    /// Aliases that were given to keys.
    Aliases,
    /// Classes of data.
    Classes,
    /// Tag changes that kept a use from being a mismatch. They come to light only if another rule
    /// has tags compared.
    Evasions,
    /// Hours in which something is missing, of each account and Region.
    Hours,
    /// Accounts and Regions that the configuration expects and that never delivered anything.
    Expected,
    /// Files that do not verify.
    Files,
}

impl LooksAt {
    /// Whether tags have to be compared for it.
    pub fn wants_tags(self) -> bool {
        matches!(self, LooksAt::Pairs(..) | LooksAt::Aliases | LooksAt::Classes)
    }
}

/// What a rule may see when it judges one piece of the log.
#[derive(Debug, Clone, Copy)]
pub struct LogView<'a> {
    /// What the organisation tells about itself.
    pub estate: &'a Estate,
    /// The level that the rule says it has.
    pub level: Level,
    /// The piece.
    pub piece: Piece<'a>,
}

/// One piece of the log, of the kind that [`LooksAt`] names.
#[derive(Debug, Clone, Copy)]
pub enum Piece<'a> {
    /// Uses that go into one finding.
    Pairs(&'a Pairs<'a>),
    /// An alias that was given to a key.
    Alias(&'a AliasGiven<'a>),
    /// A class of data.
    Class(&'a DataClass<'a>),
    /// A tag change.
    Evasion(Evasion<'a>),
    /// What is missing of one account and Region, by time; never empty.
    Hours(&'a [Missing]),
    /// What is expected of one account and was never delivered.
    Undelivered(&'a Undelivered),
    /// Files that go into one finding.
    Files(&'a Unverified),
}

/// What a rule says of a piece.
#[derive(Debug, Clone, PartialEq)]
pub struct Conclusion {
    /// How serious it is.
    pub level: Level,
    /// What there is to say. `why`: in words.
    pub details: BTreeMap<String, Value>,
}

impl Conclusion {
    /// A conclusion at `level`.
    pub fn at(level: Level) -> Conclusion {
        Conclusion { level, details: BTreeMap::new() }
    }

    /// With one more detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Conclusion {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// Why, in words.
    pub fn why(&self) -> &str {
        self.details.get("why").and_then(Value::as_str).unwrap_or_default()
    }

    /// The details as JSON texts, as groups keep them.
    pub fn texts(&self) -> BTreeMap<String, String> {
        self.details.iter().map(|(name, value)| (name.clone(), value.to_string())).collect()
    }
}
