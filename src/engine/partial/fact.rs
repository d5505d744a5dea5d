//! Which record was read where: the exact, order-free count behind every finding.
//!
//! CloudTrail delivers records twice and in any order, and a copy may be in any file. So nothing
//! is counted while reading: each worker notes one [`Fact`] a record and group, and at the end the
//! facts are sorted, which brings copies together.
//!
//! What must stay true: a record is a copy when its event id, account *and content* are those of
//! another. Same ids with other content are two records, and a problem says so, since a forged
//! copy must not hide the real one.

use crate::engine::store::runs::Row;

/// One record that was read, and a group it belongs to.
///
/// Ordered by identity, content, group and place, so that copies are neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    /// Keyed hash of event id and account; of the place when the record has no id.
    pub identity: [u64; 2],
    /// Keyed hash of the record's text.
    pub content: u64,
    /// Keyed hash of the group's key; [`NO_GROUP`] for a KMS record that no rule matched.
    pub group: [u64; 2],
    /// The blob's number.
    pub blob: u64,
    /// The record's number in the blob.
    pub record: u64,
}

/// The group of records that no rule matched.
pub const NO_GROUP: [u64; 2] = [0, 0];

impl Row for Fact {
    const WORDS: usize = 7;

    fn write(&self, words: &mut [u64]) {
        let [id, id2] = self.identity;
        let [group, group2] = self.group;
        words.copy_from_slice(&[id, id2, self.content, group, group2, self.blob, self.record]);
    }

    fn read(words: &[u64]) -> Fact {
        Fact {
            identity: [words[0], words[1]],
            content: words[2],
            group: [words[3], words[4]],
            blob: words[5],
            record: words[6],
        }
    }

    fn shard(&self) -> u64 {
        self.identity[0]
    }
}

/// The group of records that lay outside of what is reported: no rule was asked.
pub const LEFT_OUT: [u64; 2] = [0, 1];

/// Whether a group is one that a rule made.
pub fn is_group(group: [u64; 2]) -> bool {
    group != NO_GROUP && group != LEFT_OUT
}

/// What stands for a record and its copies from run to run.
pub fn known((identity, content): ([u64; 2], u64)) -> [u64; 2] {
    [identity[0] ^ content, identity[1].wrapping_add(content.rotate_left(32))]
}
