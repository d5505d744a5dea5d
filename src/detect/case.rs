//! Sorts a record into one of ten cases before any rule is evaluated. A case combines who acted
//! with whether the call failed.
//!
//! Most rules want one or two cases. One case, CloudTrail encrypting its own files, is most of the
//! KMS records and interests almost no rule. The router therefore keeps one list of rules for each
//! case.
//!
//! What must stay true: every record is in exactly one case, and the case depends on the record
//! alone.

use std::ops::{BitAnd, BitOr};

use crate::record::event::Header;
use crate::record::kms::{Actor, View};

/// The number of cases.
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

    /// The case of a record, from its header alone. Returns `None` if the header is not enough.
    ///
    /// Calls that services make for themselves are half of many trails, and always have the form
    /// that is tested here.
    pub fn of_header(header: &Header<'_>) -> Option<Case> {
        const SERVICE: &[u8] = br#"{"type":"AWSService","invokedBy":""#;
        let service = header.identity?.between(SERVICE).filter(|service| !service.is_empty())?;
        let actor = u8::from(service != b"cloudtrail.amazonaws.com");
        Some(Case(actor * 2 + u8::from(header.failed())))
    }

    /// Whether this is the case of CloudTrail encrypting its own files.
    pub fn is_delivered(self) -> bool {
        Cases::DELIVERED.contains(self)
    }

    /// Every case, in order.
    pub fn all() -> impl Iterator<Item = Case> {
        (0..COUNT).filter_map(|case| u8::try_from(case).ok()).map(Case)
    }

    /// The number of the case, less than [`COUNT`].
    pub fn number(self) -> usize {
        usize::from(self.0)
    }
}

impl Cases {
    /// Every case.
    pub const ALL: Cases = Cases((1 << COUNT) - 1);
    /// Calls that failed.
    pub const FAILED: Cases = Cases(0b10_1010_1010);
    /// CloudTrail encrypts its own files, successfully or not.
    pub const DELIVERY: Cases = Cases(0b11);
    /// CloudTrail encrypts its own files, successfully.
    pub const DELIVERED: Cases = Cases(0b01);

    /// The cases of an actor, by the name that rules use. Any other name gives the empty set.
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

    /// Whether the set contains a case.
    pub fn contains(self, case: Case) -> bool {
        self.0 >> case.0 & 1 == 1
    }

    /// The complement of the set.
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
