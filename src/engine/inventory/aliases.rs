//! The aliases of a key over time.
//!
//! An alias is given to another key by a call that names only that key. So each key says when aliases
//! began to name it, and when all keys are known the ends of their spans follow.

use std::collections::BTreeMap;

use super::seen::Seen;
use crate::model::keys::facts::{AliasSpan, KeyFacts};
use crate::model::keys::listed::Listed;
use crate::model::time::Time;

/// Spans that are kept of one key.
const SPANS: usize = 100;

/// Beginnings of spans that are kept of all keys together.
const BEGINNINGS: usize = 1 << 16;

/// The spans of one key.
#[derive(Debug, Default)]
pub struct Aliases {
    spans: Vec<AliasSpan>,
    count: u64,
}

impl Aliases {
    /// Takes in a call that succeeded and named the key by an alias, or changed one.
    pub fn take(&mut self, alias: &str, seen: &Seen) {
        let time = seen.time();
        let open = self.spans.iter_mut().rev().find(|span| span.name == alias && span.to.is_none());
        let given = matches!(seen.name(), "CreateAlias" | "UpdateAlias");
        match (open, seen.name()) {
            (Some(open), "DeleteAlias") => open.to = Some(time),
            (None, "DeleteAlias") => self.add(AliasSpan { to: Some(time), ..span(alias, time) }),
            (Some(_), _) if !given => {}
            // It may have named another key in between.
            _ => {
                let given = given.then_some(time);
                self.add(AliasSpan { given, ..span(alias, time) });
            }
        }
    }

    fn add(&mut self, span: AliasSpan) {
        self.count += 1;
        if self.spans.len() < SPANS {
            self.spans.push(span);
        }
    }

    /// Whether the key ever had this alias.
    pub fn had(&self, alias: &str) -> bool {
        self.spans.iter().any(|span| span.name == alias)
    }

    pub fn listed(self) -> Listed<AliasSpan> {
        Listed { count: self.count, cut: false, first: self.spans }
    }
}

fn span(alias: &str, time: Time) -> AliasSpan {
    AliasSpan { name: alias.to_owned(), given: None, from: time, to: None, now_of: None }
}

/// When aliases began to name which keys: alias, time, key.
#[derive(Debug, Default)]
pub struct Beginnings {
    all: BTreeMap<(String, Time), String>,
    pub cut: bool,
}

/// An alias is of one account and Region.
fn full_name(facts: &KeyFacts, alias: &str) -> String {
    format!("{}:{}:{alias}", facts.account, facts.region)
}

impl Beginnings {
    /// Adds the spans of a key.
    pub fn add(&mut self, facts: &KeyFacts) {
        // One that was only taken away began before.
        let began = facts.aliases.first.iter().filter(|span| span.to != Some(span.from));
        for span in began {
            let place = (full_name(facts, &span.name), span.from);
            // Of one second the greater key counts, so that order decides nothing.
            let known = self.all.entry(place).or_default();
            if *known < facts.arn {
                facts.arn.clone_into(known);
            }
        }
        while self.all.len() > BEGINNINGS {
            self.all.pop_last();
            self.cut = true;
        }
    }

    /// Adds all of another's.
    pub fn merge(&mut self, other: Beginnings) {
        self.cut |= other.cut;
        for (place, arn) in other.all {
            let known = self.all.entry(place).or_default();
            if *known < arn {
                *known = arn;
            }
        }
        while self.all.len() > BEGINNINGS {
            self.all.pop_last();
            self.cut = true;
        }
    }

    /// Ends the spans of a key where the alias began to name another one.
    pub fn end_spans(&self, facts: &mut KeyFacts) {
        let mut spans = std::mem::take(&mut facts.aliases.first);
        for span in &mut spans {
            let name = full_name(facts, &span.name);
            let after = (name.clone(), Time(span.from.0.saturating_add(1)));
            let next = self.all.range(after..).next().filter(|((other, _), _)| *other == name);
            if let Some(((_, time), arn)) =
                next.filter(|((_, time), _)| span.to.is_none_or(|to| *time <= to))
            {
                span.to = Some(*time);
                span.now_of = Some(arn.clone()).filter(|arn| *arn != facts.arn);
            }
        }
        facts.aliases.first = spans;
    }
}
