//! The command line: the only layer that prints, reads the environment or knows clap.
//!
//! ```text
//! args       the words as typed; `common` what several commands take
//! accepted   baseline and suppressions           unmet: what the configuration names and nothing is
//! catalogs   the files of --tags
//! config     keytrail.toml: the organisation, what is suppressed
//! settings   what those of a scan mean            values: the forms of option values
//! environment  options that come from variables
//! check      what those of several commands mean, and all that is wrong with them
//! commands   one file a command: settings to exit code
//! deliver    how results reach whoever asked      output: where they go
//! nowhere    what was asked for and is nowhere  noted: what is to be known of what was read
//! leftovers  unfinished outputs, and those of runs that were killed
//! ui         the terminal                         progress: what is done, how far it is
//! verifying  public keys, and the gate of a scan
//! last_usage what KMS tells of the last use of keys
//! exit       exit codes                           failure: why nothing was reported
//! signals    SIGINT, SIGTERM, SIGHUP              panics: bugs, in one line
//! pager      long text on a terminal
//! streams    which standard streams there are
//! ```
//!
//! There is one funnel: a command returns an [`Exit`] or its failures, and [`main`] alone turns
//! either into messages and the process's exit code. Data goes to standard output, everything else
//! to standard error.

mod accepted;
mod args;
mod catalogs;
mod check;
mod commands;
pub mod config;
mod deliver;
pub mod environment;
mod exit;
mod exports;
mod facts_dir;
mod failure;
mod last_usage;
mod leftovers;
mod noted;
mod nowhere;
mod output;
mod pager;
mod panics;
mod planned;
mod progress;
mod s3;
mod settings;
mod signals;
mod state;
mod streams;
mod ui;
mod unmet;
mod values;
mod verifying;
mod written;

use std::env;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use args::config::ConfigCommand;
use args::{Cli, Command};
use environment::Given;
use exit::Exit;
use failure::Failure;
use ui::{Messages, When};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    panics::install_hook();
    signals::survive_large_files();
    let (cli, given) = match parse() {
        Ok(parsed) => parsed,
        Err(message) => return refused(&message).into(),
    };
    let messages = Messages::new(cli.command.color().parse().unwrap_or(When::Auto));
    environment::say_unknown(messages);
    let run = || match &cli.command {
        Command::Scan(scan) => commands::scan::run(scan, messages),
        Command::Rules(rules) => commands::rules::run(rules, messages),
        Command::Tags(tags) => commands::tags::run(tags, messages),
        Command::Keys(keys) => commands::keys::run(keys, messages),
        Command::Verify(verify) => commands::verify::run(verify, messages),
        Command::Events(events) => commands::events::run(events, messages),
        Command::Record(record) => commands::record::run(record, messages),
        Command::Actors(actors) => commands::actors::run(actors, messages),
        Command::Config(config) => commands::config::run(config, &given, messages),
        Command::Facts(facts) => commands::facts::run(facts, messages),
        Command::Follow(follow) => commands::follow::run(follow, messages),
        Command::Plan(plan) => commands::plan::run(plan, messages),
        Command::Conclude(conclude) => commands::conclude::run(conclude, messages),
        Command::Report(report) => commands::report::run(report, messages),
        Command::Generate(generate) => commands::generate::run(generate),
    };
    // The state behind a panic is not looked at again.
    let result = catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err(vec![Failure::Internal]));
    let exit = result.unwrap_or_else(|mut failures| {
        given.name_variables(&mut failures);
        messages.failures(&failures);
        Exit::NotPerformed
    });
    exit.into()
}

/// What was typed, together with what the environment says, and which is which.
fn parse() -> Result<(Cli, Given), clap::Error> {
    let mut command = environment::apply(Cli::command());
    let matches = command.try_get_matches_from_mut(env::args_os())?;
    let mut cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    let given = Given::of(&command, &matches);
    let_wait(&mut cli.command, &given);
    Ok((cli, given))
}

/// Takes out values of variables that wait for another run. Typed they would be a mistake; a variable is
/// there for all runs, also for those in which it means nothing.
fn let_wait(command: &mut Command, given: &Given) {
    if let Command::Scan(scan) = command {
        let format = &mut scan.output.written.format;
        let has_none = |format: &String| {
            values::format(format).is_ok_and(|format| !settings::is_of_forecasts(format))
        };
        let waits = scan.run.dry_run && given.is_from_variable("format");
        *format = format.take().filter(|format| !(waits && has_none(format)));
    }
    let input = match command {
        Command::Scan(scan) => &mut scan.input,
        Command::Config(config) => match &mut config.command {
            ConfigCommand::Show(show) => &mut show.input,
            ConfigCommand::Init(_) | ConfigCommand::Schema => return,
        },
        _ => return,
    };
    if !input.verify && given.is_from_variable("public-keys") {
        input.public_keys = None;
    }
}

/// Prints help, the version, or what is wrong with the words.
fn refused(message: &clap::Error) -> Exit {
    let when = environment::color(env::args_os());
    let printed = ui::print(message, when);
    if !message.use_stderr() {
        // Help and version are data, and end with 0 even if nobody reads them to the end.
        return match printed {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Messages::new(when).failures(&[Failure::write(None, error)]);
                Exit::NotPerformed
            }
            _ => Exit::Clean,
        };
    }
    environment::say_set(Messages::new(when));
    Exit::NotPerformed
}
