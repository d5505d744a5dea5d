//! What a reporter is given: what was asked for, what came of it, and how to show it.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use super::escape;
use super::ocsf::OcsfVersion;
use crate::model::control::Framework;
use crate::model::finding::Finding;
use crate::model::keys::facts::Inventory;
use crate::model::level::Level;
use crate::model::night::{Limits, Night};
use crate::model::outcome::Outcome;
use crate::model::rule_meta::RuleMeta;
use crate::model::time::Time;

/// What was asked for, and when: everything in a report that is not the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// When the run began.
    pub started: Time,
    /// When the last input was read.
    pub finished: Time,
    /// The sources as they were given.
    pub sources: Vec<String>,
    /// Only events at or after this are reported.
    pub since: Option<Time>,
    /// Only events before this are reported.
    pub until: Option<Time>,
    /// The machine, if its name was given.
    pub host: Option<String>,
    /// SHA-256 of the program's file, `sha256:…`, where evidence is to be filed.
    pub program: Option<String>,
    /// The accounts and Regions that should deliver.
    pub expected: Expected,
    /// The command line, the program's name first.
    pub command: Vec<String>,
    /// The effective configuration, a line for each thing that changes what is reported.
    pub settings: Vec<String>,
    /// Digest of those lines, `sha256:…`.
    pub config_digest: String,
    /// The configuration file as it was named; `None` when there is none.
    pub config_file: Option<String>,
    /// The earlier report that findings are compared with.
    pub baseline: Option<Baseline>,
    /// What earlier runs have left, with `--state`.
    pub state: Option<State>,
    /// How many rules could find something.
    pub rules_enabled: usize,
    /// The rules whose findings are reported, sorted by id.
    pub rules: Vec<RuleMeta>,
    /// Built-in rules that were not evaluated, where evidence is to be filed.
    pub not_evaluated: Vec<RuleMeta>,
    /// Digest of all rules that are evaluated, `sha256:…`.
    pub rules_digest: String,
    /// The least level that is listed; what is below is only counted.
    pub min_level: Level,
    /// Whether a finding is one event instead of a group.
    pub each: bool,
    /// The version of OCSF that is written.
    pub ocsf: OcsfVersion,
}

impl Run {
    /// One that began and ended then, and of which nothing else is told.
    pub fn at(time: Time) -> Run {
        Run {
            started: time,
            finished: time,
            sources: Vec::new(),
            since: None,
            until: None,
            host: None,
            program: None,
            expected: Expected::default(),
            command: Vec::new(),
            settings: Vec::new(),
            config_digest: String::new(),
            config_file: None,
            baseline: None,
            state: None,
            rules_enabled: 0,
            rules: Vec::new(),
            not_evaluated: Vec::new(),
            rules_digest: String::new(),
            min_level: Level::Informational,
            each: false,
            ocsf: OcsfVersion::default(),
        }
    }
}

/// The accounts and Regions that should deliver, as the configuration names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// Accounts, 12 digits each.
    pub accounts: Vec<String>,
    /// Regions.
    pub regions: Vec<String>,
}

/// What earlier runs have left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// As typed.
    pub path: String,
    /// How many runs have gone on from each other before this one.
    pub runs: u64,
    /// When the last of them ended.
    pub previous: Option<Time>,
    /// How many of their records this run looks at again.
    pub recalled: u64,
    /// Rules that the last of them did not have, or had with another text, by id: what earlier runs
    /// have read is not judged by them.
    pub new_rules: Vec<String>,
}

/// An earlier report, as a report names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// As it was named.
    pub path: String,
    /// Digest of the file, `sha256:…`.
    pub sha256: String,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// For people at a terminal. The default.
    #[default]
    Table,
    /// One `keytrail.report/v1` document.
    Json,
    /// One finding a line, with the members it has in [`Format::Json`].
    Ndjson,
    /// One finding a row, for spreadsheets.
    Csv,
    /// A page for whoever files evidence.
    Html,
    /// The same as text.
    Markdown,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// One OCSF Detection Finding a line.
    Ocsf,
    /// Batches for AWS Security Hub, one a line.
    Asff,
}

/// The suffixes of file names that say a format. The first that fits counts.
const SUFFIXES: [(&str, Format); 14] = [
    (".sarif", Format::Sarif),
    (".sarif.json", Format::Sarif),
    (".ocsf.json", Format::Ocsf),
    (".ocsf.ndjson", Format::Ocsf),
    (".asff.json", Format::Asff),
    (".txt", Format::Table),
    (".ndjson", Format::Ndjson),
    (".jsonl", Format::Ndjson),
    (".csv", Format::Csv),
    (".json", Format::Json),
    (".html", Format::Html),
    (".htm", Format::Html),
    (".md", Format::Markdown),
    (".markdown", Format::Markdown),
];

impl Format {
    /// Every format, in the order of help texts.
    pub const ALL: [Format; 9] = [
        Format::Table,
        Format::Json,
        Format::Ndjson,
        Format::Csv,
        Format::Html,
        Format::Markdown,
        Format::Sarif,
        Format::Ocsf,
        Format::Asff,
    ];

    /// Whether it tells of keys and names the files that were read.
    pub fn is_evidence(self) -> bool {
        matches!(self, Format::Html | Format::Markdown)
    }

    /// The format that the suffix of a file's name says, if it is a known one. Case does not count.
    pub fn of_path(path: &Path) -> Option<Format> {
        let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
        let fits = |suffix: &str| name.len() > suffix.len() && name.ends_with(suffix);
        SUFFIXES.into_iter().find(|(suffix, _)| fits(suffix)).map(|(_, format)| format)
    }

    /// Whether it holds findings and nothing else, so that problems have to be said elsewhere.
    pub fn is_findings_alone(self) -> bool {
        matches!(self, Format::Ndjson | Format::Csv | Format::Ocsf | Format::Asff)
    }

    /// Whether it tells what is to be known of the records that were read ([`Outcome::notes`]).
    pub fn has_notes(self) -> bool {
        matches!(self, Format::Table | Format::Json | Format::Html | Format::Markdown)
    }

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Json => "json",
            Format::Ndjson => "ndjson",
            Format::Csv => "csv",
            Format::Html => "html",
            Format::Markdown => "markdown",
            Format::Sarif => "sarif",
            Format::Ocsf => "ocsf",
            Format::Asff => "asff",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Format::ALL.into_iter().find(|format| format.as_str() == s).ok_or_else(|| {
            let names = Format::ALL.map(Format::as_str);
            format!("unknown format '{}': use one of {}", escape::visible(s), names.join(", "))
        })
    }
}

/// How the table is drawn. Programs read the other formats, which do not depend on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal. `None`: no terminal, and then a fixed 120, so that a report in a
    /// file does not depend on who wrote it. Below 40 counts as 40.
    pub width: Option<u16>,
    /// Whether to colour.
    pub color: bool,
    /// Whether the terminal makes links of text that says so.
    pub links: bool,
    /// Whether to list every problem, account and Region instead of the first few, and to explain each
    /// finding.
    pub verbose: bool,
    /// What of a report the table is about.
    pub view: View,
}

/// What of a report the table is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum View {
    /// What each actor did.
    #[default]
    Cases,
    /// Each finding.
    Findings,
    /// Each event of a finding.
    Events,
}

impl View {
    /// All of them, as they are named.
    pub const ALL: [(&str, View); 3] =
        [("cases", View::Cases), ("findings", View::Findings), ("events", View::Events)];
}

impl FromStr for View {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let found = View::ALL.into_iter().find(|(name, _)| *name == s);
        let unknown = || format!("unknown view '{}'", escape::visible(s));
        found.map(|(_, view)| view).ok_or_else(unknown)
    }
}

impl Style {
    /// The same for a file: as wide as the text is, without colour and links.
    pub fn of_file(&self) -> Style {
        Style { width: None, color: false, links: false, ..*self }
    }

    /// A finding's rule and the page that it refers to first, if the terminal makes links.
    pub fn leads(&self, finding: &Finding) -> Option<(String, String)> {
        let page = finding.told.references.first().filter(|_| self.links)?;
        Some((finding.rule.clone(), page.clone()))
    }
}

/// What a report is made of.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// What was asked for.
    pub run: &'a Run,
    /// What came of it.
    pub outcome: &'a Outcome,
    /// The keys, if they were gathered.
    pub keys: Option<&'a Inventory>,
    /// The frameworks whose controls rules name.
    pub frameworks: &'a [Framework],
    /// The reports that it was made of; none for that of a scan.
    pub nights: &'a [Night],
    /// What makes them say less than they seem to, if there are any.
    pub limits: Option<&'a Limits>,
}

impl<'a> Report<'a> {
    /// One without keys and frameworks.
    pub fn new(run: &'a Run, outcome: &'a Outcome) -> Report<'a> {
        Report { run, outcome, keys: None, frameworks: &[], nights: &[], limits: None }
    }
}
