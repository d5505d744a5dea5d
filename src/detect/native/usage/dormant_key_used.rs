//! Finds keys that are used again after a month without any use.
//!
//! It is code because it compares a use with the one before it, whoever made that. What must stay true:
//! a failed call is no use, and a key whose first use the log shows is not dormant before it.

use std::collections::BTreeSet;

use crate::detect::native::shared::timeline::{DAY, between};
use crate::detect::stateful::{Decided, OverKeys, Scope, Use};
use crate::model::actor_kind::is_service_linked;
use crate::model::level::Level;

/// How long nobody used the key.
const DORMANT: i64 = 30 * DAY;

/// See `rules/use/dormant-key-used.md`.
#[derive(Debug)]
pub struct DormantKeyUsed;

impl OverKeys for DormantKeyUsed {
    fn decide(&self, uses: &[Use<'_>], _: &BTreeSet<String>) -> Vec<Decided> {
        let mut before = None;
        let mut known = foldhash::HashSet::default();
        let mut found = Vec::new();
        for (at, used) in uses.iter().enumerate().filter(|(_, used)| !used.attempt) {
            let identity = used.principal.identity();
            let is_new = known.insert(identity);
            let first = used.times.0;
            if let Some(last) = before.filter(|last| between(*last, first) >= DORMANT && is_new) {
                let arn = used.principal.arn.as_deref().unwrap_or_default();
                let level = match used.actor == "service" || is_service_linked(arn) {
                    true => Level::Low,
                    false => Level::Medium,
                };
                let why = format!("nobody used the key from {last} to {first}");
                let one = Decided::new([at], level).with("why", why);
                found.push(one.about(Scope::PrincipalAndKey));
            }
            before = before.max(Some(used.times.1));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::recorded::{KEY, call, decide, refused};

    fn used(first: &str, last: &str, user: &str) -> Value {
        let mut record = call(&format!("2026-{first}T10:00:00Z"), user, "Decrypt", KEY, &json!({}));
        record["last"] = json!(format!("2026-{last}T10:00:00Z"));
        record
    }

    #[test]
    fn a_month_without_any_use_makes_a_key_dormant() {
        let end = "2026-12-01T00:00:00Z";
        let found = |records: &[Value]| -> Vec<(Vec<String>, Level)> {
            let all = decide(&DormantKeyUsed, records, end);
            all.into_iter().map(|(ids, decided)| (ids, decided.level)).collect()
        };
        let old = used("06-01", "06-20", "alice");
        let again = [old.clone(), used("07-20", "07-21", "bob")];
        assert_eq!(
            found(&again),
            [(vec!["Decrypt-2026-07-20T10:00:00Z-bob".into()], Level::Medium)]
        );
        assert_eq!(found(&[old.clone(), used("07-19", "07-21", "bob")]), [], "29 days");
        assert_eq!(found(&[old.clone(), used("07-20", "07-21", "alice")]), [], "known");
        assert_eq!(found(&[used("07-20", "07-21", "bob")]), [], "the first use of all");
        assert_eq!(found(&[old.clone(), refused(used("07-20", "07-21", "bob"))]), []);
        // A use that goes on keeps the key awake.
        assert_eq!(found(&[used("06-01", "07-10", "alice"), used("07-20", "07-21", "bob")]), []);
    }
}
