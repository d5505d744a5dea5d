//! Records that are kept for the next run, with their texts: those that a rule over many records has
//! noted, and those that say something of tags.
//!
//! Each is kept while a later record may need it, late delivery included. In the next run these
//! records are read before all others, as if they lay before the range that is reported: they give
//! context to what is new and make no finding of their own. Who gets how much of the room is
//! decided when all is read ([`crate::engine::conclude`]).
//!
//! What must stay true: nothing is kept when nobody asked, and memory is bounded while reading.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::io;

use super::handed::{HandedRecord, Owner};
use crate::engine::store::runs::Rows;
use crate::engine::store::texts::Texts;
use crate::model::memory::{Id, Span, both};
use crate::model::time::Time;

/// How long a record is needed, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// How much later than it a record may come that needs it; microseconds.
    pub reach: i64,
    /// Whether it says what lasts: of tags, policies, the life of a key. Else it waits for a window.
    pub lasts: bool,
}

/// A record that may be kept.
#[derive(Debug, Clone, Copy)]
pub struct Candidate {
    /// Whose it is.
    pub owner: Owner,
    /// Hash of event id and account; hash of the content.
    pub identity: (Id, u64),
    /// The blob's number, and the record's in it.
    pub place: (u64, u64),
    /// Whether it lies in the range that is reported, or was.
    pub reported: bool,
    /// Whether an earlier run has read it.
    pub recalled: bool,
}

/// What is kept, while reading.
#[derive(Debug)]
pub struct Retained {
    /// `None` when nobody asked.
    texts: Option<Texts>,
    others: Vec<Texts>,
    rows: Rows<HandedRecord>,
    /// How late records may come; microseconds.
    late: i64,
    /// No time after it is true; microseconds since 1970.
    now: i64,
    /// The latest time so far.
    newest: i64,
    /// For how long the record at hand is needed, and the room that it takes beside its text.
    mark: Option<(Need, u64)>,
    /// Where records of earlier runs were read.
    pub recalled: HashSet<(u64, u64)>,
    /// Records of earlier runs that nobody needs any more.
    aged: u64,
    /// The times of records before what is reported.
    pub left_out: Option<Span>,
}

/// What was kept, when all is read.
pub struct Kept {
    pub rows: Rows<HandedRecord>,
    pub texts: Vec<Texts>,
    /// A record that reaches less far is needed no more; microseconds since 1970.
    pub until: i64,
    /// Records of earlier runs that nobody needs any more.
    pub aged: u64,
}

impl Retained {
    /// Keeps what is marked if `late` says how late records may come. At most `limit` rows are held
    /// in memory.
    pub fn new((late, now): (Option<i64>, i64), limit: usize, worker: u32) -> Retained {
        Retained {
            texts: late.map(|_| Texts::new(worker)),
            others: Vec::new(),
            rows: Rows::new(limit),
            late: late.unwrap_or_default(),
            now,
            newest: i64::MIN,
            mark: None,
            recalled: HashSet::new(),
            aged: 0,
            left_out: None,
        }
    }

    /// Why memory holds what a temporary file should.
    pub fn trouble(&self) -> Option<&io::Error> {
        self.texts.as_ref().and_then(Texts::trouble)
    }

    /// Marks the record at hand as one that is needed; `room`: bytes that
    /// its tag changes take beside its text.
    pub fn mark(&mut self, need: Need, room: u64) {
        let (known, before) = self.mark.unwrap_or((Need { reach: 0, lasts: false }, 0));
        let need = Need { reach: known.reach.max(need.reach), lasts: known.lasts | need.lasts };
        self.mark = Some((need, before + room));
    }

    /// Whether the record at hand was marked and there is a use for it.
    pub fn is_marked(&self) -> bool {
        self.texts.is_some() && self.mark.is_some()
    }

    /// Keeps the record at hand if it was marked.
    ///
    /// # Errors
    /// When a temporary file cannot be written.
    pub fn keep(&mut self, time: Time, one: &Candidate, text: &[u8]) -> io::Result<()> {
        let (Some((need, room)), Some(texts)) = (self.mark.take(), &mut self.texts) else {
            return Ok(());
        };
        // A time that has not come yet must not make all others old.
        self.newest = self.newest.max(time.0.min(self.now));
        let mut row = HandedRecord {
            owner: one.owner,
            time: Reverse(time.0),
            identity: one.identity.0,
            content: one.identity.1,
            reach: need.reach,
            lasts: need.lasts,
            reported: one.reported,
            recalled: one.recalled,
            tags: room > 0,
            room: room + text.len() as u64,
            place: one.place,
            text: crate::engine::store::texts::NOWHERE,
        };
        if is_over(&row, self.newest.saturating_sub(self.late)) {
            self.aged += u64::from(row.recalled);
            return Ok(());
        }
        row.text = texts.add(&[text])?;
        self.rows.push(row);
        Ok(())
    }

    /// Lets the record at hand go.
    pub fn skip(&mut self) {
        self.mark = None;
    }

    /// Remembers the time of a record that is read and not judged.
    pub fn leave_out(&mut self, time: Option<Time>) {
        self.left_out = both(self.left_out, time.map(|time| (time, time)));
    }

    /// Adds another worker's.
    pub fn merge(&mut self, other: Retained) {
        self.others.extend(other.texts);
        self.others.extend(other.others);
        self.rows.merge(other.rows);
        self.newest = self.newest.max(other.newest);
        self.recalled.extend(other.recalled);
        self.aged += other.aged;
        self.left_out = both(self.left_out, other.left_out);
    }

    /// All that was kept.
    pub fn into_kept(self) -> Kept {
        Kept {
            rows: self.rows,
            texts: self.texts.into_iter().chain(self.others).collect(),
            until: self.newest.saturating_sub(self.late),
            aged: self.aged,
        }
    }
}

/// Whether no record that may still come can need it.
pub fn is_over(row: &HandedRecord, until: i64) -> bool {
    row.time.0.saturating_add(row.reach) < until
}
