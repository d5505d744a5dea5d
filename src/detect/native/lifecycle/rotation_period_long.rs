//! Finds rotation with a longer period than is acceptable.
//!
//! It is code because the longest period is a setting. What must stay true: a call that names no
//! period has the default of KMS, a year, and is not found.

use std::sync::Arc;

use crate::detect::native::shared::request_fields;
use crate::detect::native::{Detector, Found};
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/lifecycle/rotation-period-long.md`.
#[derive(Debug)]
pub struct RotationPeriodLong(pub Arc<Estate>);

impl Detector for RotationPeriodLong {
    fn check(&self, event: &Event<'_>, _: &View<'_>) -> Option<Found> {
        let days = request_fields::text(event, &["requestParameters", "rotationPeriodInDays"])?;
        let days: i64 = days.parse().ok()?;
        (days > self.0.thresholds.rotation_days).then(|| Found::at(Level::Low))
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
    fn the_longest_period_is_a_setting() {
        let thresholds = Thresholds { rotation_days: 90, ..Thresholds::default() };
        let shorter = Estate { thresholds, ..Estate::default() };
        let (usual, shorter) =
            (RotationPeriodLong(Arc::default()), RotationPeriodLong(Arc::new(shorter)));
        let record = |days: Value| {
            json!({"eventSource": "kms.amazonaws.com", "eventName": "EnableKeyRotation",
                "requestParameters": {"rotationPeriodInDays": days}})
        };
        for (days, of_usual, of_shorter) in [
            (json!(366), true, true),
            (json!("366"), true, true),
            (json!(365), false, true),
            (json!(90), false, false),
            (Value::Null, false, false),
        ] {
            assert_eq!(found(&usual, &record(days.clone())).is_some(), of_usual, "{days}");
            assert_eq!(found(&shorter, &record(days.clone())).is_some(), of_shorter, "{days}");
        }
    }
}
