//! Runs a history on records that a test has written.
//!
//! What must stay true: the history gets its notes in the order in which the engine passes them: by
//! time and, within a second, by event id.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::detect::stateful::{About, Context, Decided, History, Mark, Noted, OverKeys, Use, Uses};
use crate::model::days::Days;
use crate::model::delivery::Deliveries;
use crate::model::estate::Estate;
use crate::model::time::Time;
use crate::record::event::{Event, event_time};
use crate::record::kms::View;
use crate::record::scan::{Index, plain};
use crate::tags::book::Book;

/// The key that tests use.
pub const KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
/// Another key.
pub const OTHER: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/9876dcba-98ba-76dc-54fe-0987654321ba";

/// A successful KMS call by a user on a key.
pub fn call(time: &str, user: &str, name: &str, key: &str, request: &Value) -> Value {
    json!({"eventSource": "kms.amazonaws.com", "eventName": name, "eventTime": time,
        "eventID": format!("{name}-{time}-{user}"), "awsRegion": "eu-central-1",
        "recipientAccountId": "111122223333", "eventType": "AwsApiCall",
        "userIdentity": {"type": "IAMUser", "accountId": "111122223333",
            "arn": format!("arn:aws:iam::111122223333:user/{user}")},
        "requestParameters": request, "resources": [{"ARN": key}]})
}

/// The same call, refused.
pub fn refused(mut call: Value) -> Value {
    call["errorCode"] = json!("AccessDenied");
    call
}

/// The decisions of a history over `records`, part by part. All records are in the reported range,
/// and the rule that the history adjusts has a finding for each. The log ends at `end`.
pub fn decide(history: &dyn History, records: &[Value], end: &str) -> Vec<(Vec<String>, Decided)> {
    decide_in(&Estate::default(), history, records, end)
}

/// The same in an organisation that has made settings.
pub fn decide_in(
    estate: &Estate,
    history: &dyn History,
    records: &[Value],
    end: &str,
) -> Vec<(Vec<String>, Decided)> {
    decide_for((estate, &Deliveries::default()), history, records, end)
}

/// The same in an organisation that says something about itself, and whose trails deliver.
pub fn decide_for(
    (estate, deliveries): (&Estate, &Deliveries),
    history: &dyn History,
    records: &[Value],
    end: &str,
) -> Vec<(Vec<String>, Decided)> {
    decide_with((estate, deliveries, &Book::default()), history, records, end)
}

/// The same where something is known of tags.
pub fn decide_with(
    (estate, deliveries, book): (&Estate, &Deliveries, &Book),
    history: &dyn History,
    records: &[Value],
    end: &str,
) -> Vec<(Vec<String>, Decided)> {
    let noted: Vec<(String, String, Noted)> =
        records.iter().flat_map(|record| notes_of(history, record)).collect();
    let deliveries = &deliveries.clone().indexed();
    let accounts = ["111122223333".to_owned()].into();
    let begin = noted.iter().map(|(.., noted)| noted.time).min().unwrap_or(Time(0));
    let range = (begin, Time::parse(end).unwrap());
    let context = Context { estate, accounts: &accounts, range, before: &[], deliveries, book };
    if let Uses::OverKeys(over) = history.uses() {
        return over_keys(over, records, &accounts);
    }
    let mut parts: Vec<String> = noted.iter().map(|(part, ..)| part.clone()).collect();
    parts.sort();
    parts.dedup();
    let mut all = Vec::new();
    for part in parts {
        let mut own: Vec<_> = noted.iter().filter(|(other, ..)| *other == part).collect();
        own.sort_by(|(_, a_id, a), (_, b_id, b)| {
            (a.time, a_id, a.kind).cmp(&(b.time, b_id, b.kind))
        });
        let notes: Vec<Noted> = own.iter().map(|(.., noted)| noted.clone()).collect();
        for decided in history.conclude(&notes, &context) {
            let ids = decided.notes.iter().map(|at| own[*at].1.clone()).collect();
            all.push((ids, decided));
        }
    }
    all
}

/// The notes of a record: part, event id, note. A record with a member `last` is a use that ends
/// then; with `only_key`, of a resource that knows no other key.
fn notes_of(history: &dyn History, record: &Value) -> Vec<(String, String, Noted)> {
    let text = record.to_string();
    let mut index = Index::default();
    plain::scan(text.as_bytes(), &mut index).unwrap();
    let event = Event::new(&text, &index);
    let view = View::new(&event);
    let time = event.get("eventTime").and_then(event_time).unwrap();
    let mut marks: Vec<Mark> = Vec::new();
    let last = record["last"].as_str().and_then(Time::parse);
    let about = About::of(&view);
    if let Some(last) = last {
        let name = record["eventName"].as_str().unwrap();
        let told = Use {
            name,
            actor: view.actor().as_str(),
            attempt: view.attempt(),
            principal: &about.principal,
            own_session: false,
            only_key: record["only_key"] == true,
            key: about.key.as_ref(),
            resource: about.resource.as_ref(),
            times: (time, last),
            count: 1,
            days: Days::of_times(time, last),
        };
        history.note_use(&told, &mut marks);
    } else {
        history.note(&event, &view, &mut marks);
    }
    let id = record["eventID"].as_str().unwrap().to_owned();
    let noted = |mark: Mark| {
        let note = Noted {
            time,
            last: last.unwrap_or(time),
            count: 1,
            kind: mark.kind,
            value: mark.value,
            about: about.clone(),
            reported: true,
            found: last.is_none(),
        };
        (mark.part, id.clone(), note)
    };
    marks.into_iter().map(noted).collect()
}

/// What a rule over keys decides, key by key. A record with `count` is so many uses.
fn over_keys(
    rule: &dyn OverKeys,
    records: &[Value],
    accounts: &BTreeSet<String>,
) -> Vec<(Vec<String>, Decided)> {
    let mut all: Vec<_> = records.iter().map(owned_use).collect();
    all.sort_by(|a, b| (&a.about.key, a.times, &a.id).cmp(&(&b.about.key, b.times, &b.id)));
    let mut found = Vec::new();
    for same in all.chunk_by(|a, b| a.about.key == b.about.key) {
        let uses: Vec<Use<'_>> = same.iter().map(OwnedUse::told).collect();
        for decided in rule.decide(&uses, accounts) {
            let ids = decided.notes.iter().map(|at| same[*at].id.clone()).collect();
            found.push((ids, decided));
        }
    }
    found
}

/// A use with what it is about.
struct OwnedUse {
    id: String,
    name: String,
    actor: &'static str,
    attempt: bool,
    about: About,
    times: (Time, Time),
    count: u64,
}

impl OwnedUse {
    fn told(&self) -> Use<'_> {
        Use {
            name: &self.name,
            actor: self.actor,
            attempt: self.attempt,
            principal: &self.about.principal,
            own_session: false,
            only_key: false,
            key: self.about.key.as_ref(),
            resource: self.about.resource.as_ref(),
            times: self.times,
            count: self.count,
            days: Days::of_times(self.times.0, self.times.1),
        }
    }
}

fn owned_use(record: &Value) -> OwnedUse {
    let text = record.to_string();
    let mut index = Index::default();
    plain::scan(text.as_bytes(), &mut index).unwrap();
    let event = Event::new(&text, &index);
    let view = View::new(&event);
    let time = event.get("eventTime").and_then(event_time).unwrap();
    OwnedUse {
        id: record["eventID"].as_str().unwrap().to_owned(),
        name: record["eventName"].as_str().unwrap().to_owned(),
        actor: view.actor().as_str(),
        attempt: view.attempt(),
        about: About { source_ip: None, user_agent: None, ..About::of(&view) },
        times: (time, record["last"].as_str().and_then(Time::parse).unwrap_or(time)),
        count: record["count"].as_u64().unwrap_or(1),
    }
}
