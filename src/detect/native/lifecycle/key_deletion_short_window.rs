//! Finds deletions of keys whose waiting period is short.
//!
//! It is code because what is short is a setting. What must stay true: a call that names no period
//! has the default of KMS, which is the longest, and is not short.

use std::sync::Arc;

use crate::detect::native::shared::request_fields;
use crate::detect::native::{Detector, Found};
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/lifecycle/key-deletion-short-window.md`.
#[derive(Debug)]
pub struct KeyDeletionShortWindow(pub Arc<Estate>);

impl Detector for KeyDeletionShortWindow {
    fn check(&self, event: &Event<'_>, _: &View<'_>) -> Option<Found> {
        // A trail may have the one without the other, and a request may be refused.
        let days = |member: &str| -> Option<i64> {
            request_fields::text(event, &[member, "pendingWindowInDays"])?.parse().ok()
        };
        let said = ["requestParameters", "responseElements"].into_iter().filter_map(days);
        let is_short = |days: i64| days <= self.0.thresholds.short_deletion_days;
        said.into_iter().any(is_short).then(|| Found::at(Level::Critical))
    }

    fn is_selective(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::detector::found;
    use crate::model::estate::Thresholds;

    #[test]
    fn what_is_short_is_a_setting() {
        let thresholds = Thresholds { short_deletion_days: 14, ..Thresholds::default() };
        let longer = Estate { thresholds, ..Estate::default() };
        let (usual, longer) =
            (KeyDeletionShortWindow(Arc::default()), KeyDeletionShortWindow(Arc::new(longer)));
        let record = |days: Value| {
            json!({"eventSource": "kms.amazonaws.com", "eventName": "ScheduleKeyDeletion",
                "requestParameters": {"pendingWindowInDays": days}})
        };
        for (days, of_usual, of_longer) in [
            (json!(7), true, true),
            (json!("7"), true, true),
            (json!(8), false, true),
            (json!(15), false, false),
            (Value::Null, false, false),
            (json!("soon"), false, false),
            (json!([7]), false, false),
        ] {
            assert_eq!(found(&usual, &record(days.clone())).is_some(), of_usual, "{days}");
            assert_eq!(found(&longer, &record(days.clone())).is_some(), of_longer, "{days}");
        }
    }
}
