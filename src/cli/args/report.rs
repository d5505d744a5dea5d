//! The arguments of `keytrail report`, as typed.

use std::path::PathBuf;

use clap::Args;

use super::common::{ColorArgs, ConfigArgs};
use super::written::WrittenArgs;

/// What `report` ends with.
pub const EXIT: &str = "\
Exit status:
  0  complete, nothing at or above --fail-on
  1  complete, at least one finding at or above --fail-on
  2  not performed: bad usage, no such report
  3  incomplete: a report could not be read, or is of a run that was incomplete";

/// Everything `report` takes.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Reports of the period, as scan -f json writes them
    ///
    /// Their order does not matter, and a report that is given twice counts once. A finding of one
    /// report is one of the period until a later report says that it was undone, or the configuration
    /// suppresses it.
    #[arg(value_name = "REPORT", required = true)]
    pub reports: Vec<PathBuf>,

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
