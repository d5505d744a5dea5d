//! What was asked for, in the order of time.
//!
//! All that was undecided is decided here, with what all records tell. Copies become one row, and with
//! them the records of one call ([`Window`]). A timeline can be read as often as it takes, and holds no
//! more than some hundred rows at once.
//!
//! What must stay true: of copies the smallest place is shown. Records without an id are never copies,
//! and neither are two of one id whose content differs, since a forged one must not hide the real one. A
//! record that facts have as a row and as its text is shown as its text.

use std::collections::{BTreeSet, HashSet};
use std::io;

use super::collect::{Candidate, Collected};
use super::filter::Pending;
use super::join::Window;
use super::lineage::Mark;
use crate::engine::store::hash::HashKey;
use crate::engine::store::seen::Seen;
use crate::engine::store::shelf::{Read, Sorted};
use crate::model::occurrence::{Counts, Occurrence, Place};
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};

/// What was asked for.
#[derive(Debug)]
pub struct Timeline {
    records: Sorted<Candidate>,
    /// To which keys the aliases pointed.
    targets: BTreeSet<String>,
    /// The credentials of those who were asked for.
    marks: HashSet<Mark>,
    /// Whether the records of one call are one row.
    joined: bool,
}

impl Timeline {
    /// Decides what is asked for of all that was read, and tells what had no room. `joined` is whether the records of one call are one row.
    pub fn new(collected: Collected, joined: bool) -> (Timeline, Vec<Problem>) {
        let Collected { records, targets, more_targets, lineage } = collected;
        let mut problems = Vec::new();
        if more_targets {
            let message = "an alias pointed to more keys than have room: some are not followed";
            problems.push(Problem::new(Origin::blob("*"), Stage::Read, message));
        }
        if lineage.is_full() {
            let message = "more credentials were given out than have room: some of those that were \
                           derived are not followed";
            problems.push(Problem::new(Origin::blob("*"), Stage::Read, message));
        }
        let marks = lineage.all();
        (Timeline { records: records.sorted(), targets, marks, joined }, problems)
    }

    /// Reads it from the first.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn rows(&self) -> io::Result<Rows<'_>> {
        let read = self.records.read()?;
        Ok(Rows {
            timeline: self,
            read,
            ahead: None,
            window: Window::new(self.joined),
            tally: Tally::default(),
        })
    }

    /// How much it has, and what is wrong with it.
    ///
    /// # Errors
    /// As [`rows`](Timeline::rows).
    pub fn survey(&self) -> io::Result<(Counts, Option<Problem>)> {
        let mut rows = self.rows()?;
        rows.tally.ids = Some((HashKey::random(0x7469_6d65), Seen::new(IDS_HELD)));
        let mut counts = Counts::default();
        for row in &mut rows {
            row?;
            counts.rows += 1;
        }
        let Tally { records, copies, conflict, .. } = rows.tally;
        let message = "records with the same eventID and recipientAccountId have different content: \
                       expected copies; all are shown, all but one may be forged";
        let problem = conflict.map(|place| {
            Problem::new(Origin::record(place.blob, place.record), Stage::Parse, message)
        });
        Ok((Counts { records, copies, ..counts }, problem))
    }

    fn is_asked(&self, pending: &Pending) -> bool {
        let keys = pending.keys.as_ref();
        let marks = pending.marks.as_ref();
        keys.is_none_or(|ids| ids.iter().any(|id| self.targets.contains(id)))
            && marks.is_none_or(|marks| marks.iter().any(|mark| self.marks.contains(mark)))
    }
}

/// What was counted on the way.
#[derive(Debug, Default)]
struct Tally {
    records: u64,
    copies: u64,
    /// The smallest place of a record that shares its ids with another one.
    conflict: Option<Place>,
    /// The ids and the place of the record before.
    before: Option<(String, Option<String>, Place)>,
    /// The ids of all before, where they are compared.
    ids: Option<(HashKey, Seen)>,
}

/// Ids that memory holds at once; the others lie in a temporary file.
const IDS_HELD: usize = 1 << 18;

impl Tally {
    fn note(&mut self, row: &Occurrence) -> io::Result<()> {
        self.records += 1;
        self.copies += row.copies;
        let (Some(id), Some((key, seen))) = (&row.id, &mut self.ids) else { return Ok(()) };
        let account = row.account.as_deref().unwrap_or_default();
        if !seen.insert((key.long(&[id.as_bytes(), account.as_bytes()]), 0))? {
            let near =
                self.before.as_ref().filter(|(before, of, _)| before == id && *of == row.account);
            let place = near.map_or(&row.place, |(_, _, place)| place.min(&row.place)).clone();
            self.conflict = Some(self.conflict.take().map_or(place.clone(), |c| c.min(place)));
        }
        self.before = Some((id.clone(), row.account.clone(), row.place.clone()));
        Ok(())
    }
}

/// A timeline that is being read.
pub struct Rows<'a> {
    timeline: &'a Timeline,
    read: Read<'a, Candidate>,
    /// The record behind the one at hand.
    ahead: Option<Candidate>,
    window: Window,
    tally: Tally,
}

impl Rows<'_> {
    /// The next record that is asked for.
    fn record(&mut self) -> io::Result<Option<Candidate>> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        for next in self.read.by_ref() {
            let (_, candidate) = next?;
            if self.timeline.is_asked(&candidate.pending) {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    /// The next record and all its copies.
    fn different(&mut self) -> io::Result<Option<Occurrence>> {
        let Some(mut first) = self.record()? else { return Ok(None) };
        while let Some(next) = self.record()? {
            let rows = [first.shown.of_use, next.shown.of_use];
            if !(is_copy(&first, &next) || (rows[0] != rows[1] && is_one(&first, &next))) {
                self.ahead = Some(next);
                break;
            }
            match rows {
                // The row counts the copies of all texts once more.
                [true, false] => first = next,
                [false, true] => {}
                _ => {
                    first.shown.copies += 1 + next.shown.copies;
                    first.shown.place = first.shown.place.min(next.shown.place);
                }
            }
        }
        self.tally.note(&first.shown)?;
        Ok(Some(first.shown))
    }

    fn step(&mut self) -> io::Result<Option<Occurrence>> {
        loop {
            if let Some(row) = self.window.ready() {
                return Ok(Some(row));
            }
            match self.different()? {
                Some(next) => self.window.add(next),
                None => return Ok(self.window.last()),
            }
        }
    }
}

/// Whether two were read at one place.
fn is_one(one: &Candidate, other: &Candidate) -> bool {
    one.shown.place == other.shown.place && one.content == other.content
}

fn is_copy(one: &Candidate, other: &Candidate) -> bool {
    one.shown.id.is_some()
        && one.shown.id == other.shown.id
        && one.content == other.content
        && one.shown.account == other.shown.account
}

impl Iterator for Rows<'_> {
    type Item = io::Result<Occurrence>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}
