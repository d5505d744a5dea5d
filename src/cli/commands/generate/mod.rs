//! `keytrail generate`: what is made of the program itself.

mod pages;
mod schema;

use crate::cli::args::generate::{GenerateArgs, GenerateCommand};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// Runs the command.
///
/// # Errors
/// All the reasons why it was not performed.
pub fn run(args: &GenerateArgs) -> Result<Exit, Vec<Failure>> {
    match &args.command {
        GenerateCommand::Completions { shell } => pages::complete(shell),
        GenerateCommand::Man { command, all } => pages::man(command, all.as_deref()),
        GenerateCommand::Schema(schema) => schema::run(schema),
    }
}
