//! `keytrail rules`: the rules themselves, one file a command.
//!
//! Every command makes its whole output before a byte is written, so what must stay true is simple:
//! either all of it goes to standard output, or nothing does and a failure says why.

pub mod args;
mod lint;
mod list;
mod show;
mod test;

use std::io;

use crate::cli::deliver::Delivery;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::pager;
use crate::cli::ui::Messages;
use crate::cli::values::{self, Form};
use crate::report::Style;

use args::{RulesArgs, RulesCommand};

/// Runs the command.
///
/// # Errors
/// All the reasons why it was not performed.
pub fn run(args: &RulesArgs, messages: Messages) -> Result<Exit, Vec<Failure>> {
    let delivery = Delivery::to_stdout()?;
    let typed = args.color.color.as_str();
    let when = typed.parse().map_err(|reason| bad("--color", typed, reason));
    let style =
        when.as_ref().map_or_else(|_| Style::default(), |when| delivery.style(*when, false));
    let done = match &args.command {
        RulesCommand::List(args) => list::run(args, style, messages),
        RulesCommand::Show(args) => show::run(args, (style, delivery.is_terminal()), messages),
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
    let shown = matches!(args.command, RulesCommand::Show(_)) && pager::show(&output);
    if shown {
        return Ok(exit);
    }
    Ok(delivery.finish(exit, |out| out.write_all(&output))?.exit)
}

/// What a command gives: its output and how it ended.
type Done = Result<(Vec<u8>, Exit), Vec<Failure>>;

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
