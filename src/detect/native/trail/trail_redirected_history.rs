//! Lowers the level of a trail update that names what the trail has already: its bucket, or its key.
//!
//! Consoles and Control Tower save a trail with all its settings. Whether one of them changed shows
//! in earlier records of the trail, or in the log files that it delivers before and after. Two rules
//! share this. What must stay true: only records of an earlier second say what the trail had, and
//! deliveries count only where the same ones go on.

use serde_json::Value;

use crate::detect::native::shared::timeline::text;
use crate::detect::stateful::{Context, Decided, History, Mark, Noted};
use crate::model::delivery::Delivery;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// The trail was created with a value, or a response showed its value.
const KNOWN: u32 = 0;
/// An update named a value.
const NAMED: u32 = 1;

/// A rule about a setting of a trail.
#[derive(Debug)]
pub struct TrailSettingHistory {
    /// The rule.
    rule: &'static str,
    /// The member of the request and the response.
    member: &'static str,
    /// What is said if an earlier record has the same value.
    same: &'static str,
    /// The value in a delivery.
    delivered: fn(&Delivery) -> &str,
}

impl TrailSettingHistory {
    /// See `rules/trail/trail-redirected.md`.
    pub const BUCKET: TrailSettingHistory = TrailSettingHistory {
        rule: "trail-redirected",
        member: "s3BucketName",
        same: "log files went to this bucket before",
        delivered: |delivery| &delivery.bucket,
    };
    /// See `rules/trail/trail-encryption-changed.md`.
    pub const KEY: TrailSettingHistory = TrailSettingHistory {
        rule: "trail-encryption-changed",
        member: "kmsKeyId",
        same: "the trail had this key before",
        delivered: |delivery| &delivery.key,
    };

    /// Decides by the values in earlier records.
    fn by_records(&self, notes: &[Noted]) -> Vec<Decided> {
        let mut found = Vec::new();
        // The value of the second before, unless its records name several.
        let mut before: Option<&str> = None;
        let mut from = 0;
        for second in notes.chunk_by(|one, other| one.time == other.time) {
            for at in (from..).take(second.len()) {
                let same = before == Some(notes[at].value.as_str());
                if notes[at].kind == NAMED && same && !notes[at].value.is_empty() {
                    let decided = Decided::new([at], Level::Informational);
                    found.push(decided.with("why", Value::from(self.same)));
                }
            }
            let first = second.first().map(|noted| noted.value.as_str());
            let same = second.iter().all(|noted| Some(noted.value.as_str()) == first);
            before = first.filter(|_| same);
            from += second.len();
        }
        found
    }
}

impl History for TrailSettingHistory {
    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        let is_trail =
            text(event, &["eventSource"]).is_some_and(|s| s == "cloudtrail.amazonaws.com");
        if !is_trail || view.attempt() {
            return;
        }
        let named = event.path(&["requestParameters", self.member]);
        let named = named.is_some_and(|value| !value.is_null());
        let kind = match view.name().as_deref() {
            Some("UpdateTrail") if named => NAMED,
            Some("UpdateTrail" | "CreateTrail") => KNOWN,
            _ => return,
        };
        let of = |part: &str, name: &str| text(event, &[part, name]);
        let value = of("responseElements", self.member);
        let value = value.or_else(|| of("requestParameters", self.member)).unwrap_or_default();
        if let Some(trail) = of("responseElements", "trailARN") {
            marks.push(Mark { part: trail.into_owned(), kind, value: value.into_owned() });
        }
    }

    fn conclude(&self, notes: &[Noted], context: &Context<'_>) -> Vec<Decided> {
        let mut decided = self.by_records(notes);
        for (at, note) in notes.iter().enumerate().filter(|(_, note)| note.kind == NAMED) {
            let trail = note.about.resource.as_ref().map(|trail| trail.arn.as_str());
            let going_on = trail.and_then(|trail| context.deliveries.unchanged(trail, note.time));
            // A key that is removed for some hours leaves a gap that no delivery shows.
            let same = going_on.filter(|same| (self.delivered)(same) == note.value);
            decided.extend(same.map(|same| {
                let Delivery { bucket, key, .. } = same;
                let why = format!("log files went to {bucket} under {key} before and after");
                Decided::new([at], Level::Informational).with("why", Value::from(why))
            }));
        }
        decided
    }

    fn adjusts(&self) -> Option<&'static str> {
        Some(self.rule)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::recorded::{decide, decide_for, refused};
    use crate::model::delivery::Deliveries;
    use crate::model::estate::Estate;
    use crate::model::time::Time;

    const TRAIL: &str = "arn:aws:cloudtrail:eu-central-1:111122223333:trail/all";

    fn trail(name: &str, minute: u32, asked: Option<&str>, bucket: &str) -> Value {
        json!({"eventSource": "cloudtrail.amazonaws.com", "eventName": name,
            "eventTime": format!("2026-11-02T10:{minute:02}:00Z"), "eventID": minute.to_string(),
            "awsRegion": "eu-central-1", "recipientAccountId": "111122223333",
            "requestParameters": {"s3BucketName": asked},
            "responseElements": {"s3BucketName": bucket,
                "trailARN": "arn:aws:cloudtrail:eu-central-1:111122223333:trail/all"}})
    }

    #[test]
    fn the_same_bucket_as_before() {
        let found = |records: &[Value]| {
            decide(&TrailSettingHistory::BUCKET, records, "2026-12-01T00:00:00Z").len()
        };
        let made = trail("CreateTrail", 1, Some("logs"), "logs");
        let same = trail("UpdateTrail", 3, Some("logs"), "logs");
        assert_eq!(found(&[made.clone(), same.clone()]), 1);
        assert_eq!(found(&[trail("UpdateTrail", 1, None, "logs"), same.clone()]), 1);
        assert_eq!(found(&[made.clone(), trail("UpdateTrail", 3, Some("mine"), "mine")]), 0);
        let moved = trail("UpdateTrail", 2, Some("mine"), "mine");
        assert_eq!(found(&[made.clone(), moved, same.clone()]), 0, "moved back");
        assert_eq!(found(&[refused(made), same]), 0);
    }

    /// An update that sets a key.
    fn keyed(minute: u32, asked: Option<&str>, key: Option<&str>) -> Value {
        let mut record = trail("UpdateTrail", minute, None, "logs");
        record["requestParameters"] = json!({"kmsKeyId": asked});
        record["responseElements"]["kmsKeyId"] = json!(key);
        record
    }

    #[test]
    fn the_same_key_as_before() {
        let found = |records: &[Value]| {
            decide(&TrailSettingHistory::KEY, records, "2026-12-01T00:00:00Z").len()
        };
        let known = keyed(1, None, Some("arn:a"));
        assert_eq!(found(&[known.clone(), keyed(3, Some("alias/a"), Some("arn:a"))]), 1);
        assert_eq!(found(&[known.clone(), keyed(3, Some("arn:b"), Some("arn:b"))]), 0);
        let removed = keyed(2, Some(""), None);
        assert_eq!(found(&[known.clone(), removed.clone()]), 0);
        let again = keyed(3, Some(""), None);
        assert_eq!(found(&[known.clone(), removed.clone(), again]), 0);
        assert_eq!(found(&[known, removed, keyed(3, Some("arn:a"), Some("arn:a"))]), 0);
    }

    #[test]
    fn deliveries_that_go_on_show_that_nothing_changed() {
        let at = |text: &str| Time::parse(text).unwrap();
        let delivered =
            |key: &str, first: &str, last: &str| (key.to_owned(), (at(first), at(last)));
        let found = |rule: &TrailSettingHistory, rows: &[(String, (Time, Time))]| {
            let mut deliveries = Deliveries::default();
            for (key, times) in rows {
                deliveries.add(TRAIL, (key, "logs"), *times);
            }
            let mut record = keyed(0, Some("arn:a"), Some("arn:a"));
            record["requestParameters"]["s3BucketName"] = json!("logs");
            let about = (&Estate::default(), &deliveries);
            decide_for(about, rule, &[record], "2026-12-01T00:00:00Z").len()
        };
        let (before, after) = ("2026-11-02T09:55:00Z", "2026-11-02T12:00:00Z");
        let both = [delivered("arn:a", before, after)];
        for rule in [TrailSettingHistory::KEY, TrailSettingHistory::BUCKET] {
            assert_eq!(found(&rule, &both), 1);
            assert_eq!(found(&rule, &[delivered("arn:a", before, "2026-11-02T10:05:00Z")]), 0);
            let other = delivered("arn:b", "2026-11-02T10:05:00Z", after);
            let old = delivered("arn:a", before, "2026-11-02T10:05:00Z");
            assert_eq!(found(&rule, &[old, other]), 0);
        }
        let elsewhere = [delivered("arn:b", before, after)];
        assert_eq!(found(&TrailSettingHistory::KEY, &elsewhere), 0, "it was set for a while");
    }
}
