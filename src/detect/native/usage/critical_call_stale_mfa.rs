//! Finds critical calls that were made long after MFA.
//!
//! It is code because it compares two times in the record. What must stay true: the session is
//! never older than MFA. The age of the session is therefore a lower bound for the age of MFA, and
//! no finding is too strict.

use std::sync::Arc;

use crate::detect::native::shared::request_fields;
use crate::detect::native::{Detector, Found};
use crate::model::date_text;
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::model::principal::Mfa;
use crate::record::event::{Event, event_time};
use crate::record::kms::{View, is_critical};

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;

/// See `rules/use/critical-call-stale-mfa.md`.
#[derive(Debug)]
pub struct CriticalCallStaleMfa(pub Arc<Estate>);

impl Detector for CriticalCallStaleMfa {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        if !view.is_kms()
            || !view.name().is_some_and(|name| is_critical(&name))
            || view.mfa() != Mfa::Yes
        {
            return None;
        }
        let opened = ["userIdentity", "sessionContext", "attributes", "creationDate"];
        let opened = date_text::read(&request_fields::text(event, &opened)?)?;
        let called = event.get("eventTime").and_then(event_time)?;
        let age = called.0.saturating_sub(opened.0) / SECOND;
        let most = self.0.mfa_max_age;
        (age > most).then(|| {
            Found::at(Level::Medium)
                .with("mfa_age_secs", age)
                .with("why", format!("MFA is at least {age} seconds old; {most} are accepted"))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::detector::{changed, found};

    #[test]
    fn older_than_the_limit_and_only_with_mfa() {
        let rule = CriticalCallStaleMfa(Arc::default());
        let record = json!({"eventSource": "kms.amazonaws.com", "eventName": "PutKeyPolicy",
            "eventTime": "2026-11-23T10:05:01Z", "userIdentity": {"type": "IAMUser",
            "sessionContext": {"attributes": {"mfaAuthenticated": "true",
                "creationDate": "2026-11-23T10:00:00Z"}}}});
        let attributes =
            |changes| json!({"userIdentity": {"sessionContext": {"attributes": changes}}});
        assert_eq!(found(&rule, &record).unwrap().details["mfa_age_secs"], 301);
        let basic = attributes(json!({"creationDate": "20261123T090000Z"}));
        assert_eq!(found(&rule, &changed(&record, &basic)).unwrap().details["mfa_age_secs"], 3901);
        for changes in [
            json!({"eventTime": "2026-11-23T10:05:00Z"}),
            json!({"eventName": "EnableKey"}),
            json!({"userIdentity": {"invokedBy": "cloudformation.amazonaws.com"}}),
            attributes(json!({"mfaAuthenticated": "false"})),
            attributes(json!({"creationDate": "2026-11-24T10:00:00Z"})),
            attributes(json!({"creationDate": "yesterday"})),
        ] {
            assert_eq!(found(&rule, &changed(&record, &changes)), None, "{changes}");
        }
    }
}
