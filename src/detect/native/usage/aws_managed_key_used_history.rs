//! Finds uses of AWS managed keys by their ARN, which does not say who manages the key.
//!
//! It is code because another record must connect the key with its `alias/aws/` alias. What must
//! stay true: a use whose own record names the alias is left to `aws-managed-key-used`.

use std::collections::BTreeSet;

use crate::detect::native::shared::timeline::of_kind;
use crate::detect::stateful::{Context, Decided, History, Mark, Noted, Scope, Use, Uses};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// A record named both the key and the alias. The value is the alias.
const NAMED: u32 = 0;
/// The key was used. The value is the ARN of the resource, or empty.
const USED: u32 = 1;

const AWS_ALIAS: &str = "alias/aws/";

/// See `rules/use/aws-managed-key-used.md`.
#[derive(Debug)]
pub struct AwsManagedKeyUsedHistory(pub std::sync::Arc<crate::model::estate::Estate>);

/// The part `alias/aws/ebs` of the text, which is the alias or its ARN.
fn alias(text: &str) -> Option<&str> {
    text.find(AWS_ALIAS).and_then(|at| text.get(at..)).filter(|alias| !alias.contains(':'))
}

impl History for AwsManagedKeyUsedHistory {
    fn note(&self, _event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        if let Some(key) = view.first_key()
            && let Some(alias) = key.alias.as_deref().and_then(alias)
        {
            marks.push(Mark { part: key.arn.clone(), kind: NAMED, value: alias.to_owned() });
        }
    }

    fn uses(&self) -> Uses<'_> {
        Uses::OfKeysWith(|used| {
            let named = used.key.and_then(|key| key.alias.as_deref()).and_then(alias);
            named.is_some() && !used.attempt
        })
    }

    fn needs(&self) -> &[&[u32]] {
        &[&[NAMED, USED]]
    }

    fn note_use(&self, used: &Use<'_>, marks: &mut Vec<Mark>) {
        let Some(key) = used.key.filter(|_| !used.attempt) else { return };
        let by_hand = matches!(used.actor, "direct" | "via" | "infrastructure");
        if let Some(alias) = key.alias.as_deref().and_then(alias) {
            marks.push(Mark { part: key.arn.clone(), kind: NAMED, value: alias.to_owned() });
        } else if by_hand {
            let resource = used.resource.map(|resource| resource.arn.as_str());
            let value = resource.unwrap_or_default().to_owned();
            marks.push(Mark { part: key.arn.clone(), kind: USED, value });
        }
    }

    fn conclude(&self, notes: &[Noted], _context: &Context<'_>) -> Vec<Decided> {
        let Some(named) = of_kind(notes, NAMED).first().copied() else { return Vec::new() };
        let alias = notes[named].value.as_str();
        let service = alias.strip_prefix(AWS_ALIAS).unwrap_or_default();
        let asked = if service == "ebs" { "ec2" } else { service };
        let required = self.0.require_customer_keys.contains(asked);
        let (level, why) = match required {
            true => (Level::Medium, "the service is one that should use customer managed keys"),
            false => (Level::Low, "another record names the key by this alias"),
        };
        let mut told = BTreeSet::new();
        let mut found = Vec::new();
        for at in of_kind(notes, USED) {
            if told.insert(notes[at].value.as_str()) {
                let one = Decided::new([at], level).with("alias", alias).with("service", service);
                found.push(one.with("why", why).about(Scope::Event));
            }
        }
        found
    }

    fn finding_of(&self) -> Option<&'static str> {
        Some("aws-managed-key-used")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::recorded::{KEY, OTHER, call, decide};

    fn used(key: &str, request: &Value) -> Value {
        let mut record = call("2026-11-02T10:00:00Z", "alice", "Decrypt", key, request);
        record["last"] = json!("2026-11-02T11:00:00Z");
        record["eventID"] = json!(format!("{key}{request}"));
        record
    }

    #[test]
    fn once_the_alias_is_known() {
        let rule = AwsManagedKeyUsedHistory(std::sync::Arc::default());
        let found = |records: &[Value]| decide(&rule, records, "2026-12-01T00:00:00Z").len();
        let named = used(KEY, &json!({"keyId": "alias/aws/ssm"}));
        assert_eq!(found(&[named.clone(), used(KEY, &json!({}))]), 1);
        assert_eq!(found(&[named.clone(), used(OTHER, &json!({}))]), 0);
        assert_eq!(found(std::slice::from_ref(&named)), 0);
        assert_eq!(
            found(&[used(KEY, &json!({"keyId": "alias/orders"})), used(KEY, &json!({}))]),
            0
        );
    }
}
