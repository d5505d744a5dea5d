//! Finds key material that is given to a Nitro enclave in debug mode.
//!
//! It is code because the measurements are in hexadecimal or base64. What must stay true: all three
//! measurements must be present and zero. A missing measurement proves nothing.

use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::json::Json;
use crate::record::kms::{Actor, View};

/// PCR0, PCR1 and PCR2 of the attestation document.
const MEASUREMENTS: [&str; 3] = [
    "attestationDocumentEnclaveImageDigest",
    "attestationDocumentEnclavePCR1",
    "attestationDocumentEnclavePCR2",
];

/// A lower bound for the length of a measurement, in characters, in both encodings.
const SHORTEST: usize = 32;

/// See `rules/use/enclave-debug-attestation.md`.
#[derive(Debug)]
pub struct EnclaveDebugAttestation;

impl Detector for EnclaveDebugAttestation {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        // An enclave uses the credentials of its instance's role.
        if view.actor() == Actor::Service {
            return None;
        }
        let recipient = event.get("additionalEventData")?.get("recipient")?;
        let zero =
            |name: &&str| recipient.get(name).and_then(Json::as_str).is_some_and(|m| is_zero(&m));
        if !MEASUREMENTS.iter().all(zero) || !view.is_kms() {
            return None;
        }
        let found = Found::at(Level::High)
            .with("why", "PCR0, PCR1 and PCR2 are all zero, as they are in debug mode only");
        let module = recipient.get("attestationDocumentModuleId").and_then(Json::as_str);
        Some(match module {
            Some(module) => found.with("module", module.into_owned()),
            None => found,
        })
    }
}

/// Whether a measurement is zero, written in hexadecimal or in base64.
fn is_zero(text: &str) -> bool {
    let hex = text.strip_prefix("0x").unwrap_or(text);
    let base64 = text.trim_end_matches('=');
    let all = |text: &str, zero: u8| text.len() >= SHORTEST && text.bytes().all(|b| b == zero);
    all(hex, b'0') || all(base64, b'A')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::detector::{changed, found};

    #[test]
    fn all_three_must_be_zero() {
        let (hex, base64) = ("0".repeat(96), "A".repeat(64));
        let record = json!({"eventSource": "kms.amazonaws.com", "eventName": "Decrypt",
            "userIdentity": {"type": "AssumedRole"}, "additionalEventData": {"recipient": {
                "attestationDocumentModuleId": "i-0a1b2c3d-enc0123",
                MEASUREMENTS[0]: hex, MEASUREMENTS[1]: base64, MEASUREMENTS[2]: hex}}});
        let hit = found(&EnclaveDebugAttestation, &record).unwrap();
        assert_eq!(hit.details["module"], "i-0a1b2c3d-enc0123");
        let recipient = |value| json!({"additionalEventData": {"recipient": value}});
        for changes in [
            recipient(json!({MEASUREMENTS[0]: "ab".repeat(48)})),
            recipient(json!({MEASUREMENTS[1]: null})),
            recipient(json!({MEASUREMENTS[2]: "0"})),
            recipient(json!({MEASUREMENTS[2]: 0})),
            json!({"additionalEventData": null}),
            json!({"eventSource": "example.amazonaws.com"}),
        ] {
            let quiet = changed(&record, &changes);
            assert_eq!(found(&EnclaveDebugAttestation, &quiet), None, "{changes}");
        }
    }
}
