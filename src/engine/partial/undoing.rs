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
    /// Those that do not; see [`crate::record::undo::Undoes`].
    pub cleared: u64,
    /// Who made it: a [`super::key_use::Who`].
    pub who: Sym,
}

impl Row for Undoing {
    const WORDS: usize = 5;

    fn write(&self, words: &mut [u64]) {
        let Undoing { what, time, parts, cleared, who } = *self;
        words.copy_from_slice(&[what, time.cast_unsigned(), parts, cleared, who]);
    }

    fn read(words: &[u64]) -> Undoing {
        let (what, time) = (words[0], words[1].cast_signed());
        Undoing { what, time, parts: words[2], cleared: words[3], who: words[4] }
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
        let row = Undoing { what: 1, time: -2, parts: u64::MAX, cleared: 5, who: 4 };
        let mut words = [7; Undoing::WORDS];
        row.write(&mut words);
        assert_eq!(Undoing::read(&words), row);
    }
}
