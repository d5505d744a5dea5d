//! `keytrail scan`: read, evaluate every rule, report.
//!
//! In this order: settle what is asked for and open everything that is needed, collecting all that
//! is wrong; scan; write the report; say on standard error what the report does not say.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::cli::accepted;
use crate::cli::args::{RuleArgs, ScanArgs};
use crate::cli::catalogs::{self, Catalogs};
use crate::cli::config::Config;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::progress::{self, Show};
use crate::cli::settings::{Settings, Verbosity};
use crate::cli::signals;
use crate::cli::ui::{self, Messages};
use crate::cli::verifying::{self, Verifying};
use crate::detect::registry::INTEGRITY;
use crate::detect::{Loaded, RuleSet};
use crate::engine::{self, Live, Plan, Progress};
use crate::model::estate::Estate;
use crate::model::finding::Finding;
use crate::model::level::Level;
use crate::model::origin::Origin;
use crate::model::outcome::Outcome;
use crate::model::problem::{Problem, Stage};
use crate::model::time::Time;
use crate::report::{self, Format, Report, Run, Style};
use crate::source::{Listing, Reach};
use crate::tags::book::Book;
use crate::triage::{Baseline, Triage};

/// Everything a scan needs, opened.
struct Prepared {
    settings: Settings,
    config: Config,
    baseline: Option<Baseline>,
    loaded: Loaded,
    catalogs: Catalogs,
    listing: Listing,
    verifying: Option<Verifying>,
    output: Output,
}

/// Runs the command.
///
/// # Errors
/// All the reasons why the scan was not performed or its report not written.
pub fn run(args: &ScanArgs, messages: Messages) -> Result<Exit, Vec<Failure>> {
    let started = Time::now();
    let prepared = prepare(args, started)?;
    say_loaded(&prepared, messages);
    let mut run = describe(&prepared, args.output.baseline.as_deref(), started);
    let Prepared { settings, config, baseline, loaded, catalogs, listing, verifying, output } =
        prepared;
    let metas = loaded.rules.metas().iter().enumerate();
    let reported = metas.filter(|(rule, _)| loaded.rules.is_reported(*rule));
    let ids: BTreeSet<String> = reported.map(|(_, rule)| rule.id.clone()).collect();
    let suppressions = config.suppressions.iter().map(|placed| placed.suppression.clone());
    let triage = Triage::new(suppressions.collect(), baseline, settings.min_level, started);
    let stop = signals::install(output.unfinished());
    let mut scan = Scan { settings, output, worst: None, stop };
    let Catalogs { book, mut problems, .. } = catalogs;
    let mut plan = plan(&scan.settings, loaded.rules, &config.estate, book, &triage);
    let gated = match verifying.map(|v| v.gate(&scan.settings, started, &scan.stop)).transpose() {
        Ok(gated) => gated,
        Err(error) => return scan.broken(error, None),
    };
    if let Some(gated) = &gated {
        plan.gate = Some(Arc::clone(&gated.gate) as _);
        problems.extend(gated.problems.iter().cloned());
    }
    let mut outcome = match scan.perform(&plan, triage, listing) {
        Ok(outcome) => outcome,
        Err(error) => return scan.broken(error, None),
    };
    outcome.problems.extend(problems);
    outcome.problems.sort();
    // A folder that cannot be walked is met by both walks.
    outcome.problems.dedup();
    outcome.verify = gated.map(|gated| gated.verification());
    run.finished = Time::now();
    let verbosity = scan.settings.verbosity;
    let exit = scan.report(&run, &outcome, messages)?;
    let evaluated = |rule: &str| ids.contains(rule);
    accepted::say(&config.suppressions, &outcome.suppressions, evaluated, verbosity, messages);
    Ok(exit)
}

/// Opens everything. What is wrong with one thing does not keep the others from being looked at.
fn prepare(args: &ScanArgs, now: Time) -> Result<Prepared, Vec<Failure>> {
    let mut failures = Vec::new();
    let mut note = |found: Vec<Failure>| failures.extend(found);
    let settings = Settings::resolve(args, now, io::stdin().is_terminal()).map_err(&mut note).ok();
    let (mut config, wrong) = Config::load(args.input.config.as_deref());
    note(wrong);
    let verify = args.input.verify;
    let loaded = load_rules(&args.rules, &mut config, verify).map_err(&mut note).ok();
    let baseline = accepted::baseline(args.output.baseline.as_deref(), args.output.each);
    let baseline = baseline.map_err(|failure| note(vec![failure])).ok();
    let catalogs = catalogs::read(&args.input.tags, now).map_err(&mut note).ok();
    let sources = settings.as_ref().map_or(&args.sources, |settings| &settings.sources);
    let mut listing = Listing::open(sources)
        .map_err(|errors| note(errors.into_iter().map(Failure::from).collect()))
        .ok();
    let tags = catalogs.iter().flat_map(|catalogs| catalogs.paths.iter().map(PathBuf::as_path));
    let keys = args.input.public_keys.as_deref();
    let read: Vec<&Path> = [config.path.as_deref(), args.output.baseline.as_deref(), keys]
        .into_iter()
        .flatten()
        .chain(tags)
        .collect();
    listing.iter_mut().for_each(|listing| read.iter().for_each(|path| listing.leave_out(path)));
    let verifying = keys
        .map(|keys| Verifying::open(keys, sources, &read, Reach::default()))
        .transpose()
        .map_err(&mut note)
        .ok();
    let output = open_output(args, sources, &read, failures.is_empty());
    let output = output.map_err(|failure| failures.extend(failure)).ok();
    let opened = (|| {
        Some(Prepared {
            settings: settings?,
            config,
            baseline: baseline?,
            loaded: loaded?,
            catalogs: catalogs?,
            listing: listing?,
            verifying: verifying?,
            output: output?,
        })
    })();
    opened.filter(|_| failures.is_empty()).ok_or(failures)
}

/// Opens the output: last, so that the unfinished file is not taken for a source. `read` is what
/// the run reads beside its sources. No failure to add if `all_well` is false and opening would
/// wait for somebody.
fn open_output(
    args: &ScanArgs,
    sources: &[OsString],
    read: &[&Path],
    all_well: bool,
) -> Result<Output, Option<Failure>> {
    let path = args.output.output.as_path();
    if path.as_os_str() == "-" {
        return Output::open(None).map_err(Some);
    }
    let refused = |reason: &str| Failure::Output { path: path.into(), reason: reason.into() };
    if sources.iter().any(|source| is_same_file(path, Path::new(source))) {
        return Err(Some(refused("is one of the sources")));
    }
    if read.iter().any(|read| is_same_file(path, read)) {
        return Err(Some(refused("is read by this run")));
    }
    if !all_well && Output::may_wait(path) {
        return Err(None);
    }
    Output::open(Some(path)).map_err(Some)
}

/// The rules that `args` choose, and those that suppressions name; with `verify` the one that says
/// what is not verified.
///
/// # Errors
/// Every rule that does not load, or every selector that names none.
pub fn load_rules(
    args: &RuleArgs,
    config: &mut Config,
    verify: bool,
) -> Result<Loaded, Vec<Failure>> {
    let all = |errors: Vec<_>| errors.into_iter().map(Failure::from).collect::<Vec<_>>();
    let wanted = |id: &str| !args.no_builtin_rules || (verify && id == INTEGRITY);
    let Loaded { rules, skipped, replaced } =
        RuleSet::load_some(wanted, &args.paths, &config.estate).map_err(all)?;
    // Of all rules, those that are not selected too.
    let settled = config.settle(|name| rules.id_of(name));
    if args.no_builtin_rules && args.paths.is_empty() {
        // Reported where options are checked.
        settled?;
        return Ok(Loaded { rules, skipped, replaced });
    }
    // Whoever asks for verified logs asks what is not, whatever else is looked for.
    let mut select = args.select.clone();
    if verify && !select.is_empty() && rules.integrity().is_some() {
        select.push(INTEGRITY.to_owned());
    }
    let chosen = rules.select(&select, &args.ignore);
    let chosen = chosen.map_err(|wrong| wrong.into_iter().map(Failure::Selector).collect());
    match (settled, chosen) {
        (Ok(()), Ok(rules)) => Ok(Loaded { rules, skipped, replaced }),
        (Ok(()), Err(failures)) | (Err(failures), Ok(_)) => Err(failures),
        (Err(failures), Err(more)) => Err(failures.into_iter().chain(more).collect()),
    }
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    match (fs::metadata(a), fs::metadata(b)) {
        (Ok(a), Ok(b)) => a.is_file() && (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

/// Says what the rules, the configuration and the baseline are not, or are beside the options.
fn say_loaded(prepared: &Prepared, messages: Messages) {
    let Prepared { settings, config, baseline, loaded, .. } = prepared;
    let verbosity = settings.verbosity;
    if let (Some(path), Verbosity::Verbose) = (&config.path, verbosity) {
        messages.note(format!("configuration: {}", path.display()));
    }
    if baseline.as_ref().is_some_and(|baseline| baseline.chained) {
        messages.warning(
            "the baseline was itself written with --baseline: what it left out is listed again",
        );
    }
    say_skipped(&loaded.skipped, verbosity, messages);
    loaded.replaced.iter().for_each(|rule| messages.note(format!("rule replaced: {rule}")));
}

/// Names the rules that were passed over; with `-q` counts them.
pub fn say_skipped(skipped: &[String], verbosity: Verbosity, messages: Messages) {
    match (verbosity, skipped.len()) {
        (_, 0) => {}
        (Verbosity::Quiet, count) => messages.note(plural(count, "rule") + " skipped"),
        _ => skipped.iter().for_each(|rule| messages.note(format!("rule skipped: {rule}"))),
    }
}

/// The run as the report describes it; `finished` is still to be filled in. `baseline` is the name
/// of the earlier report.
fn describe(prepared: &Prepared, baseline: Option<&Path>, started: Time) -> Run {
    let Prepared { settings, config, loaded: Loaded { rules, .. }, .. } = prepared;
    let baseline = prepared.baseline.as_ref().zip(baseline).map(|(read, path)| report::Baseline {
        path: path.to_string_lossy().into(),
        sha256: read.sha256.clone(),
    });
    let mut more = config.lines();
    more.extend(prepared.verifying.iter().map(Verifying::line));
    more.extend(prepared.catalogs.lines.iter().cloned());
    more.extend(baseline.iter().map(|baseline| format!("baseline {}", baseline.sha256)));
    Run {
        started,
        finished: started,
        sources: settings.sources.iter().map(|s| s.to_string_lossy().into()).collect(),
        since: settings.filter.since,
        until: settings.filter.until,
        command: std::env::args_os().map(|word| word.to_string_lossy().into()).collect(),
        config_digest: settings.digest(more),
        config_file: config.path.as_ref().map(|path| path.to_string_lossy().into()),
        baseline,
        rules_enabled: rules.len(),
        rules_digest: rules.digest(),
        min_level: settings.min_level,
        each: settings.each,
    }
}

/// What the engine is to do.
fn plan(
    settings: &Settings,
    rules: RuleSet,
    estate: &Arc<Estate>,
    tags: Book,
    triage: &Triage,
) -> Plan {
    Plan {
        rules,
        estate: Arc::clone(estate),
        filter: settings.filter.clone(),
        threads: settings.threads,
        each: settings.each,
        // What is too low to be listed may be suppressed or known, and is then not counted either.
        min_level: match triage.is_needed() {
            true => Level::Informational,
            false => settings.min_level,
        },
        limits: Default::default(),
        tags,
        gate: None,
    }
}

/// A scan that has begun.
struct Scan {
    settings: Settings,
    output: Output,
    /// The highest level that was written live.
    worst: Option<Level>,
    /// Set by a signal.
    stop: Arc<AtomicBool>,
}

impl Scan {
    /// Scans. With `--each -f ndjson` the findings are written meanwhile.
    fn perform(
        &mut self,
        plan: &Plan,
        mut triage: Triage,
        listing: Listing,
    ) -> io::Result<Outcome> {
        let Scan { settings, output, worst, stop } = self;
        let live = settings.each && settings.format == Format::Ndjson;
        let quiet = settings.verbosity == Verbosity::Quiet;
        let show = Show::decide(settings.progress, quiet, live && output.is_terminal());
        // A stream may pause for hours: what was found before must not wait for what comes after.
        let flush = output.is_terminal() || settings.sources.iter().any(is_stream);
        let mut write = |finding: &Finding| {
            let Some(status) = triage.admit(finding) else { return Ok(()) };
            *worst = (*worst).max(Some(finding.level));
            if status == finding.status {
                report::write_line(finding, output)?;
            } else {
                report::write_line(&Finding { status, ..finding.clone() }, output)?;
            }
            if flush { output.flush() } else { Ok(()) }
        };
        let live: Option<Live<'_>> = if live { Some(&mut write) } else { None };
        let progress = Progress::default();
        let mut outcome = progress::during(show, &progress, || {
            engine::scan(listing, plan, live, &progress, stop)
        })?;
        if triage.is_needed() {
            triage.finish(&mut outcome);
        }
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
        if let (Some(verify), Format::Ndjson) = (&outcome.verify, settings.format) {
            verifying::say(verify, messages);
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
