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
    #[inline]
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

/// The only name that may end like this, with the quote that opens it where it is short.
fn number(tail: &[u8; 8]) -> Option<usize> {
    Some(match tail {
        b"ventData" => 0,
        b"wsRegion" => 1,
        b"rrorCode" => 2,
        b"rMessage" => 3,
        b"Category" => 4,
        b"\"eventID" => 5,
        b"ventName" => 6,
        b"ntSource" => 7,
        b"ventTime" => 8,
        b"ventType" => 9,
        b"entEvent" => 10,
        b"readOnly" => 11,
        b"ccountId" => 12,
        b"equestID" => 13,
        b"rameters" => 14,
        b"esources" => 15,
        b"Elements" => 16,
        b"tDetails" => 17,
        b"mConsole" => 18,
        b"dEventID" => 19,
        b"PAddress" => 20,
        b"sDetails" => 21,
        b"serAgent" => 22,
        b"Identity" => 23,
        b"dpointId" => 24,
        _ => return None,
    })
}
