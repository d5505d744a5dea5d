//! Finds key material that is given to an enclave or instance whose image nobody has named.
//!
//! It is code because the measurements are in hexadecimal or base64, and because it needs the list of
//! images. What must stay true: a measurement that cannot be read proves nothing.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::detect::native::{Detector, Found};
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::json::Json;
use crate::record::kms::{Actor, View};

/// Where the measurement of the image is, the best first.
const MEASUREMENTS: [&str; 3] = [
    "attestationDocumentEnclaveImageDigest",
    "attestationDocumentNitroTPMPCR4",
    "attestationDocumentNitroTPMPCR7",
];

/// The lengths of a SHA-256 and a SHA-384 digest, in bytes.
const LENGTHS: [usize; 2] = [32, 48];

/// See `rules/use/enclave-unknown-image.md`.
#[derive(Debug)]
pub struct EnclaveUnknownImage(pub Arc<Estate>);

impl Detector for EnclaveUnknownImage {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        // An enclave uses the credentials of its instance's role.
        if view.actor() == Actor::Service || !view.is_kms() || !self.is_set_up() {
            return None;
        }
        let recipient = event.get("additionalEventData")?.get("recipient")?;
        let of = |name: &&'static str| {
            Some((*name, measurement(&recipient.get(name).and_then(Json::as_str)?)?))
        };
        let (name, image) = MEASUREMENTS.iter().find_map(of)?;
        let debug = image.bytes().all(|digit| digit == b'0');
        if debug || self.0.enclave_images.contains(&image) {
            return None;
        }
        let why = "no image of the configuration has this measurement";
        let found = Found::at(Level::High).with("why", why);
        let found = found.with("measurement", image).with("measured", name);
        let module = recipient.get("attestationDocumentModuleId").and_then(Json::as_str);
        Some(match module {
            Some(module) => found.with("module", module.into_owned()),
            None => found,
        })
    }

    fn is_set_up(&self) -> bool {
        !self.0.enclave_images.is_empty()
    }
}

/// A measurement in lower-case hexadecimal, whichever way it is written.
fn measurement(text: &str) -> Option<String> {
    // No digest is longer in either spelling.
    if text.len() > 4 * LENGTHS[1] {
        return None;
    }
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex && LENGTHS.iter().any(|length| digits.len() == 2 * length) {
        return Some(digits.to_ascii_lowercase());
    }
    let bytes = STANDARD.decode(text).ok().filter(|bytes| LENGTHS.contains(&bytes.len()))?;
    Some(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::detector::{changed, found};

    fn rule(images: &[String]) -> EnclaveUnknownImage {
        let enclave_images = images.iter().cloned().collect();
        EnclaveUnknownImage(Arc::new(Estate { enclave_images, ..Estate::default() }))
    }

    fn record(recipient: &Value) -> Value {
        json!({"eventSource": "kms.amazonaws.com", "eventName": "Decrypt",
            "userIdentity": {"type": "AssumedRole"},
            "additionalEventData": {"recipient": recipient}})
    }

    #[test]
    fn measurements_in_both_spellings() {
        let (hex, base64) = ("ab".repeat(48), STANDARD.encode([0xab; 48]));
        assert_eq!(measurement(&hex.to_uppercase()).as_ref(), Some(&hex));
        assert_eq!(measurement(&base64).as_ref(), Some(&hex));
        assert_eq!(measurement(&"ab".repeat(32)), Some("ab".repeat(32)));
        assert_eq!(measurement("<AttestationDocument.PCR4>"), None);
        assert_eq!(measurement(&"ab".repeat(1000)), None);
    }

    #[test]
    fn the_image_of_an_enclave_and_what_an_instance_booted() {
        let (known, other) = ("ab".repeat(48), "cd".repeat(48));
        let rule = rule(std::slice::from_ref(&known));
        let told = |recipient: Value| found(&rule, &record(&recipient));
        let [enclave, boot, signer] = MEASUREMENTS;
        assert_eq!(told(json!({enclave: known})), None);
        let hit = told(json!({enclave: other, "attestationDocumentModuleId": "i-1-enc2"})).unwrap();
        assert_eq!((hit.level, &hit.details["module"]), (Level::High, &json!("i-1-enc2")));
        assert_eq!(hit.details["measurement"], json!(other));
        assert!(told(json!({boot: other, signer: known})).is_some());
        assert_eq!(told(json!({boot: known, signer: other})), None);
        assert!(told(json!({signer: other})).is_some());
        assert_eq!(told(json!({enclave: "0".repeat(96)})), None, "debug mode");
        assert_eq!(told(json!({enclave: 7})), None);
        let elsewhere = json!({"eventSource": "example.amazonaws.com"});
        assert_eq!(found(&rule, &changed(&record(&json!({enclave: other})), &elsewhere)), None);
    }

    #[test]
    fn nothing_without_the_setting() {
        let unset = rule(&[]);
        assert!(!unset.is_set_up());
        assert_eq!(found(&unset, &record(&json!({MEASUREMENTS[0]: "cd".repeat(48)}))), None);
    }
}
