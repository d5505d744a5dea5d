//! `keytrail scan`: read, evaluate every rule, report.
//!
//! In this order: settle what is asked for and open everything that is needed, collecting all that
//! is wrong; scan; write the report; say on standard error what the report does not say.

use std::ffi::OsString;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use crate::cli::args::{RuleArgs, ScanArgs};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::progress::{self, Show};
use crate::cli::settings::{Settings, Verbosity};
use crate::cli::signals;
use crate::cli::ui::{self, Messages};
use crate::detect::{Loaded, RuleSet};
use crate::engine::{self, Filter, Live, Plan, Progress};
use crate::model::finding::Finding;
use crate::model::level::Level;
use crate::model::origin::Origin;
use crate::model::outcome::Outcome;
use crate::model::problem::{Problem, Stage};
use crate::model::time::Time;
use crate::report::{self, Format, Report, Run, Style};
use crate::source::Listing;

/// Everything a scan needs, opened.
struct Prepared {
    settings: Settings,
    loaded: Loaded,
    listing: Listing,
    output: Output,
}

/// Runs the command.
///
/// # Errors
/// All the reasons why the scan was not performed or its report not written.
pub fn run(args: &ScanArgs, messages: Messages) -> Result<Exit, Vec<Failure>> {
    let started = Time::now();
    let Prepared { settings, loaded, listing, output } = prepare(args, started)?;
    say_skipped(&loaded.skipped, settings.verbosity, messages);
    loaded.replaced.iter().for_each(|rule| messages.note(format!("rule replaced: {rule}")));
    let mut run = describe(&settings, &loaded.rules, started);
    let mut scan = Scan { settings, output, worst: None };
    let outcome = match scan.perform(loaded.rules, listing) {
        Ok(outcome) => outcome,
        Err(error) => return scan.broken(error, None),
    };
    run.finished = Time::now();
    scan.report(&run, &outcome, messages)
}

/// Opens everything. What is wrong with one thing does not keep the others from being looked at.
fn prepare(args: &ScanArgs, now: Time) -> Result<Prepared, Vec<Failure>> {
    let mut failures = Vec::new();
    let mut note = |found: Vec<Failure>| failures.extend(found);
    let settings = Settings::resolve(args, now, io::stdin().is_terminal()).map_err(&mut note).ok();
    let loaded = load_rules(&args.rules).map_err(&mut note).ok();
    let sources = settings.as_ref().map_or(&args.sources, |settings| &settings.sources);
    let listing = Listing::open(sources)
        .map_err(|errors| note(errors.into_iter().map(Failure::from).collect()))
        .ok();
    // Last, so that the unfinished file is not taken for a source.
    let path = (args.output.output.as_os_str() != "-").then_some(args.output.output.as_path());
    let output = match path {
        Some(path) if sources.iter().any(|source| is_same_file(path, Path::new(source))) => {
            let reason = "is one of the sources".into();
            Err(Failure::Output { path: path.into(), reason })
        }
        Some(path) if !failures.is_empty() && Output::may_wait(path) => return Err(failures),
        path => Output::open(path),
    };
    let output = output.map_err(|failure| failures.push(failure)).ok();
    match (settings, loaded, listing, output) {
        (Some(settings), Some(loaded), Some(listing), Some(output)) if failures.is_empty() => {
            Ok(Prepared { settings, loaded, listing, output })
        }
        _ => Err(failures),
    }
}

/// The rules that `args` choose.
///
/// # Errors
/// Every rule that does not load, or every selector that names none.
pub fn load_rules(args: &RuleArgs) -> Result<Loaded, Vec<Failure>> {
    let all = |errors: Vec<_>| errors.into_iter().map(Failure::from).collect::<Vec<_>>();
    let Loaded { rules, skipped, replaced } =
        RuleSet::load(!args.no_builtin_rules, &args.paths, &Arc::default()).map_err(all)?;
    if args.no_builtin_rules && args.paths.is_empty() {
        // Reported where options are checked.
        return Ok(Loaded { rules, skipped, replaced });
    }
    let chosen = rules.select(&args.select, &args.ignore);
    let rules =
        chosen.map_err(|wrong| wrong.into_iter().map(Failure::Selector).collect::<Vec<_>>())?;
    Ok(Loaded { rules, skipped, replaced })
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    match (fs::metadata(a), fs::metadata(b)) {
        (Ok(a), Ok(b)) => a.is_file() && (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

/// Names the rules that were passed over; with `-q` counts them.
pub fn say_skipped(skipped: &[String], verbosity: Verbosity, messages: Messages) {
    match (verbosity, skipped.len()) {
        (_, 0) => {}
        (Verbosity::Quiet, count) => messages.note(plural(count, "rule") + " skipped"),
        _ => skipped.iter().for_each(|rule| messages.note(format!("rule skipped: {rule}"))),
    }
}

/// The run as the report describes it; `finished` is still to be filled in.
fn describe(settings: &Settings, rules: &RuleSet, started: Time) -> Run {
    Run {
        started,
        finished: started,
        sources: settings.sources.iter().map(|s| s.to_string_lossy().into()).collect(),
        since: settings.filter.since,
        until: settings.filter.until,
        command: std::env::args_os().map(|word| word.to_string_lossy().into()).collect(),
        config_digest: settings.digest(),
        rules_enabled: rules.len(),
        rules_digest: rules.digest(),
        min_level: settings.min_level,
        each: settings.each,
    }
}

/// A scan that has begun.
struct Scan {
    settings: Settings,
    output: Output,
    /// The highest level that was written live.
    worst: Option<Level>,
}

impl Scan {
    /// Scans. With `--each -f ndjson` the findings are written meanwhile.
    fn perform(&mut self, rules: RuleSet, listing: Listing) -> io::Result<Outcome> {
        let Scan { settings, output, worst } = self;
        let live = settings.each && settings.format == Format::Ndjson;
        let plan = Plan {
            rules,
            estate: Arc::default(),
            filter: Filter {
                since: settings.filter.since,
                until: settings.filter.until,
                accounts: settings.filter.accounts.clone(),
                regions: settings.filter.regions.clone(),
            },
            threads: settings.threads,
            each: settings.each,
            min_level: settings.min_level,
            limits: Default::default(),
        };
        let quiet = settings.verbosity == Verbosity::Quiet;
        let show = Show::decide(settings.progress, quiet, live && output.is_terminal());
        // A stream may pause for hours: what was found before must not wait for what comes after.
        let flush = output.is_terminal() || settings.sources.iter().any(is_stream);
        let stop = signals::install(output.unfinished());
        let mut write = |finding: &Finding| {
            *worst = (*worst).max(Some(finding.level));
            report::write_line(finding, output)?;
            if flush { output.flush() } else { Ok(()) }
        };
        let live: Option<Live<'_>> = if live { Some(&mut write) } else { None };
        let progress = Progress::default();
        let mut outcome = progress::during(show, &progress, || {
            engine::scan(listing, &plan, live, &progress, &stop)
        })?;
        note_absence(&mut outcome, &settings.sources);
        Ok(outcome)
    }

    /// Writes the report and says what it does not say.
    fn report(
        mut self,
        run: &Run,
        outcome: &Outcome,
        messages: Messages,
    ) -> Result<Exit, Vec<Failure>> {
        let settings = &self.settings;
        let exit = Exit::of(outcome, settings.fail_on, settings.allow_incomplete);
        let on_terminal = self.output.is_terminal();
        let style = Style {
            width: if settings.output.is_none() { ui::width() } else { None },
            color: ui::color(settings.color, |name| std::env::var_os(name), on_terminal),
            verbose: settings.verbosity == Verbosity::Verbose,
        };
        let report = Report { run, outcome };
        if let Err(error) = report::write(settings.format, &report, &style, &mut self.output) {
            return self.broken(error, Some(exit));
        }
        let Scan { settings, output, .. } = self;
        if let Err(error) = output.finish() {
            return ended(&settings, error, exit);
        }
        say_problems(outcome, &settings, messages);
        Ok(exit)
    }

    /// The end of a scan whose output broke. `earned` is its exit code if it is known.
    fn broken(self, error: io::Error, earned: Option<Exit>) -> Result<Exit, Vec<Failure>> {
        let found = self.settings.fail_on.is_some_and(|level| self.worst >= Some(level));
        let so_far = if found { Exit::Findings } else { Exit::Clean };
        ended(&self.settings, error, earned.unwrap_or(so_far))
    }
}

/// Whoever closes a pipe has read enough; any other error loses what was asked for.
fn ended(settings: &Settings, error: io::Error, earned: Exit) -> Result<Exit, Vec<Failure>> {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Ok(earned);
    }
    Err(vec![Failure::write(settings.output.as_deref(), error)])
}

/// Whether a source is written while it is read.
fn is_stream(source: &OsString) -> bool {
    source == "-"
        || fs::metadata(source).is_ok_and(|meta| {
            let kind = meta.file_type();
            kind.is_fifo() || kind.is_char_device() || kind.is_socket()
        })
}

/// A scan that met no trail file is no clean one: most likely the path is wrong.
fn note_absence(outcome: &mut Outcome, sources: &[OsString]) {
    let totals = &outcome.totals;
    if totals.blobs > totals.blobs_other || !outcome.complete() {
        return;
    }
    let none = |source: &OsString| {
        let origin = Origin::blob(source.to_string_lossy());
        Problem::new(origin, Stage::Read, "no trail files found")
    };
    outcome.problems.extend(sources.iter().map(none));
    outcome.problems.sort();
    outcome.problems.dedup();
}

/// Problems on standard error: all of them where the report has none or with `-v`, and a last line
/// that counts them.
fn say_problems(outcome: &Outcome, settings: &Settings, messages: Messages) {
    let listed = match settings.verbosity {
        Verbosity::Quiet => false,
        Verbosity::Normal => settings.format == Format::Ndjson,
        Verbosity::Verbose => true,
    };
    if listed {
        outcome.problems.iter().for_each(|problem| messages.warning(problem));
    }
    if outcome.interrupted {
        messages.warning("interrupted: the report holds what was found until then");
    }
    match outcome.problems.len() {
        0 => {}
        count => messages.warning(format!("incomplete: {}", plural(count, "problem"))),
    }
}

/// `1 rule`, `2 rules`.
pub fn plural(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}
