//! Finds secrets and personal data in an encryption context, which every log stores in plain text.
//!
//! It is code because patterns cannot test a check digit or recognise a token. What must stay true:
//! a finding never shows the sensitive text. Most contexts contain only ARNs, and must be cheap to
//! check.

use serde_json::{Value, json};

use crate::detect::native::shared::request_fields;
use crate::detect::native::shared::sensitive_text::{self, Sensitive};
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::{Actor, View};

/// Pairs that the caller does not write: the public key that the AWS Encryption SDK adds, and the
/// version that Secrets Manager names.
const EXEMPT: [&str; 2] = ["aws-crypto-public-key", "SecretVersionId"];

/// The maximum number of pairs in a finding.
const SHOWN: usize = 10;

/// See `rules/use/encryption-context-sensitive.md`.
#[derive(Debug)]
pub struct EncryptionContextSensitive;

impl Detector for EncryptionContextSensitive {
    fn check(&self, _event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        if view.actor() == Actor::Service {
            return None;
        }
        let mut shown: Vec<Value> = Vec::new();
        let mut first = None;
        let own = view.context().iter().map(|(name, value)| (name.clone(), value.clone()));
        let granted = request_fields::granted_context(view);
        for (name, value) in own.chain(granted) {
            let Some((kind, pair)) = judge(&name, &value) else { continue };
            first = first.or(Some(kind));
            if shown.len() < SHOWN && !shown.contains(&pair) {
                shown.push(pair);
            }
        }
        let kind = first.filter(|_| view.is_kms())?.as_str();
        let why = format!("the encryption context holds {kind}, and is logged in the clear");
        Some(Found::at(Level::High).with("pairs", shown).with("why", why))
    }
}

/// What is sensitive in a pair, and the masked pair for the report.
fn judge(name: &str, value: &str) -> Option<(Sensitive, Value)> {
    // Almost every context that a service writes ends here.
    if value.starts_with("arn:") && sensitive_text::is_id(value) {
        return None;
    }
    if EXEMPT.iter().any(|known| name.eq_ignore_ascii_case(known)) {
        return None;
    }
    let of_service = name.starts_with("aws:");
    let in_name = sensitive_text::in_text(name);
    let in_value = sensitive_text::in_text(value)
        // What a service writes about its resources, such as the name of a user, does not come from
        // the caller.
        .filter(|kind| !(of_service && *kind == Sensitive::Email))
        .or_else(|| if of_service { None } else { sensitive_text::by_name(name, value) });
    let kind = in_value.or(in_name)?;
    let shown = |text: &str, kind: Option<Sensitive>| match kind {
        Some(kind) => kind.masked(text),
        None => text.to_owned(),
    };
    let pair = json!({
        "key": shown(name, in_name),
        // If the name is sensitive, the value is probably sensitive too.
        "value": shown(value, in_value.or(Some(Sensitive::Named))),
        "found": kind.as_str(),
    });
    Some((kind, pair))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::native::testing::detector::found;

    fn ask(request: &Value) -> Option<Found> {
        let record = json!({"eventSource": "kms.amazonaws.com", "eventName": "Encrypt",
            "userIdentity": {"type": "AssumedRole"}, "requestParameters": request});
        found(&EncryptionContextSensitive, &record)
    }

    #[test]
    fn found_and_never_shown() {
        for (name, value, secret) in [
            ("pan", "4111 1111 1111 1111", "4111 1111"),
            ("customer", "alice@example.com", "alice"),
            ("alice@example.com", "x", "alice"),
            ("password", "hunter2", "hunter2"),
            ("session", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln", "eyJ"),
        ] {
            for request in [
                json!({"encryptionContext": {"Department": "Finance", name: value}}),
                json!({"destinationEncryptionContext": {name: value}}),
                json!({"constraints": {"encryptionContextSubset": {name: value}}}),
            ] {
                let found = ask(&request).unwrap_or_else(|| panic!("{request}"));
                let text = serde_json::to_string(&found.details).unwrap();
                assert_eq!(found.level, Level::High);
                assert!(!text.contains(secret), "{text}");
            }
        }
    }

    #[test]
    fn what_services_and_programs_write_is_quiet() {
        for context in [
            json!({"aws:s3:arn": "arn:aws:s3:::bucket/alice@example.com.csv"}),
            json!({"SecretARN": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:a",
                "SecretVersionId": "terraform-20261123100000000000000001"}),
            json!({"aws-crypto-public-key": "AsFodqvgZW+CHIYHslBvSAKhrzCVM1ZoafTLGfHJmGnV/lTYjUqvb1lM7vr2SqGXLg=="}),
            json!({"aws:workspaces:username": "alice@example.com"}),
            json!({"Department": "Finance", "Project": "payroll-2026", "n": 4}),
            json!(null),
            json!("alice@example.com"),
        ] {
            let request = json!({"encryptionContext": context});
            assert_eq!(ask(&request), None, "{request}");
        }
    }
}
