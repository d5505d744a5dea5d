//! Judges weakened protections of a bucket by what else happened to it: lowers them for a bucket that
//! the same principal has just created, and raises them if several kinds fall together.
//!
//! It is code because a new bucket shows in another record. What must stay true: the bucket of a
//! trail is nobody's own. What is lowered raises nothing.

use std::collections::HashMap;

use serde_json::Value;

use super::s3_recovery_disabled::{Reach, weakened};
use crate::detect::native::shared::timeline::{
    HOUR, MINUTE, between, by_same, last_until, of_kind, text,
};
use crate::detect::stateful::{Context, Decided, History, Mark, Noted};
use crate::model::level::Level;
use crate::model::time::Time;
use crate::record::event::Event;
use crate::record::kms::View;
use crate::record::shape::is_call;

/// A protection of the bucket was weakened. The value is the call.
const WEAKENED: u32 = 0;
/// The same for some objects only.
const NARROWED: u32 = 1;
/// The bucket was created.
const CREATED: u32 = 2;
/// A trail delivers to the bucket.
const OF_TRAIL: u32 = 3;
/// A call that would weaken it was refused.
const REFUSED: u32 = 4;

/// How long a bucket counts as just created.
const NEW: i64 = HOUR;
/// The maximum time between two kinds that fall together.
const TOGETHER: i64 = 90 * MINUTE;

/// See `rules/s3/s3-recovery-disabled.md`.
#[derive(Debug)]
pub struct S3RecoveryDisabledHistory;

impl History for S3RecoveryDisabledHistory {
    fn adjusts(&self) -> Option<&'static str> {
        Some("s3-recovery-disabled")
    }

    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        let trail = is_call(view, "cloudtrail.amazonaws.com", &["CreateTrail", "UpdateTrail"]);
        let member = if trail { "s3BucketName" } else { "bucketName" };
        let Some(part) = text(event, &["requestParameters", member]) else { return };
        let kind = match weakened(event, view) {
            Some(_) if view.attempt() => REFUSED,
            Some(Reach::Bucket) => WEAKENED,
            Some(Reach::Part) => NARROWED,
            None if view.attempt() => return,
            None if trail => OF_TRAIL,
            None if is_call(view, "s3.amazonaws.com", &["CreateBucket"]) => CREATED,
            None => return,
        };
        // Spelt in one way, so that there are only a few of them.
        let value = view.name().unwrap_or_default().to_ascii_lowercase();
        marks.push(Mark { part: part.into_owned(), kind, value });
    }

    fn needs(&self) -> &[&[u32]] {
        &[&[WEAKENED], &[NARROWED], &[REFUSED]]
    }

    fn conclude(&self, notes: &[Noted], context: &Context<'_>) -> Vec<Decided> {
        let of_trail = notes.iter().any(|note| note.kind == OF_TRAIL)
            || bucket_of(notes).is_some_and(|bucket| context.deliveries.is_to(bucket));
        let created = of_kind(notes, CREATED);
        let is_new = |at: usize| {
            let note = &notes[at];
            let made = last_until(notes, &created, note.time).map(|made| &notes[made]);
            let made = made.filter(|made| by_same(&made.about, &note.about) && !of_trail);
            made.filter(|made| between(made.time, note.time) <= NEW).map(|made| made.time)
        };
        let mut decided = Vec::new();
        let mut losses = Vec::new();
        for (at, note) in notes.iter().enumerate() {
            match (note.kind, is_new(at)) {
                (WEAKENED | NARROWED | REFUSED, Some(time)) => {
                    let why = format!("the same principal created the bucket at {time}");
                    decided.push(Decided::new([at], Level::Informational).with("why", why));
                }
                (WEAKENED, None) => losses.push(at),
                (NARROWED, None) if of_trail => {
                    let why = "a trail delivers to the bucket";
                    decided.push(Decided::new([at], Level::Medium).with("why", why));
                    losses.push(at);
                }
                _ => {}
            }
        }
        let why = Value::from("two or more kinds of protection were weakened within 90 minutes");
        let raise = |at| Decided::new([at], Level::High).with("why", why.clone());
        decided.extend(together(notes, &losses).into_iter().map(raise));
        decided
    }
}

/// The name of the bucket that notes are about.
fn bucket_of(notes: &[Noted]) -> Option<&str> {
    let mut arns = notes.iter().filter_map(|note| Some(note.about.resource.as_ref()?.arn.as_str()));
    arns.find_map(|arn| arn.split_once(":s3:::")).map(|(_, bucket)| bucket)
}

/// Those of the notes in `among` that have one of another value nearby.
fn together(notes: &[Noted], among: &[usize]) -> Vec<usize> {
    // Whether another kind comes close before, and, from the end, close after.
    let near = |order: &mut dyn Iterator<Item = usize>| {
        let mut last: HashMap<&str, Time> = HashMap::new();
        let mut found = Vec::new();
        for at in order {
            let note = &notes[at];
            let close = |(value, time): (&&str, &Time)| {
                *value != note.value && between(*time, note.time).abs() <= TOGETHER
            };
            if last.iter().any(close) {
                found.push(at);
            }
            last.insert(&note.value, note.time);
        }
        found
    };
    let mut all = near(&mut among.iter().copied());
    all.extend(near(&mut among.iter().rev().copied()));
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::recorded::{call, decide, decide_for, refused};
    use crate::model::delivery::Deliveries;
    use crate::model::estate::Estate;

    fn on(minute: u32, user: &str, name: &str, request: Value) -> Value {
        let time = format!("2026-11-02T{:02}:{:02}:00Z", 10 + minute / 60, minute % 60);
        let mut record = call(&time, user, name, "arn:aws:s3:::logs", &request);
        record["eventSource"] = json!("s3.amazonaws.com");
        record["requestParameters"]["bucketName"] = json!("logs");
        record
    }

    fn made(minute: u32) -> Value {
        on(minute, "alice", "CreateBucket", json!({}))
    }

    fn suspended(minute: u32) -> Value {
        let request = json!({"VersioningConfiguration": {"Status": "Suspended"}});
        on(minute, "alice", "PutBucketVersioning", request)
    }

    fn expires(minute: u32, prefix: &str) -> Value {
        let rule = json!({"Filter": {"Prefix": prefix}, "Expiration": {"Days": 1}});
        let request = json!({"LifecycleConfiguration": {"Rule": rule}});
        on(minute, "alice", "PutBucketLifecycle", request)
    }

    fn levels(records: &[Value]) -> Vec<Level> {
        let found = decide(&S3RecoveryDisabledHistory, records, "2026-12-01T00:00:00Z");
        found.into_iter().map(|(_, decided)| decided.level).collect()
    }

    #[test]
    fn a_bucket_is_new_for_an_hour_and_to_its_creator() {
        const INFORMATIONAL: Level = Level::Informational;
        assert_eq!(levels(&[made(0), suspended(60)]), [INFORMATIONAL]);
        assert_eq!(levels(&[made(0), refused(suspended(60))]), [INFORMATIONAL]);
        assert_eq!(levels(&[made(0), suspended(61)]), []);
        assert_eq!(levels(&[refused(made(0)), suspended(1)]), []);
        assert_eq!(levels(&[on(0, "bob", "CreateBucket", json!({})), suspended(1)]), []);
        let both = [made(0), suspended(1), expires(2, "")];
        assert_eq!(levels(&both), [INFORMATIONAL; 2], "nothing is raised either");
    }

    #[test]
    fn the_bucket_of_a_trail_is_never_lowered() {
        let mut trail = on(1, "alice", "CreateTrail", json!({"s3BucketName": "logs"}));
        trail["eventSource"] = json!("cloudtrail.amazonaws.com");
        assert_eq!(levels(&[made(0), trail.clone(), suspended(2)]), []);
        assert_eq!(levels(&[trail, expires(2, "AWSLogs/")]), [Level::Medium]);
        let mut deliveries = Deliveries::default();
        deliveries.add("trail", ("key", "logs"), (Time(0), Time(1)));
        let about = (&Estate::default(), &deliveries);
        let records = [made(0), suspended(2)];
        let found = decide_for(about, &S3RecoveryDisabledHistory, &records, "2026-12-01T00:00:00Z");
        assert_eq!(found.len(), 0);
    }

    #[test]
    fn two_kinds_within_ninety_minutes_are_raised() {
        assert_eq!(levels(&[suspended(0), expires(90, "")]), [Level::High; 2]);
        assert_eq!(levels(&[suspended(0), expires(91, "")]), []);
        assert_eq!(levels(&[suspended(0), suspended(1)]), []);
        assert_eq!(levels(&[suspended(0), suspended(5), expires(91, "")]), [Level::High; 2]);
        assert_eq!(levels(&[suspended(0), expires(1, "tmp/")]), [], "a part of the bucket only");
        assert_eq!(levels(&[suspended(0), refused(expires(1, ""))]), []);
    }
}
