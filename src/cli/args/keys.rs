//! What `keys` takes.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::common::{
    ColorArgs, ConfigArgs, FactsDirArgs, ListedArgs, ProblemsArgs, RangeArgs, RuleArgs, RunArgs,
};
use crate::cli::s3::S3Args;

/// What `keys` ends with.
pub const KEYS_EXIT: &str = "\
Exit status:
  0  done, whether there are any keys or not
  2  not performed: bad usage or configuration, no such source
  3  incomplete: some input could not be read, a filter names what is nowhere,
     a last use of --last-usage is missing, or a signal came";

/// What `--since` is to `keys`.
pub const KEYS_SINCE: &str = "Count calls from this time on; earlier ones tell the state";

/// What `--allow-incomplete` is to `keys`.
pub const KEYS_INCOMPLETE: &str = "End with 0 even if some input could not be read";

/// What `-v` is to `keys`.
pub const KEYS_VERBOSE: &str = "Say more: where the proof of a state lies, and all of long lists";

/// Everything `keys` takes.
#[derive(Debug, Args)]
pub struct KeysArgs {
    /// Files, folders or s3://BUCKET/PREFIX; - is standard input
    ///
    /// Read as scan reads them.
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<OsString>,

    /// A list of more.
    #[command(flatten)]
    pub list: ListedArgs,
    /// What is read in place of them.
    #[command(flatten)]
    pub facts: FactsDirArgs,

    /// Show all that is known of this key: id, ARN or alias
    ///
    /// Its administrative calls in the order of time, its policies and what each changed, its open grants,
    /// who used it, on which days, and what was refused since the last change of its state or policy. An
    /// id of a multi-Region key shows all its replicas, and an alias each key that had it.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,

    /// Say who can do this with the key, such as Decrypt
    ///
    /// By the key policy, the grants and the IAM policies that the log shows, and what is not known. Needs
    /// --key.
    #[arg(long, value_name = "OPERATION", requires = "key")]
    pub who_can: Option<String>,

    /// As of this time, for --who-can
    ///
    /// RFC 3339, a day, or an age such as 36h. Otherwise as of the last event.
    #[arg(long, value_name = "TIME", requires = "who_can")]
    pub at: Option<String>,

    /// Only keys without any use for so long, such as 90d
    ///
    /// Counted back from the last event, or from --until. Shows how much of that time the log of the key's
    /// account and Region covers. Where that is not all of it, the key is not known to be unused.
    /// Calls that were refused or failed are no use. Services that keep data keys (S3 bucket keys, EBS and
    /// others) use a key without a call to KMS, so no call is no proof that nothing needs the key.
    #[arg(long, value_name = "AGE", conflicts_with = "key")]
    pub unused: Option<String>,

    /// Compare with what KMS says of last uses (repeatable)
    ///
    /// What aws kms get-key-last-usage printed: one answer or several, one behind the other. A last use
    /// that the log lacks, though it reaches over that time, is a problem: the log is not whole. So is a
    /// key that is given by an id which no record names: give its ARN.
    #[arg(long, value_name = "FILE")]
    pub last_usage: Vec<PathBuf>,

    /// Also take tags of keys from this file (repeatable)
    ///
    /// As for scan: FILE, or FILE@TIME where the file's own date is not the date of the tags.
    #[arg(long = "tags", value_name = "FILE")]
    pub tags: Vec<OsString>,

    /// Which calls count.
    #[command(flatten)]
    pub range: RangeArgs,

    /// The configuration.
    #[command(flatten)]
    pub config: ConfigArgs,

    /// Format: table, json, ndjson or csv
    ///
    /// ndjson is one key a line, csv one key a row.
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    pub format: String,

    /// Where problems go.
    #[command(flatten)]
    pub problems: ProblemsArgs,

    /// The colours.
    #[command(flatten)]
    pub color: ColorArgs,

    /// The rules whose findings are counted.
    #[command(flatten)]
    pub rules: RuleArgs,

    /// How it is run.
    #[command(flatten)]
    pub run: RunArgs,

    /// How S3 is reached.
    #[command(flatten)]
    pub s3: S3Args,
}
