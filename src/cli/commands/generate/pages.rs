//! `keytrail generate completions` and `man`: made of the options themselves.

use std::fs;
use std::io;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::cli::args::Cli;
use crate::cli::deliver::Delivery;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// The name of the program.
const PROGRAM: &str = "keytrail";

/// Prints a man page, or writes all of them into a folder.
///
/// # Errors
/// A command that is not known; a folder that cannot be written.
pub fn man(command: &[String], all: Option<&Path>) -> Result<Exit, Vec<Failure>> {
    let Some(folder) = all else { return print(&page_of(command)?) };
    let broken = |error| vec![Failure::write(Some(folder), error)];
    fs::create_dir_all(folder).map_err(broken)?;
    write_pages(&whole(), folder).map_err(broken)?;
    Ok(Exit::Clean)
}

/// Prints the completions of a shell.
///
/// # Errors
/// A shell that is not known.
pub fn complete(shell: &str) -> Result<Exit, Vec<Failure>> {
    print(&completions(shell)?)
}

fn print(text: &[u8]) -> Result<Exit, Vec<Failure>> {
    let delivered = Delivery::to_stdout()?.finish(Exit::Clean, |out| out.write_all(text))?;
    Ok(delivered.exit)
}

/// The command line with everything in it.
fn whole() -> Command {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    command
}

fn completions(shell: &str) -> Result<Vec<u8>, Vec<Failure>> {
    let shell: Shell = shell.parse().map_err(|_| {
        vec![Failure::Value {
            option: "SHELL",
            value: shell.into(),
            reason: "expected bash, zsh, fish, powershell or elvish".into(),
        }]
    })?;
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut whole(), PROGRAM, &mut text);
    Ok(text)
}

/// The page of a command, by the words of its name.
fn page_of(words: &[String]) -> Result<Vec<u8>, Vec<Failure>> {
    let whole = whole();
    let words = words.iter().flat_map(|word| word.split_whitespace());
    let mut command = &whole;
    for word in words.skip_while(|word| *word == PROGRAM) {
        command = command.find_subcommand(word).ok_or_else(|| {
            let known: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
            let reason = match known.is_empty() {
                true => "there are no commands below".to_owned(),
                false => format!("expected one of {}", known.join(", ")),
            };
            vec![Failure::Value { option: "COMMAND", value: word.into(), reason }]
        })?;
    }
    page(command).map_err(|error| vec![Failure::write(None, error)])
}

fn page(command: &Command) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let name = command.get_display_name().unwrap_or(PROGRAM).to_owned();
    Man::new(command.clone()).title(name.to_uppercase()).render(&mut text)?;
    Ok(text)
}

/// The page of a command and those of all below it.
fn write_pages(command: &Command, folder: &Path) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or(PROGRAM);
    fs::write(folder.join(format!("{name}.1")), page(command)?)?;
    command.get_subcommands().try_for_each(|below| write_pages(below, folder))
}
