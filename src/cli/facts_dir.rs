//! Folders that `keytrail facts` wrote, as what a command reads in place of logs.
//!
//! What must stay true: facts that were made with other rules, another configuration or another version
//! are refused by name. A finding that nobody looked for must not pass for one that is not there.

use std::ffi::{OsStr, OsString};
use std::io;
use std::sync::Arc;

use super::config::Config;
use super::failure::Failure;
use super::planned;
use super::s3::S3Args;
use super::unmet;
use crate::detect::RuleSet;
use crate::engine::{Differs, Filter, Head, Part, Plan};
use crate::folder;
use crate::model::keys::asked::KeysAsked;
use crate::model::outcome::Outcome;
use crate::model::planned::Listed;
use crate::model::problem::Problem;
use crate::model::time::Time;
use crate::shards;
use crate::source::Sources;
use crate::source::s3::Cloud;

/// The table of uses in a folder, for everybody.
pub const TABLE: &str = "uses.parquet";

/// All that was found, for a later scan.
pub const PART: &str = "facts.part";

/// Facts that are put together.
#[derive(Debug, Default)]
pub struct Facts {
    /// Their files.
    pub parts: Vec<Part>,
    /// What each of them says of itself, and which records count in them.
    pub head: Head,
    /// What was read for them, as it was asked for: reports of them name that.
    pub sources: Sources,
    /// The present, as their plan has it.
    pub now: Option<Time>,
    /// Where they were read, to tell what lies in them.
    pub places: Sources,
    /// What could not be listed when their plan was made.
    pub problems: Vec<Problem>,
    /// What was seen beside objects when it was made.
    listed: Listed,
    /// Whether facts are asked for, though there may be none.
    asked: bool,
}

/// Opens the facts of a folder, if one is named: of a plan, all of it.
///
/// # Errors
/// When it has none, or what is wrong with its plan.
pub fn open(folder: Option<&OsString>, s3: &S3Args) -> Result<Facts, Vec<Failure>> {
    let Some(name) = folder else { return Ok(Facts::default()) };
    let cloud = s3.cloud([name])?;
    Facts::of_folder(name, cloud.as_ref()).map_err(|failure| vec![failure])
}

impl Facts {
    fn of_folder(name: &OsStr, cloud: Option<&Arc<Cloud>>) -> Result<Facts, Failure> {
        let folder = folder::open(name, cloud.cloned())?;
        if !shards::is_there(&*folder)? {
            return Facts::of_parts(vec![planned::part(&folder, PART)]);
        }
        let dataset = planned::opened(folder)?;
        let plan = dataset.plan();
        let facts = Facts::of_parts(planned::parts(&dataset)?)?;
        // A plan of nothing has no part that says what it is.
        let head = if facts.parts.is_empty() { planned::head(plan) } else { facts.head };
        Ok(Facts {
            head,
            sources: plan.sources.iter().map(OsString::from).collect(),
            now: Some(plan.created),
            places: planned::places(plan),
            problems: plan.problems(),
            listed: plan.listed.clone(),
            ..facts
        })
    }

    /// Those of some files, of which only the first is looked at: the others are when they are read.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_parts(parts: Vec<Part>) -> Result<Facts, Failure> {
        let head = parts.first().map(|part| {
            part.head().map_err(|error| Failure::Source {
                message: format!("{}: {error}", part.name),
                hint: Some(
                    "name a folder that keytrail facts SOURCE -o DIR or keytrail plan wrote".into(),
                ),
            })
        });
        let head = head.transpose()?.unwrap_or_default();
        let sources = head.sources.iter().map(OsString::from).collect();
        Ok(Facts { parts, head, sources, asked: true, ..Facts::default() })
    }

    /// Where logs were read for them: what lies there is no configuration of this run.
    pub fn places(&self) -> &Sources {
        if self.places.is_empty() { &self.sources } else { &self.places }
    }

    /// Whether nobody asks for facts: then logs are read.
    pub fn is_empty(&self) -> bool {
        !self.asked
    }

    /// Adds what only the listing knew.
    pub fn complete(&self, outcome: &mut Outcome) {
        outcome.names.merge(&self.listed.names());
        outcome.passed = outcome.passed.with(self.listed.passed());
    }

    /// Which records count in them; `None` where there are none.
    pub fn filter(&self) -> Option<Filter> {
        (!self.is_empty()).then(|| self.head.filter())
    }

    /// What makes the key of their hashes; `None` where there are none.
    pub fn seed(&self) -> Option<u64> {
        (!self.is_empty()).then_some(self.head.seed)
    }

    /// Refuses facts that were made with something else than this run has.
    ///
    /// # Errors
    /// What it was, by the name of the file.
    pub fn check(&self, rules: &RuleSet, config: &Config) -> Result<(), Vec<Failure>> {
        let Some(Part { name, .. }) = self.parts.first() else { return Ok(()) };
        let own = Head {
            program: PROGRAM.to_owned(),
            rules: rules.digest(),
            settings: settings(config),
            ..self.head.clone()
        };
        let Some(why) = self.head.differs(&own) else { return Ok(()) };
        let (more, hint) = match why {
            Differs::Program => {
                let made = &self.head.program;
                (format!(": by {made}, and this is {PROGRAM}"), "make the facts again")
            }
            Differs::Rules => (
                String::new(),
                "give --rules, --select, --ignore and --no-builtin-rules as facts had them, or make \
                 the facts again",
            ),
            _ => (
                format!(": {}", others(&self.head.settings, &own.settings)),
                "give the --config that facts had, or make the facts again",
            ),
        };
        let message = format!("{name}: {}{more}", why.as_str());
        Err(vec![Failure::Source { message, hint: Some(hint.into()) }])
    }
}

/// Why facts could not be taken up: the error names the file.
pub fn unread(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::NotFound | io::ErrorKind::Other => {
            Failure::Source { message: error.to_string(), hint: None }
        }
        _ => Failure::run(error),
    }
}

/// The names of the settings that are not the same.
fn others(there: &[String], here: &[String]) -> String {
    let name = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let others = there.iter().zip(here).filter(|(there, here)| there != here);
    let names: Vec<String> = others.map(|(there, _)| name(there)).take(NAMED).collect();
    names.join(", ")
}

/// So many settings are named.
const NAMED: usize = 5;

/// The version of this program.
pub const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// The plan of whoever makes facts, or puts them together: all that any command may ask of them.
pub fn plan(rules: RuleSet, config: &Config, threads: usize) -> Plan {
    Plan {
        estate: Arc::clone(&config.estate),
        threads,
        lists_uses: true,
        names_files: true,
        keys: Some(KeysAsked::default()),
        to_meet: unmet::to_meet(&config.named),
        ..Plan::new(rules)
    }
}

/// What of a configuration decides what is read: all but suppressions, which come after.
pub fn settings(config: &Config) -> Vec<String> {
    let values = config.values().into_iter().filter(|(name, _)| *name != "suppress");
    values.map(|(name, value)| format!("{name} {value}")).collect()
}
