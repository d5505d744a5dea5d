//! The few cases that records fall into before any rule looks at them: who acted, and how it ended.
//!
//! Most rules want one or two of them, and one case, CloudTrail encrypting its own files, is most
//! of what KMS logs and concerns almost none. So the router keeps a list for each.
//!
//! What must stay true: every record is in exactly one case, which depends on the record alone.

use std::ops::{BitAnd, BitOr};

use crate::record::event::Header;
use crate::record::kms::{Actor, View};

/// How many cases there are.
pub const COUNT: usize = 10;

/// The case of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case(u8);

/// A set of cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cases(u16);

impl Case {
    /// The case of a record.
    pub fn of(view: &View<'_>) -> Case {
        let actor = match view.actor() {
            Actor::Service if view.is_trail_delivery() => 0,
            Actor::Service => 1,
            Actor::Via => 2,
            Actor::Infrastructure => 3,
            Actor::Direct => 4,
        };
        Case(actor * 2 + u8::from(view.attempt()))
    }

    /// The case of a record of which only the header was read; `None` where it takes more to tell.
    ///
    /// What services do for themselves is half of many trails, and always spelt like this.
    pub fn of_header(header: &Header<'_>) -> Option<Case> {
        const SERVICE: &[u8] = br#"{"type":"AWSService","invokedBy":""#;
        let service = header.identity?.between(SERVICE).filter(|service| !service.is_empty())?;
        let actor = u8::from(service != b"cloudtrail.amazonaws.com");
        Some(Case(actor * 2 + u8::from(header.failed())))
    }

    /// Whether CloudTrail encrypted its own files.
    pub fn is_delivered(self) -> bool {
        Cases::DELIVERED.contains(self)
    }

    /// Every case, in order.
    pub fn all() -> impl Iterator<Item = Case> {
        (0..COUNT).filter_map(|case| u8::try_from(case).ok()).map(Case)
    }

    /// Its number, below [`COUNT`].
    pub fn number(self) -> usize {
        usize::from(self.0)
    }
}

impl Cases {
    /// All of them.
    pub const ALL: Cases = Cases((1 << COUNT) - 1);
    /// The calls that failed.
    pub const FAILED: Cases = Cases(0b10_1010_1010);
    /// CloudTrail encrypts its own files, or fails to.
    pub const DELIVERY: Cases = Cases(0b11);
    /// CloudTrail encrypted its own files.
    pub const DELIVERED: Cases = Cases(0b01);

    /// The cases of an actor, by its name in rules; none for any other text.
    pub fn of_actor(name: &str) -> Cases {
        let pair = |number: u16| Cases(0b11 << (2 * number));
        match name {
            _ if name == Actor::Service.as_str() => Cases::DELIVERY | pair(1),
            _ if name == Actor::Via.as_str() => pair(2),
            _ if name == Actor::Infrastructure.as_str() => pair(3),
            _ if name == Actor::Direct.as_str() => pair(4),
            _ => Cases(0),
        }
    }

    /// Whether a case is among them.
    pub fn contains(self, case: Case) -> bool {
        self.0 >> case.0 & 1 == 1
    }

    /// Those that are not among them.
    #[must_use]
    pub fn others(self) -> Cases {
        Cases(!self.0 & Cases::ALL.0)
    }
}

impl BitAnd for Cases {
    type Output = Cases;

    fn bitand(self, other: Cases) -> Cases {
        Cases(self.0 & other.0)
    }
}

impl BitOr for Cases {
    type Output = Cases;

    fn bitor(self, other: Cases) -> Cases {
        Cases(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_and_their_complements_share_nothing_and_leave_nothing() {
        let sets = ["service", "via", "infrastructure", "direct", "nobody"].map(Cases::of_actor);
        for set in sets.into_iter().chain([Cases::ALL, Cases::FAILED, Cases::DELIVERY]) {
            assert_eq!(set & set.others(), Cases(0));
            assert_eq!(set | set.others(), Cases::ALL);
        }
        let all = sets.into_iter().fold(Cases(0), |all, set| all | set);
        assert_eq!(all, Cases::ALL, "every case has an actor");
        assert_eq!(Case::all().filter(|case| Cases::FAILED.contains(*case)).count(), COUNT / 2);
    }
}
