//! Selects the calls that `kms-enumeration` counts: a principal looked at how keys are set up.
//!
//! It is code because inventory roles are a setting. The selection of the rule names the calls.

use std::sync::Arc;

use crate::detect::native::{Detector, Found};
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/use/kms-enumeration.md`.
#[derive(Debug)]
pub struct KmsEnumerationEvent(pub Arc<Estate>);

impl Detector for KmsEnumerationEvent {
    fn check(&self, _event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let expected = &self.0.inventory_roles;
        let is_expected = !expected.is_empty()
            && view.principal_arn().is_some_and(|arn| expected.match_arn(&arn));
        (!is_expected).then(|| Found::at(Level::Informational))
    }

    fn is_selective(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::detector::found;
    use crate::model::pattern::Patterns;

    #[test]
    fn inventory_roles_are_left_out() {
        let by = |role: &str| {
            json!({"eventSource": "kms.amazonaws.com", "eventName": "ListKeys", "userIdentity":
                {"type": "AssumedRole", "sessionContext": {"sessionIssuer":
                    {"arn": format!("arn:aws:iam::111122223333:role/{role}")}}}})
        };
        let estate =
            Estate { inventory_roles: Patterns::new(["*:role/scanner"]), ..Estate::default() };
        let rule = KmsEnumerationEvent(Arc::new(estate));
        assert_eq!(found(&rule, &by("scanner")), None);
        assert!(found(&rule, &by("app")).is_some());
        assert!(found(&KmsEnumerationEvent(Arc::default()), &by("scanner")).is_some());
    }
}
