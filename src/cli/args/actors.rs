//! The arguments of `keytrail actors`, as typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::common::{
    ColorArgs, ConfigArgs, ListedArgs, ProblemsArgs, RangeArgs, RuleArgs, RunArgs,
};
use crate::cli::s3::S3Args;

/// Everything `actors` takes.
#[derive(Debug, Args)]
pub struct ActorsArgs {
    /// Files, folders or s3://BUCKET/PREFIX; - is standard input
    ///
    /// Read as scan reads them. Each row is a caller with one access key; what services did for the
    /// caller is a row for each service. Keys, secrets and objects count where a call succeeded. Findings
    /// count for who made their events; where not all events tell the access key, for each one that the
    /// caller used at that time.
    /// Of names of one kind a row keeps 100; where there are more, it says so with a + behind the number.
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<OsString>,

    /// A list of more.
    #[command(flatten)]
    pub list: ListedArgs,

    /// Only this caller: a name, ARN or account (repeatable)
    ///
    /// As for keytrail events: a user, a role, a session or a service by its name, an ARN, a principal
    /// id, or all of an account by its twelve digits. * stands for any run of characters, ? for any one.
    #[arg(long, value_name = "WHO")]
    pub principal: Vec<String>,

    /// Compare what is granted to the principal with what it used
    ///
    /// Of one user or role, which --principal names; a session stands for its role. Which KMS operations on
    /// which keys the key policies, grants and IAM policies in the log allow it, which of them it used, what
    /// it used though nothing in the log allows it, and the least policy that would have served. As a table
    /// or JSON.
    #[arg(long, requires = "principal", conflicts_with_all = ["access_key", "ip", "limit"])]
    pub granted_vs_used: bool,

    /// Only calls with this access key (repeatable)
    #[arg(long, value_name = "ID")]
    pub access_key: Vec<String>,

    /// Only calls from this address or block (repeatable)
    #[arg(long, value_name = "ADDRESS")]
    pub ip: Vec<String>,

    /// Which of all that is read.
    #[command(flatten)]
    pub range: RangeArgs,

    /// Format: table, json, ndjson or csv
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    pub format: String,

    /// Where problems go.
    #[command(flatten)]
    pub problems: ProblemsArgs,

    /// Show at most so many, those with the worst findings first; 0 or none for all
    ///
    /// 100 in a table, and all in other formats, if not given. How many there are is said.
    #[arg(long, value_name = "N")]
    pub limit: Option<String>,

    /// Write here, - for standard output
    #[arg(short, long, value_name = "PATH", default_value = "-")]
    pub output: PathBuf,

    /// The configuration.
    #[command(flatten, next_help_heading = "Run")]
    pub config: ConfigArgs,

    /// The colours.
    #[command(flatten, next_help_heading = "Run")]
    pub color: ColorArgs,

    /// How it is run.
    #[command(flatten, next_help_heading = "Run")]
    pub run: RunArgs,

    /// The rules whose findings are counted.
    #[command(flatten)]
    pub rules: RuleArgs,

    /// How S3 is reached.
    #[command(flatten)]
    pub s3: S3Args,
}
