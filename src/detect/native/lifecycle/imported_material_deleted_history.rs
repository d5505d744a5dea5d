//! Lowers the level of deleted key material that is imported again within an hour.
//!
//! What must stay true: only the same material makes data readable again. Material that is known to
//! be different lowers nothing.

use serde_json::Value;

use crate::detect::native::shared::timeline::{
    HOUR, between, first_from, mark_key, of_kind, text, who,
};
use crate::detect::stateful::{Context, Decided, History, Mark, Noted};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// Material was deleted.
const DELETED: u32 = 0;
/// Material was imported.
const IMPORTED: u32 = 1;

/// See `rules/lifecycle/imported-material-deleted.md`.
#[derive(Debug)]
pub struct ImportedMaterialDeletedHistory;

impl History for ImportedMaterialDeletedHistory {
    fn adjusts(&self) -> Option<&'static str> {
        Some("imported-material-deleted")
    }

    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        if !view.is_kms() || view.attempt() {
            return;
        }
        let new = || {
            let kind = text(event, &["requestParameters", "importType"]);
            kind.is_some_and(|kind| kind == "NEW_KEY_MATERIAL")
        };
        let kind = match view.name().as_deref() {
            Some("DeleteImportedKeyMaterial") => DELETED,
            Some("ImportKeyMaterial") if !new() => IMPORTED,
            _ => return,
        };
        let material = text(event, &["responseElements", "keyMaterialId"])
            .or_else(|| text(event, &["requestParameters", "keyMaterialId"]));
        mark_key(view, kind, material.unwrap_or_default(), marks);
    }

    fn conclude(&self, notes: &[Noted], _context: &Context<'_>) -> Vec<Decided> {
        let imported = of_kind(notes, IMPORTED);
        let lowered = |deleted: usize| {
            let gone = &notes[deleted];
            let back = &notes[first_from(notes, &imported, gone.time)?];
            let other = !gone.value.is_empty()
                && !back.value.is_empty()
                && !gone.value.eq_ignore_ascii_case(&back.value);
            (between(gone.time, back.time) <= HOUR && !other).then(|| {
                let why = format!("imported again at {} by {}", back.time, who(&back.about));
                Decided::new([deleted], Level::Medium).with("why", Value::from(why))
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

    fn lowered(deleted: &Value, imported: Value) -> usize {
        let time = "2026-11-23T10:00:00Z";
        let deleted = call(time, "alice", "DeleteImportedKeyMaterial", KEY, deleted);
        let end = "2026-12-01T00:00:00Z";
        decide(&ImportedMaterialDeletedHistory, &[deleted, imported], end).len()
    }

    #[test]
    fn only_the_same_material_in_time_lowers() {
        let import = |time: &str, key: &str, request: Value| {
            call(time, "alice", "ImportKeyMaterial", key, &request)
        };
        let (any, in_time) = (json!({}), "2026-11-23T11:00:00Z");
        assert_eq!(lowered(&any, import(in_time, KEY, any.clone())), 1);
        assert_eq!(lowered(&any, import("2026-11-23T11:00:01Z", KEY, any.clone())), 0);
        assert_eq!(lowered(&any, import("2026-11-23T09:59:59Z", KEY, any.clone())), 0);
        assert_eq!(lowered(&any, import(in_time, OTHER, any.clone())), 0);
        assert_eq!(lowered(&any, refused(import(in_time, KEY, any.clone()))), 0);
        let new = json!({"importType": "NEW_KEY_MATERIAL"});
        assert_eq!(lowered(&any, import(in_time, KEY, new)), 0);
        let (one, two) = (json!({"keyMaterialId": "a1"}), json!({"keyMaterialId": "b2"}));
        assert_eq!(lowered(&one, import(in_time, KEY, two)), 0);
        assert_eq!(lowered(&one, import(in_time, KEY, one.clone())), 1);
    }
}
