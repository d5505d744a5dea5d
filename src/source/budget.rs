//! How much text may come out of one blob, all layers inside it together.
//!
//! Each layer has a ratio of its own. But layers multiply, members add up, and members of a zip may share
//! their bytes. What must stay true: the work for a blob is bounded by its size as stored.

use std::cell::Cell;

use super::inflate::Limits;
use crate::model::problem::Stage;
use crate::model::window::Cut;

/// What may come out of a blob, and what came.
#[derive(Debug)]
pub struct Budget {
    ratio: u64,
    floor: u64,
    stored: Cell<u64>,
    spent: Cell<u64>,
    burst: Cell<bool>,
}

impl Budget {
    /// One of which nothing is spent.
    pub fn new(limits: &Limits) -> Budget {
        let Limits { ratio, ratio_floor: floor, .. } = *limits;
        Budget { ratio, floor, stored: Cell::new(0), spent: Cell::new(0), burst: Cell::new(false) }
    }

    /// Notes that the blob has at least so many bytes as stored.
    pub fn stored(&self, bytes: u64) {
        self.stored.set(self.stored.get().max(bytes));
    }

    /// Notes that so much text came out of a layer.
    pub fn spend(&self, text: u64) {
        self.spent.set(self.spent.get().saturating_add(text));
    }

    /// Notes that a layer gave more than its own ratio allows.
    pub fn burst(&self) {
        self.burst.set(true);
    }

    /// Whether a bomb was met, by one layer or all together, so that no more is to be read.
    pub fn is_over(&self) -> bool {
        self.burst.get() || self.exceeded().is_some()
    }

    /// How much text may still come.
    pub fn left(&self) -> u64 {
        let allowed = self.ratio.saturating_mul(self.stored.get()).max(self.floor);
        allowed.saturating_sub(self.spent.get())
    }

    /// Why the text ends, if too much of it came.
    pub fn exceeded(&self) -> Option<Cut> {
        let (spent, stored, ratio) = (self.spent.get(), self.stored.get(), self.ratio);
        if spent <= ratio.saturating_mul(stored).max(self.floor) {
            return None;
        }
        let message = format!(
            "{stored} stored bytes gave {spent} bytes of text so far, which looks like a \
             decompression bomb; expected at most {ratio} times as many; the rest is not read"
        );
        Some(Cut { stage: Stage::Inflate, message })
    }
}
