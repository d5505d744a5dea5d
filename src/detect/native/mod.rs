//! Rules that are code: what Sigma cannot say of one record, or of many.
//!
//! ```text
//! <group>/<rule>.rs   one rule: the code for rules/<group>/<rule>.yml (`usage` for the group `use`)
//! shared              what several rules use: policies, grants, request members, time
//! testing             support for the tests of rules
//! ```
//!
//! The YAML file holds everything about a rule that is not code: its level, its text, and a
//! selection of the records that the code sees. The code decides. `registry` connects the two.
//!
//! What must stay true: a detector returns the level of a call that succeeded. The rule set alone
//! lowers the level of a failed call.

pub mod aliases;
pub mod grants;
pub mod lifecycle;
pub mod policy;
pub mod rest;
pub mod s3;
pub mod secrets;
mod shared;
pub mod tags;
#[cfg(test)]
mod testing;
pub mod trail;
pub mod usage;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::stateful::History;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// The code of a rule.
pub enum Native {
    /// Judges single records.
    Detector(Box<dyn Detector>),
    /// Judges many.
    History(Box<dyn History>),
    /// Compares tags, once all is read.
    Tagging,
    /// Looks at the hours that the logs cover, once all is read.
    Coverage,
    /// Judges files, not records.
    Integrity,
}

/// What a detector found in a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// How serious the call is, had it succeeded.
    pub level: Level,
    /// What the finding has to say beside its own members. `why`: what raised or lowered the level.
    pub details: BTreeMap<String, Value>,
    /// What the level rests on, if it rests on whose accounts these are.
    pub foreign: Option<Foreign>,
}

/// Accounts of which it is known only when all records are read whether they are the
/// organisation's own.
///
/// The finding stands as it is if any of them is neither own nor trusted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Foreign {
    /// The accounts.
    pub accounts: BTreeSet<String>,
    /// The level if all of them are own or trusted; `None`: no finding.
    pub otherwise: Option<Level>,
}

impl Found {
    /// A finding at `level` that rests on the record alone.
    pub fn at(level: Level) -> Found {
        Found { level, details: BTreeMap::new(), foreign: None }
    }

    /// With one more detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Found {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// Only if any of `accounts` is neither own nor trusted.
    #[must_use]
    pub fn if_foreign(self, accounts: impl IntoIterator<Item = String>) -> Found {
        let accounts = accounts.into_iter().collect();
        Found { foreign: Some(Foreign { accounts, otherwise: None }), ..self }
    }

    /// At this level if any of `accounts` is neither own nor trusted, else at `otherwise`.
    #[must_use]
    pub fn if_foreign_else(
        self,
        accounts: impl IntoIterator<Item = String>,
        otherwise: Level,
    ) -> Found {
        let accounts = accounts.into_iter().collect();
        Found { foreign: Some(Foreign { accounts, otherwise: Some(otherwise) }), ..self }
    }
}

/// A rule that is code.
pub trait Detector: Send + Sync {
    /// Judges one record. It may be any record at all, not only one that the selection fits.
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found>;

    /// Whether the rule can find anything at all; `false` when it rests on a setting that is not
    /// made, so that no record need be routed to it.
    fn is_set_up(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
