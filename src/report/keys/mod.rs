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

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

pub use self::given::{Form, Keys};
use super::ndjson::{self, LineBody};
use super::{Style, json};
use crate::model::keys::facts::{Inventory, KeyFacts, Told};
use crate::model::problem::Problem;
use crate::model::time::Time;

/// The name and version of the document.
pub const SCHEMA: &str = "keytrail.keys/v1";

/// The document.
#[derive(Serialize, JsonSchema)]
pub(super) struct Document<'a> {
    /// The name and version of this form.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    /// Calls from this time on count; `null` if all do.
    since: Option<Time>,
    /// Calls before this time count; `null` if all do.
    until: Option<Time>,
    /// The time of the first event of the log.
    first_event: Option<Time>,
    /// The time of the last event of the log.
    last_event: Option<Time>,
    /// Since when the keys are to be without use, with `--unused`.
    unused_since: Option<Time>,
    /// All KMS calls in the range, copies not counted.
    kms_calls: u64,
    /// Keys that are not listed, since they rank below these.
    left_out: u64,
    /// The keys, what is most urgent first.
    #[serde(serialize_with = "each_key")]
    #[schemars(with = "Vec<Key<'static>>")]
    keys: &'a [KeyFacts],
    /// What KMS told of last uses, with `--last-usage`.
    last_usage: &'a [Told],
    /// What could not be read, or is missing.
    problems: &'a [Problem],
}

/// One key: a member of `keys`, and a line of NDJSON.
#[derive(Serialize, JsonSchema)]
pub(super) struct Key<'a> {
    #[serde(flatten)]
    facts: &'a KeyFacts,
    /// The alias that it has at the end of the log, else the one that it had last, as records name
    /// them: in calls about aliases, and in calls that name the key by its alias.
    alias: Option<&'a str>,
}

impl LineBody for Key<'_> {
    const SCHEMA: &'static str = "keytrail.key/v1";
}

impl<'a> From<&'a KeyFacts> for Key<'a> {
    fn from(facts: &'a KeyFacts) -> Self {
        Key { facts, alias: facts.alias() }
    }
}

/// The end of the lines.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "KeysCounts")]
pub(super) struct Counts {
    /// How much there is.
    totals: Totals,
}

/// How many keys there are.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "KeysTotals")]
pub(super) struct Totals {
    /// Keys that are listed.
    keys: u64,
    /// Keys that are not, since they rank below these.
    left_out: u64,
    /// All KMS calls in the range, copies not counted.
    kms_calls: u64,
}

fn each_key<S: Serializer>(keys: &[KeyFacts], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(keys.iter().map(Key::from))
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
                schema: SCHEMA,
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
        Form::Ndjson => {
            all.iter().try_for_each(|key| ndjson::write(Key::from(key), &mut out))?;
            if let Some(ending) = keys.ending {
                let (keys, problems) = (all.len() as u64, keys.problems);
                let totals = Totals { keys, left_out: *left_out, kms_calls: *kms_calls };
                ndjson::write_end("keys", (ending, problems), Counts { totals }, &mut out)?;
            }
        }
        Form::Csv => lines::write(all, &mut out)?,
    }
    out.flush()
}
