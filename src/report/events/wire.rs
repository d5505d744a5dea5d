//! `keytrail.events/v1`: the JSON form of a timeline, member for member. Frozen like the report's.

use std::cell::RefCell;
use std::io;

use serde::ser::{Error, SerializeSeq};
use serde::{Serialize, Serializer};

use super::given::{Events, Rows};
use crate::model::occurrence::{Beside, NamedKey, Occurrence};
use crate::model::problem::Problem;
use crate::model::time::Time;
use crate::report::wire::Principal;

/// The whole document.
#[derive(Serialize)]
pub struct Document<'a> {
    schema: &'static str,
    complete: bool,
    totals: Totals,
    // Read one by one while they are written: there may be millions.
    #[serde(serialize_with = "each_row")]
    events: RefCell<(Rows<'a>, usize)>,
    problems: &'a [Problem],
}

#[derive(Serialize)]
struct Totals {
    events: u64,
    shown: u64,
    records: u64,
    duplicates: u64,
}

impl<'a> Document<'a> {
    pub fn new(events: &'a Events<'a>, rows: Rows<'a>) -> Document<'a> {
        let counts = events.counts;
        let shown = events.shown();
        Document {
            schema: "keytrail.events/v1",
            complete: events.complete,
            totals: Totals {
                events: counts.rows,
                shown: counts.rows.min(shown as u64),
                records: counts.records,
                duplicates: counts.copies,
            },
            events: RefCell::new((rows, shown)),
            problems: events.problems,
        }
    }
}

fn each_row<S: Serializer>(rows: &RefCell<(Rows<'_>, usize)>, to: S) -> Result<S::Ok, S::Error> {
    let mut list = to.serialize_seq(None)?;
    let (rows, shown) = &mut *rows.borrow_mut();
    for row in rows.by_ref().take(*shown) {
        let row = row.map_err(|error: io::Error| S::Error::custom(error))?;
        list.serialize_element(&Event::from(&row))?;
    }
    list.end()
}

/// One row.
#[derive(Serialize)]
pub struct Event<'a> {
    time: Option<Time>,
    event: &'a str,
    event_source: &'a str,
    account: Option<&'a str>,
    region: Option<&'a str>,
    id: Option<&'a str>,
    shared_id: Option<&'a str>,
    principal: Principal<'a>,
    access_key_id: Option<&'a str>,
    source_ip: Option<&'a str>,
    user_agent: Option<&'a str>,
    keys: Vec<Key<'a>>,
    resources: &'a [String],
    error: Option<&'a str>,
    message: Option<&'a str>,
    origin: String,
    copies: u64,
    also: Vec<Other<'a>>,
    served: Vec<Other<'a>>,
}

#[derive(Serialize)]
struct Key<'a> {
    arn: &'a str,
    alias: Option<&'a str>,
}

/// Another record of the call.
#[derive(Serialize)]
struct Other<'a> {
    event: &'a str,
    id: Option<&'a str>,
    account: Option<&'a str>,
    key: Option<Key<'a>>,
    error: Option<&'a str>,
    origin: String,
}

impl<'a> From<&'a Occurrence> for Event<'a> {
    fn from(row: &'a Occurrence) -> Event<'a> {
        Event {
            time: row.time,
            event: &row.event,
            event_source: &row.source,
            account: row.account.as_deref(),
            region: row.region.as_deref(),
            id: row.id.as_deref(),
            shared_id: row.shared.as_deref(),
            principal: Principal::from(&row.principal),
            access_key_id: row.access_key.as_deref(),
            source_ip: row.source_ip.as_deref(),
            user_agent: row.user_agent.as_deref(),
            keys: row.keys.iter().map(Key::from).collect(),
            resources: &row.resources,
            error: row.error.as_deref(),
            message: row.message.as_deref(),
            origin: row.place.to_string(),
            copies: row.copies,
            also: row.also.iter().map(Other::from).collect(),
            served: row.served.iter().map(Other::from).collect(),
        }
    }
}

impl<'a> From<&'a NamedKey> for Key<'a> {
    fn from(key: &'a NamedKey) -> Key<'a> {
        Key { arn: &key.arn, alias: key.alias.as_deref() }
    }
}

impl<'a> From<&'a Beside> for Other<'a> {
    fn from(other: &'a Beside) -> Other<'a> {
        Other {
            event: &other.event,
            id: other.id.as_deref(),
            account: other.account.as_deref(),
            key: other.key.as_ref().map(Key::from),
            error: other.error.as_deref(),
            origin: other.place.to_string(),
        }
    }
}
