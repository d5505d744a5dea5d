//! `keytrail report`: a period out of the reports of its nights.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::evidence;
use crate::cli::args::common::LevelArgs;
use crate::cli::args::report::ReportArgs;
use crate::cli::check::Check;
use crate::cli::config::Config;
use crate::cli::deliver::{self, Delivery};
use crate::cli::exit::Exit;
use crate::cli::exports::{self, Exports};
use crate::cli::failure::Failure;
use crate::cli::noted;
use crate::cli::signals;
use crate::cli::ui::{Messages, When, plural};
use crate::cli::values;
use crate::cli::written::Written;
use crate::detect::RuleSet;
use crate::detect::controls::frameworks;
use crate::model::level::Level;
use crate::model::origin::Origin;
use crate::model::outcome::Outcome;
use crate::model::problem::{Problem, Stage};
use crate::model::rule_meta::RuleMeta;
use crate::model::time::Time;
use crate::period::{Document, Period, fold, settle as settle_cases};
use crate::report::{self, Expected, Report, Run, Style};
use crate::triage::Triage;

/// What was asked for, settled and open.
struct Settled {
    written: Written,
    fail_on: Option<Level>,
    config: Config,
    delivery: Delivery,
    exports: Exports,
    /// The reports, not yet read.
    files: Vec<(PathBuf, File)>,
}

/// Runs the command.
///
/// # Errors
/// All the reasons why the report was not made.
pub fn run(args: &ReportArgs, messages: Messages) -> Result<Exit, Vec<Failure>> {
    let started = Time::now();
    let settled = settle(args)?;
    let Settled { written, fail_on, config, delivery, exports, files } = settled;
    config.say(messages);
    written.say(messages);
    let unfinished = exports.unfinished().chain([delivery.unfinished()]);
    let stop = signals::install(unfinished.collect());
    let (documents, problems) = read(files, &stop);
    let built_in = built_in();
    let chains = built_in.iter().filter(|rule| rule.told().chain).map(|rule| rule.id.clone());
    let chains: BTreeSet<String> = chains.collect();
    let mut period = fold(documents, &chains);
    period.outcome.interrupted |= stop.load(Ordering::Relaxed);
    period.outcome.problems.extend(problems);
    period.outcome.problems.sort();
    let least = period.min_level.unwrap_or(Level::Informational);
    suppress(&mut period.outcome, (&config, &chains), least, started)
        .map_err(|error| vec![Failure::run(&error)])?;
    let exit = Exit::of(&period.outcome, fail_on, args.allow_incomplete);
    let run = describe(&period, &built_in, &written, started);
    let color: When = args.color.color.parse().unwrap_or(When::Auto);
    let style = Style { view: written.view, ..delivery.style(color, args.verbose) };
    let report = Report {
        run: &run,
        outcome: &period.outcome,
        keys: None,
        frameworks: frameworks(),
        nights: &period.nights,
    };
    let exported = exports.write(&report, &style.of_file());
    let main =
        delivery.finish(exit, |mut out| report::write(written.format, &report, &style, &mut out));
    let delivered = exports::both(main, exported)?;
    if delivered.whole && !args.quiet {
        let notes = period.outcome.notes.iter().filter(|_| !written.format.has_notes());
        notes.for_each(|note| messages.note(note));
        if !written.format.has_notes() {
            noted::say_aftermath(&period.outcome.aftermath, messages);
        }
        let listed = args.verbose || written.format.is_findings_alone();
        let problems = &period.outcome.problems;
        problems.iter().filter(|_| listed).for_each(|problem| messages.warning(problem));
        if !problems.is_empty() {
            let number = plural(problems.len(), "problem");
            messages.warning(format!("incomplete: {number}"));
        }
    }
    Ok(delivered.exit)
}

/// Opens everything. A report that is not there ends the run.
fn settle(args: &ReportArgs) -> Result<Settled, Vec<Failure>> {
    let mut check = Check::default();
    let written = Written::settle(&mut check, &args.written);
    check.value("--color", &args.color.color, str::parse::<When>);
    let beside: Vec<OsString> = args.reports.iter().filter_map(|path| folder(path)).collect();
    let (config, wrong) = Config::load(args.config.config.as_deref(), &beside);
    check.note(wrong);
    let fail_on = args.fail_on.as_ref().or(config.usual.fail_on.as_ref());
    let fail_on = fail_on.map_or(LevelArgs::FAIL_ON, String::as_str);
    let fail_on = check.value("--fail-on", fail_on, values::level_or_never);
    let mut files = Vec::new();
    for path in &args.reports {
        match File::open(path) {
            Ok(file) => files.push((path.clone(), file)),
            Err(error) => {
                check.note([Failure::Report { path: path.clone(), reason: error.to_string() }]);
            }
        }
    }
    let read: Vec<&Path> = args.reports.iter().map(|path| &**path).chain(config.files()).collect();
    let apart = |path: &Path| deliver::keep_apart(path, &[], &read);
    let main = args.written.output.as_path();
    let named = (main.as_os_str() != "-").then_some(main);
    let open = named.map_or(Ok(()), apart).and_then(|()| Delivery::open(named));
    let delivery = check.all(open.map_err(|failure| vec![failure]));
    let asked = written.as_ref().map_or(&[][..], |written| &written.exports);
    let exports = check.all(Exports::open(asked, main, apart, true));
    let opened = (|| Some((written?, fail_on?, delivery?, exports?)))();
    let (written, fail_on, delivery, exports) = check.end(opened)?;
    Ok(Settled { written, fail_on, config, delivery, exports, files })
}

/// Reads the reports, until a signal comes. One that cannot be read is a problem.
fn read(files: Vec<(PathBuf, File)>, stop: &AtomicBool) -> (Vec<(String, Document)>, Vec<Problem>) {
    let (mut documents, mut problems) = (Vec::new(), Vec::new());
    for (path, file) in files.into_iter().take_while(|_| !stop.load(Ordering::Relaxed)) {
        let name = path.to_string_lossy();
        match Document::read(file) {
            Ok(document) => documents.push((name.into_owned(), document)),
            Err(reason) => problems.push(Problem::new(Origin::blob(name), Stage::Read, reason)),
        }
    }
    (documents, problems)
}

/// The folder of a report: a configuration that lies there decides nothing, unless it is named.
fn folder(report: &Path) -> Option<OsString> {
    let folder = report.parent()?;
    (!folder.as_os_str().is_empty()).then(|| folder.as_os_str().to_owned())
}

/// Takes out what the configuration suppresses by now, and says so beside what the nights left out.
///
/// # Errors
/// Those of the file that findings wait in.
fn suppress(
    outcome: &mut Outcome,
    (config, chains): (&Config, &BTreeSet<String>),
    least: Level,
    now: Time,
) -> io::Result<()> {
    if config.suppressions.is_empty() {
        return Ok(());
    }
    let suppressions = config.suppressions.iter().map(|placed| placed.suppression.clone());
    let mut triage = Triage::new(suppressions.collect(), None, Level::Informational, now);
    let nights = std::mem::take(&mut outcome.suppressions);
    let mut findings = outcome.findings.all()?;
    findings.retain(|finding| triage.admit(finding).is_some());
    settle_cases(&mut outcome.cases.all, &findings, chains);
    outcome.findings = findings.into();
    let before = outcome.summary;
    triage.finish(outcome);
    outcome.summary.suppressed = outcome.summary.suppressed.saturating_add(before.suppressed);
    outcome.summary.known = before.known;
    for level in Level::ALL.into_iter().filter(|level| *level < least) {
        outcome.summary.add_many(level, before.of(level));
    }
    for night in nights {
        match outcome.suppressions.iter_mut().find(|now| now.key() == night.key()) {
            Some(now) => *now = night.with(now.clone()),
            None => outcome.suppressions.push(night),
        }
    }
    Ok(())
}

/// The run as the report describes it.
fn describe(period: &Period, built_in: &[RuleMeta], written: &Written, started: Time) -> Run {
    let rules = rules(period, built_in);
    Run {
        started,
        finished: Time::now(),
        sources: period.sources.clone(),
        since: None,
        until: None,
        host: written.host.clone(),
        program: written.is_evidence().then(evidence::program).flatten(),
        expected: Expected { accounts: period.accounts.clone(), regions: period.regions.clone() },
        command: std::env::args_os().map(|word| word.to_string_lossy().into()).collect(),
        settings: period.settings.clone(),
        config_digest: period.settings_digest.clone(),
        config_file: None,
        baseline: None,
        state: None,
        rules_enabled: period.rules.len(),
        not_evaluated: match written.is_evidence() {
            true => evidence::not_evaluated(&rules),
            false => Vec::new(),
        },
        rules,
        rules_digest: period.rules_digest.clone(),
        ocsf: written.ocsf,
        min_level: period.min_level.unwrap_or(Level::Low),
        each: period.each,
    }
}

/// The rules that are built in.
fn built_in() -> Vec<RuleMeta> {
    let loaded = RuleSet::load(true, &[], &Arc::default());
    loaded.map(|loaded| loaded.rules.metas().to_vec()).unwrap_or_default()
}

/// What is known of the rules of the nights: of those that are built in all, of others their ids.
fn rules(period: &Period, built_in: &[RuleMeta]) -> Vec<RuleMeta> {
    let of = |id: &String| built_in.iter().find(|meta| meta.id == *id).cloned();
    period.rules.iter().map(|id| of(id).unwrap_or_else(|| RuleMeta::new(id, Level::Low))).collect()
}
