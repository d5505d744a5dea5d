//! One object that is all there: a record is handed on, and whatever wraps records is opened.
//!
//! What must stay true: a document in a document is read by the same rules as one of its own. It is
//! opened a few times at most, so that no input can make the reader work without end.

use super::cells::{self, Cell, Row};
use super::shape::{self, Shape};
use super::*;
use crate::model::columns;
use crate::record::unknown;

/// How deep documents may wrap documents. A record in Base64 in CloudWatch Logs in SQS takes five.
const DEEPEST_WRAP: u32 = 8;

/// How deep Base64 may wrap Base64.
const DEEPEST_ENCODING: u32 = 2;

/// How far inside other documents one lies.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Depth {
    wraps: u32,
    encodings: u32,
    /// The text was made here, of an export.
    made: bool,
}

impl Depth {
    fn deeper(self) -> Depth {
        Depth { wraps: self.wraps + 1, ..self }
    }

    fn encoded(self) -> Depth {
        Depth { wraps: self.wraps + 1, encodings: self.encodings + 1, ..self }
    }

    fn made(self) -> Depth {
        Depth { made: true, ..self.deeper() }
    }

    /// Whether a document here is too deep to be opened.
    fn is_too_deep(self, shape: &Shape<'_>) -> bool {
        match shape {
            Shape::Record | Shape::Other(_) => false,
            Shape::Encoded(_) if self.encodings == DEEPEST_ENCODING => true,
            _ => self.wraps >= DEEPEST_WRAP,
        }
    }
}

impl Reader {
    /// Deals with one object that is all there: `text[..len]`, marked in `index`.
    pub(super) fn whole(
        &mut self,
        text: &[u8],
        verdict: Verdict,
        sink: &mut impl Sink,
    ) -> Option<Found> {
        if verdict == Verdict::Unsure
            && let Some(fault) = plain::fault(text)
        {
            let found = broken::resume(text);
            match found {
                Found::Line(len) => self.bad(sink, cut_line(len)),
                _ => self.bad(sink, not_valid(&fault)),
            }
            return Some(found);
        }
        let index = std::mem::take(&mut self.index);
        let record = Marked::new(text, &index);
        let listed = matches!(self.at, Place::List { list: List::Records, .. });
        if record.is_utf8() {
            self.hand_on(record, listed, Depth::default(), sink);
        } else {
            self.lossy(text, listed, sink);
        }
        self.index = index;
        None
    }

    /// A record that is not UTF-8 is read with U+FFFD in place of what is not.
    fn lossy(&mut self, text: &[u8], listed: bool, sink: &mut impl Sink) {
        let text = self.decoded(text, sink);
        self.unwrapped(&text, listed, Depth::default(), sink);
    }

    /// The text of some bytes, and a problem where they are not UTF-8.
    pub(super) fn decoded<'t>(&self, bytes: &'t [u8], sink: &mut impl Sink) -> Cow<'t, str> {
        if let Err(error) = std::str::from_utf8(bytes) {
            let at = self.offset + error.valid_up_to() as u64;
            let message = format!(
                "record {}: invalid UTF-8 at byte {at}: read with U+FFFD in its place",
                self.number
            );
            sink.problem(Stage::Parse, message);
        }
        String::from_utf8_lossy(bytes)
    }

    /// Hands on a record, or what a document that wraps records holds. What is `listed` in a list of
    /// records is a record unless it is known as something else.
    fn hand_on(&mut self, record: Marked<'_>, listed: bool, depth: Depth, sink: &mut impl Sink) {
        if listed && (depth.made || begins_as_record(record.bytes())) {
            return self.record(record, sink);
        }
        let Some(event) = record.event() else { return };
        let shape = shape::of(&event);
        if depth.is_too_deep(&shape) {
            return self.bad(sink, "documents wrap documents too deeply".into());
        }
        match shape {
            Shape::Record | Shape::Part
                if unknown::is_listed_in(record.bytes()) && !self.own && !depth.made =>
            {
                self.claiming(event.text(), listed, depth, sink);
            }
            Shape::Part if listed => self.record(record, sink),
            Shape::Record => self.record(record, sink),
            Shape::Other(kind) => sink.other(kind),
            Shape::Wraps(value) => self.wrapped(value, depth.deeper(), sink),
            Shape::Lists(list) => {
                list.elements().for_each(|element| self.wrapped(element, depth.deeper(), sink));
            }
            Shape::Encoded(data) => self.encoded(data, depth.encoded(), sink),
            Shape::Part => {
                let text = cells::part(event.json());
                self.unwrapped(&text, true, depth.made(), sink);
            }
            Shape::Row => {
                let cells = event.json().members();
                let cells = cells.map(|(name, value)| (name.text(), Cell::Json(value)));
                self.row(cells::read(cells.collect()), depth.deeper(), sink);
            }
            Shape::Rows(rows) => self.result_set(rows, depth.deeper(), sink),
            Shape::Ocsf => match ocsf::record(event.json()) {
                Some(text) => self.unwrapped(&text, true, depth.made(), sink),
                None => self.bad(sink, "an OCSF event without an operation".into()),
            },
            Shape::Lacks(what) => self.bad(sink, what.into()),
            Shape::Unknown if listed => self.record(record, sink),
            Shape::Unknown => self.unknown(&event, sink),
        }
    }

    /// A record that says itself that members of it are unknown: whoever writes into a log could silence
    /// rules with that. It is read as if it said nothing.
    fn claiming(&mut self, text: &str, listed: bool, depth: Depth, sink: &mut impl Sink) {
        let message = format!(
            "record {}: it has a member {}, which no record of CloudTrail has: read without it",
            self.number,
            unknown::MEMBER
        );
        sink.problem(Stage::Parse, message);
        match unknown::without_claim(text) {
            Some(members) => {
                let text = unknown::with(&[], members);
                self.unwrapped(&text, listed, depth.made(), sink);
            }
            None => self.bad(sink, "not valid JSON".into()),
        }
    }

    fn unknown(&mut self, event: &Event<'_>, sink: &mut impl Sink) {
        let names: Vec<String> =
            event.json().members().take(5).map(|(name, _)| name.text().into()).collect();
        let names = if names.is_empty() { "no members".into() } else { names.join(", ") };
        let message = format!(
            "JSON of no known kind at byte {}: expected CloudTrail records, found an object with \
             {names}",
            self.offset
        );
        sink.problem(Stage::Parse, message);
    }

    /// A value inside a document: an object, a list, or a string that holds one.
    fn wrapped(&mut self, value: Json<'_>, depth: Depth, sink: &mut impl Sink) {
        match value.kind() {
            Kind::Object => self.unwrapped(value.raw(), false, depth, sink),
            Kind::String => self.message(&value.as_str().unwrap_or_default(), depth, sink),
            Kind::Array => self.row(cells::of_list(value), depth, sink),
            kind => self.bad(sink, not_an_object(kind)),
        }
    }

    /// The text of a message.
    pub(super) fn message(&mut self, text: &str, depth: Depth, sink: &mut impl Sink) {
        let text = text.trim();
        if let Some(kind) = other::of_text(text) {
            return sink.other(kind);
        }
        match line::prefix_len(text) {
            Some(len) => self.unwrapped(&text[len..], false, depth, sink),
            None => self.bad(sink, "a message that is no CloudTrail record".into()),
        }
    }

    /// An object of its own, scanned by itself.
    fn unwrapped(&mut self, text: &str, listed: bool, depth: Depth, sink: &mut impl Sink) {
        match self.one(text, listed, depth, sink) {
            Ok(len) if len == text.len() => {}
            Ok(_) => self.bad(sink, "text behind the record's end".into()),
            Err(why) => self.bad(sink, why),
        }
    }

    /// The object at the start of `text`; its length, or why it cannot be read.
    fn one(
        &mut self,
        text: &str,
        listed: bool,
        depth: Depth,
        sink: &mut impl Sink,
    ) -> Result<usize, String> {
        let mut index = std::mem::take(&mut self.inner);
        let read = match (self.scan)(text.as_bytes(), &mut index) {
            Some((len, verdict)) => {
                let fault = match verdict {
                    Verdict::Sound => None,
                    Verdict::Unsure => plain::fault(&text.as_bytes()[..len]),
                };
                match fault {
                    None => {
                        let record = Marked::new(&text.as_bytes()[..len], &index);
                        self.hand_on(record, listed, depth, sink);
                        Ok(len)
                    }
                    Some(fault) => Err(not_valid(&fault)),
                }
            }
            None => Err("the record is cut short".into()),
        };
        self.inner = index;
        read
    }

    /// Base64 of one document, or of several one behind the other.
    fn encoded(&mut self, data: Json<'_>, depth: Depth, sink: &mut impl Sink) {
        let data = data.as_str().unwrap_or_default();
        let bytes = match encoded::bytes(&data, self.max_record) {
            Ok(bytes) => bytes,
            Err(why) => return self.bad(sink, why),
        };
        let text = self.decoded(&bytes, sink);
        let mut rest = text.trim();
        while rest.starts_with('{') {
            match self.one(rest, false, depth, sink) {
                Ok(len) => rest = rest[len..].trim_start(),
                Err(why) => return self.bad(sink, why),
            }
        }
        if !rest.is_empty() {
            self.message(rest, depth, sink);
        }
    }

    /// The row of a table.
    pub(super) fn row(&mut self, row: Row, depth: Depth, sink: &mut impl Sink) {
        match row {
            Row::Whole(text) => self.message(&text, depth, sink),
            Row::Record(text) => self.unwrapped(&text, true, depth.made(), sink),
            Row::NoRecord => {
                self.bad(sink, "a row without the name and the source of an event".into());
            }
        }
    }

    /// The rows of an Athena result.
    fn result_set(&mut self, rows: Json<'_>, depth: Depth, sink: &mut impl Sink) {
        let cells = |row: Json<'_>| -> Vec<String> {
            let data = row.get("Data").into_iter().flat_map(Json::elements);
            data.map(|cell| {
                let text = cell.get("VarCharValue").and_then(Json::scalar);
                text.unwrap_or_default().into_owned()
            })
            .collect()
        };
        let mut rows = rows.elements().map(cells);
        let Some(names) = rows.next() else { return sink.other(OtherDocument::EmptyList) };
        if !columns::are_of_records(names.iter().map(String::as_str)) {
            let message = "an Athena result without the name and the source of events".to_owned();
            return sink.problem(Stage::Parse, message);
        }
        let mut rows = rows.peekable();
        if rows.peek().is_none() {
            sink.other(OtherDocument::EmptyList);
        }
        for values in rows {
            if values.len() != names.len() {
                self.bad(sink, table::other_width(values.len(), names.len()));
                continue;
            }
            let row = names.iter().map(|name| Cow::from(name.as_str()));
            let row = row.zip(values.into_iter().map(|value| Cell::Text(value.into())));
            self.row(cells::read(row.collect()), depth, sink);
        }
    }
}

/// Whether a text begins as the records of CloudTrail do, and as no other: with a version from 1.01.
/// This is what nearly all records of a trail file are told by, since it costs nothing.
fn begins_as_record(text: &[u8]) -> bool {
    let after = |text: &'_ [u8], token: &[u8]| -> Option<usize> {
        let text = text.trim_ascii_start();
        text.starts_with(token).then(|| text.len() - token.len())
    };
    let mut rest = text;
    for token in [&b"{"[..], b"\"eventVersion\"", b":", b"\"1."] {
        match after(rest, token) {
            Some(left) => rest = &rest[rest.len() - left..],
            None => return false,
        }
    }
    // Two digits: notices of stores have versions such as 1.5.
    matches!(rest, [b'0'..=b'9', b'0'..=b'9', b'"', ..])
}
