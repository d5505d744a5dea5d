//! What is granted to a principal against what it used: for people, and for programs.
//!
//! What must stay true: no field of a log reaches a terminal raw; a list that was cut says how many there
//! are; and the policy can be copied as it stands.

mod given;
mod table;

use std::io::{self, BufWriter, Write};

pub use self::given::{Answer, Form, SCHEMA};
use super::{Style, json};

/// Writes the answer.
///
/// # Errors
/// Those of `out`.
pub fn write(
    form: Form,
    answer: &Answer<'_>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    match form {
        Form::Table => table::write(answer, style, &mut out)?,
        Form::Json => json::write_document(answer, &mut out)?,
    }
    out.flush()
}
