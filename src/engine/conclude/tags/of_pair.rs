//! What the row of a use says to comparing that a bucket has left after it has decided.
//!
//! Either the row is the use itself, since a finding may show it, or it stands for all uses of one stretch of
//! which a bucket says the same; or the bucket says nothing of the use. What must stay true:
//! what a bucket says is written beside it, so that whoever knows more can tell that it holds no longer.

use crate::engine::partial::key_use::{KeyUse, flag};
use crate::tags::compare::Disagreement;

/// What a row that a bucket has left says to comparing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfPair {
    /// How many uses there are, copies not counted; 0 of a copy.
    pub count: u64,
    /// When the last was; microseconds since 1970.
    pub last: i64,
    /// Whether it stands for others.
    pub is_sum: bool,
    /// Whether nothing is said of it, since others may know of other tags.
    pub is_open: bool,
    /// How tags disagree, of each side, where a rule looks at that.
    pub said: [Option<Disagreement>; OfPair::SIDES],
}

/// Bits for what is said of a side.
const BITS: u32 = 2;
/// The bit of a use of which nothing is said.
const OPEN: u64 = 1 << 6;
/// The bit of a sum.
const SUM: u64 = 1 << 7;
/// Where the count begins.
const COUNT: u32 = 8;

const ALL: [Option<Disagreement>; 4] =
    [None, Some(Disagreement::Mismatch), Some(Disagreement::OneSided), Some(Disagreement::Unknown)];

impl OfPair {
    /// Uses with more sides are never summed up.
    pub const SIDES: usize = 2;

    /// What a row says.
    pub fn of(row: &KeyUse) -> OfPair {
        let (word, last) = row.stands_for();
        let said = |side: u32| ALL.get((word >> (side * BITS) & 3) as usize).copied().flatten();
        let (is_sum, is_open) = (word & SUM != 0, word & OPEN != 0);
        OfPair { count: word >> COUNT, last, is_sum, is_open, said: [said(0), said(1)] }
    }

    /// A row that says it.
    pub fn row(&self, of: KeyUse) -> KeyUse {
        let code = |said| ALL.iter().position(|one| *one == said).unwrap_or_default() as u64;
        let [first, second] = self.said.map(code);
        let set = |bit: u64, holds: bool| if holds { bit } else { 0 };
        let flags = set(SUM, self.is_sum) | set(OPEN, self.is_open);
        let word = self.count << COUNT | flags | second << BITS | first;
        of.left_for(flag::OF_PAIR, (word, self.last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_what_was_written() {
        for said in ALL {
            let other = ALL[1];
            let (is_sum, said) = (said.is_none(), [said, other]);
            let one = OfPair { count: 70_000, last: -3, is_sum, is_open: !is_sum, said };
            assert_eq!(OfPair::of(&one.row(KeyUse::empty())), one);
        }
    }
}
