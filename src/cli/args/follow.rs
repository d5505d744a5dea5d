//! The arguments of `keytrail follow`, as typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::common::{ColorArgs, ConfigArgs, RuleArgs, RunArgs};
use crate::cli::s3::S3Args;

/// Everything `follow` takes.
#[derive(Debug, Args)]
pub struct FollowArgs {
    /// Folders or s3://BUCKET/PREFIX to look at again and again, or - for lines on standard input
    ///
    /// Of folders and buckets only what was not read before is read, as often as --poll says. On standard
    /// input each line is a record or a document of JSON; it may never end. With --queue, leave it out:
    /// the queue says what arrives.
    #[arg(value_name = "SOURCE", required_unless_present = "queue", conflicts_with = "queue")]
    pub sources: Vec<OsString>,

    /// Where objects come from.
    #[command(flatten)]
    pub arrival: ArrivalArgs,

    /// Also take tags of keys and resources from this file (repeatable)
    ///
    /// As for scan. Read once, at the start.
    #[arg(long = "tags", value_name = "FILE", help_heading = "Input")]
    pub tags: Vec<OsString>,

    /// The configuration.
    #[command(flatten, next_help_heading = "Input")]
    pub config: ConfigArgs,

    /// What is looked for.
    #[command(flatten)]
    pub rules: RuleArgs,

    /// What is told, and where.
    #[command(flatten)]
    pub told: ToldArgs,

    /// How S3 is reached.
    #[command(flatten)]
    pub s3: S3Args,

    /// The colours.
    #[command(flatten, next_help_heading = "Run")]
    pub color: ColorArgs,

    /// How it is run.
    #[command(flatten, next_help_heading = "Run")]
    pub run: RunArgs,
}

/// Where objects come from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Input")]
pub struct ArrivalArgs {
    /// Queue of SQS that says which objects arrive
    ///
    /// https://sqs.REGION.amazonaws.com/ACCOUNT/QUEUE. It gets the notifications of the bucket: from S3 itself,
    /// by way of SNS or of EventBridge, or from CloudTrail's topic. A message is deleted when its
    /// findings are written and the state is safe.
    #[arg(long, value_name = "URL", required_unless_present = "sources")]
    pub queue: Option<String>,

    /// Read objects of this bucket alone (repeatable)
    ///
    /// A message that names another one is put aside, and nothing of it is fetched. Without it whoever can
    /// send to the queue decides what is read of all that the follower may read.
    #[arg(long = "bucket", value_name = "NAME")]
    pub buckets: Vec<String>,

    /// How often to look for new objects, without a queue
    #[arg(long, value_name = "AGE", default_value = "60s", conflicts_with = "queue")]
    pub poll: String,

    /// Where to keep what was read and what rules over many records need
    ///
    /// A file, or s3://BUCKET/KEY, as of scan. One follower uses it at a time. Only - needs none: then
    /// what is remembered ends with the run. Beside a file, PATH.segments has lines of standard
    /// input that have not settled.
    #[arg(long, value_name = "PATH")]
    pub state: Option<OsString>,

    /// How late CloudTrail may deliver an event
    ///
    /// Rules over many records judge an object when events of its account and Region are later by this, or
    /// this time after it arrived. Rules over single records do not wait. What comes later still counts:
    /// it makes a finding ongoing.
    #[arg(long, value_name = "AGE", default_value = "20m")]
    pub settle: String,

    /// Put aside what cannot be read: append a line of JSON for each message
    ///
    /// With the message and its problem, after --tries; one that is no notification at once. What fails
    /// by itself, such as the network, is tried until it goes well. Without it such a message stays in the queue,
    /// for the queue's own dead-letter queue.
    #[arg(long, value_name = "PATH")]
    pub dead_letter: Option<PathBuf>,

    /// How often a message is delivered before what cannot be read of it is put aside
    #[arg(long, value_name = "N", default_value = "5")]
    pub tries: String,

    /// End once nothing more arrives
    ///
    /// What is in hand is judged without waiting for --settle.
    #[arg(long)]
    pub drain: bool,
}

/// What is told, and where.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct ToldArgs {
    /// Format: ndjson or ocsf
    ///
    /// One finding a line. With ndjson problems are lines too; with ocsf they go to standard error.
    #[arg(short, long, value_name = "FORMAT", default_value = "ndjson")]
    pub format: String,

    /// Version of the OCSF schema, for -f ocsf
    #[arg(long, value_name = "VERSION", hide_short_help = true)]
    pub ocsf_version: Option<String>,

    /// Append lines to this file instead of standard output
    ///
    /// It is opened again at SIGHUP, so that it can be rotated.
    #[arg(long, value_name = "PATH")]
    pub append: Option<PathBuf>,

    /// Tell findings of this level and above
    ///
    /// critical, high, medium, low or informational.
    #[arg(long, value_name = "LEVEL", default_value = "low")]
    pub min_level: String,

    /// Serve metrics here: HOST:PORT
    ///
    /// In the text form of Prometheus, at /metrics. Whoever reaches the port reads them.
    #[arg(long, value_name = "ADDR")]
    pub metrics: Option<String>,

    /// Write this file anew after each turn, for a health check
    ///
    /// Its time says when the follower last went on. It is removed when the follower ends.
    #[arg(long, value_name = "PATH")]
    pub health: Option<PathBuf>,
}

/// What `follow` ends with.
pub const EXIT: &str = "\
Exit status:
  0  asked to end by a signal, --drain or the end of standard input; what was
     in hand is told
  2  not performed: bad usage, no such queue, or the state cannot be used
  3  ended by itself: the output, the state or the queue failed; what was in
     hand is delivered again";
