//! Reads the documents of a blob and hands on the records they hold.
//!
//! The document is told by content: a trail file, a bare array, one object, JSON lines of records
//! or of batches, a table in CSV, and what queues, streams, searches and data lakes make of records.
//! `docs/inputs.md` lists them all. Lists of records are streamed, so that a file of any size is read
//! in the memory of its largest record.
//!
//! What must stay true: records come out in the order in which the text holds them, each once;
//! what lies between is reported, never guessed; whatever arrives in whatever pieces gives the
//! same records. The only places where reading goes on after a fault are those of [`broken`].

mod broken;
mod cells;
mod documents;
mod encoded;
mod line;
mod ocsf;
mod other;
mod read;
mod shape;
mod struct_text;
mod table;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use super::event::{Event, Marked};
use super::json::{Json, Kind};
use super::scan::{Index, Scan, Verdict, plain};
use crate::model::other_document::OtherDocument;
use crate::model::problem::Stage;
use broken::{Follow, Found};
use shape::{List, Start};
use table::Table;

/// Takes what a [`Reader`] finds.
pub trait Sink {
    /// A record: valid JSON of one object, in UTF-8. Numbered from 0, bad ones included.
    fn record(&mut self, number: u64, record: Marked<'_>);

    /// A record that cannot be read, and why.
    fn bad(&mut self, number: u64, message: String);

    /// Something wrong beside or around the records.
    fn problem(&mut self, stage: Stage, message: String);

    /// A document that is known and holds no records.
    fn other(&mut self, kind: OtherDocument);

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
    /// The table of which rows are read.
    table: Option<Table>,
    /// The records are our own, of an earlier run.
    own: bool,
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
    /// Among the rows of a table in CSV.
    Rows,
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
            table: None,
            own: false,
        }
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
