//! Rules put to the test: records that a rule must find, records that it must leave alone.
//!
//! A sample is a file as a scan reads it, of one record or of many, and it goes the way of every
//! log: through the engine, past all rules. What other rules make of it comes with the verdict,
//! since a near miss of one rule is often a hit of another. What must stay true: a sample that
//! cannot be read, or holds no record, is a failure of its own; it is quiet for the wrong reason.

mod pack;
mod places;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::detect::RuleSet;
use crate::engine::{self, Plan, Progress};
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::model::time::Time;
use crate::source::Listing;

pub use pack::Samples;
pub use places::{Place, builtin, users};

/// What a sample is to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wanted {
    /// At least one finding of the rule.
    Match,
    /// None.
    Clean,
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Wanted::Match => "match",
            Wanted::Clean => "clean",
        })
    }
}

/// One file of records.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sample {
    /// What it is to show.
    pub wanted: Wanted,
    /// The file's name without extensions, such as `clean-other-service`.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
}

/// What one rule found in a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// How many findings.
    pub findings: usize,
    /// The highest level of them.
    pub level: Level,
    /// Whether all of them are attempts.
    pub attempt: bool,
}

/// What came of one sample.
#[derive(Debug)]
pub struct Verdict {
    /// The sample.
    pub sample: Sample,
    /// Which rules found something in it.
    pub found: BTreeMap<String, Found>,
    /// How many records it holds.
    pub records: u64,
    /// What could not be read, or which rule failed.
    pub problems: Vec<String>,
}

/// A rule and what came of its samples.
#[derive(Debug)]
pub struct Trial {
    /// The rule's id.
    pub rule: String,
    /// One a sample, match samples first, by name.
    pub verdicts: Vec<Verdict>,
    /// What is wrong with the samples as a whole.
    pub lacks: Vec<String>,
}

impl Trial {
    /// Everything that is wrong, each with the sample it is about.
    pub fn failures(&self) -> Vec<String> {
        let of = |verdict: &Verdict| {
            let why = verdict.failure(&self.rule)?;
            Some(format!("{}: {why}", verdict.sample.path.display()))
        };
        self.lacks.iter().cloned().chain(self.verdicts.iter().filter_map(of)).collect()
    }

    /// How many samples there are of a kind.
    pub fn count(&self, wanted: Wanted) -> usize {
        self.verdicts.iter().filter(|verdict| verdict.sample.wanted == wanted).count()
    }
}

impl Verdict {
    /// Why this is not what the sample was to show of `rule`.
    pub fn failure(&self, rule: &str) -> Option<String> {
        if let Some(problem) = self.problems.first() {
            return Some(problem.clone());
        }
        if self.records == 0 {
            return Some("holds no record".to_owned());
        }
        match (self.sample.wanted, self.found.get(rule)) {
            (Wanted::Match, None) if self.found.is_empty() => {
                Some("expected a finding, got none".to_owned())
            }
            (Wanted::Match, None) => {
                let others: Vec<&str> = self.found.keys().map(String::as_str).collect();
                Some(format!("expected a finding, got none; found by {}", others.join(", ")))
            }
            (Wanted::Clean, Some(found)) => {
                let (number, ending) = (found.findings, if found.findings == 1 { "" } else { "s" });
                Some(format!("expected no finding, got {number} finding{ending}"))
            }
            _ => None,
        }
    }
}

/// Runs `rules` on the samples at `places`.
///
/// The verdicts are in the order of the places, whatever ran when.
///
/// # Errors
/// When threads cannot be started.
pub fn run(rules: RuleSet, places: Vec<Place>) -> io::Result<Vec<Trial>> {
    // A sample knows no other time than its own.
    let estate = Arc::new(Estate::of_samples());
    let plan = Plan { estate, now: Time(i64::MAX), ..Plan::new(rules) };
    let samples: Vec<&Sample> = places.iter().flat_map(|place| &place.samples).collect();
    let next = AtomicUsize::new(0);
    let results = Mutex::new(BTreeMap::new());
    let work = || -> io::Result<()> {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(sample) = samples.get(index) else { return Ok(()) };
            let verdict = judge(&plan, sample)?;
            results.lock().unwrap_or_else(PoisonError::into_inner).insert(index, verdict);
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads).map(|_| thread::Builder::new().spawn_scoped(scope, work)).collect();
        let end = |worker: io::Result<thread::ScopedJoinHandle<'_, io::Result<()>>>| {
            worker?.join().unwrap_or_else(|_| Err(io::Error::other("a rule's test ended early")))
        };
        // All of them are waited for before the first error is told.
        workers.into_iter().map(end).fold(Ok(()), Result::and)
    })?;
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut verdicts = results.into_values();
    let trial = |place: Place| Trial {
        verdicts: verdicts.by_ref().take(place.samples.len()).collect(),
        rule: place.rule,
        lacks: place.lacks,
    };
    Ok(places.into_iter().map(trial).collect())
}

/// Scans one sample.
fn judge(plan: &Plan, sample: &Sample) -> io::Result<Verdict> {
    let mut verdict = Verdict {
        sample: sample.clone(),
        found: BTreeMap::new(),
        records: 0,
        problems: Vec::new(),
    };
    let mut listing = match Listing::open(&[&sample.path]) {
        Ok(listing) => listing,
        Err(errors) => {
            verdict.problems = errors.iter().map(ToString::to_string).collect();
            return Ok(verdict);
        }
    };
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    let outcome = engine::scan(&mut listing, plan, None, &progress, &stop)?;
    verdict.records = outcome.totals.records;
    verdict.problems = outcome.problems.iter().map(|problem| problem.message.clone()).collect();
    for finding in outcome.findings.all()? {
        let (level, attempt) = (finding.level, finding.attempt);
        let found =
            verdict.found.entry(finding.rule).or_insert(Found { findings: 0, level, attempt });
        found.findings += 1;
        found.level = found.level.max(level);
        found.attempt &= attempt;
    }
    Ok(verdict)
}
