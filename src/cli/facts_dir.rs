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
use crate::detect::RuleSet;
use crate::engine::{Differs, Filter, Head, Part};
use crate::folder;
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

/// Opens the facts of some folders, if any are named: of a plan, all of it.
///
/// # Errors
/// Every folder that has none, or others than the first.
pub fn open(folders: &[OsString], s3: &S3Args) -> Result<Facts, Vec<Failure>> {
    let mut facts = Facts { asked: !folders.is_empty(), ..Facts::default() };
    let mut failures = Vec::new();
    // What is wrong with options of S3 is said where logs are.
    let cloud = if folders.is_empty() { None } else { s3.cloud(folders)? };
    for name in folders {
        if let Err(failure) = facts.open(name, cloud.as_ref()) {
            failures.push(failure);
        }
    }
    if failures.is_empty() { Ok(facts) } else { Err(failures) }
}

fn not_together(name: &str, why: Differs, first: &str) -> Failure {
    Failure::Source {
        message: format!("{name}: {}, so it does not go with {first}", why.as_str()),
        hint: Some("facts that are put together come from one keytrail plan".into()),
    }
}

impl Facts {
    /// Adds those of a folder.
    fn open(&mut self, name: &OsStr, cloud: Option<&Arc<Cloud>>) -> Result<(), Failure> {
        let folder = folder::open(name, cloud.cloned())?;
        if shards::is_there(&*folder)? {
            let dataset = planned::opened(folder)?;
            let plan = dataset.plan();
            self.problems.extend(plan.problems());
            self.now = Some(plan.created);
            self.places = planned::places(plan);
            self.listed = plan.listed.clone();
            if self.parts.is_empty() {
                // A plan of nothing has no part that says so.
                self.head = planned::head(plan);
                self.sources = plan.sources.iter().map(OsString::from).collect();
            }
            return self.add_all(planned::parts(&dataset)?);
        }
        self.add(planned::part(&folder, PART))
    }

    /// Those of some files, of which only the first is looked at.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_parts(parts: Vec<Part>) -> Result<Facts, Failure> {
        let mut facts = Facts { asked: true, ..Facts::default() };
        facts.add_all(parts)?;
        Ok(facts)
    }

    fn add_all(&mut self, parts: Vec<Part>) -> Result<(), Failure> {
        let mut parts = parts.into_iter();
        if let Some(first) = parts.next() {
            self.add(first)?;
        }
        self.parts.extend(parts);
        Ok(())
    }

    fn add(&mut self, part: Part) -> Result<(), Failure> {
        let head = part.head().map_err(|error| Failure::Source {
            message: format!("{}: {error}", part.name),
            hint: Some(
                "name a folder that keytrail facts SOURCE -o DIR or keytrail plan wrote".into(),
            ),
        })?;
        match self.parts.first() {
            None => self.head = head.clone(),
            Some(first) => {
                if let Some(why) = self.head.differs(&head) {
                    return Err(not_together(&part.name, why, &first.name));
                }
            }
        }
        for source in head.sources {
            let source = OsString::from(source);
            if !self.sources.named.contains(&source) {
                self.sources.named.push(source);
            }
        }
        self.parts.push(part);
        Ok(())
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

/// What of a configuration decides what is read: all but suppressions, which come after.
pub fn settings(config: &Config) -> Vec<String> {
    let values = config.values().into_iter().filter(|(name, _)| *name != "suppress");
    values.map(|(name, value)| format!("{name} {value}")).collect()
}
