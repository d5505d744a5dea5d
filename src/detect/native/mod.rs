//! Rules that are code: what Sigma cannot say of one record, of many, or of the whole log.
//!
//! ```text
//! <group>/<rule>.rs   one rule: the code for rules/<group>/<rule>.yml (`usage` for the group `use`)
//! shared              what several rules use: policies, grants, request members, time
//! named               what a record names that the configuration may name
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
pub mod named;
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

use super::stateful::{History, Scope};
use super::whole_log::WholeLog;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;
pub use shared::key_life::OfLife;

/// The code of a rule.
pub enum Native {
    /// Looks at single records.
    Detector(Box<dyn Detector>),
    /// Looks at many records.
    History(Box<dyn History>),
    /// Looks at what the whole log tells.
    WholeLog(Box<dyn WholeLog>),
}

/// What a detector found in a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The level of the finding, assuming that the call succeeded.
    pub level: Level,
    /// Further facts for the report, by name. `why` says what raised or lowered the level.
    pub details: BTreeMap<String, Value>,
    /// The accounts that decide the level, if the level depends on who owns an account.
    pub foreign: Option<Foreign>,
    /// What it has in common with the matches that become one finding with it. `None` if they are
    /// about the same principal, key and resource, as most are.
    pub together: Option<Together>,
}

/// What makes one finding of matches on different keys or resources, or by different principals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Together {
    /// What the finding is about. The rest is counted, and some of it named.
    pub scope: Scope,
    /// What else the matches have in common, such as an account.
    pub by: String,
}

/// Accounts that may be the organisation's own. This is known only after the last record.
///
/// The finding keeps its level if any of the accounts is neither own nor trusted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Foreign {
    /// The accounts.
    pub accounts: BTreeSet<String>,
    /// The level if all of them are own or trusted. `None` removes the finding.
    pub otherwise: Option<Level>,
}

impl Found {
    /// A finding at `level` that depends on nothing but the record.
    pub fn at(level: Level) -> Found {
        Found { level, details: BTreeMap::new(), foreign: None, together: None }
    }

    /// Adds a detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Found {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// Makes one finding of all matches of the same scope that have `by` in common, in one account
    /// and Region.
    #[must_use]
    pub fn together(self, scope: Scope, by: impl Into<String>) -> Found {
        Found { together: Some(Together { scope, by: by.into() }), ..self }
    }

    /// Keeps the finding only if any of `accounts` is neither own nor trusted.
    #[must_use]
    pub fn if_foreign(self, accounts: impl IntoIterator<Item = String>) -> Found {
        let accounts = accounts.into_iter().collect();
        Found { foreign: Some(Foreign { accounts, otherwise: None }), ..self }
    }

    /// Keeps the level if any of `accounts` is neither own nor trusted, and uses `otherwise` if
    /// not.
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

/// Code that judges single records.
pub trait Detector: Send + Sync {
    /// Judges one record. The record may be any, not only one that the rule's selection matches.
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found>;

    /// Whether the detection of the rule's YAML file must match as well. Else the detection only
    /// routes records, and [`check`](Detector::check) alone decides.
    fn is_selective(&self) -> bool {
        false
    }

    /// Whether the rule can find anything. `false` if it needs a setting that the user did not
    /// make; then no record is routed to it.
    fn is_set_up(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
