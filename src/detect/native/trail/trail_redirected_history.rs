//! Lowers the level of a trail update that names the bucket that the trail already has.
//!
//! What must stay true: only records of an earlier second say which bucket the trail had.

use crate::detect::native::shared::timeline::text;
use crate::detect::stateful::{Context, Decided, History, Mark, Noted};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// The trail was created with a bucket, or a response showed its bucket. The value is the bucket.
const KNOWN: u32 = 0;
/// An update named a bucket. The value is the bucket.
const NAMED: u32 = 1;

/// See `rules/trail/trail-redirected.md`.
#[derive(Debug)]
pub struct TrailRedirectedHistory;

impl History for TrailRedirectedHistory {
    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        let is_trail =
            text(event, &["eventSource"]).is_some_and(|s| s == "cloudtrail.amazonaws.com");
        if !is_trail || view.attempt() {
            return;
        }
        let of = |part: &str, name: &str| text(event, &[part, name]);
        let named = of("requestParameters", "s3BucketName");
        let kind = match view.name().as_deref() {
            Some("UpdateTrail") if named.is_some() => NAMED,
            Some("UpdateTrail" | "CreateTrail") => KNOWN,
            _ => return,
        };
        let bucket = named.or_else(|| of("responseElements", "s3BucketName"));
        if let (Some(trail), Some(bucket)) = (of("responseElements", "trailARN"), bucket) {
            marks.push(Mark { part: trail.into_owned(), kind, value: bucket.into_owned() });
        }
    }

    fn conclude(&self, notes: &[Noted], _context: &Context<'_>) -> Vec<Decided> {
        let mut found = Vec::new();
        // The bucket of the second before, unless its records name several.
        let mut before: Option<&str> = None;
        let mut from = 0;
        for second in notes.chunk_by(|one, other| one.time == other.time) {
            for at in (from..).take(second.len()) {
                if notes[at].kind == NAMED && before == Some(notes[at].value.as_str()) {
                    let why = "log files went to this bucket before";
                    found.push(Decided::new([at], Level::Informational).with("why", why));
                }
            }
            let first = second.first().map(|noted| noted.value.as_str());
            let same = second.iter().all(|noted| Some(noted.value.as_str()) == first);
            before = first.filter(|_| same);
            from += second.len();
        }
        found
    }

    fn adjusts(&self) -> Option<&'static str> {
        Some("trail-redirected")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::recorded::{decide, refused};

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
            decide(&TrailRedirectedHistory, records, "2026-12-01T00:00:00Z").len()
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
}
