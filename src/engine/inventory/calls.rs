//! Rows to calls: copies of a record, and the other side's record of a cross-account call, are one
//! call.
//!
//! What must stay true: which record stands for a call follows from the records: the caller's own if
//! there is one, and of copies the one with the smallest origin. Records of one id that say different
//! things are different calls, so that a forged one hides none.

use std::io;

use crate::engine::partial::touch::{Touch, flag};
use crate::engine::store::names::Names;
use crate::engine::store::sorted::Sorted;

/// The calls of one shard, key by key in the order of time.
pub struct Calls<'a> {
    rows: Sorted<Touch>,
    names: &'a Names,
    /// The first row of the call at hand.
    first: Option<Touch>,
    /// The row that waits for its copies.
    waiting: Option<Touch>,
}

impl<'a> Calls<'a> {
    pub fn new(rows: Sorted<Touch>, names: &'a Names) -> Calls<'a> {
        Calls { rows, names, first: None, waiting: None }
    }

    /// The next call. `each` sees every row, also those that are no calls of their own.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn next(&mut self, each: &mut dyn FnMut(&Touch)) -> io::Result<Option<Touch>> {
        while let Some((row, _)) = self.rows.next()? {
            each(&row);
            let Some(first) = self.first.filter(|first| row.is_of_call(first)) else {
                self.first = Some(row);
                if let Some(done) = self.waiting.replace(row) {
                    return Ok(Some(done));
                }
                continue;
            };
            match self.waiting {
                Some(waiting) if waiting.content == row.content => {
                    self.waiting = Some(self.smaller(waiting, row)?);
                }
                // Account, Region and name make up `what`: another account has the call too.
                _ if row.is(flag::SHARED) && row.what != first.what => {}
                _ => {
                    if let Some(done) = self.waiting.replace(row) {
                        return Ok(Some(done));
                    }
                }
            }
        }
        Ok(self.waiting.take())
    }

    /// Of two copies the one with the smaller origin.
    fn smaller(&self, one: Touch, other: Touch) -> io::Result<Touch> {
        let ((blob, record), (other_blob, other_record)) = (one.place(), other.place());
        let swap = match blob == other_blob {
            true => other_record < record,
            false => (self.names.get(other_blob)?, other_record) < (self.names.get(blob)?, record),
        };
        Ok(if swap { other } else { one })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::partial::touch::OTHER_SIDE;
    use crate::engine::store::runs::Rows;

    /// A touch of the key 1: time, call, content, what, record.
    fn touch(time: i64, call: u64, content: u64, what: u64, record: u64) -> Touch {
        Touch {
            key: 1,
            time,
            order: call,
            call: [call, 0],
            content,
            id: [call, 0],
            who: 1,
            what,
            on: 0,
            alias: 0,
            from: 1,
            detail: 0,
            blob: 0,
            place: record << 8 | flag::SHARED,
        }
    }

    fn calls(all: &[Touch]) -> Vec<(i64, u64)> {
        let mut rows = Rows::new(2);
        all.iter().for_each(|row| rows.push(*row));
        let names = Names::default();
        names.add("a");
        let sharded = rows.sharded();
        let mut found = Vec::new();
        for shard in 0..crate::engine::store::runs::SHARDS {
            let mut calls = Calls::new(sharded.shard(shard).rows().unwrap(), &names);
            while let Some(call) = calls.next(&mut |_| {}).unwrap() {
                found.push((call.time, call.place().1));
            }
        }
        found
    }

    #[test]
    fn copies_and_the_other_side_are_one_call() {
        let own = touch(5, 7, 9, 1, 4);
        let copy = touch(5, 7, 9, 1, 3);
        let other = touch(5, 7, 2 | OTHER_SIDE, 2, 1);
        let later = touch(6, 8, 9, 1, 0);
        for order in [[own, copy, other, later], [later, other, copy, own]] {
            assert_eq!(calls(&order), [(5, 3), (6, 0)]);
        }
    }

    #[test]
    fn records_of_one_id_that_differ_are_two_calls() {
        let forged = touch(5, 7, 8, 1, 2);
        assert_eq!(calls(&[touch(5, 7, 9, 1, 4), forged]), [(5, 2), (5, 4)]);
    }
}
