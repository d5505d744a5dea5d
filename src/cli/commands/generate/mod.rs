//! `keytrail generate`: what is made of the program itself.

mod completions;
mod offered;
mod pages;
mod schema;
mod text;

use crate::cli::args::generate::{GenerateArgs, GenerateCommand};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

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
