//! Lines of NDJSON: one object a line, and each names its form first.
//!
//! A program that reads them gets findings, events, keys or callers. With `--problems ndjson` it gets
//! what could not be read too, and a last line that says how the run ended. What must stay true: that
//! line is the last one, so that whoever does not find it knows that the run did not end by itself.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::json;
use crate::model::problem::Problem;

/// What a line holds beside the name of its form.
pub trait LineBody: Serialize {
    /// The name and version of the form.
    const SCHEMA: &'static str;
}

/// A line.
#[derive(Serialize, JsonSchema)]
pub struct Line<T: LineBody> {
    /// The name and version of this form.
    #[schemars(extend("const" = T::SCHEMA))]
    schema: &'static str,
    #[serde(flatten)]
    body: T,
}

impl LineBody for &Problem {
    const SCHEMA: &'static str = "keytrail.problem/v1";
}

/// Writes one line.
///
/// # Errors
/// Those of `out`.
pub fn write<T: LineBody>(body: T, out: &mut dyn Write) -> io::Result<()> {
    json::write_line(&Line { schema: T::SCHEMA, body }, out)
}

/// Why a run ended with its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// Nothing is wrong, or nothing that `--fail-on` and `--allow-incomplete` do not forgive.
    Clean,
    /// There are findings at or above `--fail-on`.
    Findings,
    /// Some input was not read, or a filter names what is nowhere.
    Incomplete,
    /// A signal ended the run.
    Interrupted,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// Whether everything was read.
    pub complete: bool,
    /// The exit code.
    pub code: u8,
    /// Why it is that code.
    pub reason: Reason,
}

/// The last line: how the run ended, and how much there is.
#[derive(Serialize, JsonSchema)]
pub struct RunEnd<T> {
    /// The command.
    command: &'static str,
    /// Whether everything was read: no problem, and no signal.
    complete: bool,
    /// The exit code.
    exit: ExitStatus,
    /// How many problems there are.
    problems: u64,
    #[serde(flatten)]
    counts: T,
}

/// The exit code of a run.
#[derive(Serialize, JsonSchema)]
struct ExitStatus {
    /// The code. It is 3 all the same if a state cannot be written afterwards.
    code: u8,
    /// Why it is that code.
    reason: Reason,
}

impl<T: Serialize> LineBody for RunEnd<T> {
    const SCHEMA: &'static str = "keytrail.run/v1";
}

/// Writes what could not be read, and how the run of `command` ended.
///
/// # Errors
/// Those of `out`.
pub fn write_end(
    command: &'static str,
    (ending, problems): (Ending, &[Problem]),
    counts: impl Serialize,
    out: &mut dyn Write,
) -> io::Result<()> {
    problems.iter().try_for_each(|problem| write(problem, out))?;
    let Ending { complete, code, reason } = ending;
    let exit = ExitStatus { code, reason };
    let problems = problems.len() as u64;
    write(RunEnd { command, complete, exit, problems, counts }, out)
}
