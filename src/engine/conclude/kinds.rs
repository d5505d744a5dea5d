//! The kinds of use of one key: of one principal, with one operation, on one resource.
//!
//! Rules decide over the kinds of a key together, so their number is bounded. What must stay true:
//! the earliest kinds are kept, in the order of time, event id and place, so that the key of the
//! hashes, by which the rows come, decides nothing.

use std::cmp::Ordering;
use std::io;

use super::adds::Adds;
use super::stateful::decide::Desk;
use super::stateful::evidence::EventId;
use crate::engine::partial::key_use::{KeyUse, flag};
use crate::engine::store::runs::RowAt;
use crate::model::days::Days;
use crate::model::time::Time;

/// All uses of one kind.
pub struct Kind {
    /// The first record.
    pub first: KeyUse,
    pub at: RowAt,
    pub id: EventId,
    /// When the last use was; microseconds since 1970.
    pub last: i64,
    /// On which days; of those that earlier runs have left, the first and the last.
    pub days: Days,
    /// How many, once the key is closed; until then, what the rows have added.
    pub count: u64,
    pub counted: Adds,
    pub reported: bool,
    pub recalled: bool,
    /// Where copies of the first record were read.
    copies: Vec<(u64, u64)>,
}

/// The kinds of use of the key at hand.
pub struct Kinds {
    all: Vec<Kind>,
    /// How many are decided over together.
    most: usize,
    left_out: bool,
}

/// The kinds of use of a key, once all its rows were seen.
pub struct Closed {
    /// Those that are decided over, in order.
    pub kinds: Vec<Kind>,
    /// The others.
    pub left_out: Vec<Kind>,
}

impl Kinds {
    /// None yet; `most` are decided over together.
    pub fn new(most: usize) -> Kinds {
        Kinds { all: Vec::new(), most, left_out: false }
    }

    /// Adds a row and what it adds. Rows of one kind come one after the other; `same` tells whether
    /// the row before was of this kind. Gives the kinds for which there is no room.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn add(
        &mut self,
        (row, at): (&KeyUse, RowAt),
        adds: Adds,
        same: bool,
        desk: &mut Desk<'_>,
    ) -> io::Result<Vec<Kind>> {
        let of_use = |kind: &&mut Kind| kind.first.is_same_use(row);
        if let Some(kind) = self.all.last_mut().filter(|_| same).filter(of_use) {
            kind.add((row, at), adds, desk)?;
            return Ok(Vec::new());
        }
        // All kinds are complete here. A quarter more than are kept makes looking for these rare.
        let too_many = self.all.len() > self.most + self.most / 4;
        let left_out = if too_many { self.leave_out(desk) } else { Vec::new() };
        self.all.push(Kind::new((row, at), adds, desk)?);
        Ok(left_out)
    }

    /// Leaves out all but the earliest.
    fn leave_out(&mut self, desk: &Desk<'_>) -> Vec<Kind> {
        if self.all.len() <= self.most {
            return Vec::new();
        }
        self.left_out = true;
        self.all.iter_mut().for_each(|kind| kind.show_smallest(desk));
        self.all.select_nth_unstable_by(self.most, |a, b| a.order(b, desk));
        self.all.split_off(self.most)
    }

    /// The kinds of the key at hand, after its last row.
    pub fn close(&mut self, desk: &Desk<'_>) -> Closed {
        let left_out = self.leave_out(desk);
        let mut kinds = std::mem::take(&mut self.all);
        for kind in &mut kinds {
            kind.count = kind.counted.count();
            kind.show_smallest(desk);
        }
        kinds.sort_by(|a, b| a.order(b, desk));
        Closed { kinds, left_out }
    }

    /// Whether any kind of the key that was closed was left out; asked once a key.
    pub fn were_left_out(&mut self) -> bool {
        std::mem::take(&mut self.left_out)
    }
}

/// Whether a use lies in the range that is reported, or any of those that a row stands for.
fn is_reported(row: &KeyUse) -> bool {
    match row.is(flag::LEFT) {
        true => row.is(flag::KIND_REPORTED),
        false => row.is(flag::REPORTED),
    }
}

impl Kind {
    fn new((row, at): (&KeyUse, RowAt), adds: Adds, desk: &mut Desk<'_>) -> io::Result<Kind> {
        Ok(Kind {
            first: *row,
            at,
            id: desk.event_id(row)?,
            last: adds.last.0,
            days: Days::of_times(Time(row.time), adds.last),
            count: 0,
            counted: adds,
            reported: is_reported(row),
            recalled: row.is(flag::RECALLED),
            copies: Vec::new(),
        })
    }

    fn add(
        &mut self,
        (row, at): (&KeyUse, RowAt),
        adds: Adds,
        desk: &mut Desk<'_>,
    ) -> io::Result<()> {
        self.first_of((row, at), desk)?;
        self.last = self.last.max(adds.last.0);
        self.days.merge(Days::of_times(Time(row.time), adds.last));
        self.counted.merge(adds);
        self.reported |= is_reported(row);
        self.recalled |= row.is(flag::RECALLED);
        Ok(())
    }

    /// Takes a row into account that may be a copy of the first, or come before it. Rows of one
    /// second come in the order of their ids only where these are UUIDs.
    fn first_of(&mut self, (row, at): (&KeyUse, RowAt), desk: &mut Desk<'_>) -> io::Result<()> {
        if row.is_copy_of(&self.first) {
            self.copies.push(row.place());
            return Ok(());
        }
        let in_order = row.is(flag::UUID) && self.first.is(flag::UUID) && row.id != self.first.id;
        if row.time != self.first.time || in_order {
            return Ok(());
        }
        let id = desk.event_id(row)?;
        let by_place = || desk.origin(row.place()) < desk.origin(self.first.place());
        if id < self.id || (id == self.id && by_place()) {
            (self.first, self.at, self.id) = (*row, at, id);
            self.copies.clear();
        }
        Ok(())
    }

    /// Of copies, shows the one with the smallest origin.
    fn show_smallest(&mut self, desk: &Desk<'_>) {
        let places = std::mem::take(&mut self.copies);
        if places.is_empty() {
            return;
        }
        let places = places.into_iter().chain([self.first.place()]);
        if let Some((blob, record)) = places.min_by_key(|place| desk.origin(*place)) {
            self.first = self.first.read_at(blob, record);
        }
    }

    /// The order of kinds of use: by time and event id of the first record; where these are the
    /// same, by where it was read, since a hash is not the same from run to run.
    pub fn order(&self, other: &Kind, desk: &Desk<'_>) -> Ordering {
        let by_id = (self.first.time, &self.id).cmp(&(other.first.time, &other.id));
        by_id.then_with(|| desk.origin(self.first.place()).cmp(&desk.origin(other.first.place())))
    }
}
