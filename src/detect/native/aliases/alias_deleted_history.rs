//! Lowers the level of a deleted alias if the same principal restores it at once.
//!
//! What must stay true: principal, alias name and key are all known and equal.

use serde_json::Value;

use crate::detect::native::shared::timeline::{
    MINUTE, alias_part, between, by_same, first_from, key_of, of_kind,
};
use crate::detect::stateful::{Context, Decided, History, Mark, Noted};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// The alias was deleted.
const DELETED: u32 = 0;
/// The alias was created.
const CREATED: u32 = 1;

/// The maximum time until the alias is restored.
const SOON: i64 = 10 * MINUTE;

/// See `rules/aliases/alias-deleted.md`.
#[derive(Debug)]
pub struct AliasDeletedHistory;

impl History for AliasDeletedHistory {
    fn adjusts(&self) -> Option<&'static str> {
        Some("alias-deleted")
    }

    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        if !view.is_kms() || view.attempt() {
            return;
        }
        let kind = match view.name().as_deref() {
            Some("DeleteAlias") => DELETED,
            Some("CreateAlias") => CREATED,
            _ => return,
        };
        if let Some(part) = alias_part(event, view) {
            marks.push(Mark { part, kind, value: String::new() });
        }
    }

    fn conclude(&self, notes: &[Noted], _context: &Context<'_>) -> Vec<Decided> {
        let created = of_kind(notes, CREATED);
        let lowered = |deleted: usize| {
            let gone = &notes[deleted];
            // Only the next creation counts. Before a later one, the alias may have been on another
            // key.
            let back = &notes[first_from(notes, &created, gone.time)?];
            let same = key_of(gone)? == key_of(back)? && by_same(&gone.about, &back.about);
            (same && between(gone.time, back.time) <= SOON).then(|| {
                let why = format!("created again on the same key at {}", back.time);
                Decided::new([deleted], Level::Low).with("why", Value::from(why))
            })
        };
        let found = |at: &usize| notes[*at].found;
        of_kind(notes, DELETED).into_iter().filter(found).filter_map(lowered).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::recorded::{KEY, OTHER, call, decide, refused};

    fn alias(time: &str, user: &str, name: &str, key: &str) -> Value {
        call(time, user, name, key, &json!({"aliasName": "alias/prod-orders"}))
    }

    fn lowered(records: &[Value]) -> usize {
        let gone = alias("2026-11-23T10:00:00Z", "alice", "DeleteAlias", KEY);
        let records: Vec<Value> = records.iter().cloned().chain([gone]).collect();
        decide(&AliasDeletedHistory, &records, "2026-12-01T00:00:00Z").len()
    }

    #[test]
    fn put_back_by_the_same_on_the_same_and_soon() {
        let soon = "2026-11-23T10:10:00Z";
        let back = alias(soon, "alice", "CreateAlias", KEY);
        assert_eq!(lowered(std::slice::from_ref(&back)), 1);
        assert_eq!(lowered(&[refused(back.clone())]), 0);
        assert_eq!(lowered(&[alias("2026-11-23T10:10:01Z", "alice", "CreateAlias", KEY)]), 0);
        assert_eq!(lowered(&[alias(soon, "bob", "CreateAlias", KEY)]), 0);
        let other = alias("2026-11-23T10:01:00Z", "alice", "CreateAlias", OTHER);
        assert_eq!(lowered(&[other, back.clone()]), 0, "it was on another key in between");
        let mut elsewhere = back;
        elsewhere["awsRegion"] = json!("eu-west-1");
        assert_eq!(lowered(&[elsewhere]), 0);
    }
}
