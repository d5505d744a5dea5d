//! `keytrail events`: the records that match, in the order of time.

pub(super) mod asked;
mod from_facts;

use std::io;
use std::path::PathBuf;

use super::scan::Input;
use crate::cli::args::events::EventsArgs;
use crate::cli::check::{Check, Running};
use crate::cli::config::Config;
use crate::cli::deliver::Delivery;
use crate::cli::exit::Exit;
use crate::cli::facts_dir::{self, Facts};
use crate::cli::failure::Failure;
use crate::cli::noted;
use crate::cli::nowhere;
use crate::cli::progress::{self, Watched};
use crate::cli::s3::Scope;
use crate::cli::signals;
use crate::cli::ui::{Messages, plural};
use crate::engine::{Plan, Progress};
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::model::time::Time;
use crate::query::{Query, Timeline, collect};
use crate::report::events::{self as report, Events, Form, OF_FACTS};
use crate::source::Sources;

use asked::Shown;

/// What was asked for, settled.
struct Settled {
    query: Query,
    shown: Shown,
    run: Running,
    sources: Sources,
    input: Input,
    /// How facts are read, if they are.
    plan: Option<Plan>,
    delivery: Delivery,
}

/// Runs the command.
///
/// # Errors
/// All the reasons why it was not performed.
pub fn run(args: &EventsArgs, messages: Messages) -> Result<Exit, Vec<Failure>> {
    let Settled { query, shown, run, sources, mut input, plan, delivery } = settle(args, messages)?;
    let raw = shown.form == Form::Raw;
    let stop = signals::install(vec![delivery.unfinished()]);
    let done = Progress::default();
    let known = plan.is_none().then_some(&sources);
    let watched = Watched { sources: known, ..Watched::alone(&done) };
    let read = progress::during(run.show(false), watched, || match &plan {
        Some(plan) => from_facts::collect(&input.facts, (plan, &query), &done, &stop),
        None => collect(&mut input.listing, (&query, raw), run.threads, &done, &stop),
    });
    let unread_input = if plan.is_some() { facts_dir::unread } else { Failure::run };
    let (collected, mut outcome) = read.map_err(|error| vec![unread_input(&error)])?;
    let quiet = nowhere::look(&mut outcome, &query.range, &sources);
    let interrupted = outcome.interrupted;
    let mut problems = outcome.problems;
    // A record is what was asked for with --raw, and not the call. Facts lack some of the records by which
    // those of one call are told from others.
    let (timeline, full) = Timeline::new(collected, !raw && plan.is_none());
    problems.extend(full);
    let (counts, conflict) = timeline.survey().unwrap_or_else(|error| {
        problems.push(unread(&error));
        Default::default()
    });
    problems.extend(conflict);
    problems.sort();
    let complete = !interrupted && problems.is_empty();
    let forgiven = run.allow_incomplete && !interrupted;
    let exit = if complete || forgiven { Exit::Clean } else { Exit::Incomplete };
    let events = Events {
        counts,
        limit: shown.limit,
        columns: &shown.columns,
        problems: &problems,
        of_facts: plan.is_some(),
        complete,
        ending: shown.problems.then(|| exit.ending(complete, interrupted)),
    };
    let style = delivery.style(run.color, run.is_verbose());
    let delivered = delivery.finish(exit, |out| {
        report::write(shown.form, &events, &mut timeline.rows()?, &style, out)
    })?;
    if delivered.whole {
        say(&events, &shown, (&run, interrupted), messages);
        noted::say(&outcome.notes, &run, messages);
        nowhere::say(&quiet, &run, messages);
    }
    Ok(delivered.exit)
}

fn unread(error: &io::Error) -> Problem {
    let message = format!("a temporary file cannot be read back, so events are missing: {error}");
    Problem::new(Origin::blob("*"), Stage::Read, message)
}

/// Says what the output does not say.
fn say(
    events: &Events<'_>,
    shown: &Shown,
    (run, interrupted): (&Running, bool),
    messages: Messages,
) {
    let listed = shown.form == Form::Json || shown.problems;
    asked::say_problems(events.problems, listed, run, messages);
    if events.of_facts && shown.form != Form::Table && !run.is_quiet() {
        messages.note(OF_FACTS);
    }
    if events.more() > 0 && shown.form != Form::Table {
        let more = plural(events.more(), "more event");
        messages.note(format!("{more} not shown: --limit 0 shows all"));
    }
    if interrupted {
        messages.warning("interrupted: only what was read until then is shown");
    }
}

fn settle(args: &EventsArgs, messages: Messages) -> Result<Settled, Vec<Failure>> {
    let now = Time::now();
    let mut check = Check::default();
    let query = asked::query(&mut check, args, now);
    let shown = asked::shown(&mut check, &args.shown);
    let run = check.running(&args.color, &args.run);
    let folder = &args.facts.facts;
    from_facts::refuse(&mut check, args, query.as_ref());
    let facts = check.all(facts_dir::open(folder.as_ref(), &args.s3));
    let sources = match (folder, &facts) {
        (None, _) => asked::sources(&mut check, args.list.beside(&args.sources)),
        (Some(_), facts) => facts.iter().flat_map(|facts| facts.sources.named.clone()).collect(),
    };
    // What nothing that is written may take the place of.
    let logs = facts.as_ref().filter(|facts| !facts.is_empty()).map_or(&sources, Facts::places);
    let named = folder.iter().chain(&logs.named).cloned().collect();
    let apart = Sources { named, list: logs.list.clone() };
    let (mut config, wrong) = Config::load(args.config.config.as_deref(), logs);
    config.say(messages);
    check.note(wrong);
    let threads = run.as_ref().map(|run| run.threads);
    let plan = from_facts::plan(&mut check, args, (facts.as_ref(), &mut config), (threads, now));
    let query =
        query.map(|query| from_facts::within(&mut check, query, facts.as_ref(), &args.range));
    let scope = query.as_ref().map(|query| Scope::of(&query.range)).unwrap_or_default();
    let read = if folder.is_none() { sources.clone() } else { Sources::default() };
    let cloud = args.s3.cloud(&read.named);
    let listing = cloud.and_then(|cloud| args.s3.listing(&read, cloud, scope));
    let mut listing = check.all(listing);
    let beside: Vec<PathBuf> =
        config.files().map(Into::into).chain(args.around.report.clone()).collect();
    listing.iter_mut().for_each(|listing| beside.iter().for_each(|path| listing.leave_out(path)));
    let settled = (|| {
        let input = Input { listing: listing?, facts: facts? };
        Some((query?, shown?, run?, input, plan?))
    })();
    let (query, mut shown, run, mut input, plan) = check.end(settled)?;
    from_facts::show(&mut shown, args);
    let delivery = asked::open(&args.shown.output, &apart, &beside);
    let delivery = delivery.map_err(|failure| vec![failure])?;
    // Where the output goes into a source, what is written of it is no log.
    delivery.unfinished_path().iter().for_each(|path| input.listing.leave_out(path));
    Ok(Settled { query, shown, run, sources, input, plan, delivery })
}
