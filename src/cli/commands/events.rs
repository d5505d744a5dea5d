//! `keytrail events`: the records that match, in the order of time.

pub(super) mod asked;

use std::io;
use std::path::PathBuf;

use crate::cli::args::events::EventsArgs;
use crate::cli::check::{Check, Running};
use crate::cli::config::Config;
use crate::cli::deliver::Delivery;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::noted;
use crate::cli::nowhere;
use crate::cli::progress::{self, Watched};
use crate::cli::s3::Scope;
use crate::cli::signals;
use crate::cli::ui::{Messages, plural};
use crate::engine::Progress;
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::model::time::Time;
use crate::query::{Query, Timeline, collect};
use crate::report::events::{self as report, Events, Form};
use crate::source::{Listing, Sources};

use asked::Shown;

/// What was asked for, settled.
struct Settled {
    query: Query,
    shown: Shown,
    run: Running,
    sources: Sources,
    listing: Listing,
    delivery: Delivery,
}

/// Runs the command.
///
/// # Errors
/// All the reasons why it was not performed.
pub fn run(args: &EventsArgs, messages: Messages) -> Result<Exit, Vec<Failure>> {
    let Settled { query, shown, run, sources, mut listing, delivery } = settle(args, messages)?;
    let raw = shown.form == Form::Raw;
    let stop = signals::install(vec![delivery.unfinished()]);
    let done = Progress::default();
    let read = progress::during(run.show(false), Watched::new(&done, &sources), || {
        collect(&mut listing, (&query, raw), run.threads, &done, &stop)
    });
    let (collected, mut outcome) = read.map_err(|error| vec![Failure::run(&error)])?;
    let quiet = nowhere::look(&mut outcome, &query.range, &sources);
    let interrupted = outcome.interrupted;
    let mut problems = outcome.problems;
    // A record is what was asked for with --raw, and not the call.
    let (timeline, full) = Timeline::new(collected, !raw);
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
    let sources = asked::sources(&mut check, args.list.beside(&args.sources));
    let (config, wrong) = Config::load(args.config.config.as_deref(), &sources);
    config.say(messages);
    check.note(wrong);
    let scope = query.as_ref().map(|query| Scope::of(&query.range)).unwrap_or_default();
    let cloud = args.s3.cloud(&sources.named);
    let listing = cloud.and_then(|cloud| args.s3.listing(&sources, cloud, scope));
    let mut listing = check.all(listing);
    let beside: Vec<PathBuf> =
        config.files().map(Into::into).chain(args.around.report.clone()).collect();
    listing.iter_mut().for_each(|listing| beside.iter().for_each(|path| listing.leave_out(path)));
    let settled = (|| Some((query?, shown?, run?, listing?)))();
    let (query, shown, run, mut listing) = check.end(settled)?;
    let delivery = asked::open(&args.shown.output, &sources, &beside);
    let delivery = delivery.map_err(|failure| vec![failure])?;
    // Where the output goes into a source, what is written of it is no log.
    delivery.unfinished_path().iter().for_each(|path| listing.leave_out(path));
    Ok(Settled { query, shown, run, sources, listing, delivery })
}
