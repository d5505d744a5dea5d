//! When there was no room for tag changes, and of which ARNs.
//!
//! A flood may be of millions of ARNs, so a number stands for each; and of more than there is room
//! for, only what they have in common is remembered: service, Region and account. What must stay
//! true: of an ARN whose changes had no room, the answer is never that they had.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::LazyLock;

use crate::model::time::Time;

/// From the first time to the last.
type Range = (Time, Time);

/// What is lost, by ARN. Two that share their hash are unknown together, and never wrong.
#[derive(Debug, Clone, Default)]
pub(super) struct Lost {
    of: HashMap<u64, Range>,
    /// How many ARNs are told apart.
    most: usize,
    /// Of more ARNs, by what comes before their resource.
    alike: HashMap<String, Range>,
    /// Of more of these.
    all: Option<Range>,
}

/// No log can be written so that names share their hash.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// How many services, Regions and accounts are told apart: more than any organisation has.
const ALIKE: usize = 1 << 16;

/// Both ranges, and what is between them.
fn both(one: Range, other: Range) -> Range {
    (one.0.min(other.0), one.1.max(other.1))
}

/// `arn:aws:ec2:eu-central-1:111122223333` of an ARN of there.
fn head(arn: &str) -> &str {
    arn.match_indices(':').nth(4).map_or("", |(at, _)| &arn[..at])
}

impl Lost {
    /// Nothing yet; so many ARNs are told apart.
    pub fn new(most: u64) -> Lost {
        Lost { most: usize::try_from(most).unwrap_or(usize::MAX), ..Lost::default() }
    }

    /// There was no room for a change.
    pub fn mark(&mut self, arn: &str, time: Time) {
        let (hash, range) = (HASHER.hash_one(arn), (time, time));
        if let Some(known) = self.of.get_mut(&hash) {
            *known = both(*known, range);
        } else if self.of.len() < self.most {
            self.of.insert(hash, range);
        } else {
            self.mark_alike(head(arn), range);
        }
    }

    fn mark_alike(&mut self, head: &str, range: Range) {
        if let Some(known) = self.alike.get_mut(head) {
            *known = both(*known, range);
        } else if self.alike.len() < ALIKE {
            self.alike.insert(head.to_owned(), range);
        } else {
            self.all = Some(both(self.all.unwrap_or(range), range));
        }
    }

    /// Adds what was lost elsewhere. Together they may tell more ARNs apart than either.
    pub fn merge(&mut self, other: Lost) {
        for (hash, range) in other.of {
            let known = self.of.entry(hash).or_insert(range);
            *known = both(*known, range);
        }
        other.alike.iter().for_each(|(head, range)| self.mark_alike(head, *range));
        self.all = [self.all, other.all].into_iter().flatten().reduce(both);
    }

    /// From when to when changes of an ARN had no room.
    pub fn of(&self, arn: &str) -> Option<Range> {
        let of = self.of.get(&HASHER.hash_one(arn)).copied();
        let alike = self.alike.get(head(arn)).copied();
        [of, alike, self.all].into_iter().flatten().reduce(both)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_what_they_have_in_common_is_remembered() {
        let arn =
            |service: &str, n: i64| format!("arn:aws:{service}:eu-central-1:111122223333:{n}");
        let (mut one, mut two) = (Lost::new(2), Lost::new(2));
        (0..4).for_each(|n| one.mark(&arn("ec2", n), Time(n)));
        (4..9).for_each(|n| two.mark(&arn("ec2", n), Time(n)));
        assert_eq!(one.of(&arn("ec2", 0)), Some((Time(0), Time(3))));
        one.merge(two);
        assert_eq!(one.of(&arn("ec2", 4)), Some((Time(2), Time(8))));
        assert_eq!(one.of(&arn("ec2", 77)), Some((Time(2), Time(8))), "may be one of them");
        assert_eq!(one.of(&arn("kms", 4)), None);
    }
}
