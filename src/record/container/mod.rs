//! Reads the documents of a blob and hands on the records they hold.
//!
//! The document is told by content: a trail file, a bare array, one object, JSON lines of records
//! or of batches, `lookup-events` output, EventBridge events, CloudWatch Logs messages. Lists of
//! records are streamed, so that a file of any size is read in the memory of its largest record.
//!
//! What must stay true: records come out in the order in which the text holds them, each once;
//! what lies between is reported, never guessed; whatever arrives in whatever pieces gives the
//! same records. The only places where reading goes on after a fault are those of [`broken`].

mod broken;
mod read;
mod shape;
#[cfg(test)]
mod tests;

use super::event::Marked;
use super::json::{Json, Kind};
use super::scan::{Index, Scan, Verdict, plain};
use crate::model::problem::Stage;
use broken::{Follow, Found};
use shape::{List, Shape, Start};

/// Takes what a [`Reader`] finds.
pub trait Sink {
    /// A record: valid JSON of one object, in UTF-8. Numbered from 0, bad ones included.
    fn record(&mut self, number: u64, record: Marked<'_>);

    /// A record that cannot be read, and why.
    fn bad(&mut self, number: u64, message: String);

    /// Something wrong beside or around the records.
    fn problem(&mut self, stage: Stage, message: String);

    /// A document that is known and holds no records.
    fn other(&mut self);

    /// Nothing more is at hand: time to write out what waits. `false` stops the reading.
    fn ready(&mut self) -> bool;
}

/// Reads blobs, one after the other, in reused memory.
pub struct Reader {
    scan: Scan,
    /// The largest record that is held, in bytes.
    max_record: usize,
    index: Index,
    inner: Index,
    at: Place,
    number: u64,
    /// Offset in the blob of the text that [`Reader::advance`] looks at.
    offset: u64,
    /// The value that did not end in the text seen so far.
    follow: Option<Follow>,
    /// Text outside any document: where it starts, how many bytes.
    junk: Option<(u64, u64)>,
    /// The text ends early and a problem has said so.
    cut: bool,
    /// The last record was bad, and what follows may be its doing.
    broken: bool,
    /// Where the blob's text starts.
    first: u64,
    /// The blob is a VPC flow log.
    flow_log: bool,
}

/// Where in a document the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Between documents.
    Between,
    /// In a list, and what may come next.
    List { list: List, wrapped: bool, next: Next },
    /// Among the members behind a list, inside the object around it.
    Members,
    /// In a value too large to hold.
    Skip { back: Resume },
    /// In a line that is no JSON and too long to be looked at whole.
    Line,
    /// Nothing more is wanted of this blob.
    Done,
}

/// Where reading goes on behind a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resume {
    Between,
    List { list: List, wrapped: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The first value, or the end of an empty list.
    First,
    Value,
    Comma,
}

/// What became of the start of the text.
enum Step {
    /// So many bytes are dealt with.
    Go(usize),
    /// More text is needed to tell.
    More,
}

/// How CloudWatch Logs starts the messages by which it tests a subscription.
const CONTROL_MESSAGE: &str = "CWL CONTROL MESSAGE";

/// How deep documents may wrap documents.
const DEEPEST_WRAP: u32 = 4;

impl Reader {
    /// A reader that finds records with `scan` and holds records of up to `max_record` bytes.
    pub fn new(scan: Scan, max_record: usize) -> Self {
        Reader {
            scan,
            max_record,
            index: Index::default(),
            inner: Index::default(),
            at: Place::Between,
            number: 0,
            offset: 0,
            follow: None,
            junk: None,
            cut: false,
            broken: false,
            first: 0,
            flow_log: false,
        }
    }

    /// Deals with one object that is all there: `text[..len]`, marked in `index`.
    fn whole(&mut self, text: &[u8], verdict: Verdict, sink: &mut impl Sink) -> Option<Found> {
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
        let known = matches!(self.at, Place::List { list: List::Records, .. });
        if record.is_utf8() {
            self.hand_on(record, known, 0, sink);
        } else {
            self.lossy(text, known, sink);
        }
        self.index = index;
        None
    }

    /// A record that is not UTF-8 is read with U+FFFD in place of what is not.
    fn lossy(&mut self, text: &[u8], known: bool, sink: &mut impl Sink) {
        let at = std::str::from_utf8(text).err().map_or(0, |error| error.valid_up_to());
        sink.problem(
            Stage::Parse,
            format!(
                "record {}: invalid UTF-8 at byte {}: read with U+FFFD in its place",
                self.number,
                self.offset + at as u64
            ),
        );
        let text = String::from_utf8_lossy(text);
        self.unwrapped(&text, known, 0, sink);
    }

    /// Hands on a record, or what a document that wraps records holds.
    fn hand_on(&mut self, record: Marked<'_>, known: bool, depth: u32, sink: &mut impl Sink) {
        if known {
            return self.record(record, sink);
        }
        let Some(event) = record.event() else { return };
        match shape::of(&event) {
            Shape::Record => self.record(record, sink),
            Shape::Other => sink.other(),
            Shape::Wraps(value) if depth < DEEPEST_WRAP => self.wrapped(value, depth, sink),
            Shape::Lists(list) if depth < DEEPEST_WRAP => {
                for element in list.elements() {
                    self.wrapped(element, depth, sink);
                }
            }
            Shape::Wraps(_) | Shape::Lists(_) => {
                self.bad(sink, "documents wrap documents too deeply".into());
            }
            Shape::Unknown => {
                let names: Vec<String> =
                    event.json().members().take(5).map(|(name, _)| name.text().into()).collect();
                let message = format!(
                    "JSON of no known kind at byte {}: expected CloudTrail records, found an \
                     object with {}",
                    self.offset,
                    if names.is_empty() { "no members".into() } else { names.join(", ") }
                );
                sink.problem(Stage::Parse, message);
            }
        }
    }

    /// A value inside a document: an object, or a string that holds one.
    fn wrapped(&mut self, value: Json<'_>, depth: u32, sink: &mut impl Sink) {
        match value.kind() {
            Kind::Object => self.unwrapped(value.raw(), false, depth + 1, sink),
            Kind::String => {
                let text = value.as_str().unwrap_or_default();
                let text = text.trim();
                if text.starts_with('{') {
                    self.unwrapped(text, false, depth + 1, sink);
                } else if text.starts_with(CONTROL_MESSAGE) {
                    sink.other();
                } else {
                    self.bad(sink, "a message that is no CloudTrail record".into());
                }
            }
            kind => self.bad(sink, not_an_object(kind)),
        }
    }

    /// An object of its own, scanned by itself.
    fn unwrapped(&mut self, text: &str, known: bool, depth: u32, sink: &mut impl Sink) {
        let mut index = std::mem::take(&mut self.inner);
        match (self.scan)(text.as_bytes(), &mut index) {
            Some((len, verdict)) if len == text.len() => {
                let fault = match verdict {
                    Verdict::Sound => None,
                    Verdict::Unsure => plain::fault(text.as_bytes()),
                };
                match fault {
                    None => self.hand_on(Marked::new(text.as_bytes(), &index), known, depth, sink),
                    Some(fault) => self.bad(sink, not_valid(&fault)),
                }
            }
            Some(_) => self.bad(sink, "text behind the record's end".into()),
            None => self.bad(sink, "the record is cut short".into()),
        }
        self.inner = index;
    }

    fn record(&mut self, record: Marked<'_>, sink: &mut impl Sink) {
        let number = self.number;
        self.number += 1;
        self.broken = false;
        sink.record(number, record);
    }

    fn bad(&mut self, sink: &mut impl Sink, message: String) {
        let number = self.number;
        self.number += 1;
        self.broken = true;
        sink.bad(number, format!("at byte {}: {message}", self.offset));
    }
}

/// Why a line of JSON lines that ends before its object does is not read.
fn cut_line(len: usize) -> String {
    format!("expected valid JSON: the line ends inside an object; {len} bytes unread")
}

fn not_valid(fault: &serde_json::Error) -> String {
    format!("expected valid JSON: {fault}")
}

fn not_an_object(kind: Kind) -> String {
    let what = match kind {
        Kind::Null => "null",
        Kind::Bool => "a boolean",
        Kind::Number => "a number",
        Kind::String => "a string",
        Kind::Array => "an array",
        Kind::Object => "an object",
    };
    format!("a record must be an object, found {what}")
}
