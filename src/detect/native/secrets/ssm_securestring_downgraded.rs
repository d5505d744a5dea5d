//! Finds parameters that were encrypted and are written again as plain text.
//!
//! It is code because it compares a write with the parameter's earlier type. What must stay true:
//! only an earlier second counts, because two writes of the same second have no known order.

use crate::detect::native::shared::timeline::text;
use crate::detect::stateful::{Context, Decided, History, Mark, Noted, Scope, Use, Uses};
use crate::model::arn::Arn;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// Written as `SecureString`.
const SECURE: u32 = 0;
/// Overwritten as plain text.
const PLAIN: u32 = 1;
/// A key was used for it, so it was a `SecureString`.
const USED: u32 = 2;

/// See `rules/secrets/ssm-securestring-downgraded.md`.
#[derive(Debug)]
pub struct SsmSecurestringDowngraded;

fn part(account: &str, region: &str, name: &str) -> String {
    format!("{account} {region} {}", name.trim_start_matches('/'))
}

/// The name in a request. A request may name the parameter by its ARN.
fn named(view: &View<'_>, name: &str) -> Option<String> {
    match Arn::parse(name) {
        Some(arn) => Some(part(arn.account, arn.region, arn.resource.strip_prefix("parameter")?)),
        None => Some(part(&view.account()?, &view.region()?, name)),
    }
}

impl History for SsmSecurestringDowngraded {
    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        let request = |name: &str| text(event, &["requestParameters", name]);
        let is_ssm = text(event, &["eventSource"]).is_some_and(|s| s == "ssm.amazonaws.com");
        if !is_ssm || view.attempt() || view.name().is_none_or(|name| name != "PutParameter") {
            return;
        }
        let overwrites = || request("overwrite").is_some_and(|flag| flag == "true");
        let kind = match request("type").as_deref() {
            Some("SecureString") => SECURE,
            Some("String" | "StringList") if overwrites() => PLAIN,
            _ => return,
        };
        if let Some(part) = request("name").and_then(|name| named(view, &name)) {
            marks.push(Mark { part, kind, value: String::new() });
        }
    }

    fn uses(&self) -> Uses<'_> {
        Uses::With(|used| used.resource.is_some_and(|resource| resource.arn.contains(":ssm:")))
    }

    fn needs(&self) -> &[&[u32]] {
        &[&[PLAIN]]
    }

    fn note_use(&self, used: &Use<'_>, marks: &mut Vec<Mark>) {
        let resource = used.resource.filter(|_| !used.attempt);
        let Some(arn) = resource.and_then(|resource| Arn::parse(&resource.arn)) else { return };
        if let Some(name) = arn.resource.strip_prefix("parameter").filter(|_| arn.service == "ssm")
        {
            let part = part(arn.account, arn.region, name);
            marks.push(Mark { part, kind: USED, value: String::new() });
        }
    }

    fn conclude(&self, notes: &[Noted], _context: &Context<'_>) -> Vec<Decided> {
        let mut found = Vec::new();
        // What the seconds before say: the last state, and whether the parameter was decrypted.
        let (mut state, mut used) = (None, false);
        let mut from = 0;
        for second in notes.chunk_by(|one, other| one.time == other.time) {
            // A parameter that was plain text before is not downgraded.
            let secure = state.map_or(used, |kind| kind == SECURE);
            for at in (from..).take(second.len()) {
                if secure && notes[at].kind == PLAIN {
                    let why = "the parameter was encrypted before, and is plain text now";
                    let one = Decided::new([at], Level::High).with("why", why);
                    found.push(one.about(Scope::Event));
                }
            }
            used |= second.iter().any(|noted| noted.kind == USED);
            let last = second.iter().rfind(|noted| noted.kind != USED).map(|noted| noted.kind);
            state = last.or(state);
            from += second.len();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::recorded::{decide, refused};

    fn put(minute: u32, kind: &str) -> Value {
        json!({"eventSource": "ssm.amazonaws.com", "eventName": "PutParameter",
            "eventTime": format!("2026-11-02T10:{minute:02}:00Z"), "eventID": minute.to_string(),
            "awsRegion": "eu-central-1", "recipientAccountId": "111122223333",
            "requestParameters": {"name": "/orders/url", "type": kind, "overwrite": true}})
    }

    #[test]
    fn from_secure_to_plain_only() {
        let found = |records: &[Value]| {
            decide(&SsmSecurestringDowngraded, records, "2026-12-01T00:00:00Z").len()
        };
        assert_eq!(found(&[put(1, "SecureString"), put(2, "String")]), 1);
        assert_eq!(found(&[put(1, "SecureString"), put(2, "String"), put(3, "StringList")]), 1);
        assert_eq!(found(&[put(2, "SecureString"), put(1, "String")]), 0);
        assert_eq!(found(&[put(1, "SecureString"), put(1, "String")]), 0, "of the same second");
        assert_eq!(found(&[put(1, "SecureString"), refused(put(2, "String"))]), 0);
        let mut new = put(2, "String");
        new["requestParameters"]["overwrite"] = json!(false);
        assert_eq!(found(&[put(1, "SecureString"), new]), 0);
        let mut by_arn = put(2, "String");
        by_arn["requestParameters"]["name"] =
            json!("arn:aws:ssm:eu-central-1:111122223333:parameter/orders/url");
        assert_eq!(found(&[put(1, "SecureString"), by_arn]), 1);
    }
}
