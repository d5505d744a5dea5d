//! Key stores that were disconnected while their keys were in use.
//!
//! What must stay true: only uses that name the store count; KMS writes it into their records.

use super::timeline::{DAY, between, of_kind, text};
use crate::detect::stateful::{Context, Decided, History, Mark, Noted};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::{View, is_crypto};

/// A key of the store was used.
const USED: u32 = 0;
/// The store was disconnected.
const DISCONNECTED: u32 = 1;

/// See `rules/stores/key-store-disconnected.md`.
#[derive(Debug)]
pub struct KeyStoreDisconnectedHistory;

impl History for KeyStoreDisconnectedHistory {
    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        let Some(name) = view.name().filter(|_| view.is_kms()) else { return };
        let (kind, store) = if name == "DisconnectCustomKeyStore" {
            (DISCONNECTED, text(event, &["requestParameters", "customKeyStoreId"]))
        } else if is_crypto(&name) && !view.attempt() {
            (USED, text(event, &["additionalEventData", "customKeyStoreId"]))
        } else {
            return;
        };
        if let (Some(account), Some(region), Some(store)) = (view.account(), view.region(), store) {
            let part = format!("{account} {region} {store}");
            marks.push(Mark { part, kind, value: String::new() });
        }
    }

    fn conclude(&self, notes: &[Noted], _context: &Context<'_>) -> Vec<Decided> {
        let used = of_kind(notes, USED);
        let mut found = Vec::new();
        for at in of_kind(notes, DISCONNECTED) {
            let time = notes[at].time;
            let before = used.partition_point(|use_| notes[*use_].time <= time);
            let last = before.checked_sub(1).and_then(|last| used.get(last));
            if last.is_some_and(|last| between(notes[*last].time, time) <= DAY) {
                let why = "a key of the store was used within the day before";
                found.push(Decided::new([at], Level::Critical).with("why", why));
            }
        }
        found
    }

    fn adjusts(&self) -> Option<&'static str> {
        Some("key-store-disconnected")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::recorded::{KEY, call, decide};
    use super::*;

    #[test]
    fn uses_within_a_day_before() {
        let store = json!({"customKeyStoreId": "cks-1"});
        let cut = call("2026-11-02T10:00:00Z", "alice", "DisconnectCustomKeyStore", KEY, &store);
        let found = |time: &str, store: &str| {
            let mut used: Value = call(time, "bob", "Decrypt", KEY, &json!({}));
            used["additionalEventData"] = json!({"customKeyStoreId": store});
            let records = [cut.clone(), used];
            decide(&KeyStoreDisconnectedHistory, &records, "2026-12-01T00:00:00Z").len()
        };
        assert_eq!(found("2026-11-01T10:00:00Z", "cks-1"), 1);
        assert_eq!(found("2026-11-01T09:59:59Z", "cks-1"), 0);
        assert_eq!(found("2026-11-02T10:00:01Z", "cks-1"), 0);
        assert_eq!(found("2026-11-02T09:00:00Z", "cks-2"), 0);
    }
}
