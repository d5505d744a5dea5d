//! Rules that are code: what Sigma cannot say of one record.
//!
//! One pair of files a detector: `<rule>.rs` decides, `<rule>.md` explains. A detector says how
//! serious the call is; that a failed call is an attempt, one level down, is nobody's business but
//! the rule set's.

pub mod critical_call_without_mfa;

use std::collections::BTreeMap;

use serde_json::Value;

use super::router::Routes;
use crate::model::level::Level;
use crate::model::rule_meta::RuleMeta;
use crate::record::event::Event;
use crate::record::kms::View;

/// What a detector found in a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// How serious the call is, had it succeeded.
    pub level: Level,
    /// What the finding has to say beside its own members.
    pub details: BTreeMap<String, Value>,
}

/// A rule that is code.
pub trait Detector: Send + Sync {
    /// What is known of the rule.
    fn meta(&self) -> &RuleMeta;

    /// The explanation, Markdown.
    fn explanation(&self) -> &'static str;

    /// The records to be shown; more may come, never less.
    fn routes(&self) -> Routes;

    /// Judges one record. It may be any record at all, not only one that the routes fit.
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found>;
}
