//! `keytrail keys`: an inventory of the keys in the logs, or everything that is known of one.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::scan::{Input, load_rules};
use super::tagged::tag;
use crate::cli::args::keys::KeysArgs;
use crate::cli::catalogs::{self, Catalogs};
use crate::cli::check::{Check, Running};
use crate::cli::config::Config;
use crate::cli::deliver::Delivery;
use crate::cli::exit::Exit;
use crate::cli::facts_dir::{self, Facts};
use crate::cli::failure::Failure;
use crate::cli::last_usage;
use crate::cli::noted;
use crate::cli::nowhere;
use crate::cli::progress::{self, Watched};
use crate::cli::s3::Scope;
use crate::cli::signals;
use crate::cli::ui::Messages;
use crate::cli::values;
use crate::detect::loaded::Loaded;
use crate::engine::{self, Admit, Filter, Plan, Progress};
use crate::model::keys::asked::KeysAsked;
use crate::model::keys::facts::{Inventory, Told};
use crate::model::keys::reach::InLog;
use crate::model::level::Level;
use crate::model::origin::Origin;
use crate::model::outcome::Outcome;
use crate::model::problem::{Problem, Stage};
use crate::model::time::Time;
use crate::policy::action::Actions;
use crate::policy::who_can::permissions;
use crate::report::keys as report;
use crate::source::Sources;
use crate::triage::Triage;

/// What was asked for, settled.
struct Settled {
    sources: Sources,
    input: Input,
    run: Running,
    form: report::Form,
    /// Whether problems are lines of NDJSON.
    lines: bool,
    plan: Plan,
    /// For how long a key is to be without use, in microseconds.
    unused: Option<i64>,
    problems: Vec<Problem>,
}

/// Runs the command.
///
/// # Errors
/// All the reasons why it was not performed.
pub fn run(args: &KeysArgs, messages: Messages) -> Result<Exit, Vec<Failure>> {
    let now = Time::now();
    let Settled { sources, mut input, run, form, lines, plan, unused, mut problems } =
        settle(args, now, messages)?;
    let stop = signals::install(Vec::new());
    let done = Progress::default();
    let known = input.facts.is_empty().then_some(&sources);
    let watched = Watched { sources: known, ..Watched::alone(&done) };
    let scanned = progress::during(run.show(false), watched, || input.keys(&plan, &done, &stop));
    let unread = match input.facts.is_empty() {
        true => Failure::run,
        false => facts_dir::unread,
    };
    let (mut outcome, book, mut inventory) = scanned.map_err(|error| vec![unread(&error)])?;
    let quiet = nowhere::look(&mut outcome, &plan.filter, &sources);
    tag(&mut inventory, &book);
    let unused = unused.map(|age| keep_unused(&mut inventory, (&outcome, &plan.filter), age, now));
    problems.append(&mut outcome.problems);
    problems.extend(inventory.told.iter().filter_map(missing));
    problems.extend(inventory.told.iter().filter(|told| told.nowhere).map(nowhere));
    problems.sort();
    problems.dedup();
    let incomplete = outcome.interrupted || !(problems.is_empty() || run.allow_incomplete);
    let exit = if incomplete { Exit::Incomplete } else { Exit::Clean };
    let delivery = Delivery::to_stdout()?;
    let style = delivery.style(run.color, run.is_verbose());
    let report = report::Keys {
        inventory: &inventory,
        one: args.key.as_deref(),
        unused,
        range: (plan.filter.since, plan.filter.until),
        first: outcome.totals.first_event,
        last: outcome.totals.last_event,
        problems: &problems,
        ending: lines.then(|| {
            let complete = problems.is_empty() && !outcome.interrupted;
            exit.ending(complete, outcome.interrupted)
        }),
    };
    let delivered =
        delivery.finish(exit, |mut out| report::write(form, &report, &style, &mut out))?;
    if delivered.whole && !run.is_quiet() && (!lines || run.is_verbose()) {
        problems.iter().for_each(|problem| messages.warning(problem));
    }
    let rows = matches!(form, report::Form::Csv | report::Form::Ndjson) && !lines;
    if delivered.whole && rows && !run.is_quiet() && inventory.left_out > 0 {
        let others = inventory.left_out;
        messages.warning(format!("{others} more keys are not listed: they rank below these"));
    }
    if delivered.whole {
        noted::say(&outcome.notes, &run, messages);
        nowhere::say(&quiet, &run, messages);
    }
    if delivered.whole && outcome.interrupted {
        messages.warning("interrupted: there may be more than was read until then");
    }
    Ok(delivered.exit)
}

fn settle(args: &KeysArgs, now: Time, messages: Messages) -> Result<Settled, Vec<Failure>> {
    let mut check = Check::default();
    let typed = check.filter(&args.range, now);
    let folders = &args.facts.facts;
    let facts = check.all(facts_dir::open(folders.as_ref(), &args.s3));
    let filter = facts.as_ref().and_then(Facts::filter).unwrap_or(typed);
    let form = check.value("--format", &args.format, |text| form(text, args.who_can.is_some()));
    let lines = check.problems(&args.problems, form == Some(report::Form::Ndjson));
    let run = check.running(&args.color, &args.run);
    let asked = asked(&mut check, args, now);
    let unused = args.unused.as_ref().map(|text| check.value("--unused", text, age));
    let mut sources = args.list.beside(&args.sources);
    let of_facts = facts.as_ref().filter(|facts| !facts.is_empty());
    let logs = of_facts.map_or(&sources, Facts::places);
    let (mut config, wrong) = Config::load(args.config.config.as_deref(), logs);
    config.say(messages);
    check.note(wrong);
    let rules = check.all(load_rules(&args.rules, &mut config, false));
    if let Some(facts) = of_facts {
        sources = facts.sources.clone();
    }
    if sources.is_empty() {
        if io::stdin().is_terminal() {
            check.usage("nothing to read", "give a file or a folder: keytrail keys PATH");
        }
        sources.named.push("-".into());
    }
    let catalogs = check.all(catalogs::read(&config.usual.tags(&args.tags), now));
    let logs = if folders.is_none() { sources.clone() } else { Sources::default() };
    let cloud = args.s3.cloud(&logs.named);
    let listing = cloud.and_then(|cloud| args.s3.listing(&logs, cloud, Scope::of(&filter)));
    if let (Some(facts), Some(loaded)) = (&facts, &rules) {
        check.all(facts.check(&loaded.rules, &config));
    }
    let settled = check.all(listing).and_then(|mut listing| {
        let Catalogs { book, mut problems, paths, .. } = catalogs?;
        let (Loaded { rules, problems: left_out, .. }, run, facts) = (rules?, run?, facts?);
        problems.extend(left_out);
        let read = paths.iter().chain(&args.last_usage).map(PathBuf::as_path);
        read.chain(config.files()).for_each(|path| listing.leave_out(path));
        let plan = Plan {
            estate: Arc::clone(&config.estate),
            filter,
            threads: run.threads,
            tags: book,
            now: facts.now.unwrap_or(now),
            admit: admit(&config, now),
            keys: Some(asked?),
            seed: facts.seed(),
            ..Plan::new(rules)
        };
        let input = Input { listing, facts };
        let lines = lines?;
        let (form, unused) = (form?, unused.map_or(Some(None), |unused| unused.map(Some))?);
        Some(Settled { sources, input, run, form, lines, plan, unused, problems })
    });
    check.end(settled)
}

/// The form of the report. The columns of CSV have no place for who can do something.
fn form(text: &str, who_can: bool) -> Result<report::Form, String> {
    match text.parse()? {
        report::Form::Csv if who_can => Err("expected table, json or ndjson with --who-can".into()),
        form => Ok(form),
    }
}

/// What of keys is to be gathered.
fn asked(check: &mut Check, args: &KeysArgs, now: Time) -> Option<KeysAsked> {
    let at = args.at.as_ref().map(|text| check.value("--at", text, |text| values::time(text, now)));
    let operation = |text: &str| match permissions(text).names().as_slice() {
        _ if Actions::WITHOUT_KEY.meets(permissions(text)) => {
            Err("expected an operation on a key, such as Decrypt; no key policy decides this"
                .into())
        }
        [] => Err("expected an operation of KMS, such as Decrypt".to_owned()),
        [one] => Ok((*one).to_owned()),
        // Of all operations this one alone needs two permissions.
        _ => Ok("ReEncrypt".to_owned()),
    };
    let who_can = args.who_can.as_ref().map(|text| check.value("--who-can", text, operation));
    let last_usage = check.all(last_usage::read(&args.last_usage));
    Some(KeysAsked {
        one: args.key.clone(),
        quiet_first: args.unused.is_some(),
        who_can: who_can.map_or(Some(None), |who_can| who_can.map(Some))?,
        at: at.map_or(Some(None), |at| at.map(Some))?,
        last_usage: last_usage?,
        principal: None,
    })
}

/// An age in microseconds.
fn age(text: &str) -> Result<i64, String> {
    let secs = values::age_secs(text).flatten().filter(|secs| *secs > 0);
    let micros = secs.and_then(|secs| secs.checked_mul(1_000_000));
    micros.ok_or_else(|| "expected an age such as 90d".into())
}

/// Suppressed findings do not count, as in a scan.
pub(super) fn admit(config: &Config, now: Time) -> Option<Admit> {
    let suppressions = config.suppressions.iter().map(|placed| placed.suppression.clone());
    let triage = Triage::new(suppressions.collect(), None, Level::Informational, now);
    let triage = Some(triage).filter(Triage::is_needed).map(Mutex::new)?;
    Some(Admit::new(move |finding| {
        triage.lock().unwrap_or_else(PoisonError::into_inner).screen(finding)
    }))
}

/// Leaves the keys that no record shows a use of since then, and says since when.
fn keep_unused(
    inventory: &mut Inventory,
    (outcome, filter): (&Outcome, &Filter),
    age: i64,
    now: Time,
) -> Time {
    // A record that claims to be of a time to come is no end of the log.
    let last = outcome.totals.last_event.unwrap_or(now).min(now);
    let until = filter.until.map_or(last, |until| until.min(last));
    let since = Time(until.0.saturating_sub(age));
    // A record without a readable time is a problem too, and may be a use.
    let whole = outcome.problems.is_empty() && !outcome.interrupted;
    inventory.keys.retain_mut(|key| {
        let quiet = engine::quiet(key, (&outcome.coverage, filter, whole), (since, until));
        let listed = quiet.verdict.is_listed();
        key.quiet = Some(quiet);
        listed
    });
    inventory.keys.sort_by_key(|key| key.quiet.as_ref().map(|quiet| quiet.verdict));
    since
}

/// A last use that the log lacks is a problem.
fn missing(told: &Told) -> Option<Problem> {
    let (time, operation) = (told.last.time?, told.last.operation.as_deref()?);
    let event = told.last.event.as_deref().unwrap_or("no id");
    let message = format!(
        "KMS tells of {operation} at {time} (event {event}) with {}, and the log lacks it, though it \
         has files from before and after: the log is not whole",
        told.key
    );
    let problem = || Problem::new(Origin::blob(told.file.as_str()), Stage::Verify, message);
    (told.last.in_log == InLog::Missing).then(problem)
}

/// A last use of a key of which nobody knows where it is.
fn nowhere(told: &Told) -> Problem {
    let message = format!(
        "KMS tells of a use of {}, which is no ARN and no id of a key in the log: nobody knows in which \
         account and Region to look for it; give the ARN",
        told.key
    );
    Problem::new(Origin::blob(told.file.as_str()), Stage::Verify, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_positive() {
        assert_eq!(age("90d"), Ok(7_776_000_000_000));
        for text in ["", "0d", "90", "-1d", "2026-01-01", "99999999999999999999d"] {
            assert!(age(text).is_err(), "{text}");
        }
    }
}
