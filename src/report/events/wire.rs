//! `keytrail.events/v1`: the JSON form of a timeline, member for member. Frozen like the report's.

use std::cell::RefCell;
use std::io;

use schemars::JsonSchema;
use serde::ser::{Error, SerializeSeq};
use serde::{Serialize, Serializer};

use super::given::{Events, Rows};
use crate::model::occurrence::{Beside, NamedKey, Occurrence};
use crate::model::problem::Problem;
use crate::model::time::Time;
use crate::report::ndjson::LineBody;
use crate::report::wire::Principal;

/// The name and version of this form.
pub const SCHEMA: &str = "keytrail.events/v1";

/// The whole document.
#[derive(Serialize, JsonSchema)]
pub struct Document<'a> {
    /// The name and version of this form.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    /// Whether everything was read.
    complete: bool,
    /// `true` if the events are of facts, which hold uses of keys and the records that rules over many records
    /// look at, and no others. Not there if they are of logs.
    #[serde(skip_serializing_if = "is_false")]
    #[schemars(default)]
    of_facts: bool,
    /// How much there is.
    totals: Totals,
    /// The events, in the order of time.
    // Read one by one while they are written: there may be millions.
    #[serde(serialize_with = "each_row")]
    #[schemars(with = "Vec<Event<'static>>")]
    events: RefCell<(Rows<'a>, usize)>,
    /// What could not be read.
    problems: &'a [Problem],
}

/// How much a timeline has.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EventsTotals")]
pub struct Totals {
    /// Events that match.
    events: u64,
    /// Those that are shown.
    shown: u64,
    /// The records behind them, copies not counted.
    records: u64,
    /// Copies of these.
    duplicates: u64,
}

impl<'a> Document<'a> {
    pub fn new(events: &'a Events<'a>, rows: Rows<'a>) -> Document<'a> {
        Document {
            schema: SCHEMA,
            complete: events.complete,
            of_facts: events.of_facts,
            totals: Counts::from(events).totals,
            events: RefCell::new((rows, events.shown())),
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
#[derive(Serialize, JsonSchema)]
pub struct Event<'a> {
    /// `eventTime`; `null` if it cannot be read.
    time: Option<Time>,
    /// `eventName`
    event: &'a str,
    /// `eventSource`
    event_source: &'a str,
    /// `recipientAccountId`
    account: Option<&'a str>,
    /// `awsRegion`
    region: Option<&'a str>,
    /// `eventID`
    id: Option<&'a str>,
    /// `sharedEventID`
    shared_id: Option<&'a str>,
    /// Who called.
    principal: Principal<'a>,
    /// `userIdentity.accessKeyId`
    access_key_id: Option<&'a str>,
    /// `sourceIPAddress`: an address, or the name of a service.
    source_ip: Option<&'a str>,
    /// `userAgent`
    user_agent: Option<&'a str>,
    /// The keys that it names, best first.
    keys: Vec<Key<'a>>,
    /// What else it is about: ARNs, or names as the record has them.
    resources: &'a [String],
    /// `errorCode`
    error: Option<&'a str>,
    /// `errorMessage`
    message: Option<&'a str>,
    /// Where the record lies: FILE#INDEX, with the index from 0. `keytrail record` prints it.
    origin: String,
    /// How many copies of the record were read besides.
    copies: u64,
    /// Records of the same call in the trails of other accounts.
    also: Vec<Other<'a>>,
    /// The KMS calls that a service made to serve this one.
    served: Vec<Other<'a>>,
    /// `true` if it is a use of which facts have a row and not the record: `message` and `shared_id` are then
    /// unknown and not absent, and of several keys only the first is known. Else not there.
    #[serde(skip_serializing_if = "is_false")]
    #[schemars(default)]
    of_use: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// A key as a record names it.
#[derive(Serialize, JsonSchema)]
struct Key<'a> {
    /// Its ARN.
    arn: &'a str,
    /// The alias by which the call named it.
    alias: Option<&'a str>,
}

/// Another record of the call.
#[derive(Serialize, JsonSchema)]
struct Other<'a> {
    /// `eventName`
    event: &'a str,
    /// `eventID`
    id: Option<&'a str>,
    /// `recipientAccountId`
    account: Option<&'a str>,
    /// The key that it names.
    key: Option<Key<'a>>,
    /// `errorCode`
    error: Option<&'a str>,
    /// Where the record lies.
    origin: String,
}

impl LineBody for Event<'_> {
    const SCHEMA: &'static str = "keytrail.event/v1";
}

/// The end of the lines.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EventsCounts")]
pub struct Counts {
    /// How much there is.
    totals: Totals,
}

impl From<&Events<'_>> for Counts {
    fn from(events: &Events<'_>) -> Self {
        let (counts, shown) = (events.counts, events.shown());
        let totals = Totals {
            events: counts.rows,
            shown: counts.rows.min(shown as u64),
            records: counts.records,
            duplicates: counts.copies,
        };
        Counts { totals }
    }
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
            of_use: row.of_use,
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
