//! When there was no room for tag changes, and of which ARNs.
//!
//! A flood may be of millions of ARNs, so a number stands for each; and of more than there is room
//! for, only what they have in common is remembered: service, Region and account. Runs hand on to
//! each other what had no room in any of them.
//!
//! What must stay true: of an ARN whose changes had no room, the answer is never that they had.

use std::collections::HashMap;
use std::sync::LazyLock;

use twox_hash::XxHash3_64;

use crate::model::memory::{LostTags, Span};
use crate::model::time::Time;

/// What is lost, by ARN. Two that share their hash are unknown together, and never wrong.
#[derive(Debug, Clone, Default)]
pub struct Lost {
    of: HashMap<u64, Span>,
    /// The key of the hashes.
    seed: u64,
    /// How many ARNs are told apart.
    most: usize,
    /// Of more ARNs, by what comes before their resource.
    alike: HashMap<String, Span>,
    /// Of more of these.
    all: Option<Span>,
}

/// A key of this run, under which no log can be written so that names share their hash.
static SEED: LazyLock<u64> = LazyLock::new(|| getrandom::u64().unwrap_or_default());

/// How many services, Regions and accounts are told apart: more than any organisation has.
const ALIKE: usize = 1 << 16;

/// Both ranges, and what is between them.
fn both(one: Span, other: Span) -> Span {
    (one.0.min(other.0), one.1.max(other.1))
}

/// `arn:aws:ec2:eu-central-1:111122223333` of an ARN of there.
fn head(arn: &str) -> &str {
    arn.match_indices(':').nth(4).map_or("", |(at, _)| &arn[..at])
}

impl Lost {
    /// Nothing yet; so many ARNs are told apart.
    pub fn new(most: u64) -> Lost {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Lost { most, seed: *SEED, ..Lost::default() }
    }

    /// What earlier runs have lost, whose hashes are under `seed`; so many ARNs are told apart.
    pub fn going_on(most: u64, seed: u64, known: &LostTags) -> Lost {
        let mut lost = Lost { seed, ..Lost::new(most) };
        known.of.iter().for_each(|(hash, span)| lost.mark_hash(*hash, None, *span));
        known.alike.iter().for_each(|(head, span)| lost.mark_alike(head, *span));
        lost.all = known.all;
        lost
    }

    /// What later runs need to know of it: all that ended at `since` or later.
    pub fn handed_on(self, since: Time) -> LostTags {
        let is_new = |span: &Span| span.1 >= since;
        let mut of: Vec<(u64, Span)> = self.of.into_iter().collect();
        let mut alike: Vec<(String, Span)> = self.alike.into_iter().collect();
        of.retain(|(_, span)| is_new(span));
        alike.retain(|(_, span)| is_new(span));
        of.sort_unstable();
        alike.sort_unstable();
        LostTags { of, alike, all: self.all.filter(is_new) }
    }

    /// There was no room for a change.
    pub fn mark(&mut self, arn: &str, time: Time) {
        let hash = XxHash3_64::oneshot_with_seed(self.seed, arn.as_bytes());
        self.mark_hash(hash, Some(arn), (time, time));
    }

    fn mark_hash(&mut self, hash: u64, arn: Option<&str>, range: Span) {
        if let Some(known) = self.of.get_mut(&hash) {
            *known = both(*known, range);
        } else if self.of.len() < self.most {
            self.of.insert(hash, range);
        } else {
            self.mark_alike(arn.map_or("", head), range);
        }
    }

    fn mark_alike(&mut self, head: &str, range: Span) {
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
    pub fn of(&self, arn: &str) -> Option<Span> {
        let hash = XxHash3_64::oneshot_with_seed(self.seed, arn.as_bytes());
        let of = self.of.get(&hash).copied();
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

    #[test]
    fn runs_hand_on_what_had_no_room() {
        let arn = |n: i64| format!("arn:aws:ec2:eu-central-1:111122223333:{n}");
        let mut first = Lost::going_on(2, 7, &LostTags::default());
        (0..5).for_each(|n| first.mark(&arn(n), Time(n)));
        let before = [0, 1, 4, 9].map(|n| first.of(&arn(n)));
        let handed = first.handed_on(Time(0));
        let second = Lost::going_on(2, 7, &handed);
        assert_eq!([0, 1, 4, 9].map(|n| second.of(&arn(n))), before);
        // What ended earlier than anybody looks back is let go.
        let third = Lost::going_on(2, 7, &second.handed_on(Time(1)));
        assert_eq!(third.handed_on(Time(5)), LostTags::default());
    }
}
