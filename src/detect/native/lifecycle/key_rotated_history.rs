//! Adds who requested a rotation on demand. KMS's own record of the rotation does not say it.
//!
//! What must stay true: the levels are those of the rule, with one exception: a request for a key
//! with external material has the level of the rotation of such a key.

use serde_json::Value;

use crate::detect::native::shared::timeline::{
    DAY, between, last_until, mark_key, of_kind, text, who,
};
use crate::detect::stateful::{Context, Decided, History, Mark, Noted};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// Somebody asked for a rotation.
const ASKED: u32 = 0;
/// A key was rotated. The value is the origin of its material, if the record has it.
const ROTATED: u32 = 1;

/// The maximum time between the request and the rotation.
const SPAN: i64 = DAY;

/// See `rules/lifecycle/key-rotated.md`.
#[derive(Debug)]
pub struct KeyRotatedHistory;

impl History for KeyRotatedHistory {
    fn adjusts(&self) -> Option<&'static str> {
        Some("key-rotated")
    }

    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        if !view.is_kms() || view.attempt() {
            return;
        }
        let detail = |name| text(event, &["serviceEventDetails", name]);
        // Older records do not say which kind of rotation it was.
        let on_demand = || detail("rotationType").is_none_or(|kind| kind == "ON_DEMAND");
        match view.name().as_deref() {
            Some("RotateKeyOnDemand") => mark_key(view, ASKED, "", marks),
            Some("RotateKey") if on_demand() => {
                mark_key(view, ROTATED, detail("keyOrigin").unwrap_or_default(), marks);
            }
            _ => {}
        }
    }

    fn conclude(&self, notes: &[Noted], _context: &Context<'_>) -> Vec<Decided> {
        let asked = of_kind(notes, ASKED);
        let mut decided = Vec::new();
        for rotated in of_kind(notes, ROTATED) {
            let time = notes[rotated].time;
            let Some(request) = last_until(notes, &asked, time) else { continue };
            if between(notes[request].time, time) > SPAN {
                continue;
            }
            let external = notes[rotated].value == "EXTERNAL";
            let level = if external { Level::Medium } else { Level::Informational };
            let by = &notes[request];
            if notes[rotated].found {
                let why = format!("{} asked for it at {}", who(&by.about), by.time);
                decided.push(Decided::new([rotated], level).with("why", Value::from(why)));
            }
            if external && by.found {
                let why = format!("KMS rotated to other imported material at {time}");
                decided.push(Decided::new([request], level).with("why", Value::from(why)));
            }
        }
        decided
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::recorded::{KEY, call, decide, refused};

    fn rotated(time: &str, details: Value) -> Value {
        let mut record = call(time, "-", "RotateKey", KEY, &json!(null));
        record["userIdentity"] = json!({"accountId": "111122223333", "invokedBy": "AWS Internal"});
        record["serviceEventDetails"] = details;
        record
    }

    fn levels(records: &[Value]) -> Vec<Level> {
        let found = decide(&KeyRotatedHistory, records, "2026-12-01T00:00:00Z");
        found.into_iter().map(|(_, decided)| decided.level).collect()
    }

    #[test]
    fn the_actor_of_the_request_is_named() {
        let asked = call("2026-11-01T10:00:00Z", "alice", "RotateKeyOnDemand", KEY, &json!({}));
        let done = |details| rotated("2026-11-01T10:20:00Z", details);
        let on_demand = json!({"rotationType": "ON_DEMAND", "keyOrigin": "AWS_KMS"});
        let both = [asked.clone(), done(on_demand.clone())];
        assert_eq!(levels(&both), [Level::Informational]);
        let found = decide(&KeyRotatedHistory, &both, "2026-12-01T00:00:00Z");
        let why = found[0].1.details["why"].as_str().unwrap();
        assert!(why.contains("user/alice"), "{why}");
        assert_eq!(levels(&[asked.clone(), done(json!(null))]), [Level::Informational]);
        assert_eq!(levels(&[asked.clone(), done(json!({"rotationType": "AUTOMATIC"}))]), []);
        assert_eq!(levels(&[refused(asked.clone()), done(on_demand.clone())]), []);
        let late = rotated("2026-11-02T10:00:01Z", on_demand);
        assert_eq!(levels(&[asked.clone(), late]), []);
        let external = done(json!({"rotationType": "ON_DEMAND", "keyOrigin": "EXTERNAL"}));
        assert_eq!(levels(&[asked, external]), [Level::Medium, Level::Medium]);
    }
}
