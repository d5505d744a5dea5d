//! What `follow` puts aside: a message that announces something that cannot be read.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::ndjson::{self, LineBody};

/// A message that is given up, a line.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DeadLetter<'a> {
    /// The id of the message.
    pub message: &'a str,
    /// How often it was delivered.
    pub deliveries: u32,
    /// What cannot be read of it.
    pub problems: Vec<LetterProblem<'a>>,
    /// Its text.
    pub body: &'a str,
}

/// What cannot be read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LetterProblem<'a> {
    /// The name of the object; null if the message itself cannot be understood.
    pub object: Option<&'a str>,
    /// Why not, and what was expected.
    pub message: &'a str,
}

impl LineBody for DeadLetter<'_> {
    const SCHEMA: &'static str = "keytrail.dead-letter/v1";
}

/// Writes one as a line.
///
/// # Errors
/// Those of `out`.
pub fn write(letter: DeadLetter<'_>, out: &mut dyn Write) -> io::Result<()> {
    ndjson::write(letter, out)
}
