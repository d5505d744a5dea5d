//! The command line as typed.
//!
//! Nothing is validated here beyond what clap must know to split the words: values stay text, so
//! that [`settings`](super::settings) can report everything that is wrong with them at once. The
//! doc comments are the help: the first paragraph is `-h`, all of it is `--help`.

pub mod actors;
pub mod common;
pub mod conclude;
pub mod config;
pub mod events;
pub mod facts;
pub mod follow;
pub mod generate;
pub mod help;
pub mod keys;
pub mod plan;
pub mod record;
pub mod report;
pub mod written;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::commands::rules::args::RulesArgs;
use super::s3::S3Args;
use common::{
    ColorArgs, ConfigArgs, FactsDirArgs, InputArgs, LevelArgs, ListedArgs, ProblemsArgs, RangeArgs,
    RuleArgs, RunArgs,
};
use keys::{KEYS_EXIT, KEYS_INCOMPLETE, KEYS_SINCE, KEYS_VERBOSE, KeysArgs};
use written::WrittenArgs;

/// Audits the use of AWS KMS keys from CloudTrail logs
#[derive(Debug, Parser)]
#[command(
    name = "keytrail",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = help::KEYTRAIL,
    after_long_help = help::long(help::KEYTRAIL, EXIT_STATUS)
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The part of the help that scripts need.
const EXIT_STATUS: &str = "\
Exit status:
  0  complete, nothing at or above --fail-on
  1  complete, at least one finding at or above --fail-on
  2  not performed: bad usage or configuration, a rule that does not load, an
     output that cannot be written, no such source
  3  incomplete: some input could not be read, a rule failed, no trail files
     were found, a filter names what is nowhere, or a signal came; wins over 1";

impl Command {
    /// When to use colour, as typed.
    pub fn color(&self) -> &str {
        let args = match self {
            Command::Scan(scan) => &scan.output.color,
            Command::Rules(rules) => &rules.color,
            Command::Tags(tags) => &tags.color,
            Command::Verify(verify) => &verify.color,
            Command::Events(events) => &events.color,
            Command::Record(record) => &record.color,
            Command::Keys(keys) => &keys.color,
            Command::Actors(actors) => &actors.color,
            Command::Config(config) => &config.color,
            Command::Generate(generate) => &generate.color,
            Command::Facts(facts) => &facts.color,
            Command::Follow(follow) => &follow.color,
            Command::Plan(plan) => &plan.color,
            Command::Conclude(conclude) => &conclude.color,
            Command::Report(report) => &report.color,
        };
        &args.color
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read CloudTrail logs, evaluate every rule, report what was found
    #[command(
        after_help = help::SCAN,
        after_long_help = help::long(help::SCAN, EXIT_STATUS)
    )]
    Scan(Box<ScanArgs>),
    /// List the keys in the logs: their state, who uses and changes them, findings
    #[command(
        after_help = help::KEYS,
        after_long_help = help::long(help::KEYS, KEYS_EXIT),
        mut_arg("since", |arg| arg.help(KEYS_SINCE).long_help(None::<&str>)),
        mut_arg("allow_incomplete", |arg| arg.help(KEYS_INCOMPLETE).long_help(None::<&str>)),
        mut_arg("verbose", |arg| arg.help(KEYS_VERBOSE)),
        mut_arg("quiet", |arg| arg.help(QUIET))
    )]
    Keys(Box<KeysArgs>),
    /// Show what is known of the tags of keys and resources, and who says so
    #[command(
        after_help = help::TAGS,
        after_long_help = help::long(help::TAGS, TAGS_EXIT),
        mut_arg("since", |arg| arg.help(TAGS_SINCE).long_help(None::<&str>)),
        mut_arg("allow_incomplete", |arg| arg.help(TAGS_INCOMPLETE).long_help(None::<&str>)),
        mut_arg("verbose", |arg| arg.help("Say more")),
        mut_arg("quiet", |arg| arg.help(QUIET))
    )]
    Tags(Box<TagsArgs>),
    /// Prove that log files are what CloudTrail delivered
    #[command(
        after_help = help::VERIFY,
        after_long_help = help::long(help::VERIFY, VERIFY_EXIT),
        mut_arg("since", |arg| arg.help(VERIFY_SINCE.0).long_help(VERIFY_SINCE.1)),
        mut_arg("until", |arg| arg.help(VERIFY_UNTIL.0).long_help(VERIFY_UNTIL.1)),
        mut_arg("accounts", |arg| arg.help("Only this account (repeatable)").long_help(None::<&str>)),
        mut_arg("regions", |arg| arg.help("Only this Region (repeatable)").long_help(None::<&str>)),
        mut_arg("verbose", |arg| arg.help("List each file, what is verified too")),
        mut_arg("quiet", |arg| arg.help(QUIET))
    )]
    Verify(Box<VerifyArgs>),
    /// List, explain, check and test rules
    #[command(after_help = help::RULES)]
    Rules(RulesArgs),
    /// Show the events that match, in the order of time
    #[command(
        after_help = help::EVENTS,
        after_long_help = help::long(help::EVENTS, events::EXIT),
        // The short help has to fit a screen.
        mut_arg("files_from", |arg| arg.hide_short_help(true)),
        mut_arg("allow_incomplete", |arg| arg.help(TAGS_INCOMPLETE).long_help(None::<&str>)),
        mut_arg("verbose", |arg| arg.help("Say more")),
        mut_arg("quiet", |arg| arg.help(QUIET))
    )]
    Events(Box<events::EventsArgs>),
    /// Print the record behind a claim of a report
    #[command(
        after_help = help::RECORD,
        after_long_help = help::long(help::RECORD, record::EXIT)
    )]
    Record(Box<record::RecordArgs>),
    /// Show who called, with which credential, and what they reached
    #[command(
        after_help = help::ACTORS,
        after_long_help = help::long(help::ACTORS, events::EXIT),
        mut_arg("allow_incomplete", |arg| arg.help(TAGS_INCOMPLETE).long_help(None::<&str>)),
        mut_arg("verbose", |arg| arg.help("Say more")),
        mut_arg("quiet", |arg| arg.help(QUIET))
    )]
    Actors(Box<actors::ActorsArgs>),
    /// Tell findings as objects arrive, without end
    #[command(
        after_help = help::FOLLOW,
        after_long_help = help::long(help::FOLLOW, follow::EXIT),
        mut_arg("allow_incomplete", |arg| arg.hide(true)),
        mut_arg("progress", |arg| arg.hide(true)),
        mut_arg("verbose", |arg| arg.help("Say more")),
        mut_arg("quiet", |arg| arg.help("Say less"))
    )]
    Follow(Box<follow::FollowArgs>),
    /// Write all uses of keys as a table that other tools query
    #[command(
        after_help = help::FACTS,
        after_long_help = help::long(help::FACTS, facts::EXIT),
        mut_arg("allow_incomplete", |arg| arg.help(TAGS_INCOMPLETE).long_help(None::<&str>)),
        mut_arg("verbose", |arg| arg.help("Say more")),
        mut_arg("quiet", |arg| arg.help(QUIET))
    )]
    Facts(Box<facts::FactsArgs>),
    /// List once what there is to read, and cut it into shards for many machines
    #[command(
        after_help = help::PLAN,
        after_long_help = help::long(help::PLAN, plan::EXIT),
        mut_arg("since", |arg| arg.help(plan::SINCE.0).long_help(plan::SINCE.1)),
        mut_arg("allow_incomplete", |arg| {
            arg.help(plan::INCOMPLETE.0).long_help(plan::INCOMPLETE.1)
        }),
        mut_arg("verbose", |arg| arg.help("Say more")),
        mut_arg("quiet", |arg| arg.help(QUIET))
    )]
    Plan(Box<plan::PlanArgs>),
    /// Put together the facts of all shards of a bucket
    #[command(
        after_help = help::CONCLUDE,
        after_long_help = help::long(help::CONCLUDE, conclude::EXIT),
        mut_arg("allow_incomplete", |arg| arg.hide(true)),
        mut_arg("verbose", |arg| arg.help("Say more")),
        mut_arg("quiet", |arg| arg.help(QUIET))
    )]
    Conclude(Box<conclude::ConcludeArgs>),
    /// Write, show and describe the configuration, keytrail.toml
    #[command(after_help = help::CONFIG)]
    Config(config::ConfigCommandArgs),
    /// Make one report of those of many nights
    #[command(
        after_help = help::REPORT,
        after_long_help = help::long(help::REPORT, report::EXIT)
    )]
    Report(Box<report::ReportArgs>),
    /// Print completions for a shell, or man pages
    #[command(after_help = help::GENERATE)]
    Generate(generate::GenerateArgs),
}

/// What `tags` ends with.
const TAGS_EXIT: &str = "\
Exit status:
  0  done, whether anything is known or not
  2  not performed: bad usage, no such source
  3  incomplete: some input could not be read, a filter names what is nowhere,
     or a signal came";

/// What `verify` ends with.
const VERIFY_EXIT: &str = "\
Exit status:
  0  every digest and log in range is verified
  1  something is not: modified, missing, unreferenced, unsigned, a gap, or
     there is nothing to verify, as of an account that has no digest
  2  not performed: bad usage, no such source, no usable public keys
  3  incomplete: some input could not be read, a range is outside of all that
     was listed, or a signal came";

/// What `--since` is to `tags`, which does not report events.
const TAGS_SINCE: &str = "Of S3, only days from this time on; all that is read tells of tags";

/// What `--allow-incomplete` is to `tags`.
const TAGS_INCOMPLETE: &str = "End with 0 even if some input could not be read";

/// What `-q` is where every problem is in the result.
const QUIET: &str = "Say less: no progress and no problems";

/// What `--since` is to `verify`: files, not events. In short and in full.
const VERIFY_SINCE: (&str, &str) = (
    "Only logs and digests from this time on",
    "Only logs and digests from this time on\n\n\
     RFC 3339, a day, or an age such as 36h. The digest in which it lies is verified too.",
);

/// What `--until` is to `verify`.
const VERIFY_UNTIL: (&str, &str) = (
    "Only logs and digests before this time",
    "Only logs and digests before this time\n\n\
     Digests that are gone from the end are told by it: the last may end two hours before.",
);

/// Everything `verify` takes.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Files, folders or s3://BUCKET/PREFIX with logs and digests
    ///
    /// Any copy of a log bucket, of any number of accounts, Regions and trails; where files lie does
    /// not count, their names do. A digest's signature is in its object's metadata: put beside the
    /// newest one what aws s3api head-object prints, as DIGEST.metadata.json, or write lines of
    /// {"key": …, "signature": …} into a file. The others' are in the digests that follow.
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<OsString>,

    /// A list of more.
    #[command(flatten)]
    pub list: ListedArgs,

    /// CloudTrail's public keys
    ///
    /// What aws cloudtrail list-public-keys printed for each Region and time, one behind the other.
    /// All verdicts are as good as this file.
    #[arg(long, value_name = "FILE")]
    pub public_keys: Option<PathBuf>,

    /// What is verified.
    #[command(flatten)]
    pub range: RangeArgs,

    /// The configuration.
    #[command(flatten)]
    pub config: ConfigArgs,

    /// Format: table or json
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    pub format: String,

    /// The colours.
    #[command(flatten)]
    pub color: ColorArgs,

    /// How it is run.
    #[command(flatten)]
    pub run: RunArgs,

    /// How S3 is reached.
    #[command(flatten)]
    pub s3: S3Args,
}

/// Everything `tags` takes.
#[derive(Debug, Args)]
pub struct TagsArgs {
    /// Files, folders or s3://BUCKET/PREFIX to read, - for standard input; and the ARNs to show
    ///
    /// A word that begins with arn: is what to show, any other is a source, read as scan reads it.
    /// Without an ARN everything that is known is shown. The id of a database, as encryption
    /// contexts have it, stands for its ARN.
    #[arg(value_name = "SOURCE|ARN")]
    pub words: Vec<OsString>,

    /// A list of more.
    #[command(flatten)]
    pub list: ListedArgs,

    /// Also take tags from this file (repeatable)
    ///
    /// As for scan: FILE, or FILE@TIME where the file's own date is not the date of the tags.
    #[arg(long = "tags", value_name = "FILE")]
    pub tags: Vec<OsString>,

    /// As of this time
    ///
    /// RFC 3339, a day, or an age such as 36h. Otherwise as of the end of all that was read.
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,

    /// What is read.
    #[command(flatten)]
    pub range: RangeArgs,

    /// The configuration.
    #[command(flatten)]
    pub config: ConfigArgs,

    /// Format: table or json
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    pub format: String,

    /// The colours.
    #[command(flatten)]
    pub color: ColorArgs,

    /// How it is run.
    #[command(flatten)]
    pub run: RunArgs,

    /// How S3 is reached.
    #[command(flatten)]
    pub s3: S3Args,
}

/// Everything `scan` takes.
#[derive(Debug, Clone, Args)]
pub struct ScanArgs {
    /// Files, folders or s3://BUCKET/PREFIX; - is standard input
    ///
    /// A folder is read with everything below it. Of a bucket the folders of CloudTrail are read,
    /// wherever they lie below the prefix, and what is in none of a service's. What a file holds is told by its content, never
    /// by its name: gzip, zstd or plain; a trail file, an array, one record, JSON lines. Without a
    /// SOURCE, standard input is read if it is not a terminal.
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<OsString>,

    /// A list of more.
    #[command(flatten, next_help_heading = "Input")]
    pub list: ListedArgs,
    /// What is read in place of them.
    #[command(flatten)]
    pub facts: FactsDirArgs,
    /// What is read.
    #[command(flatten)]
    pub input: InputArgs,
    /// What is looked for.
    #[command(flatten)]
    pub rules: RuleArgs,
    /// What is written.
    #[command(flatten)]
    pub output: OutputArgs,
    /// How S3 is reached.
    #[command(flatten)]
    pub s3: S3Args,
    /// How it is run.
    #[command(flatten)]
    pub run: ScanRunArgs,
}

/// What the report holds and where it goes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Report")]
pub struct OutputArgs {
    /// From which level on.
    #[command(flatten)]
    pub levels: LevelArgs,

    /// Which reports are written, and where to.
    #[command(flatten)]
    pub written: WrittenArgs,

    /// Where problems go.
    #[command(flatten)]
    pub problems: ProblemsArgs,

    /// One finding an event instead of one a group
    ///
    /// With -f ndjson findings are written as they are found, in that order, and without what is decided at
    /// the end: whether they were undone, and a level that later records raise or lower. With --export
    /// they are written at the end and have all of it. Without --each, more than 1,000 findings of one
    /// rule by one actor are folded. Input that never ends is for `keytrail follow -`, which needs no end for rules
    /// over many records.
    #[arg(long, conflicts_with = "facts")]
    pub each: bool,

    /// Leave out what this earlier report has (-f json)
    ///
    /// A finding of it is listed again, as ongoing, when it has later or more events or a higher
    /// level. What is left out is counted as known, and --fail-on does not see it.
    #[arg(long, value_name = "REPORT", hide_short_help = true)]
    pub baseline: Option<PathBuf>,

    /// The colours.
    #[command(flatten)]
    pub color: ColorArgs,
}

/// How the scan is run.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Run")]
pub struct ScanRunArgs {
    /// Go on from the state of the last run
    ///
    /// It is here: a file, or s3://BUCKET/KEY. Only files and objects are read that were not read before. A finding is new, or ongoing if
    /// an earlier run has reported it; rules over many records remember what they need. The state is
    /// written when the report is, so that a run that was killed is made again by the next one.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["baseline", "until", "facts"])]
    pub state: Option<OsString>,

    /// Read again what the state says was read
    ///
    /// For rules or accounts that are new, or an earlier --since. What was found before is told again
    /// only where there is something new to it, and nothing counts twice.
    #[arg(long, requires = "state", hide_short_help = true)]
    pub reread: bool,

    /// Only say what it would take and cost
    ///
    /// How many files, bytes and requests. Nothing is read and no state is written. With -f json as a document.
    #[arg(long, conflicts_with_all = ["each", "baseline", "facts"])]
    pub dry_run: bool,

    /// How it is run.
    #[command(flatten)]
    pub run: RunArgs,
}
