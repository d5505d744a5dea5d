//! Finds principals that use a key for the first time.
//!
//! It is code because it depends on what is not in the log. What must stay true: a log must show
//! uses of the key for some time before a principal can count as new. A short log gives no finding.

use std::collections::{BTreeSet, HashSet};

use crate::detect::native::shared::timeline::{DAY, between};
use crate::detect::stateful::{Decided, OverKeys, Scope, Use};
use crate::model::level::Level;

/// How long the log must show uses of the key before a principal can count as new. A week contains
/// weekly jobs, working days and weekends.
const LEARNING: i64 = 7 * DAY;

/// See `rules/use/first-use-of-key.md`.
#[derive(Debug)]
pub struct FirstUseOfKey;

/// The principal of a use that shows who may use the key.
fn principal<'a>(used: &Use<'a>) -> Option<&'a str> {
    used.principal.arn.as_deref().filter(|_| used.actor != "service" && !used.attempt)
}

impl OverKeys for FirstUseOfKey {
    fn decide(&self, uses: &[Use<'_>], _: &BTreeSet<String>) -> Vec<Decided> {
        let mut shown = uses.iter().filter(|used| principal(used).is_some());
        let Some(begin) = shown.next().map(|used| used.times.0) else { return Vec::new() };
        let learnt = |used: &Use<'_>| between(begin, used.times.0) >= LEARNING;
        if !uses.last().is_some_and(learnt) {
            return Vec::new();
        }
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for (at, used) in uses.iter().enumerate() {
            if !principal(used).is_some_and(|arn| seen.insert(arn)) || !learnt(used) {
                continue;
            }
            let (level, how) = match used.actor {
                "direct" => (Level::Medium, "directly"),
                _ => (Level::Low, "through a service"),
            };
            let why = format!(
                "the key is known since {begin}, and the principal used it for the first time, {how}"
            );
            let one = Decided::new([at], level).with("why", why);
            found.push(one.about(Scope::PrincipalAndKey));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::recorded::{KEY, call, decide, refused};

    fn used(day: u32, user: &str) -> Value {
        let time = format!("2026-11-{day:02}T10:00:00Z");
        let mut record = call(&time, user, "Decrypt", KEY, &json!({}));
        record["last"] = json!("2026-11-30T00:00:00Z");
        record
    }

    #[test]
    fn new_is_who_comes_a_week_after_the_first() {
        let end = "2026-12-01T00:00:00Z";
        let records = [used(1, "alice"), used(7, "bob"), used(8, "carol"), used(9, "alice")];
        let found = decide(&FirstUseOfKey, &records, end);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, ["Decrypt-2026-11-08T10:00:00Z-carol"]);
        assert_eq!(found[0].1.level, Level::Medium);
        let mut via = used(8, "carol");
        via["userIdentity"]["invokedBy"] = json!("s3.amazonaws.com");
        assert_eq!(decide(&FirstUseOfKey, &[used(1, "alice"), via], end)[0].1.level, Level::Low);
        assert_eq!(decide(&FirstUseOfKey, &[used(1, "alice"), refused(used(8, "carol"))], end), []);
        assert_eq!(decide(&FirstUseOfKey, &[used(20, "alice")], end), []);
    }
}
