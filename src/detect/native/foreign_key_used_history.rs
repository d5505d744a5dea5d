//! Ten or more encryptions under foreign keys within ten minutes, by one principal.
//!
//! What must stay true: decryptions do not count, as reading what a partner wrote is no ransom run,
//! and whose account is foreign is decided at the end, when all that receive records are known.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::places;
use super::timeline::{MINUTE, between};
use crate::detect::stateful::{Context, Decided, History, Mark, Noted};
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// How many calls make a burst.
const BURST: usize = 10;

/// See `rules/use/foreign-key-used.md`.
#[derive(Debug)]
pub struct ForeignKeyUsedHistory(pub Arc<Estate>);

impl History for ForeignKeyUsedHistory {
    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        let other = view.crosses_accounts() != Some(false);
        if !view.is_kms() || view.attempt() || other {
            return;
        }
        let Some((account, principal)) = view.account().zip(view.principal_arn()) else { return };
        let mut owners = BTreeSet::new();
        places::each_key_account(event, |owner| {
            if *owner != *account {
                owners.insert(owner.to_owned());
            }
        });
        if let (false, Ok(value)) = (owners.is_empty(), serde_json::to_string(&owners)) {
            marks.push(Mark { part: format!("{account} {principal}"), kind: 0, value });
        }
    }

    fn conclude(&self, notes: &[Noted], context: &Context<'_>) -> Vec<Decided> {
        let foreign = |noted: &Noted| {
            let owners: BTreeSet<String> = serde_json::from_str(&noted.value).unwrap_or_default();
            !self.0.outside(&owners, context.accounts).is_empty()
        };
        let calls: Vec<usize> = (0..notes.len()).filter(|at| foreign(&notes[*at])).collect();
        let mut burst = BTreeSet::new();
        let mut first = 0;
        for last in 0..calls.len() {
            let now = notes[calls[last]].time;
            while between(notes[calls[first]].time, now) > 10 * MINUTE {
                first += 1;
            }
            if last + 1 - first >= BURST {
                // What an earlier window had is there already.
                let new = calls[first..=last].iter().rev().take_while(|at| !burst.contains(*at));
                let new: Vec<usize> = new.copied().collect();
                burst.extend(new);
            }
        }
        let why = "10 or more such calls within 10 minutes";
        let found = Decided::new(burst, Level::Critical).with("why", why);
        if found.notes.is_empty() { Vec::new() } else { vec![found] }
    }

    fn adjusts(&self) -> Option<&'static str> {
        Some("foreign-key-used")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::recorded::{KEY, call, decide};
    use super::*;

    #[test]
    fn ten_in_ten_minutes() {
        let foreign = "arn:aws:kms:eu-central-1:777788889999:key/1234abcd";
        let calls = |count: u32, step: u32, key: &str| -> Vec<Value> {
            let time =
                |at: u32| format!("2026-11-02T10:{:02}:{:02}Z", at * step / 60, at * step % 60);
            let one = |at| call(&time(at), "alice", "GenerateDataKey", key, &json!({}));
            (0..count).map(one).collect()
        };
        let found = |records: &[Value]| {
            let rule = ForeignKeyUsedHistory(Arc::default());
            let found = decide(&rule, records, "2026-12-01T00:00:00Z");
            found.first().map_or(0, |(ids, _)| ids.len())
        };
        assert_eq!(found(&calls(10, 60, foreign)), 10);
        assert_eq!(found(&calls(9, 1, foreign)), 0);
        assert_eq!(found(&calls(10, 70, foreign)), 0);
        assert_eq!(found(&calls(30, 60, foreign)), 30);
        assert_eq!(found(&calls(10, 60, KEY)), 0);
    }
}
