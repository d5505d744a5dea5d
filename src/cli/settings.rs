//! The command line as meant: every value validated, every default filled in.
//!
//! All problems are found before anything is read, and all of them at once. What needs the rules
//! or the disk (selectors, sources, the output) is checked by the command, which adds to the list.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use sha2::{Digest, Sha256};

use super::args::ScanArgs;
use super::failure::Failure;
use super::ui::When;
use super::{values, verifying};
use crate::engine::Filter;
use crate::model::level::Level;
use crate::model::time::Time;
use crate::report::Format;

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

/// What `scan` is asked to do.
#[derive(Debug)]
pub struct Settings {
    /// Files, folders, `-`; never empty.
    pub sources: Vec<OsString>,
    /// What is reported.
    pub filter: Filter,
    /// At least 1.
    pub threads: usize,
    /// Whether problems leave the exit code alone.
    pub allow_incomplete: bool,
    /// The least level that is listed.
    pub min_level: Level,
    /// The level from which a finding gives exit code 1; `None` is never.
    pub fail_on: Option<Level>,
    /// The format of the report.
    pub format: Format,
    /// Where it goes; `None` is standard output.
    pub output: Option<PathBuf>,
    /// One finding an event.
    pub each: bool,
    /// Whether only verified logs count.
    pub verify: bool,
    /// Colour in the report and on standard error.
    pub color: When,
    /// Progress on standard error.
    pub progress: When,
    /// How much is said.
    pub verbosity: Verbosity,
}

impl Settings {
    /// Resolves what was typed. `now` is what ages count from; `stdin_is_terminal` decides whether
    /// standard input can stand in for a missing SOURCE.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the help.
    pub fn resolve(
        args: &ScanArgs,
        now: Time,
        stdin_is_terminal: bool,
    ) -> Result<Settings, Vec<Failure>> {
        let mut check = Check::default();
        let sources = check.sources(&args.sources, stdin_is_terminal);
        let filter = check.filter(args, now);
        if args.rules.no_builtin_rules && args.rules.paths.is_empty() {
            check.usage("no rules to evaluate", "give --rules with --no-builtin-rules");
        }
        let verify = check.verify(args, &sources);
        let out = &args.output;
        let min_level = check.value("--min-level", &out.min_level, str::parse);
        let fail_on = check.value("--fail-on", &out.fail_on, values::level_or_never);
        let format = check.value("--format", &out.format, values::format);
        if args.run.dry_run && format == Some(Format::Ndjson) {
            check.usage("--dry-run has no ndjson", "give -f table or -f json");
        }
        let color = check.value("--color", &out.color, str::parse);
        let threads = check.value("--threads", &args.run.threads, values::threads);
        let progress = check.value("--progress", &args.run.progress, str::parse);
        let resolved = (|| {
            Some(Settings {
                sources,
                filter,
                threads: threads?.unwrap_or_else(cores),
                allow_incomplete: args.run.allow_incomplete,
                min_level: min_level?,
                fail_on: fail_on?,
                format: format?,
                output: (out.output.as_os_str() != "-").then(|| out.output.clone()),
                each: out.each,
                verify: verify?,
                color: color?,
                progress: progress?,
                verbosity: verbosity(args.run.quiet, args.run.verbose),
            })
        })();
        match resolved {
            Some(settings) if check.failures.is_empty() => Ok(settings),
            _ => Err(check.failures),
        }
    }

    /// A digest of everything here that changes what is reported: not of the sources, the rules
    /// (which have their own), the number of threads, or how the report looks. `more` is what files
    /// add to the options. `sha256:…`.
    pub fn digest(&self, more: impl IntoIterator<Item = String>) -> String {
        let text = |value: Option<String>| value.unwrap_or_else(|| "-".into());
        let mut lines = vec![
            format!("since {}", text(self.filter.since.map(|t| t.to_string()))),
            format!("until {}", text(self.filter.until.map(|t| t.to_string()))),
        ];
        lines.extend(self.filter.accounts.iter().map(|id| format!("account {id}")));
        lines.extend(self.filter.regions.iter().map(|name| format!("region {name}")));
        lines.push(format!("min-level {}", self.min_level));
        lines.push(format!("fail-on {}", text(self.fail_on.map(|l| l.to_string()))));
        lines.push(format!("each {}", self.each));
        if self.verify {
            lines.push("verify".to_owned());
        }
        lines.push(format!("allow-incomplete {}", self.allow_incomplete));
        lines.extend(more);
        let digest = Sha256::digest(lines.join("\n"));
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256:{hex}")
    }
}

fn verbosity(quiet: bool, verbose: bool) -> Verbosity {
    match (quiet, verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    }
}

/// How many threads help.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Collects what is wrong.
#[derive(Default)]
struct Check {
    failures: Vec<Failure>,
}

impl Check {
    /// `parse(text)`, or a failure noted and `None`.
    fn value<T>(
        &mut self,
        option: &'static str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match parse(text) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.failures.push(Failure::Value { option, value: text.into(), reason });
                None
            }
        }
    }

    fn usage(&mut self, message: &str, hint: &'static str) {
        self.failures.push(Failure::Usage { message: message.into(), hint });
    }

    fn verify(&mut self, args: &ScanArgs, sources: &[OsString]) -> Option<bool> {
        let (verify, keys) = (args.input.verify, args.input.public_keys.as_ref());
        let asked = verifying::asked(verify, keys, sources);
        asked.map_err(|wrong| self.failures.extend(wrong)).ok().map(|_| verify)
    }

    fn sources(&mut self, typed: &[OsString], stdin_is_terminal: bool) -> Vec<OsString> {
        if typed.is_empty() {
            if stdin_is_terminal {
                self.usage(
                    "nothing to read",
                    "give a file, a folder, or - to read standard input: keytrail scan PATH",
                );
            }
            return vec!["-".into()];
        }
        if typed.iter().filter(|source| *source == "-").count() > 1 {
            self.usage("standard input can be read only once", "give - once");
        }
        typed.to_vec()
    }

    fn filter(&mut self, args: &ScanArgs, now: Time) -> Filter {
        let mut time = |option, text: &Option<String>| {
            let text = text.as_ref()?;
            self.value(option, text, |text| values::time(text, now))
        };
        let since = time("--since", &args.input.since);
        let until = time("--until", &args.input.until);
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
        let accounts = all("--account", &args.input.accounts, values::account);
        let regions = all("--region", &args.input.regions, values::region);
        Filter { since, until, accounts, regions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Cli, Command};
    use clap::Parser;

    fn resolve(words: &[&str]) -> Result<Settings, Vec<String>> {
        let words = ["keytrail", "scan"].iter().chain(words);
        let Command::Scan(args) = Cli::try_parse_from(words).unwrap().command else {
            panic!("another command")
        };
        let now = Time::parse("2026-11-23T20:00:00Z").unwrap();
        Settings::resolve(&args, now, true)
            .map_err(|failures| failures.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn defaults() {
        let settings = resolve(&["logs"]).unwrap();
        assert_eq!((settings.min_level, settings.fail_on), (Level::Low, None));
        assert_eq!(settings.format, Format::Table);
        assert_eq!(settings.output, None);
        assert_eq!(settings.verbosity, Verbosity::Normal);
        assert!(settings.threads >= 1);
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let failures = resolve(&[
            "--since=tomorrow",
            "--account=42",
            "--region=Europe",
            "--no-builtin-rules",
            "--fail-on=worst",
            "-fxml",
            "--threads=many",
        ])
        .unwrap_err();
        assert_eq!(failures.len(), 8, "{failures:#?}");
    }

    #[test]
    fn an_empty_range_is_refused() {
        assert!(resolve(&["x", "--since=36h", "--until=1h"]).is_ok());
        assert!(resolve(&["x", "--since=1h", "--until=36h"]).is_err());
        assert!(resolve(&["x", "--since=2026-11-01", "--until=2026-11-01"]).is_err());
    }

    #[test]
    fn the_digest_depends_on_what_is_reported_only() {
        let digest = |words: &[&str]| resolve(words).unwrap().digest([]);
        let plain = digest(&["x"]);
        assert_eq!(plain, digest(&["y", "--threads=3", "-fjson", "-q"]));
        assert_ne!(plain, digest(&["x", "--each"]));
        assert_ne!(plain, digest(&["x", "--region=eu-west-1"]));
        let regions = ["x", "--region=eu-west-1", "--region=us-east-1"];
        let again = ["x", "--region=us-east-1", "--region=eu-west-1", "--region=us-east-1"];
        assert_eq!(digest(&regions), digest(&again));
    }
}
