//! The arguments of `keytrail report`, as typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::common::{ColorArgs, ConfigArgs, RuleArgs};
use super::written::WrittenArgs;
use crate::cli::s3::S3Args;

/// What `report` ends with.
pub const EXIT: &str = "\
Exit status:
  0  complete, nothing at or above --fail-on
  1  complete, at least one finding at or above --fail-on
  2  not performed: bad usage, no such report
  3  incomplete: a report could not be read, or is of a run that was incomplete";

/// What only the report of a plan takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "With --plan")]
pub struct OfPlanArgs {
    /// List findings of this level and above [default: low]
    #[arg(long, value_name = "LEVEL", hide_short_help = true)]
    pub min_level: Option<String>,

    /// Also take tags of keys and resources from this file (repeatable)
    #[arg(long = "tags", value_name = "FILE", hide_short_help = true)]
    pub tags: Vec<OsString>,

    /// Number of threads, 0 for one a core
    #[arg(long, value_name = "N", default_value = "0", hide_short_help = true)]
    pub threads: String,

    /// The rules with which its facts were made.
    #[command(flatten)]
    pub rules: RuleArgs,

    /// How S3 is reached.
    #[command(flatten)]
    pub s3: S3Args,
}

impl OfPlanArgs {
    /// Whether any of them is not as it is by default.
    pub fn is_given(&self) -> bool {
        let RuleArgs { paths, no_builtin_rules, select, ignore } = &self.rules;
        self.min_level.is_some()
            || !self.tags.is_empty()
            || *no_builtin_rules
            || self.threads != "0"
            || self.s3.is_given()
            || !(paths.is_empty() && select.is_empty() && ignore.is_empty())
    }
}

/// Everything `report` takes.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Reports of the period, as scan -f json writes them
    ///
    /// Their order does not matter, and a report that is given twice counts once. A finding of one
    /// report is one of the period until a later report says that it was undone, or the configuration
    /// suppresses it.
    #[arg(value_name = "REPORT", required_unless_present = "plan")]
    pub reports: Vec<PathBuf>,

    /// Conclude what many machines found, in place of REPORT: the folder of a plan
    ///
    /// What keytrail plan SOURCE -o OUT wrote, once keytrail facts --plan OUT --shard N has read each of its shards.
    /// The report is that of one scan of all sources.
    #[arg(long, value_name = "OUT", conflicts_with = "reports")]
    pub plan: Option<OsString>,

    /// How a plan is concluded.
    #[command(flatten)]
    pub of_plan: OfPlanArgs,

    /// Which reports are written, and where to.
    #[command(flatten)]
    pub written: WrittenArgs,

    /// End with 1 from this level on [default: never]
    ///
    /// With status 1 on a finding of this level or above: critical, high, medium, low, informational
    /// or never. What was undone counts too.
    #[arg(long, value_name = "LEVEL")]
    pub fail_on: Option<String>,

    /// End with 0 or 1 even if a report could not be read, or is incomplete
    #[arg(long)]
    pub allow_incomplete: bool,

    /// The configuration.
    #[command(flatten)]
    pub config: ConfigArgs,

    /// The colours.
    #[command(flatten)]
    pub color: ColorArgs,

    /// Say more: explanations, and every problem
    #[arg(short, long)]
    pub verbose: bool,

    /// Say less: no notes
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
}
