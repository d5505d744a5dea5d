//! Cases and credentials in a state.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use super::words::word;
use crate::model::case::KnownCase;
use crate::model::memory::Issued;
use crate::model::time::Time;

/// A case as it is written.
#[derive(Serialize, Deserialize)]
pub struct OfCase {
    id: String,
    first: i64,
    spans: Vec<(u64, i64, i64)>,
    findings: Vec<[u64; 2]>,
}

impl From<&KnownCase> for OfCase {
    fn from(case: &KnownCase) -> OfCase {
        let span = |(actor, first, last): &(u64, Time, Time)| (*actor, first.0, last.0);
        OfCase {
            id: case.id.to_string(),
            first: case.first.0,
            spans: case.spans.iter().map(span).collect(),
            findings: case.findings.clone(),
        }
    }
}

impl From<OfCase> for KnownCase {
    fn from(case: OfCase) -> KnownCase {
        let span = |(actor, first, last)| (actor, Time(first), Time(last));
        KnownCase {
            first: Time(case.first),
            id: case.id.into(),
            spans: case.spans.into_iter().map(span).collect(),
            findings: case.findings,
        }
    }
}

/// Writes a credential and who made it.
///
/// # Errors
/// Those of `out`.
pub fn write_issued(out: &mut impl Write, row: &Issued) -> io::Result<()> {
    let Issued { made, vague, maker, maker_key, lasting, time } = *row;
    let flags = u64::from(vague) | u64::from(lasting) << 1;
    let words = [made, flags, maker, maker_key, time.0.cast_unsigned()];
    words.iter().try_for_each(|word| out.write_all(&word.to_le_bytes()))
}

/// Reads one.
///
/// # Errors
/// Those of `from`.
pub fn issued_row(from: &mut impl Read) -> io::Result<Issued> {
    let (made, flags) = (word(from)?, word(from)?);
    let (maker, maker_key) = (word(from)?, word(from)?);
    let time = Time(word(from)?.cast_signed());
    Ok(Issued { made, vague: flags & 1 != 0, lasting: flags & 2 != 0, maker, maker_key, time })
}
