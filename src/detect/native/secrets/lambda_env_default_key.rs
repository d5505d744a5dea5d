//! Finds functions whose environment is encrypted under the key `aws/lambda`.
//!
//! It is code because it needs two records. The record of a use names the key by an ARN, which does
//! not say who manages it. The record of the configuration does not say whether there are
//! variables. What must stay true: a function with a key of its own gives no finding.

use super::lambda_env_decrypted_by_others::{function, is_of_function};
use crate::detect::native::shared::timeline::{of_kind, text};
use crate::detect::stateful::{Context, Decided, History, Mark, Noted, Scope, Use, Uses};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// The function was configured without a key of its own.
const DEFAULT: u32 = 0;
/// The function was configured with a key of its own.
const OWN: u32 = 1;
/// The environment was encrypted or decrypted under a key that was not named by the alias.
const USED: u32 = 2;
/// The same under a key that was.
const NAMED: u32 = 3;

const ALIAS: &str = "alias/aws/lambda";

/// See `rules/secrets/lambda-env-default-key.md`.
#[derive(Debug)]
pub struct LambdaEnvDefaultKey;

impl History for LambdaEnvDefaultKey {
    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        let is_lambda = text(event, &["eventSource"]).is_some_and(|s| s == "lambda.amazonaws.com");
        let arn = || text(event, &["responseElements", "functionArn"]);
        if !is_lambda || view.attempt() {
            return;
        }
        let Some(part) = arn().and_then(|arn| function(&arn)) else { return };
        let named = ["kMSKeyArn", "kmsKeyArn", "kMSKeyARN"].iter().any(|name| {
            text(event, &["responseElements", name])
                .or_else(|| text(event, &["requestParameters", name]))
                .is_some()
        });
        let kind = if named { OWN } else { DEFAULT };
        marks.push(Mark { part, kind, value: String::new() });
    }

    fn uses(&self) -> Uses<'_> {
        Uses::With(is_of_function)
    }

    fn needs(&self) -> &[&[u32]] {
        &[&[NAMED], &[DEFAULT, USED]]
    }

    fn note_use(&self, used: &Use<'_>, marks: &mut Vec<Mark>) {
        let resource = used.resource.filter(|_| !used.attempt);
        if let Some(part) = resource.and_then(|resource| function(&resource.arn)) {
            let alias = used.key.and_then(|key| key.alias.as_deref()).unwrap_or_default();
            let kind = if alias.ends_with(ALIAS) { NAMED } else { USED };
            marks.push(Mark { part, kind, value: String::new() });
        }
    }

    fn conclude(&self, notes: &[Noted], _context: &Context<'_>) -> Vec<Decided> {
        let is_use = |at: &usize| matches!(notes[*at].kind, USED | NAMED);
        let used: Vec<usize> = (0..notes.len()).filter(is_use).collect();
        let named = !of_kind(notes, NAMED).is_empty();
        let configured = !of_kind(notes, DEFAULT).is_empty() && of_kind(notes, OWN).is_empty();
        let why = match (named, configured) {
            (true, _) => "the key that was used is aws/lambda",
            (false, true) => "the function names no key of its own, and its environment was used",
            (false, false) => return Vec::new(),
        };
        let found = Decided::new(used.iter().copied().take(1), Level::Low).with("why", why);
        if used.is_empty() { Vec::new() } else { vec![found.about(Scope::Event)] }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::recorded::decide;

    const ARN: &str = "arn:aws:lambda:eu-central-1:111122223333:function:orders";

    fn configured(key: &str) -> Value {
        json!({"eventSource": "lambda.amazonaws.com", "eventName": "CreateFunction20150331",
            "eventTime": "2026-11-02T10:00:00Z", "eventID": "a", "awsRegion": "eu-central-1",
            "recipientAccountId": "111122223333",
            "responseElements": {"functionArn": ARN, "kMSKeyArn": key}})
    }

    #[test]
    fn configuration_alone_is_no_finding() {
        let end = "2026-12-01T00:00:00Z";
        assert_eq!(decide(&LambdaEnvDefaultKey, &[configured("")], end), []);
        assert_eq!(decide(&LambdaEnvDefaultKey, &[configured("arn:aws:kms")], end), []);
    }
}
