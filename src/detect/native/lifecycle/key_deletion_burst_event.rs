//! Finds calls that take a key away from others than the caller.
//!
//! It is a part of `key-deletion-burst`, which counts keys. It is code because what a key protects
//! shows in other records. What must stay true: a call whose own finding is lowered is not counted.

use crate::detect::native::shared::key_life::{Life, TAKEN, TakesAway};
use crate::detect::native::shared::timeline::mark_key;
use crate::detect::stateful::{Context, Decided, Mark, Noted};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::{Actor, View};

/// The calls.
const TAKING: &[&str] = &["ScheduleKeyDeletion", "DisableKey", "DeleteImportedKeyMaterial"];

/// See `rules/lifecycle/key-deletion-burst.md`.
#[derive(Debug)]
pub struct KeyDeletionBurstEvent;

impl TakesAway for KeyDeletionBurstEvent {
    fn note(&self, _event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        let by_hand = view.is_kms() && !view.attempt() && view.actor() != Actor::Service;
        if by_hand && view.name().is_some_and(|name| TAKING.contains(&&*name)) {
            mark_key(view, TAKEN, "", marks);
        }
    }

    fn conclude(&self, notes: &[Noted], context: &Context<'_>) -> Vec<Decided> {
        let life = Life::read(notes, context);
        let lost = life.taken().filter(|at| life.lowered(*at).is_none());
        // What speaks against lowering a call may become known in a later run than the call.
        let rests = |at| std::iter::once(at).chain(life.against(at));
        lost.map(|at| Decided::new(rests(at), Level::Informational)).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::shared::key_life::OfLife;
    use crate::detect::native::testing::recorded::{KEY, call, decide, refused};

    #[test]
    fn calls_that_are_lowered_do_not_count() {
        let on = |time: &str, name: &str| call(time, "alice", name, KEY, &json!({}));
        let count = |records: &[Value]| {
            decide(&OfLife(KeyDeletionBurstEvent), records, "2026-12-01T00:00:00Z").len()
        };
        let made = on("2026-11-01T10:00:00Z", "CreateKey");
        let taken = TAKING.iter().map(|name| on("2026-11-02T10:00:00Z", name));
        let taken: Vec<Value> = taken.collect();
        assert_eq!(count(&taken), 3);
        assert_eq!(count(&[std::slice::from_ref(&made), &taken[..]].concat()), 0);
        assert_eq!(count(&[refused(taken[0].clone())]), 0);
        let mut by_kms = taken[2].clone();
        by_kms["eventType"] = json!("AwsServiceEvent");
        assert_eq!(count(&[by_kms]), 0);
        let late = on("2026-11-29T10:00:00Z", "DisableKey");
        assert_eq!(count(&[made, taken[0].clone(), late]), 1, "by then the key is old");
    }
}
