//! Credentials that a principal made: access keys, and sessions of roles.
//!
//! What must stay true: rows are facts of single records, so that copies and the order of reading change
//! nothing.

use crate::engine::store::runs::Row;
use crate::model::memory::Issued;
use crate::model::time::Time;

const VAGUE: u64 = 1;
const LASTING: u64 = 2;

impl Row for Issued {
    const WORDS: usize = 5;

    fn write(&self, words: &mut [u64]) {
        let flag = |set: bool, flag: u64| if set { flag } else { 0 };
        words.copy_from_slice(&[
            self.made,
            flag(self.vague, VAGUE) | flag(self.lasting, LASTING),
            self.maker,
            self.maker_key,
            self.time.0.cast_unsigned(),
        ]);
    }

    fn read(words: &[u64]) -> Issued {
        Issued {
            made: words[0],
            vague: words[1] & VAGUE != 0,
            lasting: words[1] & LASTING != 0,
            maker: words[2],
            maker_key: words[3],
            time: Time(words[4].cast_signed()),
        }
    }

    fn shard(&self) -> u64 {
        self.made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_read_back_as_they_were_written() {
        for (vague, lasting) in [(true, false), (false, true)] {
            let time = Time(-1);
            let row = Issued { made: 1, vague, lasting, maker: u64::MAX, maker_key: 0, time };
            let mut words = [7; Issued::WORDS];
            row.write(&mut words);
            assert_eq!(Issued::read(&words), row);
        }
    }
}
