//! Finds multi-Region keys that are replicated to another Region.
//!
//! It is code because the allowed Regions and automation are settings. What must stay true: without
//! settings every replica is told at the same level.

use std::sync::Arc;

use crate::detect::native::shared::request_fields;
use crate::detect::native::{Detector, Found};
use crate::model::actor_kind::ActorKind;
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/lifecycle/key-replicated.md`.
#[derive(Debug)]
pub struct KeyReplicated(pub Arc<Estate>);

impl Detector for KeyReplicated {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let region = request_fields::text(event, &["requestParameters", "replicaRegion"]);
        let allowed = region.as_ref().is_some_and(|region| self.0.regions.contains(&**region));
        let automation = || ActorKind::of(&view.principal(), &self.0) == ActorKind::Automation;
        let found = match allowed && automation() {
            true => {
                let why = "automation replicated the key to an allowed Region";
                Found::at(Level::Low).with("why", why)
            }
            false => Found::at(Level::Medium),
        };
        Some(match region {
            Some(region) => found.with("replicaRegion", region.into_owned()),
            None => found,
        })
    }

    fn is_selective(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::detector::{changed, found};
    use crate::model::pattern::Patterns;

    #[test]
    fn automation_may_replicate_to_allowed_regions() {
        let estate = Estate {
            regions: ["eu-west-1".to_owned()].into(),
            automation_roles: Patterns::new(["*:role/deploy"]),
            ..Estate::default()
        };
        let rule = KeyReplicated(Arc::new(estate));
        let record = json!({"eventSource": "kms.amazonaws.com", "eventName": "ReplicateKey",
            "requestParameters": {"replicaRegion": "eu-west-1"}, "userIdentity": {"type":
                "AssumedRole", "sessionContext":
                {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/deploy"}}}});
        let level = |changes: serde_json::Value| {
            found(&rule, &changed(&record, &changes)).map(|found| found.level)
        };
        assert_eq!(level(json!({})), Some(Level::Low));
        let elsewhere = json!({"requestParameters": {"replicaRegion": "us-east-1"}});
        assert_eq!(level(elsewhere), Some(Level::Medium));
        assert_eq!(level(json!({"requestParameters": null})), Some(Level::Medium));
        let user = json!({"userIdentity": {"type": "IAMUser", "sessionContext": null,
            "arn": "arn:aws:iam::111122223333:user/ana"}});
        assert_eq!(level(user), Some(Level::Medium));
        let unset = KeyReplicated(Arc::default());
        assert_eq!(found(&unset, &record).map(|found| found.level), Some(Level::Medium));
    }
}
