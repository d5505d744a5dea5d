//! Calls that can take a key away from its users, made without MFA.
//!
//! Code, since the verdict weighs the absence of members: a long-term key shows by having no
//! session at all. What must stay true: high only where the record can know.

use super::{Detector, Found};
use crate::model::level::Level;
use crate::model::principal::Mfa;
use crate::record::event::Event;
use crate::record::kms::{View, is_critical};

/// See `rules/use/critical-call-without-mfa.md`.
#[derive(Debug)]
pub struct CriticalCallWithoutMfa;

impl Detector for CriticalCallWithoutMfa {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        if !view.is_kms() || !view.name().is_some_and(|name| is_critical(&name)) {
            return None;
        }
        let session = event.path(&["userIdentity", "sessionContext"]);
        let has_session = session.is_some_and(|value| !value.is_null());
        let (level, mfa, why) = match view.mfa() {
            Mfa::Yes | Mfa::NotApplicable => return None,
            Mfa::No if has_session => {
                (Level::High, "no", "the session was opened without MFA: mfaAuthenticated is false")
            }
            Mfa::No => {
                (Level::High, "no", "a long-term access key was used: there is no sessionContext")
            }
            Mfa::Unknown => (
                Level::Low,
                "unknown",
                "the record does not show whether whoever opened the session used MFA",
            ),
        };
        Some(Found::at(level).with("mfa", mfa).with("why", why))
    }
}
