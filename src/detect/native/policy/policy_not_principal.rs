//! Finds key policies that allow everybody except some principals.

use crate::detect::native::shared::policy_document::{KeyPolicy, Told};
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::policy::Who;
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/policy/policy-not-principal.md`.
#[derive(Debug)]
pub struct PolicyNotPrincipal;

impl Detector for PolicyNotPrincipal {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let given = KeyPolicy::of(event, view)?;
        let mut told = Told::default();
        for statement in given.allows() {
            if let Who::AllBut(spared) = &statement.who {
                told.add(statement, None, statement.kms());
                spared.iter().for_each(|one| told.add(statement, Some(one), statement.kms()));
            }
        }
        told.found(Level::High, "allows every principal but those named, of any account")
    }
}
