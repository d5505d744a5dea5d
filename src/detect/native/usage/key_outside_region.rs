//! Finds KMS calls in a Region that the organisation does not use.
//!
//! It is code because the Regions are a setting. What must stay true: without the setting the rule
//! costs nothing. Calls that services make for themselves are not reported.

use std::sync::Arc;

use crate::detect::native::shared::request_fields;
use crate::detect::native::{Detector, Found};
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::{Actor, View};

/// See `rules/use/key-outside-region.md`.
#[derive(Debug)]
pub struct KeyOutsideRegion(pub Arc<Estate>);

impl Detector for KeyOutsideRegion {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        if self.0.regions.is_empty() {
            return None;
        }
        let region = request_fields::text(event, &["awsRegion"])?;
        if self.0.regions.contains(region.as_ref())
            || view.actor() == Actor::Service
            || !view.is_kms()
        {
            return None;
        }
        let name = view.name().unwrap_or_default();
        if !["List", "Describe", "Get"].iter().any(|verb| name.starts_with(verb)) {
            let why = "keys are used or managed in a Region that is not among the allowed ones";
            return Some(Found::at(Level::Medium).with("why", why));
        }
        // A scanner lists the keys of every Region, to find those outside the expected ones.
        if view.principal_arn().is_some_and(|arn| self.0.inventory_roles.match_arn(&arn)) {
            return None;
        }
        let why = "keys are looked at in a Region that is not among the allowed ones";
        Some(Found::at(Level::Low).with("why", why))
    }

    fn is_set_up(&self) -> bool {
        !self.0.regions.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::detector::{changed, found};
    use crate::model::pattern::Patterns;

    #[test]
    fn other_regions_are_found_scanners_are_not() {
        let estate = Estate {
            regions: ["eu-central-1".to_owned()].into(),
            inventory_roles: Patterns::new(["arn:aws:iam::*:role/posture-scan"]),
            ..Estate::default()
        };
        let rule = KeyOutsideRegion(Arc::new(estate));
        let unset = KeyOutsideRegion(Arc::default());
        assert!(rule.is_set_up() && !unset.is_set_up());
        let record = json!({"eventSource": "kms.amazonaws.com", "eventName": "CreateKey",
            "awsRegion": "ap-south-1", "userIdentity": {"type": "AssumedRole", "sessionContext":
                {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/posture-scan"}}}});
        let level = |changes: serde_json::Value| {
            found(&rule, &changed(&record, &changes)).map(|found| found.level)
        };
        assert_eq!(level(json!({})), Some(Level::Medium));
        assert_eq!(level(json!({"eventName": "ListKeys"})), None);
        let other = json!({"arn": "arn:aws:iam::111122223333:role/x"});
        let other = json!({"userIdentity": {"sessionContext": {"sessionIssuer": other}}});
        let other = changed(&other, &json!({"eventName": "ListKeys"}));
        assert_eq!(level(other), Some(Level::Low));
        assert_eq!(level(json!({"awsRegion": "eu-central-1"})), None);
        assert_eq!(level(json!({"awsRegion": null})), None);
        assert_eq!(level(json!({"userIdentity": {"type": "AWSService"}})), None);
        assert_eq!(found(&unset, &record), None);
    }
}
