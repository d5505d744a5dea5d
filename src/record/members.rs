//! The members that CloudTrail writes at the top of a record, found in one pass over its marks.
//!
//! Some twenty rules ask a KMS record for the same dozen members; each is looked up here by its
//! number instead of being searched for.
//!
//! What must stay true: of duplicate members the last one counts, and a table says of a member what
//! a plain walk over the record says. A record whose names are spelt so that this would be hard to
//! tell (escapes, spaces) has no table.

use super::scan::Index;

/// The names (CloudTrail user guide, "CloudTrail record contents"), none shorter than seven bytes.
const NAMES: [&str; 25] = [
    "additionalEventData",
    "awsRegion",
    "errorCode",
    "errorMessage",
    "eventCategory",
    "eventID",
    "eventName",
    "eventSource",
    "eventTime",
    "eventType",
    "managementEvent",
    "readOnly",
    "recipientAccountId",
    "requestID",
    "requestParameters",
    "resources",
    "responseElements",
    "serviceEventDetails",
    "sessionCredentialFromConsole",
    "sharedEventID",
    "sourceIPAddress",
    "tlsDetails",
    "userAgent",
    "userIdentity",
    "vpcEndpointId",
];

/// Where the known members of one record are.
#[derive(Debug, Clone, Copy)]
pub struct Members {
    /// The numbers of the members among all, counted from 1; 0 of those that are not there.
    numbers: [u32; NAMES.len()],
    /// Whether some other name has a dot in it, and may be spelt like a path.
    dots: bool,
}

/// What a table knows of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// The number of the member among all, counted from 0.
    At(usize),
    /// The record does not have it.
    Absent,
    /// Not a name that the table holds.
    Other,
}

impl Members {
    /// The table of a record; `None` for one that has to be searched.
    pub fn new(bytes: &[u8], index: &Index) -> Option<Members> {
        if index.flags.escaped_keys {
            return None;
        }
        let mut found = Members { numbers: [0; NAMES.len()], dots: false };
        for (member, &colon) in (1..).zip(index.colons()) {
            let name = bytes.get(..colon as usize)?.strip_suffix(b"\"")?;
            // No top-level string holds a backslash, so the quote found there opens the name.
            if let Some(number) = name.last_chunk::<8>().and_then(number)
                && let Some(before) = name.strip_suffix(NAMES[number].as_bytes())
                && before.last() == Some(&b'"')
            {
                found.numbers[number] = member;
                continue;
            }
            let start = memchr::memrchr(b'"', name).unwrap_or_default();
            found.dots |= memchr::memchr(b'.', &name[start..]).is_some();
        }
        Some(found)
    }

    /// Whether some member may be named like a path.
    pub fn may_have_dots(&self) -> bool {
        self.dots
    }

    /// What is known of the member `name`.
    #[inline(always)]
    pub fn find(&self, name: &str) -> Known {
        let number = match name.as_bytes() {
            [.., a, b, c, d, e, f, g, h] => number(&[*a, *b, *c, *d, *e, *f, *g, *h]),
            [a, b, c, d, e, f, g] => number(&[b'"', *a, *b, *c, *d, *e, *f, *g]),
            _ => None,
        };
        match number.filter(|number| NAMES[*number] == name) {
            Some(number) => match self.numbers[number].checked_sub(1) {
                Some(member) => Known::At(member as usize),
                None => Known::Absent,
            },
            None => Known::Other,
        }
    }
}

/// How many slots the table of tails has.
const SLOTS: usize = 64;

/// A factor that sends the tails of all names to slots of their own: found by trying, and proven when
/// this is compiled.
const SPREAD: u64 = 0x9450_085b_63a0_29a5;

/// The slot of a tail: the last eight bytes of a name, or the quote that opens it and all seven.
const fn slot(tail: [u8; 8]) -> usize {
    (u64::from_le_bytes(tail).wrapping_mul(SPREAD) >> 58) as usize
}

/// By slot, the tail of a name and the number of the name.
const TAILS: [([u8; 8], usize); SLOTS] = {
    let mut tails = [([0; 8], NAMES.len()); SLOTS];
    let mut number = 0;
    while number < NAMES.len() {
        let tail = tail_of(NAMES[number].as_bytes());
        assert!(tails[slot(tail)].1 == NAMES.len(), "two names in one slot");
        tails[slot(tail)] = (tail, number);
        number += 1;
    }
    tails
};

const fn tail_of(name: &[u8]) -> [u8; 8] {
    let mut tail = [b'"'; 8];
    let mut at = 1;
    while at <= 8 && at <= name.len() {
        tail[8 - at] = name[name.len() - at];
        at += 1;
    }
    tail
}

/// The only name that may end like this, with the quote that opens it where it is short.
#[inline(always)]
fn number(tail: &[u8; 8]) -> Option<usize> {
    let (known, number) = TAILS[slot(*tail)];
    (known == *tail && number < NAMES.len()).then_some(number)
}
