//! The arguments of `keytrail plan`, as typed.

use std::ffi::OsString;

use clap::Args;

use super::common::{ColorArgs, RangeArgs, RunArgs};
use crate::cli::s3::S3Args;

/// Everything `plan` takes.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Files, folders or s3://BUCKET/PREFIX
    ///
    /// Listed, not read. An object that is replaced later is a problem of whoever reads its shard. A source
    /// that lies in another one is not listed twice. With --inventory, only what lies below one of them is
    /// planned, and without a source all that the inventory has.
    #[arg(value_name = "SOURCE", required_unless_present = "inventories")]
    pub sources: Vec<OsString>,

    /// Which of all that is listed.
    #[command(flatten)]
    pub range: RangeArgs,

    /// Folder for the plan: a path, or s3://BUCKET/PREFIX
    ///
    /// It gets plan.json and the tables of its objects. All machines must reach it by this name. What lies
    /// in it is not planned.
    #[arg(short, long, value_name = "OUT")]
    pub output: OsString,

    /// Bytes of a shard, as stored: a number, or one with K, M or G
    #[arg(long, value_name = "SIZE", default_value = "256M")]
    pub shard_bytes: String,

    /// Objects of a shard
    #[arg(long, value_name = "N", default_value = "5000")]
    pub shard_objects: String,

    /// Number of buckets, into which accounts are packed [default: one for each 64G]
    ///
    /// The facts of one bucket are concluded together, by one machine.
    #[arg(long, value_name = "N")]
    pub buckets: Option<String>,

    /// Take this S3 Inventory instead of listing (repeatable)
    ///
    /// Its manifest.json: a path, or s3://BUCKET/KEY. Its files are CSV or Parquet and must have the fields
    /// Bucket, Key and Size, and should have ETag. One for each bucket. What was delivered since S3 made it
    /// is not in it.
    #[arg(long = "inventory", value_name = "FILE")]
    pub inventories: Vec<OsString>,

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

/// What `plan` ends with.
pub const EXIT: &str = "\
Exit status:
  0  the plan has all that there is
  2  not performed: bad usage, no such source, a plan is there already, it
     cannot be written, or a signal came
  3  incomplete: something could not be listed, which the plan says too, or
     there is nothing to read";

/// What `--since` is to `plan`. In short and in full.
pub const SINCE: (&str, &str) = (
    "Only events at or after this time",
    "Only events at or after this time\n\n\
     RFC 3339 (2026-11-23T20:17:00Z), a day (2026-11-23, from midnight UTC), or an age (90m, 36h, 7d). Of S3, \
     only days that can hold them are listed. It holds for every shard.",
);

/// What `--allow-incomplete` is to `plan`. In short and in full.
pub const INCOMPLETE: (&str, &str) = (
    "End with 0 even if something could not be listed",
    "End with 0 even if something could not be listed\n\n\
     The plan says so all the same.",
);
