//! Finds statements of key policies that allow nothing, because no call can fulfil a condition.
//!
//! What must stay true: whatever this rule calls dead, `policy-public-principal` does not report.

use crate::detect::native::shared::policy_document::{KeyPolicy, Told, list};
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/policy/policy-dead-condition.md`.
#[derive(Debug)]
pub struct PolicyDeadCondition;

impl Detector for PolicyDeadCondition {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let given = KeyPolicy::of(event, view)?;
        let time = given.place().time;
        let (mut told, mut tests) = (Told::default(), Vec::new());
        for statement in given.allows() {
            let Some(dead) = statement.dead_condition(time) else { continue };
            told.add(statement, None, statement.kms());
            tests.push(format!("{} {}", dead.operator, dead.key));
        }
        let found = told.found(Level::Low, "no call can fulfil a condition of the statement")?;
        Some(found.with("conditions", list(tests)))
    }
}
