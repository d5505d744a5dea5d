//! The arguments of `keytrail config`, as typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::common::{ColorArgs, InputArgs, LevelArgs, ListedArgs, RuleArgs, RunArgs};

/// What all of them end with.
const EXIT: &str = "\
Exit status:
  0  done
  2  not performed: bad usage, a configuration that cannot be used, an output
     that cannot be written";

/// Everything `config` takes.
#[derive(Debug, Args)]
pub struct ConfigCommandArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ConfigCommand,

    /// The colours.
    #[command(flatten)]
    pub color: ColorArgs,
}

/// The commands below `config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Write a configuration to begin with: every key, what it is for, nothing set
    #[command(after_help = EXIT)]
    Init(InitArgs),
    /// Print the settings that hold, and where each comes from
    ///
    /// Takes the options of scan, and shows what they, the environment (KEYTRAIL_*), the configuration
    /// and the defaults make together: an option wins over its variable, a variable over the
    /// configuration. What a scan refuses is refused here too. Nothing is read but the configuration and
    /// the rules.
    #[command(after_help = EXIT)]
    Show(Box<ShowArgs>),
    /// Print the JSON Schema of keytrail.toml, for editors and pipelines
    #[command(after_help = EXIT)]
    Schema,
}

/// What `config init` takes.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Where to write it, - for standard output
    #[arg(value_name = "PATH", default_value = "keytrail.toml")]
    pub path: PathBuf,

    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
}

/// What `config show` takes.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// What a scan would read
    ///
    /// A keytrail.toml that lies in a SOURCE is not taken for the configuration.
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<OsString>,

    /// A list of more.
    #[command(flatten)]
    pub list: ListedArgs,

    /// Format: table, json or toml
    ///
    /// toml is a configuration that makes the same settings, to be put into the working directory.
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    pub format: String,

    /// What is read.
    #[command(flatten)]
    pub input: InputArgs,

    /// What is looked for.
    #[command(flatten)]
    pub rules: RuleArgs,

    /// What is listed.
    #[command(flatten, next_help_heading = "Report")]
    pub levels: LevelArgs,

    /// How it is run.
    #[command(flatten, next_help_heading = "Run")]
    pub run: RunArgs,
}
