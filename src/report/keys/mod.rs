//! The inventory of keys: for people, and for programs.
//!
//! ```text
//! given     what there is to tell, and in which form
//! table     a row a key
//! dossier   everything about one key
//! answer    who can do something with it
//! lines     a row a key as CSV
//! words     short names, times and counts
//! ```
//!
//! What must stay true: no field of a log reaches a terminal raw; a list that was cut says how many
//! there are; and what is not known is shown as not known.

mod answer;
mod dossier;
mod given;
mod lines;
mod table;
mod words;

use std::io::{self, BufWriter, Write};

use serde::Serialize;

pub use self::given::{Form, Keys};
use super::{Style, json};
use crate::model::keys::facts::{Inventory, KeyFacts, Told};
use crate::model::problem::Problem;
use crate::model::time::Time;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    since: Option<Time>,
    until: Option<Time>,
    first_event: Option<Time>,
    last_event: Option<Time>,
    unused_since: Option<Time>,
    kms_calls: u64,
    left_out: u64,
    keys: &'a [KeyFacts],
    last_usage: &'a [Told],
    problems: &'a [Problem],
}

/// Writes the inventory.
///
/// # Errors
/// Those of `out`.
pub fn write(form: Form, keys: &Keys<'_>, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let Inventory { keys: all, left_out, kms_calls, told, .. } = keys.inventory;
    match form {
        Form::Table if keys.one.is_some() => dossier::write(keys, style, &mut out)?,
        Form::Table => table::write(keys, style, &mut out)?,
        Form::Json => {
            let document = Document {
                schema: "keytrail.keys/v1",
                since: keys.range.0,
                until: keys.range.1,
                first_event: keys.first,
                last_event: keys.last,
                unused_since: keys.unused,
                kms_calls: *kms_calls,
                left_out: *left_out,
                keys: all,
                last_usage: told,
                problems: keys.problems,
            };
            json::write_document(&document, &mut out)?;
        }
        Form::Ndjson => all.iter().try_for_each(|key| json::write_line(key, &mut out))?,
        Form::Csv => lines::write(all, &mut out)?,
    }
    out.flush()
}
