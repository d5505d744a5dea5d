//! Calls that can take a key away from its users, made without MFA.
//!
//! Code, since the verdict weighs the absence of members: a long-term key shows by having no
//! session at all. What must stay true: high only where the record can know.

use std::collections::BTreeMap;

use super::{Detector, Found};
use crate::detect::router::Routes;
use crate::model::level::Level;
use crate::model::principal::Mfa;
use crate::model::rule_meta::RuleMeta;
use crate::record::event::Event;
use crate::record::kms::{CRITICAL, SOURCE, View, is_critical};

/// See the explanation.
#[derive(Debug)]
pub struct CriticalCallWithoutMfa {
    meta: RuleMeta,
}

impl Default for CriticalCallWithoutMfa {
    fn default() -> Self {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        CriticalCallWithoutMfa {
            meta: RuleMeta {
                id: "critical-call-without-mfa".to_owned(),
                title: "Critical KMS call without MFA".to_owned(),
                level: Level::High,
                group: Some("use".to_owned()),
                tags: owned(&["attack.credential-access", "attack.t1556.006"]),
                references: owned(&[
                    "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html",
                    "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_configure-api-require.html",
                    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html",
                ]),
                advice: Some(
                    "Confirm the call with the owner of the user, and deactivate the access key \
                     if it is a long-term one. Then deny these calls in the key policy unless \
                     aws:MultiFactorAuthPresent is true."
                        .to_owned(),
                ),
                origin: "src/detect/native/critical_call_without_mfa.rs".to_owned(),
            },
        }
    }
}

impl Detector for CriticalCallWithoutMfa {
    fn meta(&self) -> &RuleMeta {
        &self.meta
    }

    fn explanation(&self) -> &'static str {
        include_str!("critical_call_without_mfa.md")
    }

    fn routes(&self) -> Routes {
        Routes::calls(SOURCE, CRITICAL)
    }

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
        let details =
            [("mfa", mfa), ("why", why)].map(|(name, text)| (name.to_owned(), text.into()));
        Some(Found { level, details: BTreeMap::from(details) })
    }
}
