//! What is wrong with Sigma rules, as a document for programs.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::json;

/// The name and version of the document.
pub const SCHEMA: &str = "keytrail.lint/v1";

/// The document.
#[derive(Serialize, JsonSchema)]
pub(super) struct Document<'a> {
    /// The name and version of this form.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    /// How many files were checked.
    files: usize,
    /// What is wrong.
    flaws: &'a [Complaint<'a>],
    /// Rules that were passed over, since they are for other logs.
    skipped: &'a [String],
}

/// One thing that is wrong.
#[derive(Serialize, JsonSchema)]
pub struct Complaint<'a> {
    /// The file.
    pub path: &'a str,
    /// The line, from 1; `null` if it is about all of the file.
    pub line: Option<usize>,
    /// The column, from 1.
    pub column: Option<usize>,
    /// `error` if a scan would refuse the rule or it breaks the specification, else `warning`.
    #[schemars(extend("enum" = ["error", "warning"]))]
    pub severity: &'static str,
    /// The kind of flaw, such as `unknown-field`.
    pub code: &'a str,
    /// What is wrong, in words.
    pub message: &'a str,
    /// What to do about it.
    pub hint: Option<&'a str>,
}

/// Writes the document.
///
/// # Errors
/// Those of `out`.
pub fn write_json(
    files: usize,
    flaws: &[Complaint<'_>],
    skipped: &[String],
    out: &mut dyn Write,
) -> io::Result<()> {
    json::write_document(&Document { schema: SCHEMA, files, flaws, skipped }, out)
}
