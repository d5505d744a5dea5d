//! `keytrail report`: a period out of the reports of its nights.

mod of_plan;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{evidence, scan};
use crate::cli::accepted;
use crate::cli::args::common::LevelArgs;
use crate::cli::args::report::ReportArgs;
use crate::cli::check::{Check, Verbosity};
use crate::cli::config::Config;
use crate::cli::deliver::{self, Delivery};
use crate::cli::exit::Exit;
use crate::cli::exports::{self, Exports};
use crate::cli::failure::Failure;
use crate::cli::noted;
use crate::cli::output::Output;
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
use crate::period::{Document, Period, fold, left_out, settle as settle_cases};
use crate::report::{self, Expected, Format, Report, Run, Style};
use crate::source::Sources;
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
    if let Some(plan) = &args.plan {
        return scan::run(&of_plan::scan(args, plan), messages);
    }
    let started = Time::now();
    let settled = settle(args)?;
    let Settled { written, fail_on, mut config, delivery, exports, files } = settled;
    config.say(messages);
    written.say(messages);
    let unfinished = exports.unfinished().chain([delivery.unfinished()]);
    let stop = signals::install(unfinished.collect());
    let (documents, problems) = read(files, &stop);
    let known = known_rules(&config);
    let built_in = known.metas();
    let chains = built_in.iter().filter(|rule| rule.told().chain).map(|rule| rule.id.clone());
    let chains: BTreeSet<String> = chains.collect();
    let mut period = fold(documents, &chains);
    period.outcome.interrupted = stop.load(Ordering::Relaxed);
    // A name that no rule has may be that of a rule of a report that could not be read.
    let all_read = problems.is_empty() && !period.limits.no_rules_named;
    period.outcome.problems.extend(problems);
    config.settle(|name| match known.id_of(name) {
        Err(why) if all_read && !period.rules.contains(name) => Err(why),
        id => Ok(id.unwrap_or_else(|_| name.to_owned())),
    })?;
    let rules = rules(&mut period, built_in);
    period.outcome.problems.sort();
    suppress(&mut period, (&config, &chains), started)
        .map_err(|error| vec![Failure::run(&error)])?;
    let exit = Exit::of(&period.outcome, fail_on, args.allow_incomplete);
    let run = describe(&period, rules, &written, started);
    let color: When = args.color.color.parse().unwrap_or(When::Auto);
    let style = Style { view: written.view, ..delivery.style(color, args.verbose) };
    let report = Report {
        run: &run,
        outcome: &period.outcome,
        keys: None,
        frameworks: frameworks(),
        nights: &period.nights,
        limits: Some(&period.limits),
    };
    let exported = exports.write(&report, &style.of_file());
    let main =
        delivery.finish(exit, |mut out| report::write(written.format, &report, &style, &mut out));
    let delivered = exports::both(main, exported)?;
    if delivered.whole {
        say(&period.outcome, args, written.format, messages);
        let evaluated = |rule: &str| period.rules.contains(rule);
        let verbosity = if args.quiet { Verbosity::Quiet } else { Verbosity::Normal };
        let applied = &period.outcome.suppressions;
        accepted::say(&config.suppressions, applied, evaluated, verbosity, messages);
    }
    Ok(delivered.exit)
}

/// Says what the report does not say.
fn say(outcome: &Outcome, args: &ReportArgs, format: Format, messages: Messages) {
    if !args.quiet {
        let notes = outcome.notes.iter().filter(|_| !format.has_notes());
        notes.for_each(|note| messages.note(note));
        if !format.has_notes() {
            noted::say_aftermath(&outcome.aftermath, messages);
        }
        let listed = args.verbose || format.is_findings_alone();
        outcome.problems.iter().filter(|_| listed).for_each(|problem| messages.warning(problem));
    }
    if outcome.interrupted {
        messages.warning("interrupted: the report holds what was read until then");
    }
    match outcome.problems.len() {
        0 => {}
        count => messages.warning(format!("incomplete: {}", plural(count, "problem"))),
    }
}

/// Opens everything. A report that is not there ends the run.
fn settle(args: &ReportArgs) -> Result<Settled, Vec<Failure>> {
    let mut check = Check::default();
    let written = Written::settle(&mut check, &args.written);
    if args.of_plan.is_given() {
        check.usage(
            "rules, tags, --min-level, --threads and options of S3 are for a report of a plan",
            "give --plan OUT, or leave them out: nights were scanned with their own",
        );
    }
    check.value("--color", &args.color.color, str::parse::<When>);
    let beside: Sources = args.reports.iter().filter_map(|path| folder(path)).collect();
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
    let apart = |path: &Path| deliver::keep_apart(path, &Sources::default(), &read);
    let main = args.written.output.as_path();
    let named = (main.as_os_str() != "-").then_some(main);
    check.all(named.map_or(Ok(()), apart).map_err(|failure| vec![failure]));
    // Nobody is waited for if there is nothing to give.
    let waits = !check.is_well() && named.is_some_and(Output::may_wait);
    let open = (!waits).then(|| Delivery::open(named).map_err(|failure| vec![failure]));
    let delivery = open.and_then(|open| check.all(open));
    let asked = written.as_ref().map_or(&[][..], |written| &written.exports);
    let well = check.is_well();
    let exports = check.all(Exports::open(asked, main, apart, well));
    let opened = (|| Some((written?, fail_on?, delivery?, exports?)))();
    let (written, fail_on, delivery, exports) = check.end(opened)?;
    Ok(Settled { written, fail_on, config, delivery, exports, files })
}

/// Reads the reports, until a signal comes. One that is not read is a problem.
fn read(files: Vec<(PathBuf, File)>, stop: &AtomicBool) -> (Vec<(String, Document)>, Vec<Problem>) {
    let (mut documents, mut problems) = (Vec::new(), Vec::new());
    for (path, file) in files {
        let name = path.to_string_lossy();
        let read = match stop.load(Ordering::Relaxed) {
            true => Err("is not read, since the run was interrupted".to_owned()),
            false => Document::read(file),
        };
        match read {
            Ok(document) => documents.push((name.into_owned(), document)),
            Err(reason) => problems.push(Problem::new(Origin::blob(name), Stage::Read, reason)),
        }
    }
    (documents, problems)
}

/// The folder of a report: a configuration that lies there decides nothing, unless it is named, however
/// the report is.
fn folder(report: &Path) -> Option<OsString> {
    let folder = report.parent()?;
    Some(if folder.as_os_str().is_empty() { ".".into() } else { folder.into() })
}

/// Takes out what the configuration suppresses by now, and says so beside what the nights left out.
///
/// # Errors
/// Those of the file that findings wait in.
fn suppress(
    period: &mut Period,
    (config, chains): (&Config, &BTreeSet<String>),
    now: Time,
) -> io::Result<()> {
    if config.suppressions.is_empty() {
        return Ok(());
    }
    let outcome = &mut period.outcome;
    let suppressions = config.suppressions.iter().map(|placed| placed.suppression.clone());
    let mut triage = Triage::new(suppressions.collect(), None, Level::Informational, now);
    let nights = std::mem::take(&mut outcome.suppressions);
    let known = std::mem::take(&mut outcome.known);
    let mut findings = outcome.findings.all()?;
    findings.retain(|finding| triage.admit(finding).is_some());
    settle_cases(&mut outcome.cases.all, &findings, chains);
    outcome.findings = findings.into();
    let before = outcome.summary;
    triage.finish(outcome);
    outcome.known = known;
    outcome.summary.known = before.known;
    period.below.add_to(&mut outcome.summary);
    let places = outcome.suppressions.iter().enumerate().rev();
    let places: BTreeMap<_, usize> = places.map(|(at, one)| (one.key(), at)).collect();
    for night in nights {
        match places.get(&night.key()).and_then(|at| outcome.suppressions.get_mut(*at)) {
            Some(now) => *now = night.with(now.clone()),
            None => outcome.suppressions.push(night),
        }
    }
    let most = before.suppressed.max(outcome.summary.suppressed);
    outcome.summary.suppressed = left_out(&outcome.suppressions, most);
    Ok(())
}

/// The run as the report describes it.
fn describe(period: &Period, rules: Vec<RuleMeta>, written: &Written, started: Time) -> Run {
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

/// The rules that are built in, and those that the configuration names. One that does not load is for a
/// scan to refuse: a report evaluates none.
fn known_rules(config: &Config) -> RuleSet {
    let load = |paths: &[PathBuf]| RuleSet::load(true, paths, &Arc::default());
    let all = load(&config.usual.rules(&[])).or_else(|_| load(&[]));
    all.map(|loaded| loaded.rules).unwrap_or_default()
}

/// What is known of the rules of the nights: as the nights say, else as this program has them. Of those
/// of which nobody knows anything nothing is concluded, and it is a problem that there are any.
fn rules(period: &mut Period, here: &[RuleMeta]) -> Vec<RuleMeta> {
    let here = here.iter().filter(|rule| rule.group.is_some());
    let here: BTreeMap<&str, &RuleMeta> = here.map(|rule| (&*rule.id, rule)).collect();
    let mut all = Vec::new();
    for id in &period.rules {
        all.push(match (period.own.get(id), here.get(&**id)) {
            (Some(own), None) => own.clone(),
            (None, Some(built_in)) => (*built_in).clone(),
            // Some nights had one rule of this name, and some the other.
            (Some(own), Some(built_in)) => {
                let mut both = own.clone();
                both.controls.extend(built_in.controls.iter().cloned());
                both
            }
            (None, None) => {
                period.limits.unknown.insert(id.clone());
                RuleMeta::new(id, Level::Low)
            }
        });
    }
    let unknown = &period.limits.unknown;
    if let Some(first) = unknown.first() {
        let rules = plural(unknown.len(), "rule");
        let are = if unknown.len() == 1 { "is" } else { "are" };
        let message = format!(
            "no report says what {rules} that the program does not have {are} about, such as {first}: \
             reports of this version do"
        );
        let problem = Problem::new(Origin::blob("*"), Stage::Read, message);
        period.outcome.problems.push(problem);
    }
    all
}
