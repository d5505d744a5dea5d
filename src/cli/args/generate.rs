//! The arguments of `keytrail generate`, as typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::common::ColorArgs;

/// What `generate` ends with.
const EXIT: &str = "\
Exit status:
  0  done
  2  not performed: bad usage, no such name";

/// Everything `generate` takes.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// What to write.
    #[command(subcommand)]
    pub command: GenerateCommand,

    /// The colours.
    #[command(flatten)]
    pub color: ColorArgs,
}

/// The commands below `generate`.
#[derive(Debug, Subcommand)]
pub enum GenerateCommand {
    /// Print the completions of a shell: bash, zsh, fish, powershell or elvish
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: String,
    },
    /// Print the man page of the program or of a command
    Man {
        /// The command, such as scan or rules show; the program without one
        #[arg(value_name = "COMMAND")]
        command: Vec<String>,

        /// Write all pages into this folder instead, which is made if it is not there
        ///
        /// keytrail.1, keytrail-scan.1 and so on. Pages of that name are replaced.
        #[arg(long, value_name = "DIR", conflicts_with = "command")]
        all: Option<PathBuf>,
    },
    /// Print the JSON Schema of a format that keytrail writes; without a name, list them
    #[command(after_help = EXIT)]
    Schema(SchemaArgs),
}

/// What `generate schema` takes.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// The format, such as report, finding or events, or what its member schema says
    #[arg(value_name = "NAME")]
    pub name: Option<String>,

    /// List the names, what writes each, and what it is
    #[arg(long, conflicts_with = "name")]
    pub list: bool,
}
