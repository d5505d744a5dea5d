//! Folders that `keytrail facts` wrote, as what a command reads in place of logs.
//!
//! What must stay true: facts that were made with other rules, another configuration or another version
//! are refused by name. A finding that nobody looked for must not pass for one that is not there.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use super::config::Config;
use super::failure::Failure;
use crate::detect::RuleSet;
use crate::engine::{Filter, Head, Part};

/// The table of uses in a folder, for everybody.
pub const TABLE: &str = "uses.parquet";

/// All that was found, for a later scan.
pub const PART: &str = "facts.part";

/// Opens the facts of some folders. They are of one dataset.
///
/// # Errors
/// Every folder that has none, or others than the first.
pub fn open(folders: &[OsString]) -> Result<Vec<Part>, Vec<Failure>> {
    let (mut parts, mut failures) = (Vec::new(), Vec::new());
    for folder in folders {
        match file(Path::new(folder)) {
            Ok(part) => parts.push(part),
            Err(failure) => failures.push(failure),
        }
    }
    if let Some((first, others)) = parts.split_first() {
        let strange = others.iter().filter(|other| !are_together(&first.head, &other.head));
        failures.extend(strange.map(|other| {
            let message = format!("{}: is not of the plan of {}", other.name, first.name);
            let hint = "facts that are put together come from one keytrail plan";
            Failure::Source { message, hint: Some(hint.into()) }
        }));
    }
    if failures.is_empty() { Ok(parts) } else { Err(failures) }
}

fn file(folder: &Path) -> Result<Part, Failure> {
    let path: PathBuf = folder.join(PART);
    let name = path.display().to_string();
    let open = move || -> io::Result<Box<dyn io::Read + Send>> {
        Ok(Box::new(BufReader::new(File::open(&path)?)))
    };
    Part::new(&name, open).map_err(|error| Failure::Source {
        message: format!("{name}: {error}"),
        hint: Some("name a folder that keytrail facts SOURCE -o DIR wrote".into()),
    })
}

/// Whether what two files hold can be put together.
fn are_together(one: &Head, other: &Head) -> bool {
    let of = |head: &Head| {
        (head.seed, head.range, head.places.clone(), head.rules.clone(), head.settings.clone())
    };
    of(one) == of(other) && one.program == other.program
}

/// Which records count in them.
pub fn filter(parts: &[Part]) -> Option<Filter> {
    parts.first().map(|part| part.head.filter())
}

/// What was read for them, as it was asked for: reports of them name that.
pub fn sources(parts: &[Part]) -> Vec<OsString> {
    let mut all: Vec<OsString> = Vec::new();
    for source in parts.iter().flat_map(|part| &part.head.sources) {
        let source = OsString::from(source);
        if !all.contains(&source) {
            all.push(source);
        }
    }
    all
}

/// What of a configuration decides what is read: all but suppressions, which come after.
pub fn settings(config: &Config) -> Vec<String> {
    let values = config.values().into_iter().filter(|(name, _)| *name != "suppress");
    values.map(|(name, value)| format!("{name} {value}")).collect()
}

/// Refuses facts that were made with something else than this run has.
///
/// # Errors
/// What it was, by the name of the file.
pub fn check(parts: &[Part], rules: &RuleSet, config: &Config) -> Result<(), Vec<Failure>> {
    let Some(Part { name, head, .. }) = parts.first() else { return Ok(()) };
    let mut failures = Vec::new();
    let mut refuse = |what: String, hint: &str| {
        let message = format!("{name}: was made {what}");
        failures.push(Failure::Source { message, hint: Some(hint.into()) });
    };
    let program = env!("CARGO_PKG_VERSION");
    if head.program != program {
        let (made, again) = (&head.program, "make the facts again with this version");
        refuse(format!("by keytrail {made}, and this is {program}"), again);
    }
    if head.rules != rules.digest() {
        let hint = "give --rules, --select, --ignore and --no-builtin-rules as facts had them, or make \
                    the facts again";
        refuse("with other rules".to_owned(), hint);
    }
    let own = settings(config);
    if head.settings != own {
        let name = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
        let others = head.settings.iter().zip(&own).filter(|(there, here)| there != here);
        let names: Vec<String> = others.map(|(there, _)| name(there)).take(5).collect();
        let hint = "give the --config that facts had, or make the facts again";
        refuse(format!("with another configuration: {}", names.join(", ")), hint);
    }
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}
