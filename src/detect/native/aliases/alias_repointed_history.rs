//! Raises the level of a moved alias if the new key is young or its material has another origin.
//! Automation that moves an alias to its own young key replaces a key, which is what it is for.
//!
//! The age of a key needs only the notes of that key. Two keys meet only in the alias, so records
//! that create keys and place aliases are noted a second time, by account and Region. What must
//! stay true: nothing is raised because of records that the log does not contain.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::detect::native::shared::actor::is_automation;
use crate::detect::native::shared::timeline::{
    DAY, alias_name, between, by_same, key_of, last_until, mark_key, of_kind, origin_of_new_key,
};
use crate::detect::stateful::{Context, Decided, History, Mark, Noted};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// A key was created. The value is the origin of its material.
const KEY_CREATED: u32 = 0;
/// An alias was moved. In the notes of an account, the value is the alias.
const MOVED: u32 = 1;
/// An alias was created. The value is the alias.
const CREATED: u32 = 2;
/// An alias was deleted. The value is the alias.
const DELETED: u32 = 3;

/// See `rules/aliases/alias-repointed.md`.
#[derive(Debug)]
pub struct AliasRepointedHistory;

impl History for AliasRepointedHistory {
    fn adjusts(&self) -> Option<&'static str> {
        Some("alias-repointed")
    }

    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        if !view.is_kms() {
            return;
        }
        let kind = match view.name().as_deref() {
            Some("CreateKey") => KEY_CREATED,
            Some("UpdateAlias") => MOVED,
            Some("CreateAlias") => CREATED,
            Some("DeleteAlias") => DELETED,
            _ => return,
        };
        // A refused move is also a finding, and the age of the key counts for it too.
        if view.attempt() && kind != MOVED {
            return;
        }
        if matches!(kind, KEY_CREATED | MOVED) {
            mark_key(view, kind, "", marks);
        }
        let value = match kind {
            KEY_CREATED => Some(origin_of_new_key(event)),
            _ => alias_name(event),
        };
        if let (false, Some(value), Some(account), Some(region)) =
            (view.attempt(), value, view.account(), view.region())
        {
            marks.push(Mark { part: format!("{account} {region}"), kind, value });
        }
    }

    fn conclude(&self, notes: &[Noted], context: &Context<'_>) -> Vec<Decided> {
        // The notes of a key have no values.
        if notes.iter().all(|note| note.value.is_empty()) {
            young(notes, context)
        } else {
            origins(notes)
        }
    }
}

/// Decides over the notes of one key: the moves to it on its first day.
fn young(notes: &[Noted], context: &Context<'_>) -> Vec<Decided> {
    let created = of_kind(notes, KEY_CREATED);
    let raised = |moved: usize| {
        let about = &notes[moved].about;
        let made = &notes[last_until(notes, &created, notes[moved].time)?];
        let replaces = by_same(&made.about, about) && is_automation(context.estate, about);
        (between(made.time, notes[moved].time) < DAY).then(|| {
            let (level, why) = match replaces {
                true => (Level::Low, format!("automation made the new key at {}", made.time)),
                false => {
                    let why = "the new key is less than a day old: created at";
                    (Level::High, format!("{why} {}", made.time))
                }
            };
            Decided::new([moved], level).with("why", Value::from(why))
        })
    };
    let found = |at: &usize| notes[*at].found;
    of_kind(notes, MOVED).into_iter().filter(found).filter_map(raised).collect()
}

/// Decides over the notes of one account and Region: the moves to a key of another origin.
fn origins(notes: &[Noted]) -> Vec<Decided> {
    // A key is created before an alias can point to it, so the order of its creation does not
    // matter.
    let made = |note: &&Noted| note.kind == KEY_CREATED;
    let origin: BTreeMap<&str, &str> = notes
        .iter()
        .filter(made)
        .filter_map(|note| Some((key_of(note)?, note.value.as_str())))
        .collect();
    let mut on: BTreeMap<&str, &str> = BTreeMap::new();
    let mut decided = Vec::new();
    for (at, note) in notes.iter().enumerate().filter(|(_, note)| note.kind != KEY_CREATED) {
        let alias = note.value.as_str();
        let new = if note.kind == DELETED { None } else { key_of(note) };
        let old = on.remove(alias);
        on.extend(new.map(|key| (alias, key)));
        let origins = |old, new| Some((*origin.get(old)?, *origin.get(new)?));
        let both = old.zip(new).and_then(|(old, new)| origins(old, new));
        if let Some((old_origin, new_origin)) = both.filter(|(old, new)| old != new)
            && (note.kind, note.found) == (MOVED, true)
        {
            let old = old.unwrap_or_default();
            let why = format!(
                "the key before, {old}, has the origin {old_origin}, the new one {new_origin}"
            );
            decided.push(Decided::new([at], Level::High).with("why", Value::from(why)));
        }
    }
    decided
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::recorded::{KEY, OTHER, call, decide, refused};

    fn alias(time: &str, name: &str, key: &str) -> Value {
        call(time, "alice", name, key, &json!({"aliasName": "alias/prod-orders"}))
    }

    fn made(time: &str, key: &str, origin: &str) -> Value {
        call(time, "alice", "CreateKey", key, &json!({"origin": origin}))
    }

    fn reasons(records: &[Value]) -> Vec<String> {
        let found = decide(&AliasRepointedHistory, records, "2026-12-01T00:00:00Z");
        found.iter().map(|(_, d)| d.details["why"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_new_key_is_one_of_less_than_a_day() {
        let moved = alias("2026-11-02T10:00:00Z", "UpdateAlias", KEY);
        let new = made("2026-11-01T10:00:01Z", KEY, "AWS_KMS");
        assert_eq!(reasons(&[new.clone(), moved.clone()]).len(), 1);
        assert_eq!(reasons(&[new.clone(), refused(moved.clone())]).len(), 1);
        assert_eq!(reasons(&[refused(new), moved.clone()]).len(), 0);
        assert_eq!(
            reasons(&[made("2026-11-01T10:00:00Z", KEY, "AWS_KMS"), moved.clone()]).len(),
            0
        );
        assert_eq!(reasons(&[moved]).len(), 0);
    }

    #[test]
    fn another_origin_shows_when_both_keys_and_the_place_of_the_alias_are_known() {
        let keys = [
            made("2026-10-01T10:00:00Z", KEY, "AWS_KMS"),
            made("2026-10-01T10:00:00Z", OTHER, "EXTERNAL"),
        ];
        let with = |more: &[Value]| reasons(&[&keys[..], more].concat());
        let created = alias("2026-10-20T10:00:00Z", "CreateAlias", KEY);
        let moved = alias("2026-11-02T10:00:00Z", "UpdateAlias", OTHER);
        let found = with(&[created.clone(), moved.clone()]);
        assert!(found[0].contains(KEY) && found[0].contains("EXTERNAL"), "{found:?}");
        assert_eq!(with(std::slice::from_ref(&moved)).len(), 0);
        let gone = alias("2026-10-25T10:00:00Z", "DeleteAlias", KEY);
        assert_eq!(with(&[created.clone(), gone, moved.clone()]).len(), 0);
        let same = alias("2026-11-03T10:00:00Z", "UpdateAlias", OTHER);
        assert_eq!(with(&[created, moved, same]).len(), 1);
    }

    #[test]
    fn automation_may_replace_a_key_by_its_own() {
        let deployed = |mut record: Value| {
            record["userIdentity"]["invokedBy"] = json!("cloudformation.amazonaws.com");
            record["userIdentity"]["type"] = json!("AssumedRole");
            record["userIdentity"]["arn"] = json!("arn:aws:iam::111122223333:role/stack");
            record
        };
        let moved = alias("2026-11-02T10:00:00Z", "UpdateAlias", KEY);
        let new = made("2026-11-02T09:00:00Z", KEY, "AWS_KMS");
        let level = |records: &[Value]| {
            let decided = decide(&AliasRepointedHistory, records, "2026-12-01T00:00:00Z");
            decided.first().map(|(_, one)| one.level)
        };
        let own = [deployed(new.clone()), deployed(moved.clone())];
        assert_eq!(level(&own), Some(Level::Low));
        assert_eq!(level(&[new, deployed(moved.clone())]), Some(Level::High), "another's key");
        let new = deployed(made("2026-11-02T09:00:00Z", KEY, "AWS_KMS"));
        assert_eq!(level(&[new, moved]), Some(Level::High));
    }
}
