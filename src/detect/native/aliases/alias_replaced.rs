//! Finds an alias that is deleted and then created on another key. The effect is that of
//! `UpdateAlias`, without such a record.
//!
//! It is code because the two records name different keys and share only the alias. What must stay
//! true: both keys are known. The finding is about the creation, whose record names the new key.

use serde_json::Value;

use crate::detect::native::shared::timeline::{
    DAY, alias_part, between, by_others, key_of, last_until, of_kind, who,
};
use crate::detect::stateful::{Context, Decided, History, Mark, Noted};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// The alias was put on a key, by creation or by a move.
const PUT: u32 = 0;
/// The alias was deleted.
const DELETED: u32 = 1;

/// The value of a mark for a creation. The value for a move is empty.
const CREATED: &str = "created";

/// See `rules/aliases/alias-replaced.md`.
#[derive(Debug)]
pub struct AliasReplaced;

impl History for AliasReplaced {
    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        if !view.is_kms() || view.attempt() {
            return;
        }
        let (kind, value) = match view.name().as_deref() {
            Some("CreateAlias") => (PUT, CREATED),
            Some("UpdateAlias") => (PUT, ""),
            Some("DeleteAlias") => (DELETED, ""),
            _ => return,
        };
        if let Some(part) = alias_part(event, view) {
            marks.push(Mark { part, kind, value: value.to_owned() });
        }
    }

    fn conclude(&self, notes: &[Noted], _context: &Context<'_>) -> Vec<Decided> {
        let (puts, deleted) = (of_kind(notes, PUT), of_kind(notes, DELETED));
        let replaced = |created: usize| {
            let new = key_of(&notes[created])?;
            let time = notes[created].time;
            let gone = last_until(notes, &deleted, time)?;
            // Old records of a deletion may not name the key. Then the record that put the alias
            // there does.
            let before = || last_until(notes, &puts, notes[gone].time).filter(|at| *at != created);
            let old = key_of(&notes[gone]).or_else(|| key_of(&notes[before()?]))?;
            (old != new && between(notes[gone].time, time) <= DAY).then(|| {
                let why = "the alias was deleted and created anew on another key within a day";
                let found = Decided::new([created, gone], Level::High).with("why", why);
                let found = found.with("old_key", old).with("new_key", new);
                let found = found.with("alias", alias(&notes[created]));
                let (by, about) = (&notes[gone].about, &notes[created].about);
                let found = found.with("deleted", notes[gone].time.to_string());
                if by_others(by, about) { found.with("deleted_by", who(by)) } else { found }
            })
        };
        let created = puts.iter().copied().filter(|at| notes[*at].value == CREATED);
        created.filter_map(replaced).collect()
    }
}

/// The alias in a note.
fn alias(noted: &Noted) -> Value {
    noted.about.key.as_ref().and_then(|key| key.alias.as_deref()).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::recorded::{KEY, OTHER, call, decide, refused};

    fn alias(time: &str, name: &str, key: &str) -> Value {
        call(time, "alice", name, key, &json!({"aliasName": "alias/prod-orders"}))
    }

    #[test]
    fn the_last_deletion_before_a_creation_counts() {
        let records = [
            alias("2026-11-01T10:00:00Z", "DeleteAlias", KEY),
            alias("2026-11-01T10:00:00Z", "CreateAlias", OTHER),
            alias("2026-11-02T10:00:00Z", "DeleteAlias", OTHER),
            alias("2026-11-02T10:01:00Z", "CreateAlias", OTHER),
            alias("2026-11-03T10:00:00Z", "DeleteAlias", OTHER),
            alias("2026-11-04T10:00:01Z", "CreateAlias", KEY),
        ];
        let found = decide(&AliasReplaced, &records, "2026-12-01T00:00:00Z");
        assert_eq!(found.len(), 1, "the first pair only: then the same key, then too late");
        assert_eq!(found[0].1.details["old_key"], KEY);
        assert_eq!(found[0].1.details["new_key"], OTHER);
        assert_eq!(found[0].1.details["alias"], "alias/prod-orders");
    }

    #[test]
    fn a_deletion_that_names_no_key_is_of_the_key_that_the_alias_was_on() {
        let mut gone = alias("2026-11-01T11:00:00Z", "DeleteAlias", KEY);
        gone["resources"] = json!(null);
        let create = alias("2026-11-01T11:05:00Z", "CreateAlias", OTHER);
        let moved = alias("2026-11-01T10:00:00Z", "UpdateAlias", KEY);
        let end = "2026-12-01T00:00:00Z";
        assert_eq!(decide(&AliasReplaced, &[gone.clone(), create.clone()], end).len(), 0);
        assert_eq!(decide(&AliasReplaced, &[moved, gone, create.clone()], end).len(), 1);
        let failed = refused(alias("2026-11-01T11:00:00Z", "DeleteAlias", KEY));
        assert_eq!(decide(&AliasReplaced, &[failed, create], end).len(), 0);
    }
}
