//! The arguments of `keytrail conclude`, as typed.

use std::ffi::OsString;

use clap::Args;

use super::common::{ColorArgs, ConfigArgs, RuleArgs, RunArgs};
use crate::cli::s3::S3Args;

/// Everything `conclude` takes.
#[derive(Debug, Args)]
pub struct ConcludeArgs {
    /// The folder of the plan: what keytrail plan SOURCE -o OUT wrote
    #[arg(long, value_name = "OUT")]
    pub plan: OsString,

    /// Number of the bucket, from 0 on
    ///
    /// All of its shards must have their facts. Facts of the bucket that are there already stay as they are.
    #[arg(long, value_name = "B")]
    pub bucket: u64,

    /// Also take tags of keys and resources from this file, as report will (repeatable)
    ///
    /// FILE, or FILE@TIME, as for scan. What the bucket decides rests on tags. If report gets others, it
    /// notices, and reads all of the bucket.
    #[arg(long = "tags", value_name = "FILE")]
    pub tags: Vec<OsString>,

    /// The rules with which the facts were made.
    #[command(flatten)]
    pub rules: RuleArgs,

    /// The configuration with which they were made.
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

/// What `conclude` ends with.
pub const EXIT: &str = "\
Exit status:
  0  the facts of the bucket are there
  2  not performed: bad usage, no such plan or bucket, facts are missing or were
     made with something else, or a signal came
  3  a shard could not be read whole: those of the bucket are left as they are,
     and report takes them one by one";
