//! `keytrail rules lint`: what is wrong with Sigma rules, a line and a hint each.

use std::fmt::Write as _;

use super::args::LintArgs;
use super::{Done, form, in_memory};
use crate::cli::check::Verbosity;
use crate::cli::commands::skipped;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::ui::{Messages, labelled, plural};
use crate::cli::values::Form;
use crate::detect::lint::{Flaw, Linted, Severity, lint};
use crate::report::Style;
use crate::report::lint::{Complaint, write_json};

/// Runs the command.
pub fn run(args: &LintArgs, style: Style, messages: Messages) -> Done {
    let mut failures = Vec::new();
    let form = form(&args.format).map_err(|failure| failures.push(failure));
    let linted =
        lint(&args.paths).map_err(|errors| failures.extend(errors.into_iter().map(Failure::from)));
    let (Ok(form), Ok(linted)) = (form, linted) else { return Err(failures) };
    let exit = if linted.flaws.is_empty() { Exit::Clean } else { Exit::Findings };
    let output = match form {
        Form::Table => {
            skipped::say(&linted.skipped, Verbosity::Normal, messages);
            text(&linted, style).into_bytes()
        }
        Form::Json => {
            in_memory(|out| write_json(linted.files, &complaints(&linted), &linted.skipped, out))?
        }
    };
    Ok((output, exit))
}

/// `PATH:LINE:COLUMN`, as far as it is known.
fn place(flaw: &Flaw) -> String {
    match flaw.place {
        Some((line, column)) => format!("{}:{line}:{column}", flaw.origin),
        None => flaw.origin.clone(),
    }
}

fn text(linted: &Linted, style: Style) -> String {
    let mut text = String::new();
    for flaw in &linted.flaws {
        let ansi = if flaw.severity == Severity::Error { "31" } else { "33" };
        let line = format!("{}: {} [{}]", place(flaw), flaw.message, flaw.code);
        text += &labelled(flaw.severity.as_str(), ansi, style.color, &line);
        if let Some(hint) = &flaw.hint {
            text += &labelled("hint", "36", style.color, hint);
        }
    }
    let count = |severity| linted.flaws.iter().filter(|flaw| flaw.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    // Writing to a string does not fail.
    let _ = write!(text, "{}: ", plural(linted.files, "file"));
    let _ = match errors + warnings {
        0 => writeln!(text, "nothing is wrong"),
        _ => writeln!(text, "{}, {}", plural(errors, "error"), plural(warnings, "warning")),
    };
    text
}

/// The flaws as the document has them.
fn complaints(linted: &Linted) -> Vec<Complaint<'_>> {
    let flaws = linted.flaws.iter().map(|flaw| Complaint {
        path: &flaw.origin,
        line: flaw.place.map(|(line, _)| line),
        column: flaw.place.map(|(_, column)| column),
        severity: flaw.severity.as_str(),
        code: &flaw.code,
        message: &flaw.message,
        hint: flaw.hint.as_deref(),
    });
    flaws.collect()
}
