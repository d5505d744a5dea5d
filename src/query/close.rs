//! Looks closely at a record, in memory that is reused from record to record.

use crate::record::event::Marked;
use crate::record::kms::View;
use crate::record::scan::{self, tape::Fill, tape::Tape};

/// Looks closely at records.
pub struct Close {
    tape: Tape,
    fill: Fill,
}

impl Default for Close {
    fn default() -> Close {
        Close { tape: Tape::default(), fill: scan::fastest_fill() }
    }
}

impl Close {
    /// Hands on the view of a record.
    pub fn look(&mut self, record: Marked<'_>, at: impl FnOnce(&View<'_>)) {
        let Some(event) = record.event() else { return };
        (self.fill)(record.bytes(), &mut self.tape);
        at(&View::new(&event.with_tape(&self.tape)));
    }
}
