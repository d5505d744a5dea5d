//! A user's decision to hide findings: which, why and until when; and what came of it.
//!
//! What must stay true: every suppression has a reason and a last day, so that none silently outlives
//! its purpose.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::time::Time;

/// A decision to leave findings out. Patterns are those of [`super::pattern`]; one that is `None` fits
/// every finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// The rule's id.
    pub rule: String,
    /// Pattern of the principal's ARN, or of the service that acted where there is none.
    pub principal: Option<String>,
    /// Pattern of the key's ARN or of the alias by which it was named.
    pub key: Option<String>,
    /// Pattern of the resource's ARN.
    pub resource: Option<String>,
    /// Whether `resource` may be one that only the caller names, by the encryption context of a direct
    /// call. Whoever calls writes what they like there.
    pub trust_context: bool,
    /// Pattern of the account whose trail holds the records.
    pub account: Option<String>,
    /// Pattern of the Region.
    pub region: Option<String>,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Where it was decided, such as the number of a ticket.
    pub ticket: Option<String>,
    /// The last day on which it holds.
    pub expires: Day,
}

/// A day of the calendar, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(Time);

impl Day {
    /// Reads `2027-01-31`.
    pub fn parse(text: &str) -> Option<Day> {
        (text.len() == 10 && text.is_ascii())
            .then(|| Time::parse_plain(format!("{text}T00:00:00Z").as_bytes()).map(Day))?
    }

    /// Whether the day is over.
    pub fn is_over(self, now: Time) -> bool {
        const DAY_MICROS: i64 = 86_400 * 1_000_000;
        now >= Time(self.0.0.saturating_add(DAY_MICROS))
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.0.to_string();
        f.pad(text.get(..10).unwrap_or(&text))
    }
}

impl Serialize for Day {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Day {
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date"})
    }
}

/// How a suppression stands at the end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It left findings out.
    Active,
    /// Its last day is over: what it fits is listed.
    Expired,
    /// It fits no finding of this run.
    Unmatched,
}

/// A suppression and what it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The rule's id.
    pub rule: String,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Where it was decided, such as the number of a ticket.
    pub ticket: Option<String>,
    /// The last day on which it holds.
    pub expires: Day,
    /// How it stands.
    pub state: State,
    /// The findings it fits: left out, or listed all the same if it has expired.
    pub count: u64,
    /// Their fingerprints: the first ones, sorted.
    pub fitted: Vec<String>,
}

impl Applied {
    /// What tells it from other suppressions of other runs, as far as reports say.
    pub fn key(&self) -> Vec<String> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (owner, ticket) = (text(&self.owner), text(&self.ticket));
        vec![self.rule.clone(), self.reason.clone(), self.expires.to_string(), owner, ticket]
    }

    /// The same suppression in two runs, of which `later` is the later one: at least so many findings.
    #[must_use]
    pub fn with(self, later: Applied) -> Applied {
        let mut fitted = self.fitted;
        fitted.extend(later.fitted);
        fitted.sort();
        fitted.dedup();
        let count = self.count.max(later.count).max(fitted.len() as u64);
        let state = match (self.state, later.state) {
            (State::Active, State::Unmatched) => State::Active,
            (_, state) => state,
        };
        Applied { count, state, fitted, ..later }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_midnight_utc() {
        let day = Day::parse("2027-01-31").unwrap();
        assert_eq!(day.to_string(), "2027-01-31");
        let at = |text| Time::parse(text).unwrap();
        assert!(!day.is_over(at("2026-01-01T00:00:00Z")));
        assert!(!day.is_over(at("2027-01-31T23:59:59.999Z")));
        assert!(day.is_over(at("2027-02-01T00:00:00Z")));
        assert!(!Day::parse("9999-12-31").unwrap().is_over(at("2027-02-01T00:00:00Z")));
        for text in ["", "2027-02-29", "2027-1-31", "2027-01-31Z", "tomorrow", "２０27-01-"] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }
}
