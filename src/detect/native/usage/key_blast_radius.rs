//! Finds keys that serve many purposes, so that the loss or abuse of one key affects much data.
//!
//! It is code because it counts services, accounts and principals of a key over the whole log. What
//! must stay true: all sessions of a role are one principal, and a failed call is not a use.

use std::collections::BTreeSet;
use std::sync::Arc;

use foldhash::HashSet;
use serde_json::Value;

use crate::detect::stateful::{Decided, OverKeys, Scope, Use};
use crate::model::arn::Arn;
use crate::model::estate::Estate;
use crate::model::level::Level;

/// The maximum number of names in a detail.
const NAMES_MAX: usize = 20;

/// The prefix of the aliases of AWS managed keys.
const AWS_ALIAS: &str = "alias/aws/";

/// See `rules/use/key-blast-radius.md`.
#[derive(Debug)]
pub struct KeyBlastRadius(pub Arc<Estate>);

/// The service a use was for: that of the resource, else the one that made the call.
fn service<'a>(used: &Use<'a>) -> Option<&'a str> {
    let of_resource = || Arn::parse(&used.resource?.arn).map(|arn| arn.service);
    let of_caller = || {
        let host = used.principal.invoked_by.as_deref()?;
        host.strip_suffix(".amazonaws.com")?.split('.').next()
    };
    of_resource().or_else(of_caller).filter(|service| !service.is_empty())
}

/// Names as a detail: so many, and how many more.
fn list(names: &HashSet<&str>) -> Value {
    let sorted: BTreeSet<&str> = names.iter().copied().collect();
    let mut shown: Vec<String> = sorted.iter().take(NAMES_MAX).map(|&name| name.into()).collect();
    if names.len() > NAMES_MAX {
        shown.push(format!("and {} more", names.len() - NAMES_MAX));
    }
    shown.into()
}

impl OverKeys for KeyBlastRadius {
    fn decide(&self, uses: &[Use<'_>], accounts: &BTreeSet<String>) -> Vec<Decided> {
        let done: Vec<usize> = (0..uses.len()).filter(|at| !uses[*at].attempt).collect();
        let aliases = done.iter().filter_map(|at| uses[*at].key?.alias.as_deref());
        if aliases.into_iter().any(|alias| alias.starts_with(AWS_ALIAS)) {
            return Vec::new();
        }
        let services = names(uses, &done, service);
        let mut others = names(uses, &done, |used| used.principal.account.as_deref());
        // One's own accounts share keys on purpose.
        let named: BTreeSet<String> = others.iter().map(|&account| account.to_owned()).collect();
        let outside = self.0.outside(&named, accounts);
        others.retain(|account| outside.contains(account));
        let principals = names(uses, &done, |used| used.principal.arn.as_deref());
        let most = &self.0.thresholds;
        let wide = [
            ("services", &services, most.blast_services),
            ("accounts", &others, most.blast_accounts),
            ("principals", &principals, most.blast_principals),
        ];
        let wide = wide.into_iter().filter(|(_, names, most)| names.len() >= *most);
        let wide: Vec<(&str, &HashSet<&str>, usize)> = wide.collect();
        if wide.is_empty() {
            return Vec::new();
        }
        let counted: Vec<String> =
            wide.iter().map(|(what, names, _)| format!("{} {what}", names.len())).collect();
        let why = format!("one key is used by or for {}", counted.join(", "));
        let mut found = Decided::new(done, Level::Low).with("why", why);
        for (what, names, _) in wide {
            found = found.with(what, list(names));
        }
        vec![found.about(Scope::Key)]
    }
}

/// The different names in some uses. Most are that of the use before.
fn names<'a>(
    uses: &[Use<'a>],
    among: &[usize],
    of: impl Fn(&Use<'a>) -> Option<&'a str>,
) -> HashSet<&'a str> {
    let (mut all, mut last) = (HashSet::default(), "");
    for name in among.iter().filter_map(|at| of(&uses[*at])) {
        if !std::ptr::eq(name, last) {
            all.insert(name);
            last = name;
        }
    }
    all
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
    fn keys_of_aws_are_left_out_and_two_other_accounts_are_too_many() {
        let rule = KeyBlastRadius(Arc::default());
        let found = |records: &[Value]| decide(&rule, records, "2026-12-01T00:00:00Z").len();
        let of = |account: &str| {
            let mut other = used("alice", "x");
            other["userIdentity"]["accountId"] = json!(account);
            other
        };
        let mut other = of("444455556666");
        let another = of("777788889999");
        assert_eq!(found(&[used("alice", "x"), other.clone()]), 0);
        assert_eq!(found(&[used("alice", "x"), another.clone(), other.clone()]), 1);
        other["requestParameters"] = json!({"keyId": "alias/aws/ssm"});
        assert_eq!(found(&[used("alice", "x"), another, other]), 0);
    }
}
