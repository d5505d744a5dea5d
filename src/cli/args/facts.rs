//! The arguments of `keytrail facts`, as typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::common::{ColorArgs, ConfigArgs, ListedArgs, RangeArgs, RuleArgs, RunArgs};
use crate::cli::s3::S3Args;

/// Everything `facts` takes.
#[derive(Debug, Args)]
pub struct FactsArgs {
    /// Files, folders or s3://BUCKET/PREFIX; - is standard input
    ///
    /// Read as scan reads them. A row is a use of a key: an encryption, decryption, signature and so on that
    /// succeeded or failed. A record that was delivered several times is one row. Not in the table: what
    /// CloudTrail does with a trail's own key, and the second record that a VPC endpoint writes of a call.
    #[arg(value_name = "SOURCE", conflicts_with = "plan")]
    pub sources: Vec<OsString>,

    /// A list of more.
    #[command(flatten)]
    pub list: ListedArgs,

    /// Which of all that is read.
    #[command(flatten)]
    pub range: RangeArgs,

    /// What is looked for.
    #[command(flatten)]
    pub rules: RuleArgs,

    /// Folder for uses.parquet and facts.part; it is made if it is not there
    ///
    /// The first is the table of uses, for every tool that reads Parquet. The second has all that was found, for
    /// scan --facts DIR. Files of these names are replaced once the new ones are whole.
    #[arg(
        short,
        long,
        value_name = "DIR",
        required_unless_present = "plan",
        conflicts_with = "plan"
    )]
    pub output: Option<PathBuf>,

    /// Read one shard of the plan in this folder, and leave its facts there
    ///
    /// What keytrail plan SOURCE -o OUT wrote. The range is that of the plan. Facts of the shard that are there
    /// already stay as they are, so that a shard may be read again.
    #[arg(
        long,
        value_name = "OUT",
        requires = "shard",
        conflicts_with_all = ["files_from", "since", "until", "accounts", "regions"]
    )]
    pub plan: Option<OsString>,

    /// Number of the shard, from 0 on
    #[arg(long, value_name = "N", requires = "plan")]
    pub shard: Option<u64>,

    /// The configuration.
    #[command(flatten, next_help_heading = "Run")]
    pub config: ConfigArgs,

    /// The colours.
    #[command(flatten, next_help_heading = "Run")]
    pub color: ColorArgs,

    /// How it is run.
    #[command(flatten, next_help_heading = "Run")]
    pub run: RunArgs,

    /// How S3 is reached.
    #[command(flatten)]
    pub s3: S3Args,
}

/// What `facts` ends with.
pub const EXIT: &str = "\
Exit status:
  0  done, whether there are any uses or not
  2  not performed: bad usage, no such source or plan; of a shard also: facts
     that were made with something else are there, or a signal came
  3  incomplete: some input could not be read, no trail files were found,
     a filter names what is nowhere, or a signal came";
