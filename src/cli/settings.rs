//! The command line as meant: every value validated, every default filled in.
//!
//! All problems are found before anything is read, and all of them at once. What needs the rules
//! or the disk (selectors, sources, the output) is checked by the command, which adds to the list.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::args::ScanArgs;
use super::args::common::{InputArgs, LevelArgs, RuleArgs};
use super::check::{Check, Running};
use super::failure::Failure;
use super::values;
use super::written::Written;
use crate::engine::Filter;
use crate::model::level::Level;
use crate::model::time::Time;
use crate::report::Format;
use crate::source::{List, Sources};

/// What `scan` is asked to do.
#[derive(Debug)]
pub struct Settings {
    /// What is read; never empty.
    pub sources: Sources,
    /// Whether facts are read in place of it.
    pub of_facts: bool,
    /// What is reported.
    pub filter: Filter,
    /// How it is run.
    pub run: Running,
    /// The least level that is listed.
    pub min_level: Level,
    /// The level from which a finding gives exit code 1; `None` is never.
    pub fail_on: Option<Level>,
    /// Which reports are written.
    pub written: Written,
    /// Whether problems, and how the run ended, are lines of NDJSON.
    pub problems: bool,
    /// One finding an event.
    pub each: bool,
    /// Whether only verified logs count.
    pub verify: bool,
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
        let of_facts = args.facts.facts.is_some();
        let sources = match of_facts {
            true => args.facts.facts.iter().cloned().collect(),
            false => sources(&mut check, args, stdin_is_terminal),
        };
        if of_facts && args.input.verify {
            check.usage(
                "facts cannot be verified: digests are of logs",
                "leave out --verify or --facts",
            );
        }
        let filter = check.filter(&args.input.range, now);
        let together = together(&mut check, &args.input, &args.rules, &sources);
        let out = &args.output;
        let min_level = out.levels.min_level.as_deref().unwrap_or(LevelArgs::MIN_LEVEL);
        let min_level = check.value("--min-level", min_level, str::parse);
        let fail_on = out.levels.fail_on.as_deref().unwrap_or(LevelArgs::FAIL_ON);
        let fail_on = check.value("--fail-on", fail_on, values::level_or_never);
        let written = Written::settle(&mut check, &out.written);
        let format = written.as_ref().map(|written| written.format);
        let problems = check.problems(&out.problems, format == Some(Format::Ndjson));
        if args.run.dry_run && format.is_some_and(|format| !is_of_forecasts(format)) {
            check.usage(
                "--dry-run has a table and a json document only",
                "give -f table or -f json",
            );
        }
        if args.run.dry_run && written.as_ref().is_some_and(|written| !written.exports.is_empty()) {
            let hint = "leave out --export, or --dry-run";
            check.usage("--dry-run makes no report that could be exported", hint);
        }
        let run = check.running(&out.color, &args.run.run);
        let settings = (|| {
            Some(Settings {
                sources,
                of_facts,
                filter,
                run: run?,
                min_level: min_level?,
                fail_on: fail_on?,
                written: written?,
                problems: problems?,
                each: out.each,
                verify: together.map(|()| args.input.verify)?,
            })
        })();
        check.end(settings)
    }

    /// A digest of the [`lines`](Settings::lines), with a line feed between them. `sha256:…`.
    pub fn digest(lines: &[String]) -> String {
        let digest = Sha256::digest(lines.join("\n"));
        format!("sha256:{}", hex::encode(digest))
    }

    /// Everything here that changes what is reported, a line each: not the sources, the rules (which
    /// have their own digest), the number of threads, or how the report looks. `more` is what files
    /// add to the options.
    pub fn lines(&self, more: impl IntoIterator<Item = String>) -> Vec<String> {
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
        lines.push(format!("allow-incomplete {}", self.run.allow_incomplete));
        lines.extend(more);
        lines
    }
}

/// Whether what a scan would read can be told in a format.
pub fn is_of_forecasts(format: Format) -> bool {
    matches!(format, Format::Table | Format::Json)
}

fn sources(check: &mut Check, args: &ScanArgs, stdin_is_terminal: bool) -> Sources {
    let typed = args.list.beside(&args.sources);
    if typed.is_empty() {
        if stdin_is_terminal {
            check.usage(
                "nothing to read",
                "give a file, a folder, or - to read standard input: keytrail scan PATH",
            );
        }
        return Sources::from_iter(["-"]);
    }
    typed
}

/// Looks at options that make no sense beside each other. `config show` asks it too, so that it shows
/// nothing that a scan refuses.
pub fn together(
    check: &mut Check,
    input: &InputArgs,
    rules: &RuleArgs,
    sources: &Sources,
) -> Option<()> {
    if sources.named.iter().filter(|source| *source == "-").count() > 1 {
        check.usage("standard input can be read only once", "give - once");
    }
    if rules.no_builtin_rules && rules.paths.is_empty() {
        check.usage("no rules to evaluate", "give --rules with --no-builtin-rules");
    }
    check.all(verified(input.verify, input.public_keys.as_ref(), sources))
}

/// What is wrong with asking for verified logs.
fn verified(verify: bool, keys: Option<&PathBuf>, sources: &Sources) -> Result<(), Vec<Failure>> {
    let wrong = |message: &str, hint| Failure::Usage { message: message.into(), hint };
    let mut failures = Vec::new();
    match (verify, keys) {
        (true, None) => failures.push(wrong(
            "--verify needs --public-keys",
            "give what aws cloudtrail list-public-keys printed: --public-keys FILE",
        )),
        (false, Some(_)) => failures.push(wrong(
            "--public-keys needs --verify",
            "give --verify to let only verified logs count",
        )),
        _ => {}
    }
    if verify && sources.list.as_ref().is_some_and(List::is_stream) {
        failures.push(wrong(
            "with --verify a list is read twice, and a stream can be read only once",
            "write the list to a file, and give that to --files-from",
        ));
    }
    if verify && sources.named.iter().any(|source| source == "-") {
        failures.push(wrong(
            "standard input cannot be verified: digests name files",
            "with --verify give files or folders",
        ));
    }
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Cli, Command};
    use crate::cli::check::Verbosity;
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
        assert_eq!(settings.written.format, Format::Table);
        assert_eq!(settings.run.verbosity, Verbosity::Normal);
        assert!(settings.run.threads >= 1);
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
        let digest = |words: &[&str]| Settings::digest(&resolve(words).unwrap().lines([]));
        let plain = digest(&["x"]);
        assert_eq!(plain, digest(&["y", "--threads=3", "-fjson", "-q"]));
        assert_ne!(plain, digest(&["x", "--each"]));
        assert_ne!(plain, digest(&["x", "--region=eu-west-1"]));
        let regions = ["x", "--region=eu-west-1", "--region=us-east-1"];
        let again = ["x", "--region=us-east-1", "--region=eu-west-1", "--region=us-east-1"];
        assert_eq!(digest(&regions), digest(&again));
    }
}
