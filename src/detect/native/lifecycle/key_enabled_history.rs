//! Raises the level of an enabled key if somebody else had disabled it, or if it was disabled just
//! before.
//!
//! What must stay true: only the call that ends a disabled state in the log is raised. Enabling an
//! enabled key also succeeds, and has no effect.

use serde_json::Value;

use crate::detect::native::shared::timeline::{
    MINUTE, any_inside, between, by_others, last_until, mark_key, of_kind, who,
};
use crate::detect::stateful::{Context, Decided, History, Mark, Noted};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// A key was enabled.
const ENABLED: u32 = 0;
/// A call to enable it failed.
const REFUSED: u32 = 1;
/// A key was disabled.
const DISABLED: u32 = 2;

/// The maximum time that counts as "just before".
const SOON: i64 = 10 * MINUTE;

/// See `rules/lifecycle/key-enabled.md`.
#[derive(Debug)]
pub struct KeyEnabledHistory;

impl History for KeyEnabledHistory {
    fn adjusts(&self) -> Option<&'static str> {
        Some("key-enabled")
    }

    fn note(&self, _event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        if !view.is_kms() {
            return;
        }
        let kind = match (view.name().as_deref(), view.attempt()) {
            (Some("EnableKey"), false) => ENABLED,
            (Some("EnableKey"), true) => REFUSED,
            (Some("DisableKey"), false) => DISABLED,
            _ => return,
        };
        mark_key(view, kind, "", marks);
    }

    fn conclude(&self, notes: &[Noted], _context: &Context<'_>) -> Vec<Decided> {
        let (enabled, disabled) = (of_kind(notes, ENABLED), of_kind(notes, DISABLED));
        let raised = |at: usize| {
            let note = &notes[at];
            let off = &notes[last_until(notes, &disabled, note.time)?];
            if any_inside(notes, &enabled, off.time, note.time) {
                return None;
            }
            let why = match (by_others(&off.about, &note.about), between(off.time, note.time)) {
                (true, _) => format!("{} had disabled it at {}", who(&off.about), off.time),
                (false, after) if after < SOON => {
                    format!("it had been disabled less than ten minutes before, at {}", off.time)
                }
                _ => return None,
            };
            Some(Decided::new([at], Level::Medium).with("why", Value::from(why)))
        };
        let asked = |at: &usize| notes[*at].kind != DISABLED && notes[*at].found;
        (0..notes.len()).filter(asked).filter_map(raised).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::recorded::{KEY, OTHER, call, decide, refused};

    fn on(time: &str, user: &str) -> Value {
        call(time, user, "EnableKey", KEY, &json!({}))
    }

    fn off(time: &str, user: &str, key: &str) -> Value {
        call(time, user, "DisableKey", key, &json!({}))
    }

    fn raised(records: &[Value]) -> usize {
        decide(&KeyEnabledHistory, records, "2026-12-01T00:00:00Z").len()
    }

    #[test]
    fn raised_by_another_principal_or_by_haste() {
        let (ten, later) = ("2026-11-23T10:00:00Z", "2026-11-23T10:10:00Z");
        assert_eq!(raised(&[on(later, "bob")]), 0);
        assert_eq!(raised(&[off(ten, "alice", KEY), on(later, "bob")]), 1);
        assert_eq!(raised(&[off(ten, "alice", OTHER), on(later, "bob")]), 0);
        assert_eq!(raised(&[off(ten, "alice", KEY), on(later, "alice")]), 0);
        assert_eq!(raised(&[off(ten, "alice", KEY), on("2026-11-23T10:09:59Z", "alice")]), 1);
        assert_eq!(raised(&[off(ten, "alice", KEY), refused(on(later, "bob"))]), 1);
        assert_eq!(raised(&[refused(off(ten, "alice", KEY)), on(later, "bob")]), 0);
        // At the second call the key was already enabled.
        let again = on("2026-11-23T12:00:00Z", "bob");
        assert_eq!(raised(&[off(ten, "alice", KEY), on(later, "alice"), again]), 0);
    }
}
