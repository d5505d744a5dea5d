//! Raises the level of a new key if the log shows no earlier key of its creator.
//!
//! What must stay true: a log must cover a week before a principal can count as new. A short log
//! raises nothing.

use crate::detect::native::shared::timeline::{DAY, between};
use crate::detect::stateful::{Context, Decided, History, Mark, Noted};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::{Actor, View};

/// How long the log must have covered before. A week contains weekly jobs, working days and
/// weekends.
const LEARNING: i64 = 7 * DAY;

/// See `rules/lifecycle/key-created.md`.
#[derive(Debug)]
pub struct KeyCreatedHistory;

impl History for KeyCreatedHistory {
    fn note(&self, _event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        let created = view.is_kms() && view.name().is_some_and(|name| name == "CreateKey");
        if !created || view.attempt() || view.actor() != Actor::Direct {
            return;
        }
        if let Some((account, principal)) = view.account().zip(view.identity()) {
            let part = format!("{account} {principal}");
            marks.push(Mark { part, kind: 0, value: String::new() });
        }
    }

    fn conclude(&self, notes: &[Noted], context: &Context<'_>) -> Vec<Decided> {
        let known = notes.first().is_none_or(|n| between(context.range.0, n.time) < LEARNING);
        if known {
            return Vec::new();
        }
        let why = "the principal created no key in the log before, for a week";
        vec![Decided::new([0], Level::Low).with("why", why)]
    }

    fn adjusts(&self) -> Option<&'static str> {
        Some("key-created")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::estate::Estate;
    use crate::model::principal::{Mfa, Principal};
    use crate::model::time::Time;

    #[test]
    fn only_a_week_after_the_log_began() {
        let time = |text| Time::parse(text).unwrap();
        let principal = Principal {
            kind: None,
            arn: None,
            account: None,
            session: None,
            invoked_by: None,
            mfa: Mfa::Unknown,
        };
        let about = crate::detect::stateful::About {
            account: None,
            region: None,
            principal,
            source_ip: None,
            user_agent: None,
            key: None,
            resource: None,
            provider: None,
            service: None,
            access_key: None,
            error: None,
            reversible: None,
        };
        let now = time("2026-11-08T10:00:00Z");
        let noted = Noted {
            time: now,
            last: now,
            count: 1,
            kind: 0,
            value: String::new(),
            about,
            reported: true,
            found: true,
        };
        let found = |begin| {
            let (estate, accounts) = (Estate::default(), BTreeSet::new());
            let range = (time(begin), now);
            let deliveries = &crate::model::delivery::Deliveries::default();
            let (accounts, book) = (&accounts, &crate::tags::book::Book::default());
            let context =
                Context { estate: &estate, accounts, range, before: &[], deliveries, book };
            KeyCreatedHistory.conclude(&[noted.clone(), noted.clone()], &context)
        };
        assert_eq!(found("2026-11-01T10:00:00Z").len(), 1);
        assert_eq!(found("2026-11-01T10:00:00Z")[0].notes, [0], "the first only");
        assert_eq!(found("2026-11-01T10:00:01Z"), []);
    }
}
