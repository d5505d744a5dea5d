//! The arguments of `keytrail events`, as typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::common::{
    ColorArgs, ConfigArgs, ListedArgs, ProblemsArgs, RangeArgs, RuleArgs, RunArgs,
};
use crate::cli::s3::S3Args;

/// What `events` ends with.
pub const EXIT: &str = "\
Exit status:
  0  done, whether anything matches or not
  2  not performed: bad usage, no such source, facts that cannot tell it
  3  incomplete: some input could not be read, no trail files were found,
     a filter names what is nowhere, or a signal came";

/// Everything `events` takes.
#[derive(Debug, Args)]
pub struct EventsArgs {
    /// Files, folders or s3://BUCKET/PREFIX; - is standard input
    ///
    /// Read as scan reads them. An event must fit every filter that is given; where one filter is given
    /// several times, one of its values. Copies of a record are one row. So are the two records of a
    /// call between two accounts, and a call with the KMS calls that a service made to serve it, if
    /// both fit: the row of an S3 read then names the key that decrypted the object.
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<OsString>,

    /// A list of more.
    #[command(flatten)]
    pub list: ListedArgs,

    /// What is read in place of them.
    #[command(flatten)]
    pub facts: EventFactsArgs,

    /// Which events.
    #[command(flatten)]
    pub filters: FilterArgs,

    /// Which of all that is read.
    #[command(flatten)]
    pub range: RangeArgs,

    /// The findings around which to look.
    #[command(flatten)]
    pub around: AroundArgs,

    /// What is shown.
    #[command(flatten)]
    pub shown: ShownArgs,

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

/// Facts, in place of logs.
#[derive(Debug, Args)]
#[command(next_help_heading = "From facts")]
pub struct EventFactsArgs {
    /// Read what keytrail facts wrote into this folder, in place of a SOURCE
    ///
    /// Facts hold uses of keys, and the records that rules over many records look at; others are in the logs
    /// alone. Each record is a row: those of one call stay apart. A use is told by its row: it has no
    /// errorMessage, no sharedEventID, and of the keys and the encryption context what the table of
    /// uses has. What no such row tells is refused: --raw, --with-derived-credentials, the column message,
    /// ids of principals, and --where of other fields. The rules, the configuration and the version of
    /// keytrail must be those of facts. The folder of a plan is read as a whole.
    #[arg(
        long = "facts",
        hide_short_help = true,
        value_name = "DIR",
        conflicts_with_all = ["sources", "files_from", "raw", "with_derived_credentials"]
    )]
    pub facts: Option<OsString>,

    /// With --facts: rules that facts was given (repeatable)
    #[arg(long, value_name = "PATH", hide_short_help = true)]
    pub rules: Vec<PathBuf>,

    /// With --facts: it was given --no-builtin-rules
    #[arg(long, hide_short_help = true)]
    pub no_builtin_rules: bool,

    /// With --facts: what it was told to select (repeatable)
    #[arg(long, value_name = "X", hide_short_help = true)]
    pub select: Vec<String>,

    /// With --facts: what it was told to ignore (repeatable)
    #[arg(long, value_name = "X", hide_short_help = true)]
    pub ignore: Vec<String>,
}

impl EventFactsArgs {
    /// The rules that facts had.
    pub fn rules(&self) -> RuleArgs {
        RuleArgs {
            paths: self.rules.clone(),
            no_builtin_rules: self.no_builtin_rules,
            select: self.select.clone(),
            ignore: self.ignore.clone(),
        }
    }
}

/// Which events.
#[derive(Debug, Args)]
#[command(next_help_heading = "Filters")]
pub struct FilterArgs {
    /// Events that name this key (repeatable)
    ///
    /// By id, ARN or alias. Named anywhere, in a policy too. A multi-Region key is meant in all Regions. An alias stands for
    /// every key to which it pointed, as far as all records that are read tell, and for events that name
    /// the alias.
    #[arg(long, value_name = "KEY")]
    pub key: Vec<String>,

    /// Events of this caller (repeatable)
    ///
    /// A user, a role, a session or a service by its name (ann, role/deploy, deploy/i-0abc), an ARN, a
    /// principal id, or all of an account by its twelve digits. * stands for any run of characters, ?
    /// for any one.
    #[arg(long, value_name = "WHO")]
    pub principal: Vec<String>,

    /// Events made with this access key (repeatable)
    #[arg(long, value_name = "ID")]
    pub access_key: Vec<String>,

    /// Events from this address or block (repeatable)
    ///
    /// For example 198.51.100.7, 198.51.100.0/24 or 2001:db8::/32. What a service does for somebody has
    /// no address of its own.
    #[arg(long, value_name = "ADDRESS")]
    pub ip: Vec<String>,

    /// Events on this resource (repeatable)
    ///
    /// And on all below it. An ARN or the last part of one. A bucket stands for its objects, and BUCKET/PREFIX for those
    /// below the prefix. With * or ? a pattern of the whole ARN.
    #[arg(long, value_name = "RESOURCE")]
    pub resource: Vec<String>,

    /// Events of this name (repeatable)
    ///
    /// For example Decrypt, *Key* or kms:Put*, with the service before the colon. Case does not count.
    #[arg(long, value_name = "NAME")]
    pub event: Vec<String>,

    /// Events that failed with this code (repeatable)
    ///
    /// For example AccessDenied* or *Unauthorized*. A lone * is any failure. Case does not count.
    #[arg(long, value_name = "CODE")]
    pub error: Vec<String>,

    /// Events whose user agent has this in it (repeatable)
    ///
    /// With * or ? a pattern of all of it. Case does not count.
    #[arg(long, value_name = "TEXT", hide_short_help = true)]
    pub agent: Vec<String>,

    /// Events of which a field says this (repeatable)
    ///
    /// FIELD=VALUE and FIELD!=VALUE compare text. FIELD~PATTERN has * for any run of characters and ? for
    /// any one, and case does not count. FIELD:lt:VALUE and le, gt, ge compare numbers, times and else
    /// text. FIELD:present and FIELD:absent ask whether there is a value. FIELD is a path of member
    /// names with dots, such as requestParameters.keyId; it goes through lists. All terms must
    /// hold; of several = and ~ on one field, one.
    #[arg(long = "where", value_name = "TERM")]
    pub terms: Vec<String>,

    /// Also follow credentials that came from those of the callers
    ///
    /// What a caller of --principal, --access-key, --ip or --around has created or assumed
    /// (CreateAccessKey, AssumeRole and others), counts as theirs, and again what came from that.
    #[arg(long, hide_short_help = true)]
    pub with_derived_credentials: bool,
}

/// The findings around which to look.
#[derive(Debug, Args)]
#[command(next_help_heading = "Around a finding")]
pub struct AroundArgs {
    /// Events around this finding or case of --report
    ///
    /// By its principal or its access keys, from its addresses, or on its key, from --before
    /// its first event to --after its last. A fingerprint may be cut short.
    #[arg(long, value_name = "FINGERPRINT|CASE", requires = "report")]
    pub around: Option<String>,

    /// The JSON report that has it
    #[arg(long, value_name = "FILE", requires = "around")]
    pub report: Option<PathBuf>,

    /// How long before its first event
    #[arg(
        long,
        value_name = "AGE",
        default_value = "10m",
        requires = "around",
        hide_short_help = true
    )]
    pub before: String,

    /// How long after its last event
    #[arg(
        long,
        value_name = "AGE",
        default_value = "1h",
        requires = "around",
        hide_short_help = true
    )]
    pub after: String,
}

/// What is shown.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct ShownArgs {
    /// Format: table, json, ndjson or csv
    ///
    /// ndjson is one event a line: problems go to standard error, or with --problems ndjson behind the lines.
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    pub format: String,

    /// Where problems go.
    #[command(flatten)]
    pub problems: ProblemsArgs,

    /// The whole records, one a line of JSON
    #[arg(long, conflicts_with_all = ["format", "columns"])]
    pub raw: bool,

    /// Columns of a table or of CSV, with commas between them
    ///
    /// Of time, event, who, credential, from, target, error, source, agent, key, resource,
    /// message, mfa, account, region, id, origin. The first seven without this option, in CSV all.
    #[arg(long, value_name = "NAMES")]
    pub columns: Option<String>,

    /// Show at most so many; 0 or none for all
    ///
    /// The earliest first. 100 in a table, and all in other formats, if not given. How many there are is said.
    #[arg(long, value_name = "N")]
    pub limit: Option<String>,

    /// Write here, - for standard output
    #[arg(short, long, value_name = "PATH", default_value = "-")]
    pub output: PathBuf,
}
