//! `keytrail rules`: the rules themselves, one file a command.
//!
//! Every command makes its whole output before a byte is written, so what must stay true is simple:
//! either all of it goes to standard output, or nothing does and a failure says why.

pub mod args;
mod lint;
mod list;
mod show;
mod test;

use std::io::{self, IsTerminal, Write};

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::ui::{self, Messages, When};
use crate::cli::values::{self, Form};
use crate::report::Style;

use args::{RulesArgs, RulesCommand};

/// Runs the command.
///
/// # Errors
/// All the reasons why it was not performed.
pub fn run(args: &RulesArgs, messages: Messages) -> Result<Exit, Vec<Failure>> {
    let when = args.color.color.parse().map_err(|reason| bad("--color", &args.color.color, reason));
    let style = when.as_ref().map_or_else(|_| Style::default(), |when| style(*when));
    let done = match &args.command {
        RulesCommand::List(args) => list::run(args, style, messages),
        RulesCommand::Show(args) => show::run(args),
        RulesCommand::Lint(args) => lint::run(args, style, messages),
        RulesCommand::Test(args) => test::run(args, style, messages),
    };
    let (output, exit) = match (done, when) {
        (Ok(done), Ok(_)) => done,
        (done, when) => {
            let mut failures: Vec<Failure> = when.err().into_iter().collect();
            failures.extend(done.err().unwrap_or_default());
            return Err(failures);
        }
    };
    let mut out = io::stdout().lock();
    match out.write_all(&output).and_then(|()| out.flush()) {
        // Whoever closes a pipe has read enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(vec![Failure::write(None, error)])
        }
        _ => Ok(exit),
    }
}

/// What a command gives: its output and how it ended.
type Done = Result<(Vec<u8>, Exit), Vec<Failure>>;

/// How standard output is drawn on.
fn style(when: When) -> Style {
    let terminal = io::stdout().is_terminal();
    Style {
        width: ui::width(),
        color: ui::color(when, |name| std::env::var_os(name), terminal),
        verbose: false,
    }
}

/// Table or json, as `--format` says.
fn form(text: &str) -> Result<Form, Failure> {
    values::form(text).map_err(|reason| bad("--format", text, reason))
}

fn bad(option: &'static str, value: &str, reason: String) -> Failure {
    Failure::Value { option, value: value.into(), reason }
}

/// Writing to memory does not fail.
fn in_memory(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Result<Vec<u8>, Vec<Failure>> {
    let mut output = Vec::new();
    write(&mut output).map_err(|error| vec![Failure::write(None, error)])?;
    Ok(output)
}
