//! `keytrail scan`: read, evaluate every rule, report.
//!
//! In this order: settle what is asked for and open everything that is needed, collecting all that
//! is wrong; scan; write the report; say on standard error what the report does not say.

mod input;
mod prepare;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::cli::accepted;
use crate::cli::args::ScanArgs;
use crate::cli::args::common::RuleArgs;
use crate::cli::catalogs::Catalogs;
use crate::cli::check::Verbosity;
use crate::cli::commands::tagged::tag;
use crate::cli::commands::{evidence, forecast, skipped};
use crate::cli::config::{Config, Named};
use crate::cli::deliver::{Delivered, Delivery};
use crate::cli::exit::Exit;
use crate::cli::exports::{self, Exports};
use crate::cli::facts_dir;
use crate::cli::failure::Failure;
use crate::cli::noted;
use crate::cli::nowhere;
use crate::cli::progress::{self, Watched};
use crate::cli::settings::Settings;
use crate::cli::signals;
use crate::cli::state::{self, Opened};
use crate::cli::ui::{self, Messages};
use crate::cli::unmet;
use crate::cli::verifying::{self, Verifying};
use crate::detect::RuleSet;
use crate::detect::controls::frameworks;
use crate::detect::loaded::Loaded;
use crate::detect::registry::INTEGRITY;
use crate::engine::{self, Admit, Filter, Live, Plan, Progress};
use crate::model::estate::Estate;
use crate::model::finding::Finding;
use crate::model::keys::asked::KeysAsked;
use crate::model::keys::facts::Inventory;
use crate::model::level::Level;
use crate::model::memory::Id;
use crate::model::notes::RunNote;
use crate::model::outcome::Outcome;
use crate::model::problem::Problem;
use crate::model::rule_meta::RuleMeta;
use crate::model::time::Time;
use crate::report::{self, Expected, Format, Report, Run, Style};
use crate::source::{List, Sources};
use crate::tags::book::Book;
use crate::triage::Triage;

pub use input::Input;
pub use prepare::load_rules;
use prepare::{Prepared, late, prepare};

/// Runs the command.
///
/// # Errors
/// All the reasons why the scan was not performed or its report not written.
pub fn run(args: &ScanArgs, messages: Messages) -> Result<Exit, Vec<Failure>> {
    let started = Time::now();
    let prepared = prepare(args, started)?;
    prepared.config.say(messages);
    if args.run.dry_run {
        let Prepared { settings, listing, delivery, .. } = prepared;
        return forecast::run(&settings, listing, delivery);
    }
    let mut run = describe(&prepared, args.output.baseline.as_deref(), started);
    say_loaded(&prepared, &run, messages);
    let Prepared { settings, config, baseline, loaded, delivery, mut state, .. } = prepared;
    let input = Input { listing: prepared.listing, facts: prepared.facts };
    let (verifying, catalogs) = (prepared.verifying, prepared.catalogs);
    let judged = loaded.rules.digests();
    let suppressions = config.suppressions.iter().map(|placed| placed.suppression.clone());
    let mut triage = Triage::new(suppressions.collect(), baseline, settings.min_level, started);
    if let Some(state) = &state {
        triage = triage.after(state.reported(), judged.keys().cloned().collect());
    }
    let named = named(args, (&settings, &config, state.is_some()));
    let mut scan = Scan::begin(settings, delivery, prepared.exports);
    let Catalogs { book, mut problems, .. } = catalogs;
    let notes = loaded.notes();
    problems.extend(loaded.problems);
    let mut plan = plan(&scan.settings, loaded.rules, &config.estate, book, &triage, started);
    plan.to_meet = unmet::to_meet(named);
    plan.seed = input.facts.seed();
    plan.now = input.facts.now.unwrap_or(plan.now);
    if let Some(state) = &mut state {
        problems.extend(state.left_out(plan.filter.since).filter(|_| !args.run.reread));
        plan.coverage = std::mem::take(&mut state.state.memory.coverage);
        plan.past = Some(state.past(late(args), args.run.reread));
    }
    let gate = |v: Verifying| v.gate(&scan.settings, &plan.coverage, started, &scan.stop);
    let gated = match verifying.map(gate).transpose() {
        Ok(gated) => gated,
        Err(error) => return scan.broken(error),
    };
    if let Some(gated) = &gated {
        plan.gate = Some(Arc::clone(&gated.gate) as _);
        problems.extend(gated.problems.iter().cloned());
    }
    let (mut outcome, found) = match scan.screen(plan, triage, input) {
        Ok(screened) => screened,
        Err(error) if scan.settings.of_facts => return Err(vec![facts_dir::unread(&error)]),
        Err(error) => return scan.broken(error),
    };
    add(&mut outcome, problems, notes);
    outcome.verify = gated.map(|gated| gated.verification());
    run.finished = Time::now();
    let verbosity = scan.settings.run.verbosity;
    let asked = state::asked(&run.rules_digest, &scan.settings.filter);
    let Delivered { exit, whole } = scan.report(&run, &outcome, messages)?;
    // A report that nobody got was not made.
    let leave = |state: Opened| state.commit((asked, judged.clone()), &mut outcome, found);
    let left = state.filter(|_| whole).map_or(Ok(()), leave);
    let exit = after_leaving(left, exit, messages);
    let evaluated = |rule: &str| judged.contains_key(rule);
    accepted::say(&config.suppressions, &outcome.suppressions, evaluated, verbosity, messages);
    unmet::say(named, &outcome, messages);
    Ok(exit)
}

/// The end of a run that had something to leave to the next one.
fn after_leaving(left: Result<(), String>, exit: Exit, messages: Messages) -> Exit {
    let Err(reason) = left else { return exit };
    let what = "the state is not written, so the next run repeats this";
    messages.warning(format!("{what}: {reason}"));
    Exit::Incomplete
}

/// Adds what was known before anything was read.
fn add(outcome: &mut Outcome, problems: Vec<Problem>, notes: Vec<RunNote>) {
    outcome.notes.splice(0..0, notes);
    outcome.problems.extend(problems);
    outcome.problems.sort();
    // A folder that cannot be walked is met by both walks.
    outcome.problems.dedup();
}

/// What the configuration names and the log should have. What a part of the log or of the rules does not
/// meet is no news, and with a state (`goes_on`) a run reads only what is new.
fn named<'c>(
    args: &ScanArgs,
    (settings, config, goes_on): (&Settings, &'c Config, bool),
) -> &'c [Named] {
    let RuleArgs { no_builtin_rules, select, ignore, .. } = &args.rules;
    let some_rules = *no_builtin_rules || !select.is_empty() || !ignore.is_empty();
    let Filter { accounts, regions, .. } = &settings.filter;
    let some_records = !accounts.is_empty() || !regions.is_empty();
    match goes_on || some_rules || some_records || settings.run.is_quiet() {
        true => &[],
        false => &config.named,
    }
}

/// Says what the rules, the configuration and the baseline are not, or are beside the options.
fn say_loaded(prepared: &Prepared, run: &Run, messages: Messages) {
    let Prepared { settings, config, baseline, loaded, .. } = prepared;
    let verbosity = settings.run.verbosity;
    settings.written.say(messages);
    if let (Some(path), Verbosity::Verbose) = (&config.path, verbosity) {
        messages.note(format!("configuration: {}", path.display()));
    }
    if baseline.as_ref().is_some_and(|baseline| baseline.chained) {
        messages.warning(
            "the baseline was itself written with --baseline: what it left out is listed again",
        );
    }
    let asked = state::asked(&run.rules_digest, &settings.filter);
    if let Some(state) = &prepared.state {
        state.say(&asked, &loaded.rules.digests(), prepared.reread, messages);
    }
    skipped::say_of(loaded, verbosity, messages);
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
    let lines = settings.lines(more);
    let evaluated = evaluated(rules, settings.verify);
    Run {
        started,
        finished: started,
        sources: settings.sources.told(),
        since: settings.filter.since,
        until: settings.filter.until,
        host: settings.written.host.clone(),
        program: settings.written.is_evidence().then(evidence::program).flatten(),
        expected: Expected {
            accounts: config.estate.own_accounts.iter().cloned().collect(),
            regions: config.estate.expected_regions.iter().cloned().collect(),
        },
        command: std::env::args_os().map(|word| word.to_string_lossy().into()).collect(),
        config_digest: Settings::digest(&lines),
        settings: lines,
        config_file: config.path.as_ref().map(|path| path.to_string_lossy().into()),
        baseline,
        state: prepared
            .state
            .as_ref()
            .map(|state| state.describe(&rules.digests(), prepared.reread)),
        rules_enabled: rules.len(),
        rules_digest: rules.digest(),
        not_evaluated: match settings.written.is_evidence() {
            true => evidence::not_evaluated(&evaluated),
            false => Vec::new(),
        },
        rules: evaluated,
        min_level: settings.min_level,
        each: settings.each,
        ocsf: settings.written.ocsf,
    }
}

/// The rules whose silence says something: not the one about files that do not verify, if none was to
/// be verified.
fn evaluated(rules: &RuleSet, verified: bool) -> Vec<RuleMeta> {
    rules.reported().filter(|rule| verified || rule.id != INTEGRITY).cloned().collect()
}

/// What the engine is to do.
fn plan(
    settings: &Settings,
    rules: RuleSet,
    estate: &Arc<Estate>,
    tags: Book,
    triage: &Triage,
    now: Time,
) -> Plan {
    Plan {
        estate: Arc::clone(estate),
        filter: settings.filter.clone(),
        threads: settings.run.threads,
        each: settings.each,
        // What is too low to be listed may be suppressed or known, and is then not counted either. Of
        // findings that are not live, the engine asks before it counts them.
        min_level: match triage.is_needed() && is_live(settings) {
            true => Level::Informational,
            false => settings.min_level,
        },
        tags,
        now,
        keys: settings.written.is_evidence().then(KeysAsked::default),
        names_files: settings.written.is_evidence(),
        ..Plan::new(rules)
    }
}

/// Whether findings are written while records are read.
fn is_live(settings: &Settings) -> bool {
    settings.each
        && !settings.of_facts
        && settings.written.format == Format::Ndjson
        && settings.written.exports.is_empty()
}

/// What the engine asks about findings before it folds them. Live ones are judged when they are written.
fn screening(triage: &Arc<Mutex<Triage>>, settings: &Settings) -> Option<Admit> {
    if is_live(settings) || !lock(triage).is_needed() {
        return None;
    }
    let (screening, knowing) = (Arc::clone(triage), Arc::clone(triage));
    let admit = Admit::new(move |finding| lock(&screening).screen(finding));
    Some(admit.after(move |finding| lock(&knowing).is_known(finding)))
}

/// Sums up what was decided about findings. The fingerprints of all, for the next run.
fn sum_up(triage: Arc<Mutex<Triage>>, screened: bool, outcome: &mut Outcome) -> Vec<Id> {
    let Some(triage) = Arc::into_inner(triage) else { return Vec::new() };
    let triage = triage.into_inner().unwrap_or_else(PoisonError::into_inner);
    match (screened, triage.is_needed()) {
        (true, _) => triage.finish_screened(outcome),
        (false, true) => triage.finish(outcome),
        (false, false) => Vec::new(),
    }
}

fn lock(triage: &Mutex<Triage>) -> MutexGuard<'_, Triage> {
    triage.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A scan that has begun.
struct Scan {
    settings: Settings,
    delivery: Delivery,
    exports: Exports,
    /// The highest level that was written live.
    worst: Option<Level>,
    /// The keys, if they are asked for.
    keys: Option<Inventory>,
    /// Set by a signal.
    stop: Arc<AtomicBool>,
    /// What was asked for, is known and has nothing in range.
    quiet: Vec<String>,
}

impl Scan {
    /// One that the next signal stops.
    fn begin(settings: Settings, delivery: Delivery, exports: Exports) -> Scan {
        let unfinished = exports.unfinished().chain([delivery.unfinished()]);
        let stop = signals::install(unfinished.collect());
        Scan { settings, delivery, exports, worst: None, keys: None, quiet: Vec::new(), stop }
    }

    /// Scans, and lets `triage` decide about findings. Gives the fingerprints of all, for the next run.
    fn screen(
        &mut self,
        mut plan: Plan,
        triage: Triage,
        input: Input,
    ) -> io::Result<(Outcome, Vec<Id>)> {
        let triage = Arc::new(Mutex::new(triage));
        plan.admit = screening(&triage, &self.settings);
        let mut outcome = self.perform(&plan, &triage, input)?;
        let screened = plan.admit.take().is_some();
        let found = sum_up(triage, screened, &mut outcome);
        Ok((outcome, found))
    }

    /// Scans. With `--each -f ndjson` the findings are written meanwhile.
    fn perform(
        &mut self,
        plan: &Plan,
        triage: &Mutex<Triage>,
        mut input: Input,
    ) -> io::Result<Outcome> {
        let Scan { settings, delivery, worst, stop, keys, quiet, .. } = self;
        let live = is_live(settings);
        let show = settings.run.show(live && delivery.is_terminal());
        // A stream may pause for hours: what was found before must not wait for what comes after.
        let flush = delivery.is_terminal() || may_pause(&settings.sources);
        let mut write = |finding: &Finding| {
            let status = lock(triage).admit(finding);
            let Some(status) = status else { return Ok(()) };
            *worst = (*worst).max(Some(finding.level));
            if status == finding.status {
                report::write_line(finding, delivery)?;
            } else {
                report::write_line(&Finding { status, ..finding.clone() }, delivery)?;
            }
            if flush { delivery.flush() } else { Ok(()) }
        };
        let live: Option<Live<'_>> = if live { Some(&mut write) } else { None };
        let progress = Progress::default();
        // What earlier runs have read is passed over, so that nobody knows how much is left.
        let lists = plan.past.is_none() && input.facts.is_empty();
        let watched =
            Watched { sources: lists.then_some(&settings.sources), ..Watched::alone(&progress) };
        let mut outcome = progress::during(show, watched, || {
            if plan.keys.is_none() && input.facts.is_empty() {
                return engine::scan(&mut input.listing, plan, live, &progress, stop);
            }
            let (outcome, book, mut inventory) = input.keys(plan, &progress, stop)?;
            tag(&mut inventory, &book);
            *keys = plan.keys.is_some().then_some(inventory);
            Ok(outcome)
        })?;
        *quiet = nowhere::look(&mut outcome, &settings.filter, &settings.sources);
        Ok(outcome)
    }

    /// Writes the report and says what it does not say.
    fn report(
        self,
        run: &Run,
        outcome: &Outcome,
        messages: Messages,
    ) -> Result<Delivered, Vec<Failure>> {
        let Scan { settings, delivery, exports, keys, quiet, .. } = self;
        let exit = Exit::of(outcome, settings.fail_on, settings.run.allow_incomplete);
        let style = delivery.style(settings.run.color, settings.run.is_verbose());
        let style = Style { view: settings.written.view, ..style };
        let report =
            Report { keys: keys.as_ref(), frameworks: frameworks(), ..Report::new(run, outcome) };
        let ending = exit.ending(outcome.complete(), outcome.interrupted);
        // Not above a report that goes to a terminal.
        let show = settings.run.show(delivery.is_terminal());
        let progress = Progress::writing(&outcome.findings, 1 + exports.len());
        let watched = Watched::alone(&progress);
        let (exported, delivered) = progress::during(show, watched, || {
            let exported = exports.write(&report, &style.of_file());
            let delivered = delivery.finish(exit, |mut out| {
                report::write(settings.written.format, &report, &style, &mut out)?;
                if settings.problems {
                    report::write_end(&report, ending, &mut out)
                } else {
                    Ok(())
                }
            });
            (exported, delivered)
        });
        if delivered.is_ok() && exported.is_err() {
            say_problems(outcome, &settings, messages);
        }
        let delivered = exports::both(delivered, exported)?;
        if delivered.whole {
            if let (Some(verify), true) =
                (&outcome.verify, settings.written.format.is_findings_alone())
            {
                verifying::say(verify, messages);
            }
            say_folded(outcome, messages);
            let has_notes = settings.written.format.has_notes();
            if !has_notes && !settings.problems {
                noted::say(&outcome.notes, &settings.run, messages);
            }
            if !has_notes && !settings.run.is_quiet() {
                noted::say_aftermath(&outcome.aftermath, messages);
            }
            say_problems(outcome, &settings, messages);
            nowhere::say(&quiet, &settings.run, messages);
        }
        Ok(delivered)
    }

    /// The end of a scan whose output broke while it went on.
    fn broken(self, error: io::Error) -> Result<Exit, Vec<Failure>> {
        let found = self.settings.fail_on.is_some_and(|level| self.worst >= Some(level));
        let so_far = if found { Exit::Findings } else { Exit::Clean };
        Ok(self.delivery.broken(error, so_far)?.exit)
    }
}

/// Whether a source or the list may be silent for long.
fn may_pause(sources: &Sources) -> bool {
    sources.named.iter().any(is_stream) || sources.list.as_ref().is_some_and(List::is_stream)
}

/// Whether a source is written while it is read.
fn is_stream(source: &OsString) -> bool {
    source == "-"
        || fs::metadata(source).is_ok_and(|meta| {
            let kind = meta.file_type();
            kind.is_fifo() || kind.is_char_device() || kind.is_socket()
        })
}

/// Says which findings stand for many.
fn say_folded(outcome: &Outcome, messages: Messages) {
    if let Some((standing, of)) = outcome.findings.folded() {
        let (verb, findings) =
            (if standing == 1 { "stands" } else { "stand" }, ui::plural(standing, "finding"));
        let others = ui::plural(of, "other");
        messages.note(format!(
            "{findings} {verb} for {others} of the same rule and actor: see details.folded"
        ));
    }
}

/// Problems on standard error: all of them where the report has none or with `-v`, and a last line
/// that counts them.
fn say_problems(outcome: &Outcome, settings: &Settings, messages: Messages) {
    let listed = match settings.run.verbosity {
        Verbosity::Quiet => false,
        Verbosity::Normal => settings.written.format.is_findings_alone() && !settings.problems,
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
        count => messages.warning(format!("incomplete: {}", ui::plural(count, "problem"))),
    }
}
