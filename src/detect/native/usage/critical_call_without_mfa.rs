//! Finds critical calls that were made without MFA.
//!
//! It is code because the absence of members matters: a long-term key, for example, is recognised
//! by the missing session. What must stay true: a finding is high only if the record can tell
//! whether MFA was used, and no setting silences such a finding. Automation has no MFA to present, so a
//! setting lowers it.

use std::sync::Arc;

use crate::detect::native::{Detector, Found};
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::model::principal::Mfa;
use crate::record::event::Event;
use crate::record::kms::{View, is_critical};

/// See `rules/use/critical-call-without-mfa.md`.
#[derive(Debug)]
pub struct CriticalCallWithoutMfa(pub Arc<Estate>);

impl Detector for CriticalCallWithoutMfa {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        if !view.is_kms() || !view.name().is_some_and(|name| is_critical(&name)) {
            return None;
        }
        let session = event.path(&["userIdentity", "sessionContext"]);
        let has_session = session.is_some_and(|value| !value.is_null());
        let (level, mfa, why) = match view.mfa() {
            Mfa::Yes | Mfa::NotApplicable => return None,
            Mfa::No if self.is_automation(view) => (
                Level::Medium,
                "no",
                "automation used a long-term access key; a role would need none",
            ),
            Mfa::No if has_session => {
                (Level::High, "no", "the session was opened without MFA: mfaAuthenticated is false")
            }
            Mfa::No => {
                (Level::High, "no", "a long-term access key was used: there is no sessionContext")
            }
            Mfa::Unknown if self.is_automation(view) => return None,
            Mfa::Unknown => (
                Level::Low,
                "unknown",
                "the record does not show whether whoever opened the session used MFA",
            ),
        };
        Some(Found::at(level).with("mfa", mfa).with("why", why))
    }
}

impl CriticalCallWithoutMfa {
    fn is_automation(&self, view: &View<'_>) -> bool {
        let roles = &self.0.automation_roles;
        !roles.is_empty() && view.principal_arn().is_some_and(|arn| roles.match_arn(&arn))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::detector::{changed, found};
    use crate::model::pattern::Patterns;

    #[test]
    fn automation_roles_need_no_mfa_but_users_do() {
        let estate = Estate {
            automation_roles: Patterns::new(["arn:aws:iam::111122223333:*"]),
            ..Estate::default()
        };
        let rule = CriticalCallWithoutMfa(Arc::new(estate));
        let role = json!({"eventSource": "kms.amazonaws.com", "eventName": "DisableKey",
            "userIdentity": {"type": "AssumedRole",
                "arn": "arn:aws:sts::111122223333:assumed-role/deploy-role/run-7", "sessionContext":
                {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/deploy-role"}}}});
        assert_eq!(found(&rule, &role), None);
        let unset = CriticalCallWithoutMfa(Arc::default());
        assert_eq!(found(&unset, &role).map(|found| found.level), Some(Level::Low));
        let user = json!({"userIdentity": {"type": "IAMUser", "sessionContext": null,
            "arn": "arn:aws:iam::111122223333:user/alice"}});
        let hit = found(&rule, &changed(&role, &user)).map(|found| found.level);
        assert_eq!(hit, Some(Level::Medium));
        let hit = found(&unset, &changed(&role, &user)).map(|found| found.level);
        assert_eq!(hit, Some(Level::High));
    }
}
