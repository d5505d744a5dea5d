//! Folders that `keytrail facts` wrote, as what a command reads in place of logs.
//!
//! What must stay true: facts that were made with other rules, another configuration or another version
//! are refused by name. A finding that nobody looked for must not pass for one that is not there.

use std::ffi::OsString;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::config::Config;
use super::failure::Failure;
use crate::detect::RuleSet;
use crate::engine::{Differs, Filter, Head, Part};

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
    pub sources: Vec<OsString>,
}

/// Opens the facts of some folders, if any are named.
///
/// # Errors
/// Every folder that has none, or others than the first.
pub fn open(folders: &[OsString]) -> Result<Facts, Vec<Failure>> {
    let (mut facts, mut failures) = (Facts::default(), Vec::new());
    for folder in folders {
        let part = file(Path::new(folder));
        match part.head() {
            Ok(head) => {
                if facts.parts.is_empty() {
                    facts.head = head.clone();
                } else if let Some(why) = facts.head.differs(&head) {
                    failures.push(not_together(&part.name, why, &facts.parts[0].name));
                }
                facts.add(part, head);
            }
            Err(error) => failures.push(Failure::Source {
                message: format!("{}: {error}", part.name),
                hint: Some("name a folder that keytrail facts SOURCE -o DIR wrote".into()),
            }),
        }
    }
    if failures.is_empty() { Ok(facts) } else { Err(failures) }
}

fn file(folder: &Path) -> Part {
    let path: PathBuf = folder.join(PART);
    let name = path.display().to_string();
    Part::new(&name, move || Ok(Box::new(BufReader::new(File::open(&path)?))))
}

fn not_together(name: &str, why: Differs, first: &str) -> Failure {
    Failure::Source {
        message: format!("{name}: {}, so it does not go with {first}", why.as_str()),
        hint: Some("facts that are put together come from one keytrail plan".into()),
    }
}

impl Facts {
    fn add(&mut self, part: Part, head: Head) {
        for source in head.sources {
            let source = OsString::from(source);
            if !self.sources.contains(&source) {
                self.sources.push(source);
            }
        }
        self.parts.push(part);
    }

    /// Whether there are none: then logs are read.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
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
