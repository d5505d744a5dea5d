//! Finds keys that serve many purposes, so that the loss or abuse of one key affects much data.
//!
//! It is code because it counts services, accounts and principals of a key over the whole log. What
//! must stay true: all sessions of a role are one principal, and a failed call is not a use.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::detect::stateful::{Context, Decided, History, Mark, Noted, Scope, Use};
use crate::model::arn::Arn;
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// The maximum number of names in a detail.
const NAMES_MAX: usize = 20;

/// The prefix of the aliases of AWS managed keys.
const AWS_ALIAS: &str = "alias/aws/";

/// See `rules/use/key-blast-radius.md`.
#[derive(Debug)]
pub struct KeyBlastRadius(pub Arc<Estate>);

/// The service that a use was for: that of the resource, or the one that made the call.
fn service(noted: &Noted) -> Option<String> {
    let of_resource = || {
        let arn = noted.about.resource.as_ref()?.arn.as_str();
        Arn::parse(arn).map(|arn| arn.service.to_owned())
    };
    let of_caller = || {
        let host = noted.about.principal.invoked_by.as_deref()?;
        Some(host.strip_suffix(".amazonaws.com")?.split('.').next()?.to_owned())
    };
    of_resource().or_else(of_caller).filter(|service| !service.is_empty())
}

/// A list of names for a detail. A long list is cut and says how many names are missing.
fn list(names: &BTreeSet<String>) -> Value {
    let mut shown: Vec<String> = names.iter().take(NAMES_MAX).cloned().collect();
    if names.len() > NAMES_MAX {
        shown.push(format!("and {} more", names.len() - NAMES_MAX));
    }
    shown.into()
}

impl History for KeyBlastRadius {
    fn note(&self, _event: &Event<'_>, _view: &View<'_>, _marks: &mut Vec<Mark>) {}

    fn wants_records(&self) -> bool {
        false
    }

    fn note_use(&self, used: &Use<'_>, marks: &mut Vec<Mark>) {
        if let Some(key) = used.about.key.as_ref().filter(|_| !used.attempt) {
            marks.push(Mark { part: key.arn.clone(), kind: 0, value: String::new() });
        }
    }

    fn conclude(&self, notes: &[Noted], _context: &Context<'_>) -> Vec<Decided> {
        let aliases = notes.iter().filter_map(|noted| noted.about.key.as_ref()?.alias.as_deref());
        if aliases.into_iter().any(|alias| alias.starts_with(AWS_ALIAS)) {
            return Vec::new();
        }
        let set = |of: &dyn Fn(&Noted) -> Option<String>| -> BTreeSet<String> {
            notes.iter().filter_map(of).collect()
        };
        let services = set(&service);
        let accounts = set(&|noted| noted.about.principal.account.clone());
        let principals = set(&|noted| noted.about.principal.arn.clone());
        let most = &self.0.thresholds;
        let wide = [
            ("services", &services, most.blast_services),
            ("accounts", &accounts, most.blast_accounts),
            ("principals", &principals, most.blast_principals),
        ];
        let wide = wide.into_iter().filter(|(_, names, most)| names.len() >= *most);
        let wide: Vec<(&str, &BTreeSet<String>, usize)> = wide.collect();
        if wide.is_empty() {
            return Vec::new();
        }
        let counted: Vec<String> =
            wide.iter().map(|(what, names, _)| format!("{} {what}", names.len())).collect();
        let why = format!("one key is used by or for {}", counted.join(", "));
        let mut found = Decided::new(0..notes.len(), Level::Medium).with("why", why);
        for (what, names, _) in wide {
            found = found.with(what, list(names));
        }
        vec![found.about(Scope::Key)]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::recorded::{KEY, call, decide, refused};

    fn used(user: &str, service: &str) -> Value {
        let mut record = call("2026-11-02T10:00:00Z", user, "Decrypt", KEY, &json!({}));
        record["userIdentity"]["invokedBy"] = json!(service);
        record["eventID"] = json!(format!("{user}-{service}"));
        record["last"] = json!("2026-11-02T11:00:00Z");
        record
    }

    fn of_services(services: &[&str]) -> Vec<Value> {
        services.iter().map(|service| used("alice", service)).collect()
    }

    #[test]
    fn services_and_principals_are_counted_once() {
        let rule = KeyBlastRadius(Arc::default());
        let found = |records: &[Value]| decide(&rule, records, "2026-12-01T00:00:00Z");
        let three = ["s3.amazonaws.com", "ssm.amazonaws.com", "sns.amazonaws.com"];
        let many = found(&of_services(&three));
        assert_eq!(many.len(), 1);
        assert_eq!(many[0].1.details["services"], json!(["s3", "sns", "ssm"]));
        assert_eq!(many[0].1.details.get("principals"), None);
        assert_eq!(found(&of_services(&["s3.amazonaws.com", "ssm.amazonaws.com"])), []);
        assert_eq!(found(&of_services(&["s3.amazonaws.com", "AWS Internal", "x"])), []);
        let failed: Vec<Value> = of_services(&three).into_iter().map(refused).collect();
        assert_eq!(found(&failed), []);
        let users: Vec<String> = (0..20).map(|number| format!("user-{number}")).collect();
        let by_users =
            |users: &[String]| -> Vec<Value> { users.iter().map(|user| used(user, "x")).collect() };
        assert_eq!(found(&by_users(&users)).len(), 1);
        assert_eq!(found(&by_users(&users[1..])), []);
    }

    #[test]
    fn keys_of_aws_are_left_out_and_accounts_are_two() {
        let rule = KeyBlastRadius(Arc::default());
        let found = |records: &[Value]| decide(&rule, records, "2026-12-01T00:00:00Z").len();
        let mut other = used("alice", "x");
        other["userIdentity"]["accountId"] = json!("444455556666");
        assert_eq!(found(&[used("alice", "x"), other.clone()]), 1);
        other["requestParameters"] = json!({"keyId": "alias/aws/ssm"});
        assert_eq!(found(&[used("alice", "x"), other]), 0);
    }
}
