//! What a JSON document is, told by its members and never by its file name.
//!
//! Sources: CloudTrail user guide, "CloudTrail log file examples", "Digest file structure" and
//! "Configuring SNS notifications"; AWS CLI reference, `cloudtrail lookup-events`, `cloudtrail
//! get-query-results`, `logs filter-log-events`, `logs get-query-results`, `athena
//! get-query-results`, `sqs receive-message`, `kms get-key-last-usage`; EventBridge user guide, "AWS
//! service events delivered via CloudTrail"; CloudWatch Logs user guide, "Subscription filters";
//! Lambda developer guide, "Invoking Lambda with events from other AWS services"; Firehose developer
//! guide, "HTTP endpoint delivery request"; AWS Config developer guide, "Example configuration
//! snapshot"; Splunk REST reference, "search/v2/jobs/export" and "HTTP Event Collector";
//! Elasticsearch reference, "Search API" and "Bulk API".

use super::other;
use crate::model::other_document::OtherDocument;
use crate::record::event::Event;
use crate::record::json::{Json, Kind};

/// The lists that a document may be a wrapping of, by the name of the member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// `{"Records":[…]}`: records themselves, or what Lambda is given under the same name.
    Records,
    /// A bare array, `{"Events":[…]}`, `{"events":[…]}`: whatever each element is.
    Mixed,
    /// The same under a name that many tools use: if it is empty, nobody knows what it is a list of.
    Export,
}

impl List {
    /// The list that a member of this name holds.
    pub fn named(name: &[u8]) -> Option<List> {
        match name {
            b"Records" => Some(List::Records),
            b"Events" | b"events" | b"logEvents" => Some(List::Mixed),
            b"Messages" | b"records" | b"results" | b"rows" | b"QueryResultRows" => {
                Some(List::Export)
            }
            _ => None,
        }
    }
}

/// Every name of a list, in the order in which a document is asked for them.
const LISTS: [&str; 9] = [
    "logEvents",
    "Records",
    "Events",
    "events",
    "Messages",
    "records",
    "results",
    "rows",
    "QueryResultRows",
];

/// What the start of an object promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Its first member is a list of this kind, whose first element comes after so many bytes.
    List(List, usize),
    /// Something else.
    Object,
    /// Too short to tell.
    More,
}

/// Looks at the first member of the object at the start of `text`.
pub fn start(text: &[u8]) -> Start {
    let mut at = 1;
    let space = |at: &mut usize| {
        while text.get(*at).is_some_and(u8::is_ascii_whitespace) {
            *at += 1;
        }
    };
    space(&mut at);
    let name = match text.get(at..) {
        None | Some([]) => return Start::More,
        Some([b'"', rest @ ..]) => rest,
        Some(_) => return Start::Object,
    };
    // The longest name of a list is 15 bytes; longer names are something else.
    let Some(len) = name.iter().take(16).position(|&b| b == b'"') else {
        return if name.len() < 16 { Start::More } else { Start::Object };
    };
    let Some(list) = List::named(&name[..len]) else { return Start::Object };
    at += len + 2;
    space(&mut at);
    match text.get(at) {
        None => return Start::More,
        Some(b':') => at += 1,
        Some(_) => return Start::Object,
    }
    space(&mut at);
    match text.get(at) {
        None => Start::More,
        Some(b'[') => Start::List(list, at + 1),
        Some(_) => Start::Object,
    }
}

/// What an object is.
#[derive(Debug, Clone, Copy)]
pub enum Shape<'a> {
    /// A CloudTrail record.
    Record,
    /// Some members of a record, by the names that CloudTrail gives them: a search that asked for these.
    Part,
    /// An object that wraps one record, as an object or as a string of JSON.
    Wraps(Json<'a>),
    /// An object that wraps a list.
    Lists(Json<'a>),
    /// An object that wraps text in Base64, which may be compressed with gzip.
    Encoded(Json<'a>),
    /// A row of a table: a member for each column.
    Row,
    /// The rows of an Athena result, each a list of cells. The first one holds the names.
    Rows(Json<'a>),
    /// An event of OCSF, class API Activity.
    Ocsf,
    /// Known, and without a record.
    Other(OtherDocument),
    /// Known, and without what is needed to read it. The text says what that is.
    Lacks(&'static str),
    /// Not known.
    Unknown,
}

/// Tells what an object is.
pub fn of<'a>(event: &Event<'a>) -> Shape<'a> {
    record(event)
        .or_else(|| message(event))
        .or_else(|| row(event))
        .or_else(|| list(event))
        .or_else(|| other::of(event).map(Shape::Other))
        .unwrap_or(Shape::Unknown)
}

/// A record, or what calls itself a record and is none.
fn record<'a>(event: &Event<'a>) -> Option<Shape<'a>> {
    let source = event.text_at(&["eventSource"]).or_else(|| event.text_at(&["EventSource"]));
    // No source of CloudTrail is like this; those of Lambda events and of notices of stores are.
    if source.is_some_and(|source| source.contains(':')) {
        return Some(of_lambda(event));
    }
    let is_record =
        ["eventSource", "eventVersion", "eventName"].iter().any(|name| event.get(name).is_some());
    if !is_record {
        return None;
    }
    if let Some(whole) = whole(event) {
        return Some(Shape::Wraps(whole));
    }
    let has_identity =
        || event.get("userIdentity").is_some_and(|identity| identity.kind() == Kind::Object);
    let is_part =
        event.get("eventVersion").is_none() && (event.get("eventID").is_none() || !has_identity());
    Some(if is_part { Shape::Part } else { Shape::Record })
}

/// The whole record, as exports name it beside what they have taken out of it.
fn whole<'a>(event: &Event<'a>) -> Option<Json<'a>> {
    let names = [
        "CloudTrailEvent",
        "cloud_trail_event",
        "cloudtrail_event",
        "eventJson",
        "eventjson",
        "_raw",
        "event.original",
    ];
    let named = names.iter().filter_map(|name| event.get(name)).find(|value| !value.is_null());
    let original = || event.get("event")?.get("original").filter(|value| !value.is_null());
    named.or_else(original)
}

/// An element of what Lambda is given.
fn of_lambda<'a>(event: &Event<'a>) -> Shape<'a> {
    if let Some(data) = event.get("kinesis").and_then(|kinesis| kinesis.get("data")) {
        return Shape::Encoded(data);
    }
    if let Some(inner) = event.get("Sns").or_else(|| event.get("body")) {
        return Shape::Wraps(inner);
    }
    Shape::Other(match event.get("s3") {
        Some(_) => OtherDocument::S3Notice,
        None if event.get("oss").is_some() => OtherDocument::S3Notice,
        None => OtherDocument::LambdaEvent,
    })
}

/// A message of a queue, a topic, a stream or a search, which holds one document.
fn message<'a>(event: &Event<'a>) -> Option<Shape<'a>> {
    if let (Some(detail), Some(kind)) = (event.get("detail"), event.get("detail-type")) {
        let of_trail = match detail.kind() {
            Kind::String => kind.as_str().is_some_and(|kind| kind.contains("via CloudTrail")),
            _ => detail.get("eventVersion").is_some() || detail.get("eventName").is_some(),
        };
        let other = Shape::Other(OtherDocument::EventBridge);
        return Some(if of_trail { Shape::Wraps(detail) } else { other });
    }
    if let Some(whole) = whole(event) {
        return Some(Shape::Wraps(whole));
    }
    if let Some(other) = other::of_message(event) {
        return Some(Shape::Other(other));
    }
    if event.text_at(&["messageType"]).is_some_and(|kind| kind == "DATA_MESSAGE") {
        return None;
    }
    if let Some(data) = event.get("awslogs").and_then(|logs| logs.get("data")) {
        return Some(Shape::Encoded(data));
    }
    if let Some(data) = of_stream(event) {
        return Some(Shape::Encoded(data));
    }
    for name in ["_source", "result"] {
        if let Some(inner) = event.get(name).filter(|inner| inner.kind() == Kind::Object) {
            return Some(Shape::Wraps(inner));
        }
    }
    // A log shipper keeps the record as its message, beside what it says of the event itself.
    let message = event
        .get("message")
        .filter(|message| message.as_str().is_some_and(|text| text.trim_start().starts_with('{')));
    if let Some(inner) = event.get("event") {
        return Some(match of_event(inner) {
            Shape::Lacks(what) => message.map_or(Shape::Lacks(what), Shape::Wraps),
            Shape::Wraps(inner) if inner.kind() == Kind::Object => match message {
                Some(message) if inner.get("eventName").is_none() => Shape::Wraps(message),
                _ => Shape::Wraps(inner),
            },
            shape => shape,
        });
    }
    for name in ["Body", "body", "Message", "message", "@message"] {
        if let Some(text) = event.get(name).filter(|text| text.kind() == Kind::String) {
            return Some(Shape::Wraps(text));
        }
    }
    None
}

/// The data of a record of Kinesis or Firehose.
fn of_stream<'a>(event: &Event<'a>) -> Option<Json<'a>> {
    let has = |name| event.get(name).is_some();
    let data = match () {
        () if has("PartitionKey") || has("SequenceNumber") => event.get("Data"),
        () if has("recordId") || event.json().members().count() == 1 => event.get("data"),
        () => None,
    };
    data.filter(|data| data.kind() == Kind::String)
}

/// The member `event`: a record of the HTTP Event Collector, or what ECS says of an event.
fn of_event(inner: Json<'_>) -> Shape<'_> {
    if inner.kind() != Kind::Object {
        return Shape::Wraps(inner);
    }
    match inner.get("original") {
        Some(original) if !original.is_null() => Shape::Wraps(original),
        _ if inner.get("eventName").is_some() || inner.get("eventVersion").is_some() => {
            Shape::Wraps(inner)
        }
        _ if inner.get("action").is_some() || inner.get("provider").is_some() => Shape::Lacks(
            "an ECS document without event.original: export it with preserve_original_event on",
        ),
        _ => Shape::Wraps(inner),
    }
}

/// An event of OCSF, or a row of a table.
fn row<'a>(event: &Event<'a>) -> Option<Shape<'a>> {
    if let Some(class) = event.get("class_uid") {
        let of_calls = class.scalar().is_some_and(|class| class == "6003");
        let is_ours = of_calls && is_of_cloudtrail(event);
        return Some(if is_ours { Shape::Ocsf } else { Shape::Other(OtherDocument::Ocsf) });
    }
    let has = |names: [&str; 2]| names.iter().any(|name| event.get(name).is_some());
    let is_row = has(["eventname", "event_name"]) && has(["eventsource", "event_source"]);
    is_row.then_some(Shape::Row)
}

/// Whether an event of OCSF is one of CloudTrail, as far as it names where it comes from.
fn is_of_cloudtrail(event: &Event<'_>) -> bool {
    let names = |path: &[&str], word: &str| {
        let text = event.text_at(path).filter(|text| !text.is_empty());
        text.is_none_or(|text| text.to_ascii_lowercase().contains(word))
    };
    names(&["metadata", "product", "name"], "cloudtrail") && names(&["cloud", "provider"], "aws")
}

fn list<'a>(event: &Event<'a>) -> Option<Shape<'a>> {
    let is_list = |list: &Json<'_>| list.kind() == Kind::Array;
    if let Some(hits) = event.get("hits").and_then(|hits| hits.get("hits")).filter(is_list) {
        return Some(of_rows(hits));
    }
    if let Some(rows) = event.get("ResultSet").and_then(|set| set.get("Rows")).filter(is_list) {
        return Some(Shape::Rows(rows));
    }
    let found = LISTS.iter().map(|name| (name, event.get(name).filter(is_list)));
    let (name, list) = { found }.find_map(|(name, list)| Some((name, list?)))?;
    Some(match List::named(name.as_bytes()) {
        Some(List::Export) => of_rows(list),
        _ => Shape::Lists(list),
    })
}

/// The rows of an export. Without any, nobody can tell what it is an export of.
fn of_rows(list: Json<'_>) -> Shape<'_> {
    match list.elements().next() {
        Some(_) => Shape::Lists(list),
        None => Shape::Other(OtherDocument::EmptyList),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_member_tells_a_list_apart() {
        assert_eq!(start(b"{\"Records\":[{"), Start::List(List::Records, 12));
        assert_eq!(start(b"{ \"Events\" : [ "), Start::List(List::Mixed, 14));
        assert_eq!(start(b"{\"QueryResultRows\":[["), Start::List(List::Export, 20));
        assert_eq!(start(b"{\"Records\":{"), Start::Object);
        assert_eq!(start(b"{\"eventVersion\":\"1.08\""), Start::Object);
        assert_eq!(start(b"{}"), Start::Object);
        for text in ["{", "{ ", "{\"Rec", "{\"Records\"", "{\"Records\":", "{\"Records\": "] {
            assert_eq!(start(text.as_bytes()), Start::More, "{text}");
        }
    }

    #[test]
    fn every_list_that_is_asked_for_has_a_name_that_a_start_may_have() {
        for name in LISTS {
            assert!(List::named(name.as_bytes()).is_some() && name.len() < 16, "{name}");
        }
    }
}
