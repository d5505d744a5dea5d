//! `keytrail generate`: what is made of the program itself.

mod completions;
mod offered;
mod pages;
mod schema;

use crate::cli::args::generate::{GenerateArgs, GenerateCommand};
use crate::cli::deliver::Delivery;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// The name of the program.
const PROGRAM: &str = "keytrail";

/// Runs the command.
///
/// # Errors
/// All the reasons why it was not performed.
pub fn run(args: &GenerateArgs) -> Result<Exit, Vec<Failure>> {
    match &args.command {
        GenerateCommand::Completions { shell } => completions::run(shell),
        GenerateCommand::Man { command, all } => pages::run(command, all.as_deref()),
        GenerateCommand::Schema(schema) => schema::run(schema),
    }
}

fn print(text: &[u8]) -> Result<Exit, Vec<Failure>> {
    let delivered = Delivery::to_stdout()?.finish(Exit::Clean, |out| out.write_all(text))?;
    Ok(delivered.exit)
}
