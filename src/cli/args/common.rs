//! Options that several commands take, each spelt once.
//!
//! But for the choice of rules they have no headings: a command puts them where its help has them. What one of
//! them is to a command that does something else with it is said where that command is.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use crate::source::{List, Sources};

/// A file that lists sources; the same for every command that takes them.
#[derive(Debug, Clone, Args)]
pub struct ListedArgs {
    /// Also read what this file lists, one SOURCE a line
    ///
    /// The FILE - is standard input. A line is a path, relative to the working directory, or
    /// s3://BUCKET/KEY, and nothing in it is special. Of S3 each line is one object and one request;
    /// what ends in a slash is listed. A line that leads nowhere is a problem. A list that names
    /// nothing is an error.
    #[arg(long, value_name = "FILE")]
    pub files_from: Option<PathBuf>,

    /// Names of --files-from end with NUL, as of find -print0
    #[arg(long, requires = "files_from", hide_short_help = true)]
    pub null: bool,
}

impl ListedArgs {
    /// The sources that are `named`, and those that the file lists.
    pub fn beside(&self, named: &[OsString]) -> Sources {
        let list = self.files_from.clone().map(|path| List { path, null: self.null });
        Sources { named: named.to_vec(), list }
    }
}

/// Which of all that the sources hold counts; the same for every command that reads.
#[derive(Debug, Clone, Args)]
pub struct RangeArgs {
    /// Only events at or after this time
    ///
    /// RFC 3339 (2026-11-23T20:17:00Z), a day (2026-11-23, from midnight UTC), or an age
    /// (90m, 36h, 7d; also s and w). Compared with eventTime. Earlier records are still read.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,

    /// Only events before this time
    ///
    /// Same forms as --since. The time itself is not included.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,

    /// Only events of this account (repeatable)
    ///
    /// Twelve digits. Compared with recipientAccountId: the account whose trail holds the record.
    #[arg(long = "account", value_name = "ID")]
    pub accounts: Vec<String>,

    /// Only events of this Region (repeatable)
    ///
    /// For example eu-central-1. Compared with awsRegion.
    #[arg(long = "region", value_name = "REGION")]
    pub regions: Vec<String>,
}

/// Facts in place of sources.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Input")]
pub struct FactsDirArgs {
    /// Read what keytrail facts wrote into this folder, in place of a SOURCE
    ///
    /// The report is that of the sources that facts has read, and comes sooner. The rules, the configuration
    /// and the version of keytrail must be those of facts; its range is taken over. The folder of a plan is
    /// read as a whole.
    #[arg(
        long = "facts",
        hide_short_help = true,
        value_name = "DIR",
        conflicts_with_all = ["sources", "files_from", "since", "until", "accounts", "regions"]
    )]
    pub facts: Option<OsString>,
}

/// Which records count.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Input")]
pub struct InputArgs {
    /// Which events.
    #[command(flatten)]
    pub range: RangeArgs,

    /// Also take tags of keys and resources from this file (repeatable)
    ///
    /// What aws resourcegroupstaggingapi get-resources, AWS Config, Resource Explorer, Terraform
    /// or kms list-resource-tags say, or CSV; told by content. Its tags hold as of its own date, else
    /// that of the file, or as of TIME with FILE@TIME.
    #[arg(long = "tags", value_name = "FILE")]
    pub tags: Vec<OsString>,

    /// Let only verified logs count, and report what is not
    ///
    /// Digests are judged first: signatures, the chain, what is missing. Then only the records of
    /// logs whose hash is signed are evaluated, and whatever keytrail verify would complain of is a
    /// critical finding of the rule log-tampering. Needs --public-keys.
    #[arg(long)]
    pub verify: bool,

    /// CloudTrail's public keys, for --verify
    ///
    /// What aws cloudtrail list-public-keys printed for each Region and time, one behind the other.
    /// All verdicts are as good as this file.
    #[arg(long, value_name = "FILE")]
    pub public_keys: Option<PathBuf>,

    /// The configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// From which level on.
#[derive(Debug, Clone, Args)]
pub struct LevelArgs {
    /// List findings of this level and above [default: low]
    ///
    /// critical, high, medium, low or informational. What is below is counted, not listed.
    #[arg(long, value_name = "LEVEL")]
    pub min_level: Option<String>,

    /// End with 1 from this level on [default: never]
    ///
    /// With status 1 on a finding of this level or above: critical, high, medium, low, informational or never. Findings that --min-level hides count.
    #[arg(long, value_name = "LEVEL")]
    pub fail_on: Option<String>,
}

impl LevelArgs {
    /// What `--min-level` is if nobody says.
    pub const MIN_LEVEL: &str = "low";

    /// What `--fail-on` is if nobody says.
    pub const FAIL_ON: &str = "never";
}

/// The configuration; the same for every command that reads.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// Configuration, instead of ./keytrail.toml
    ///
    /// What is known of the organisation, and which findings it has accepted. Without this option
    /// keytrail.toml in the working directory is read if it is there and does not lie in a SOURCE.
    /// keytrail config init writes one to begin with. Variables stand for options, such as
    /// KEYTRAIL_CONFIG for this one and KEYTRAIL_FAIL_ON for --fail-on.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The colours; the same for every command.
#[derive(Debug, Clone, Args)]
pub struct ColorArgs {
    /// When to use colour: auto, always or never
    ///
    /// auto follows NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE and CLICOLOR, and else asks whether the
    /// output is a terminal.
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        global = true,
        hide_short_help = true
    )]
    pub color: String,
}

/// How a command is run; the same for every command that reads.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Number of threads, 0 for one a core
    #[arg(long, value_name = "N", default_value = "0", hide_short_help = true)]
    pub threads: String,

    /// End with 0 or 1 even if some input could not be read
    ///
    /// The report still lists the problems. A run that a signal ended is 3 all the same.
    #[arg(long)]
    pub allow_incomplete: bool,

    /// When to show progress on standard error: auto, always or never
    ///
    /// auto shows it on a terminal. With always and no terminal it is a line a second.
    #[arg(long, value_name = "WHEN", default_value = "auto", hide_short_help = true)]
    pub progress: String,

    /// Say more: explanations, and every problem
    #[arg(short, long)]
    pub verbose: bool,

    /// Say less: no progress, notes only as counts
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
}

/// Where problems go; the same for every command that has NDJSON.
#[derive(Debug, Clone, Args)]
pub struct ProblemsArgs {
    /// Where problems go: stderr, or ndjson as lines of -f ndjson
    ///
    /// With ndjson each problem is a line behind the rows, and a last line says how the run ended: whether
    /// it is complete, its exit code and why, and how much there is.
    #[arg(long, value_name = "WHERE", default_value = "stderr", hide_short_help = true)]
    pub problems: String,
}

/// Which rules are evaluated.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Rules")]
pub struct RuleArgs {
    /// Also evaluate these Sigma rules (repeatable)
    ///
    /// A file or folder. Sigma rules for product aws, service cloudtrail. Rules for other log sources are named on
    /// standard error and left out; a rule that does not load ends the run before anything is read. Of several copies
    /// of a rule there is one; different rules with one id are left out, which is a problem.
    #[arg(long = "rules", value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Leave out the rules that are built in
    #[arg(long, hide_short_help = true)]
    pub no_builtin_rules: bool,

    /// Only these rules: id, group, tag or level
    ///
    /// Repeatable: rules that fit one of them.
    #[arg(long, value_name = "X")]
    pub select: Vec<String>,

    /// Not these rules: id, group, tag or level
    ///
    /// Repeatable. Wins over --select.
    #[arg(long, value_name = "X")]
    pub ignore: Vec<String>,
}
