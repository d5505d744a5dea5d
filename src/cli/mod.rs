//! The command line: the only layer that prints, reads the environment or knows clap.
//!
//! ```text
//! args       the words as typed; `common` what several commands take
//! accepted   baseline and suppressions
//! catalogs   the files of --tags
//! config     keytrail.toml: the organisation, what is suppressed
//! settings   what those of a scan mean            values: the forms of option values
//! check      what those of several commands mean, and all that is wrong with them
//! commands   one file a command: settings to exit code
//! deliver    how results reach whoever asked      output: where they go
//! nowhere    what was asked for and is nowhere
//! leftovers  unfinished outputs, and those of runs that were killed
//! ui         the terminal                         progress: what is done, how far it is
//! verifying  public keys, and the gate of a scan
//! last_usage what KMS tells of the last use of keys
//! exit       exit codes                           failure: why nothing was reported
//! signals    SIGINT, SIGTERM, SIGHUP              panics: bugs, in one line
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
mod exit;
mod exports;
mod failure;
mod last_usage;
mod leftovers;
mod nowhere;
mod output;
mod panics;
mod progress;
mod s3;
mod settings;
mod signals;
mod state;
mod streams;
mod ui;
mod values;
mod verifying;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use exit::Exit;
use failure::Failure;
use ui::{Messages, When};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    panics::install_hook();
    signals::survive_large_files();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(message) => {
            // Help and version are data, and end with 0 even if nobody reads them to the end.
            let _ = message.print();
            return if message.use_stderr() { Exit::NotPerformed } else { Exit::Clean }.into();
        }
    };
    let messages = Messages::new(cli.command.color().parse().unwrap_or(When::Auto));
    let run = || match &cli.command {
        Command::Scan(scan) => commands::scan::run(scan, messages),
        Command::Rules(rules) => commands::rules::run(rules, messages),
        Command::Tags(tags) => commands::tags::run(tags, messages),
        Command::Keys(keys) => commands::keys::run(keys, messages),
        Command::Verify(verify) => commands::verify::run(verify, messages),
        Command::Events(events) => commands::events::run(events, messages),
        Command::Record(record) => commands::record::run(record, messages),
        Command::Actors(actors) => commands::actors::run(actors, messages),
    };
    // The state behind a panic is not looked at again.
    let result = catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err(vec![Failure::Internal]));
    let exit = result.unwrap_or_else(|failures| {
        messages.failures(&failures);
        Exit::NotPerformed
    });
    exit.into()
}
