//! Raises changes of a governed tag that other records give weight: the value was another before, or
//! the same principal had just been refused the key.
//!
//! It is code because the value before stands in another record. What must stay true: only values
//! that the log or a file with tags shows count, and no record of the same second says what was before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::key_governed_tag_changed::{Governed, governed};
use crate::detect::native::shared::timeline::{HOUR, between, by_same, key_of, mark_key, of_kind};
use crate::detect::stateful::{Context, Decided, History, Mark, Noted, Use, Uses};
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::model::time::Time;
use crate::record::event::Event;
use crate::record::kms::{View, is_crypto};
use crate::tags::book::Book;

/// Microseconds in a second: `eventTime` tells no less.
const SECOND: i64 = 1_000_000;

/// Governed tags of the key were set or removed. The value is these tags.
const CHANGED: u32 = 0;
/// The key was created with tags. The value is the governed ones.
const CREATED: u32 = 1;
/// A call on the key was refused or failed.
const REFUSED: u32 = 2;

/// See `rules/tags/key-governed-tag-changed.md`.
#[derive(Debug)]
pub struct KeyGovernedTagChangedHistory(pub Arc<Estate>);

impl History for KeyGovernedTagChangedHistory {
    fn adjusts(&self) -> Option<&'static str> {
        Some("key-governed-tag-changed")
    }

    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        if !view.is_kms() {
            return;
        }
        let name = view.name().unwrap_or_default();
        let kind = match (&*name, view.attempt()) {
            ("TagResource" | "UntagResource", false) => CHANGED,
            ("CreateKey", false) => CREATED,
            // Refused uses come as uses.
            (name, true) if !is_crypto(name) && is_denied(event) => REFUSED,
            _ => return,
        };
        let tags = if kind == REFUSED { Governed::new() } else { governed(event, &self.0) };
        if kind == REFUSED || !tags.is_empty() {
            mark_key(view, kind, serde_json::to_string(&tags).unwrap_or_default(), marks);
        }
    }

    fn uses(&self) -> Uses<'_> {
        Uses::OfMarkedKeys
    }

    fn asks_for_uses(&self, kind: u32) -> bool {
        kind == CHANGED
    }

    fn needs(&self) -> &[&[u32]] {
        &[&[CHANGED]]
    }

    fn note_use(&self, used: &Use<'_>, marks: &mut Vec<Mark>) {
        if let (Some(key), true) = (used.key, used.attempt) {
            marks.push(Mark { part: key.arn.clone(), kind: REFUSED, value: String::new() });
        }
    }

    fn conclude(&self, notes: &[Noted], context: &Context<'_>) -> Vec<Decided> {
        let mut decided = self.other_values(notes, context.book);
        decided.extend(after_refusals(notes));
        decided
    }
}

fn is_denied(event: &Event<'_>) -> bool {
    event.text_at(&["errorCode"]).is_some_and(|code| code.starts_with("AccessDenied"))
}

impl KeyGovernedTagChangedHistory {
    /// Changes that gave a tag another value than it was known to have.
    fn other_values(&self, notes: &[Noted], book: &Book) -> Vec<Decided> {
        let told = self.told_before(notes, book);
        let mut known: BTreeMap<String, Option<String>> = BTreeMap::new();
        let (mut decided, mut from) = (Vec::new(), 0);
        for second in notes.chunk_by(|one, other| one.time == other.time) {
            let mut now = Vec::new();
            for (at, note) in (from..).zip(second).filter(|(_, note)| note.kind != REFUSED) {
                let tags: Governed = serde_json::from_str(&note.value).unwrap_or_default();
                let replaced = tags.iter().find_map(|(tag, value)| {
                    let of_log = known.get(tag).map(Option::as_deref);
                    let of_files = || told.get(&at)?.get(tag).map(String::as_str);
                    let before = of_log.unwrap_or_else(of_files)?;
                    (!self.is_same(tag, before, value.as_deref())).then_some((tag, before))
                });
                if let Some((tag, before)) = replaced.filter(|_| note.kind == CHANGED && note.found)
                {
                    let why = format!("{tag} was {before} before");
                    let found = Decided::new([at], Level::Medium);
                    decided.push(found.with("why", Value::from(why)));
                }
                now.extend(tags);
            }
            known.extend(now);
            from += second.len();
        }
        decided
    }

    /// By the changes that the rule found, the governed tags that the key had in the second before, as
    /// far as the log or a file with tags tells.
    fn told_before(
        &self,
        notes: &[Noted],
        book: &Book,
    ) -> BTreeMap<usize, BTreeMap<String, String>> {
        let changed = |at: &usize| notes[*at].kind == CHANGED && notes[*at].found;
        let all: Vec<usize> = (0..notes.len()).filter(changed).collect();
        let Some(arn) = all.first().and_then(|at| key_of(&notes[*at])) else {
            return BTreeMap::new();
        };
        let before = |at: &usize| Time(notes[*at].time.0.saturating_sub(SECOND));
        let times: Vec<Time> = all.iter().map(before).collect();
        let known = book.timeline(arn).index().known_at(&times);
        let governed = |tags: BTreeMap<String, String>| {
            let named = |(name, value): (&String, _)| {
                Some((self.0.governed_tag(name)?.name.clone(), value))
            };
            let mut found: BTreeMap<String, String> = BTreeMap::new();
            let mut unclear = BTreeSet::new();
            for (name, value) in tags.iter().filter_map(named) {
                if found.insert(name.clone(), String::clone(value)).is_some_and(|old| old != *value)
                {
                    unclear.insert(name);
                }
            }
            found.retain(|name, _| !unclear.contains(name));
            found
        };
        all.into_iter().zip(known.into_iter().map(governed)).collect()
    }

    /// Whether two values of a tag mean the same.
    fn is_same(&self, tag: &str, before: &str, now: Option<&str>) -> bool {
        let tag = self.0.governed_tag(tag);
        let meaning = |value| tag.map_or(value, |tag| tag.meaning(value));
        now.is_some_and(|now| meaning(now) == meaning(before))
    }
}

/// Changes by principals to whom a call on the key had been refused within the hour before.
fn after_refusals(notes: &[Noted]) -> Vec<Decided> {
    // By principal, when the last call that was refused until then had been.
    let mut refused: BTreeMap<&str, &Noted> = BTreeMap::new();
    let mut decided = Vec::new();
    let changed = of_kind(notes, CHANGED).len();
    for (at, note) in notes.iter().enumerate().filter(|_| changed > 0) {
        let Some(who) = note.about.principal.arn.as_deref() else { continue };
        match note.kind {
            REFUSED => {
                let known = refused.entry(who).or_insert(note);
                *known = if note.last > known.last { note } else { known };
            }
            CHANGED if note.found => {
                let by = refused.get(who).filter(|by| by_same(&by.about, &note.about));
                if by.is_some_and(|by| between(by.last, note.time) <= HOUR) {
                    let why = "calls on the key were refused to the same principal before";
                    decided.push(Decided::new([at], Level::Medium).with("why", why));
                }
            }
            _ => {}
        }
    }
    decided
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::recorded::{KEY, call, decide, decide_with, refused};
    use crate::model::delivery::Deliveries;
    use crate::tags::change::{Change, Evidence, Source, Value as TagValue, What};

    fn rule() -> KeyGovernedTagChangedHistory {
        KeyGovernedTagChangedHistory(Arc::default())
    }

    fn tagged(time: &str, name: &str, tag: &str, value: &str) -> Value {
        let tags = json!([{"tagKey": tag, "tagValue": value}]);
        let request = match name {
            "UntagResource" => json!({"tagKeys": [tag]}),
            _ => json!({"tags": tags}),
        };
        call(time, "alice", name, KEY, &request)
    }

    fn reasons(records: &[Value]) -> Vec<String> {
        let found = decide(&rule(), records, "2026-12-01T00:00:00Z");
        found.iter().map(|(_, d)| d.details["why"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn another_value_than_the_log_shows() {
        let (one, two) = ("2026-11-01T10:00:00Z", "2026-11-02T10:00:00Z");
        let made = tagged(one, "CreateKey", "Owner", "ana");
        let set = |tag: &str, value: &str| tagged(two, "TagResource", tag, value);
        assert_eq!(reasons(&[made.clone(), set("owner", "ben")]), ["Owner was ana before"]);
        assert_eq!(reasons(&[made.clone(), set("Owner", " ana ")]).len(), 0);
        assert_eq!(reasons(&[made.clone(), set("CostCenter", "1")]).len(), 0);
        assert_eq!(reasons(&[refused(made.clone()), set("Owner", "ben")]).len(), 0);
        let removed = tagged(two, "UntagResource", "Owner", "");
        assert_eq!(reasons(&[made.clone(), removed.clone()]), ["Owner was ana before"]);
        let later = tagged("2026-11-03T10:00:00Z", "TagResource", "Owner", "ben");
        assert_eq!(reasons(&[made, removed, later]).len(), 1, "it was not there any more");
        let at_once = tagged(two, "TagResource", "Owner", "ana");
        assert_eq!(reasons(&[at_once, set("Owner", "ben")]).len(), 0, "nobody knows the order");
    }

    #[test]
    fn another_value_than_a_file_shows() {
        let reasons = |of_file: &str, records: &[Value]| {
            let mut book = Book::new(10);
            let file = Source::File("inventory.csv".into());
            let time = Time::parse("2026-11-01T00:00:00Z").unwrap();
            let tags = [("owner".to_owned(), TagValue::Text(of_file.to_owned()))];
            let what = Arc::new(What::Observed(tags.into()));
            let evidence = Arc::new(Evidence { time, source: file });
            book.file(KEY.to_owned(), Change { evidence, what });
            let of = (&Estate::default(), &Deliveries::default(), &book);
            let found = decide_with(of, &rule(), records, "2026-12-01T00:00:00Z");
            let why = found.iter().map(|(_, d)| d.details["why"].as_str().unwrap().to_owned());
            why.collect::<Vec<_>>()
        };
        let set = |value| tagged("2026-11-02T10:00:00Z", "TagResource", "Owner", value);
        assert_eq!(reasons("ana", &[set("ben")]), ["Owner was ana before"]);
        assert_eq!(reasons("ben", &[set("ben")]).len(), 0);
        let removed = tagged("2026-11-02T10:00:00Z", "UntagResource", "Owner", "");
        assert_eq!(reasons("ana", &[removed]), ["Owner was ana before"]);
        let early = tagged("2026-10-01T10:00:00Z", "TagResource", "Owner", "ben");
        let later = [early, set("eve")];
        assert_eq!(reasons("ana", &later).last().unwrap(), "Owner was ben before", "the log's own");
    }

    #[test]
    fn the_same_principal_was_refused_within_the_hour() {
        let set = tagged("2026-11-02T10:00:00Z", "TagResource", "Owner", "ana");
        let read =
            |time: &str, user: &str| refused(call(time, user, "GetKeyPolicy", KEY, &json!({})));
        let (soon, early) = ("2026-11-02T09:00:00Z", "2026-11-02T08:59:59Z");
        assert_eq!(reasons(&[read(soon, "alice"), set.clone()]).len(), 1);
        assert_eq!(reasons(&[read(early, "alice"), set.clone()]).len(), 0);
        assert_eq!(reasons(&[read(soon, "bob"), set.clone()]).len(), 0);
        assert_eq!(reasons(&[set.clone(), read("2026-11-02T10:00:01Z", "alice")]).len(), 0);
        let mut used = refused(call(early, "alice", "Decrypt", KEY, &json!({})));
        used["last"] = json!("2026-11-02T09:30:00Z");
        assert_eq!(reasons(&[used.clone(), set.clone()]).len(), 1);
        used["errorCode"] = json!(null);
        assert_eq!(reasons(&[used, set]).len(), 0, "it succeeded");
    }
}
