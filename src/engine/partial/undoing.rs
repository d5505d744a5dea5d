//! Calls that may have undone others: what, when, and by whom.

use crate::engine::store::dictionary::Sym;
use crate::engine::store::runs::Row;

/// A call that may have undone another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Undoing {
    /// Keyed hash of what it undid ([`crate::model::undo::Reversible::what`]).
    pub what: u64,
    /// `eventTime`, microseconds since 1970.
    pub time: i64,
    /// The parts of it that hold afterwards.
    pub parts: u64,
    /// Who made it: a [`super::key_use::Who`].
    pub who: Sym,
}

impl Row for Undoing {
    const WORDS: usize = 4;

    fn write(&self, words: &mut [u64]) {
        words.copy_from_slice(&[self.what, self.time.cast_unsigned(), self.parts, self.who]);
    }

    fn read(words: &[u64]) -> Undoing {
        Undoing { what: words[0], time: words[1].cast_signed(), parts: words[2], who: words[3] }
    }

    fn shard(&self) -> u64 {
        self.what
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_read_back_as_they_were_written() {
        let row = Undoing { what: 1, time: -2, parts: u64::MAX, who: 4 };
        let mut words = [7; Undoing::WORDS];
        row.write(&mut words);
        assert_eq!(Undoing::read(&words), row);
    }
}
