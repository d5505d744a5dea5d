//! Lowers the level of a deleted alias if the same principal restores it at once, or if nobody but
//! the caller loses anything with the key.
//!
//! The first needs the notes of the alias, the second those of the key: a record is noted for both.
//! What must stay true: of a restored alias, principal, name and key are all known and equal. The
//! rest is said in `shared/key_life.rs`.

use serde_json::Value;

use crate::detect::native::shared::actor::is_automation;
use crate::detect::native::shared::key_life::{Life, TAKEN, TakesAway};
use crate::detect::native::shared::timeline::{
    MINUTE, alias_part, between, by_same, first_from, key_of, mark_key, of_kind,
};
use crate::detect::stateful::{Context, Decided, Mark, Noted};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// The alias was deleted.
const DELETED: u32 = 0;
/// The alias was created.
const CREATED: u32 = 1;
/// In the notes of a key: it was given an alias.
const NAMED: u32 = 2;
/// In the notes of a key: its deletion was scheduled.
const SCHEDULED: u32 = 3;

/// The maximum time until the alias is restored.
const SOON: i64 = 10 * MINUTE;

/// See `rules/aliases/alias-deleted.md`.
#[derive(Debug)]
pub struct AliasDeletedHistory;

impl TakesAway for AliasDeletedHistory {
    fn adjusts(&self) -> Option<&'static str> {
        Some("alias-deleted")
    }

    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        let kind = match view.name().as_deref() {
            Some("DeleteAlias") if view.is_kms() => DELETED,
            Some("CreateAlias") if view.is_kms() => CREATED,
            Some("ScheduleKeyDeletion") if view.is_kms() && !view.attempt() => {
                return mark_key(view, SCHEDULED, "", marks);
            }
            _ => return,
        };
        // A refused deletion is a finding too.
        if !view.attempt() || kind == DELETED {
            mark_key(view, if kind == DELETED { TAKEN } else { NAMED }, "", marks);
        }
        if let Some(part) = alias_part(event, view).filter(|_| !view.attempt()) {
            marks.push(Mark { part, kind, value: String::new() });
        }
    }

    fn needs(&self) -> &[&[u32]] {
        &[&[DELETED, CREATED], &[TAKEN]]
    }

    fn conclude(&self, notes: &[Noted], context: &Context<'_>) -> Vec<Decided> {
        let of_alias = notes.iter().any(|note| note.kind == DELETED);
        if of_alias { restored(notes) } else { lost(notes, context) }
    }
}

/// Decides over the notes of one alias: deletions that the same principal undoes.
fn restored(notes: &[Noted]) -> Vec<Decided> {
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

/// Decides over the notes of one key: aliases with which nobody loses anything, and those that
/// automation replaces by another name.
fn lost(notes: &[Noted], context: &Context<'_>) -> Vec<Decided> {
    let life = Life::read(notes, context);
    let (named, scheduled) = (of_kind(notes, NAMED), of_kind(notes, SCHEDULED));
    // What automation does to the same key soon after, if it is one of these.
    let soon = |deleted: usize, of: &[usize]| {
        let gone = &notes[deleted];
        let next = &notes[first_from(notes, of, gone.time)?];
        let same = is_automation(context.estate, &gone.about) && by_same(&gone.about, &next.about);
        (same && between(gone.time, next.time) <= SOON).then_some(next.time)
    };
    // Callers who use the old name fail, if anybody uses the key.
    let renamed = |deleted: usize, level: Level| {
        let time = soon(deleted, &named)?;
        Some((level, format!("automation gave the key another alias at {time}")))
    };
    let told_elsewhere = |deleted: usize| {
        let time = soon(deleted, &scheduled)?;
        let why = format!("automation scheduled the deletion of the key at {time}, which is told");
        Some((Level::Low, why))
    };
    let lowered = |deleted: usize| {
        let of_life = life.lowered(deleted);
        let of_name = if of_life.is_some() { Level::Low } else { Level::Medium };
        let other = told_elsewhere(deleted).or_else(|| renamed(deleted, of_name));
        let (level, why) = [of_life, other].into_iter().flatten().min()?;
        Some(Decided::new([deleted], level).with("why", Value::from(why)))
    };
    life.taken().filter(|at| notes[*at].found).filter_map(lowered).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::shared::key_life::OfLife;
    use crate::detect::native::testing::recorded::{KEY, OTHER, call, decide, refused};

    fn alias(time: &str, user: &str, name: &str, key: &str) -> Value {
        call(time, user, name, key, &json!({"aliasName": "alias/prod-orders"}))
    }

    fn lowered(records: &[Value]) -> usize {
        let gone = alias("2026-11-23T10:00:00Z", "alice", "DeleteAlias", KEY);
        let records: Vec<Value> = records.iter().cloned().chain([gone]).collect();
        decide(&OfLife(AliasDeletedHistory), &records, "2026-12-01T00:00:00Z").len()
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

    /// The level of the deletion in `records`, if it is lowered.
    fn level(records: &[Value]) -> Option<Level> {
        let found = decide(&OfLife(AliasDeletedHistory), records, "2026-12-01T00:00:00Z");
        found.first().map(|(_, decided)| decided.level)
    }

    fn deployed(mut record: Value) -> Value {
        record["userIdentity"] = json!({"type": "AssumedRole", "accountId": "111122223333",
            "arn": "arn:aws:iam::111122223333:role/app-deploy"});
        record["userAgent"] = json!("OpenTofu/1.8");
        record
    }

    #[test]
    fn an_alias_is_no_loss_if_its_key_is_none() {
        let gone = alias("2026-11-23T10:00:00Z", "alice", "DeleteAlias", KEY);
        let made = alias("2026-11-20T10:00:00Z", "alice", "CreateKey", KEY);
        let named = alias("2026-11-20T10:00:00Z", "alice", "CreateAlias", KEY);
        assert_eq!(level(&[made.clone(), gone.clone()]), Some(Level::Low));
        assert_eq!(level(&[made, refused(gone.clone())]), Some(Level::Low));
        assert_eq!(level(&[named, gone.clone()]), None, "its alias proves nothing");
        assert_eq!(level(&[deployed(gone)]), Some(Level::Medium));
    }

    #[test]
    fn automation_may_rename_the_alias_of_a_key_in_use() {
        let mut using = alias("2026-11-22T10:00:00Z", "app", "Decrypt", KEY);
        using["last"] = json!("2026-11-22T10:00:00Z");
        let gone = alias("2026-11-23T10:00:00Z", "alice", "DeleteAlias", KEY);
        let back = |time: &str| {
            let mut back = alias(time, "alice", "CreateAlias", KEY);
            back["requestParameters"]["aliasName"] = json!("alias/prod-sales");
            back
        };
        let (soon, late) = (back("2026-11-23T10:00:02Z"), back("2026-11-23T10:10:01Z"));
        let renamed =
            |back: &Value| [using.clone(), deployed(gone.clone()), deployed(back.clone())];
        assert_eq!(level(&renamed(&soon)), Some(Level::Medium));
        assert_eq!(level(&renamed(&late)), None);
        assert_eq!(level(&[using.clone(), gone.clone(), soon.clone()]), None, "people are asked");
        let unused = [deployed(gone.clone()), deployed(soon)];
        assert_eq!(level(&unused), Some(Level::Low), "nobody uses the key");
        // The deletion of the key is told by another rule.
        let scheduled = |time: &str| call(time, "alice", "ScheduleKeyDeletion", KEY, &json!({}));
        let soon = scheduled("2026-11-23T10:00:06Z");
        let both = [using.clone(), deployed(gone.clone()), deployed(soon.clone())];
        assert_eq!(level(&both), Some(Level::Low));
        assert_eq!(level(&[using.clone(), gone.clone(), soon]), None, "people are asked");
        let late = scheduled("2026-11-23T10:10:01Z");
        assert_eq!(level(&[using, deployed(gone), deployed(late)]), None);
    }
}
