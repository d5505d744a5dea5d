//! Finds imported key material that will expire, and says when.
//!
//! It is code because the date is English text and is compared with the time of the event. What
//! must stay true: a date that cannot be parsed is reported as such. It never counts as a date far
//! away.

use std::sync::Arc;

use crate::detect::native::shared::request_fields;
use crate::detect::native::{Detector, Found};
use crate::model::date_text;
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::record::event::{Event, event_time};
use crate::record::kms::View;

/// Microseconds in a day.
const DAY: i64 = 86_400_000_000;

/// See `rules/lifecycle/imported-material-expiring.md`.
#[derive(Debug)]
pub struct ImportedMaterialExpiring(pub Arc<Estate>);

impl Detector for ImportedMaterialExpiring {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        // A refused import leaves no material that could expire.
        if !view.is_kms() || view.attempt() {
            return None;
        }
        let text = request_fields::text(event, &["requestParameters", "validTo"]);
        match request_fields::text(event, &["requestParameters", "expirationModel"]) {
            Some(model) if model != "KEY_MATERIAL_EXPIRES" => return None,
            // By default the API lets material expire, and then requires a date.
            None if text.is_none() => return None,
            _ => {}
        }
        let expiry = text.as_deref().and_then(date_text::read);
        let imported = event.get("eventTime").and_then(event_time);
        let (Some(expiry), Some(imported)) = (expiry, imported) else {
            let found = Found::at(Level::Medium)
                .with("why", "the material expires; when could not be read from the record");
            return Some(match text {
                Some(text) => found.with("valid_to_text", text.as_ref()),
                None => found,
            });
        };
        let days = expiry.0.saturating_sub(imported.0).div_euclid(DAY);
        let near = self.0.thresholds.expiry_days;
        let (level, why) = if days < near {
            (Level::High, format!("the material expires less than {near} days after its import"))
        } else {
            (Level::Medium, "the material expires, and with it the use of the key".to_owned())
        };
        let found = Found::at(level).with("valid_to", expiry.to_string());
        Some(found.with("days_left", days).with("why", why))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::detector::{changed, found};

    #[test]
    fn near_far_never_and_unreadable() {
        let rule = ImportedMaterialExpiring(Arc::default());
        let record = json!({"eventSource": "kms.amazonaws.com", "eventName": "ImportKeyMaterial",
            "eventTime": "2026-11-23T10:00:00Z", "requestParameters": {
                "expirationModel": "KEY_MATERIAL_EXPIRES"}});
        let ask = |request: Value| {
            found(&rule, &changed(&record, &json!({"requestParameters": request})))
        };
        let level = |request: Value| ask(request).map(|found| found.level);
        for (date, expected, days) in [
            ("Nov 30, 2026, 9:59:59\u{202f}AM", Level::High, 6),
            ("Nov 30, 2026, 10:00:00 AM", Level::Medium, 7),
            ("2026-12-23T10:00:00Z", Level::Medium, 30),
            ("Nov 20, 2026 10:00:00 AM", Level::High, -3),
        ] {
            let found = ask(json!({"validTo": date})).unwrap();
            assert_eq!((found.level, &found.details["days_left"]), (expected, &json!(days)));
        }
        assert_eq!(level(json!({"validTo": "some day"})), Some(Level::Medium));
        assert_eq!(level(json!({"validTo": ["x"]})), Some(Level::Medium));
        let unsaid = json!({"expirationModel": null, "validTo": "2026-11-24"});
        assert_eq!(level(unsaid), Some(Level::High));
        assert_eq!(level(json!({"expirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"})), None);
        assert_eq!(level(json!({"expirationModel": null})), None);
        assert_eq!(found(&rule, &changed(&record, &json!({"errorCode": "AccessDenied"}))), None);
    }
}
