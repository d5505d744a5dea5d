//! What was typed, made into what is meant, while all that is wrong with it is collected.
//!
//! Options that several commands take are resolved here, once, so that they mean the same
//! everywhere and are refused in the same words.

use std::num::NonZeroUsize;
use std::thread;

use super::args::common::{ColorArgs, ProblemsArgs, RangeArgs, RunArgs};
use super::failure::Failure;
use super::progress::Show;
use super::ui::When;
use super::values;
use crate::engine::Filter;
use crate::model::time::Time;

/// How much is said on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// Counts only.
    Quiet,
    /// What the report does not say.
    Normal,
    /// Everything.
    Verbose,
}

/// How a command that reads is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running {
    /// At least 1.
    pub threads: usize,
    /// Whether problems leave the exit code alone.
    pub allow_incomplete: bool,
    /// Colour in the output.
    pub color: When,
    /// Progress on standard error.
    pub progress: When,
    /// How much is said.
    pub verbosity: Verbosity,
}

impl Running {
    /// How progress is shown; `live` is while findings are written to a terminal.
    pub fn show(&self, live: bool) -> Show {
        Show::decide(self.progress, self.is_quiet(), live)
    }

    /// Whether only counts are said.
    pub fn is_quiet(&self) -> bool {
        self.verbosity == Verbosity::Quiet
    }

    /// Whether everything is said.
    pub fn is_verbose(&self) -> bool {
        self.verbosity == Verbosity::Verbose
    }
}

/// Collects what is wrong.
#[derive(Debug, Default)]
pub struct Check {
    failures: Vec<Failure>,
}

impl Check {
    /// Whether nothing is wrong so far.
    pub fn is_well(&self) -> bool {
        self.failures.is_empty()
    }

    /// `settled` if nothing is wrong.
    ///
    /// # Errors
    /// All that is wrong, in the order in which it was met.
    pub fn end<T>(self, settled: Option<T>) -> Result<T, Vec<Failure>> {
        settled.filter(|_| self.failures.is_empty()).ok_or(self.failures)
    }

    /// What went well, or `None` and all failures noted.
    pub fn all<T>(&mut self, result: Result<T, Vec<Failure>>) -> Option<T> {
        result.map_err(|wrong| self.failures.extend(wrong)).ok()
    }

    /// Notes failures.
    pub fn note(&mut self, wrong: impl IntoIterator<Item = Failure>) {
        self.failures.extend(wrong);
    }

    /// `parse(text)`, or a failure noted and `None`.
    pub fn value<T>(
        &mut self,
        option: &'static str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let wrong = |reason| Failure::Value { option, value: text.into(), reason };
        parse(text).map_err(|reason| self.failures.push(wrong(reason))).ok()
    }

    /// Notes options that make no sense together, or something missing.
    pub fn usage(&mut self, message: &str, hint: &'static str) {
        self.failures.push(Failure::Usage { message: message.into(), hint });
    }

    /// Whether problems, and how the run ended, are lines of NDJSON.
    pub fn problems(&mut self, args: &ProblemsArgs, ndjson: bool) -> Option<bool> {
        let lines = self.value("--problems", &args.problems, |text| match text {
            "stderr" => Ok(false),
            "ndjson" => Ok(true),
            _ => Err("expected stderr or ndjson".into()),
        })?;
        if lines && !ndjson {
            self.usage("--problems ndjson is for -f ndjson", "give -f ndjson, or leave it out");
            return None;
        }
        Some(lines)
    }

    /// Which events count. `now` is what ages count from.
    pub fn filter(&mut self, args: &RangeArgs, now: Time) -> Filter {
        let mut time = |option, text: &Option<String>| {
            let text = text.as_ref()?;
            self.value(option, text, |text| values::time(text, now))
        };
        let since = time("--since", &args.since);
        let until = time("--until", &args.until);
        if let (Some(since), Some(until)) = (since, until)
            && since >= until
        {
            let message = format!("--since {since} is not before --until {until}: no event fits");
            self.usage(&message, "--until is not included, so it must be later than --since");
        }
        let mut all = |option, typed: &[String], parse: fn(&str) -> Result<String, String>| {
            let mut values: Vec<String> =
                typed.iter().filter_map(|text| self.value(option, text, parse)).collect();
            values.sort();
            values.dedup();
            values
        };
        let accounts = all("--account", &args.accounts, values::account);
        let regions = all("--region", &args.regions, values::region);
        Filter { since, until, accounts, regions }
    }

    /// How the command is run.
    pub fn running(&mut self, color: &ColorArgs, args: &RunArgs) -> Option<Running> {
        let color = self.value("--color", &color.color, str::parse);
        let threads = self.value("--threads", &args.threads, values::threads);
        let progress = self.value("--progress", &args.progress, str::parse);
        Some(Running {
            threads: threads?.unwrap_or_else(cores),
            allow_incomplete: args.allow_incomplete,
            color: color?,
            progress: progress?,
            verbosity: match (args.quiet, args.verbose) {
                (true, _) => Verbosity::Quiet,
                (_, true) => Verbosity::Verbose,
                _ => Verbosity::Normal,
            },
        })
    }
}

/// How many threads help.
fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}
