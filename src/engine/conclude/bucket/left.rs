//! The rows that are left of uses, and the texts behind them.
//!
//! Most texts belong to uses that are done with. What must stay true: texts are gone through once, in the order
//! in which they lie there.

use std::io;

use crate::engine::conclude::kinds::Kind;
use crate::engine::partial::key_use::{KeyUse, flag};
use crate::engine::store::runs::Rows;
use crate::engine::store::texts::{AllTexts, NOWHERE, TextAt, Texts};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// What is left of uses.
pub struct Left {
    pub rows: Rows<KeyUse>,
    /// Where the texts of rows are.
    places: Vec<TextAt>,
}

impl Left {
    /// Nothing; at most `limit` rows are held in memory.
    pub fn new(limit: usize) -> Left {
        Left { rows: Rows::new(limit), places: Vec::new() }
    }

    /// Leaves a row.
    pub fn push(&mut self, row: KeyUse) {
        if row.text != NOWHERE {
            self.places.push(row.text);
        }
        self.rows.push(row);
    }

    /// Leaves a kind of use; `done` if the rules over all uses of the key have decided.
    pub fn kind(&mut self, kind: &Kind, done: bool) {
        let reported = if kind.reported { flag::KIND_REPORTED } else { 0 };
        let whom = flag::OF_KIND | reported | if done { flag::KEY_DONE } else { 0 };
        let counted = kind.counted.count();
        self.push(kind.first.left_for(whom, (counted, kind.last)));
        // A row tells two days, and there may be others.
        for day in kind.days.all().skip(1) {
            let time = i64::from(day.to_number().saturating_sub(1)).saturating_mul(DAY);
            let mut row = kind.first;
            row.time = time;
            self.push(row.left_for(whom, (0, time)));
        }
    }

    /// Adds what others have left.
    pub fn merge(&mut self, other: Left) {
        self.rows.merge(other.rows);
        self.places.extend(other.places);
    }

    /// The rows with texts of their own, which are all that is left of these.
    ///
    /// # Errors
    /// When a temporary file cannot be used.
    pub fn settle(mut self, heap: &AllTexts, limit: usize) -> io::Result<(Rows<KeyUse>, Texts)> {
        self.places.sort_unstable();
        self.places.dedup();
        let (mut texts, mut new) = (Texts::new(0), Vec::with_capacity(self.places.len()));
        let mut wanted = self.places.iter().peekable();
        for part in heap.parts() {
            part.each(|at, text| {
                if wanted.next_if(|next| **next == at).is_some() {
                    new.push(texts.add(&[text])?);
                }
                Ok(())
            })?;
        }
        if new.len() != self.places.len() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let mut rows = Rows::new(limit);
        self.rows.each(|row| {
            let place = self.places.binary_search(&row.text).ok();
            let text = place.and_then(|at| new.get(at)).copied().unwrap_or(NOWHERE);
            rows.push(row.renumbered(text, row.blob));
            Ok(())
        })?;
        Ok((rows, texts))
    }
}
