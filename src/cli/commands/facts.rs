//! `keytrail facts`: all uses of keys as a table that other tools query, and all that was found for a
//! later scan. Of a source into a folder, or of one shard of a plan into the folder of the plan.
//!
//! What must stay true: a table says itself whether all of the source is in it.

mod sink;

use std::ffi::OsString;
use std::path::PathBuf;

use super::events::asked;
use super::scan::load_rules;
use super::skipped;
use crate::cli::args::facts::FactsArgs;
use crate::cli::check::{Check, Running};
use crate::cli::config::Config;
use crate::cli::exit::Exit;
use crate::cli::facts_dir::{self, PROGRAM};
use crate::cli::failure::Failure;
use crate::cli::noted;
use crate::cli::nowhere;
use crate::cli::planned;
use crate::cli::progress::{self, Watched};
use crate::cli::s3::Scope;
use crate::cli::signals;
use crate::cli::ui::{Messages, plural};
use crate::detect::loaded::Loaded;
use crate::engine::{self, Filter, Head, Part, Plan, Progress};
use crate::facts;
use crate::model::outcome::Outcome;
use crate::model::problem::Problem;
use crate::model::time::Time;
use crate::source::{Listing, Source, Sources};
use sink::Sink;

/// What was asked for, settled.
struct Settled {
    plan: Plan,
    head: Head,
    run: Running,
    sources: Sources,
    source: Box<dyn Source>,
    /// Rules that were left out.
    problems: Vec<Problem>,
    sink: Sink,
}

/// What is read, and what all of it has in common.
struct Input {
    source: Box<dyn Source>,
    sources: Sources,
    /// Where these are, to tell what lies in them.
    places: Sources,
    filter: Filter,
    now: Time,
    seed: u64,
    /// What tells these facts from others.
    id: String,
    sink: Sink,
}

/// Runs the command.
///
/// # Errors
/// All the reasons why it was not performed.
pub fn run(args: &FactsArgs, messages: Messages) -> Result<Exit, Vec<Failure>> {
    let Settled { plan, head, run, sources, mut source, problems, mut sink } =
        settle(args, messages)?;
    if let Some(part) = sink.before().map_err(|failure| vec![failure])? {
        return there(&part, &head, args.shard, messages);
    }
    let stop = signals::install(sink.unfinished());
    let done = Progress::default();
    let known = args.plan.is_none().then_some(&sources);
    let watched = Watched { sources: known, ..Watched::alone(&done) };
    let read = progress::during(run.show(false), watched, || {
        sink.write_part(|out| {
            engine::scan_to_facts(source.as_mut(), &plan, (&done, &stop), (head, out))
        })
    });
    let (mut outcome, uses) = read.map_err(|failure| vec![failure])?;
    if args.plan.is_some() && outcome.interrupted {
        return Err(vec![interrupted(args.shard)]);
    }
    outcome.problems.extend(problems);
    let quiet = match args.plan {
        // A shard need not have what a filter names.
        Some(_) => Vec::new(),
        None => nowhere::look(&mut outcome, &plan.filter, &sources),
    };
    let complete = !outcome.interrupted && outcome.problems.is_empty();
    let forgiven = run.allow_incomplete && !outcome.interrupted;
    let exit = if complete || forgiven { Exit::Clean } else { Exit::Incomplete };
    let about = facts::About {
        complete,
        problems: outcome.problems.len() as u64,
        range: (plan.filter.since, plan.filter.until),
    };
    let mut count = 0;
    let ended = sink.finish((exit, about.problems), |out| {
        count = facts::write(out, &about, |take| uses.each(take))?;
        Ok(())
    })?;
    if ended.there {
        say_there(args.shard, messages);
    }
    if ended.whole {
        say(&outcome, &quiet, &run, messages);
        if !run.is_quiet() && !ended.there {
            messages.note(format!("{} of keys in {}", plural(count, "use"), ended.table));
        }
    }
    Ok(exit)
}

/// The facts of a shard that are there already: they are what this run would make, or nobody can tell.
fn there(
    part: &Part,
    head: &Head,
    shard: Option<u64>,
    messages: Messages,
) -> Result<Exit, Vec<Failure>> {
    let refused = |why: &str| {
        let hint = "facts of a plan stay as they are: make another plan, or remove the file first";
        let message = format!("{}: {why}", part.name);
        vec![Failure::Source { message, hint: Some(hint.into()) }]
    };
    let known = part.head().map_err(|error| refused(&error.to_string()))?;
    if let Some(why) = head.differs(&known) {
        return Err(refused(why.as_str()));
    }
    say_there(shard, messages);
    Ok(Exit::Clean)
}

fn say_there(shard: Option<u64>, messages: Messages) {
    let shard = shard.unwrap_or_default();
    messages.note(format!("the facts of shard {shard} were there before, and stay as they are"));
}

/// A shard is read whole or not at all: what has no part is read again.
fn interrupted(shard: Option<u64>) -> Failure {
    let shard = shard.unwrap_or_default();
    Failure::Source {
        message: format!("interrupted: nothing of shard {shard} is written"),
        hint: Some("read the shard again".into()),
    }
}

fn say(outcome: &Outcome, quiet: &[String], run: &Running, messages: Messages) {
    asked::say_problems(&outcome.problems, false, run, messages);
    noted::say(&outcome.notes, run, messages);
    nowhere::say(quiet, run, messages);
    if outcome.interrupted {
        messages.warning("interrupted: only what was read until then is in the table");
    }
}

fn settle(args: &FactsArgs, messages: Messages) -> Result<Settled, Vec<Failure>> {
    let mut check = Check::default();
    let run = check.running(&args.color, &args.run);
    let planned = args.plan.as_ref().map(|out| check.all(of_plan(args, out)));
    let typed = match &planned {
        Some(input) => input.as_ref().map(|input| input.places.clone()).unwrap_or_default(),
        None => asked::sources(&mut check, args.list.beside(&args.sources)),
    };
    let (mut config, wrong) = Config::load(args.config.config.as_deref(), &typed);
    config.say(messages);
    check.note(wrong);
    let loaded = check.all(load_rules(&args.rules, &mut config, false));
    let opened = match (planned, &args.output) {
        (Some(input), _) => input,
        (None, Some(output)) => of_sources(&mut check, args, (output, typed, &config)),
        (None, None) => None,
    };
    let settled = (|| Some((run?, opened?, loaded?)))();
    let (run, input, loaded) = check.end(settled)?;
    skipped::say(&loaded.skipped, run.verbosity, messages);
    let Loaded { rules, problems, .. } = loaded;
    let head = Head {
        program: PROGRAM.to_owned(),
        id: input.id,
        seed: input.seed,
        rules: rules.digest(),
        settings: facts_dir::settings(&config),
        sources: input.sources.told(),
        ..Head::default()
    };
    let head = head.of_range(&input.filter);
    let plan = Plan {
        filter: input.filter,
        now: input.now,
        seed: Some(input.seed),
        ..facts_dir::plan(rules, &config, run.threads)
    };
    let Input { source, sources, sink, .. } = input;
    Ok(Settled { plan, head, run, sources, source, problems, sink })
}

/// One shard of a plan.
fn of_plan(args: &FactsArgs, out: &OsString) -> Result<Input, Vec<Failure>> {
    let one = |failure| vec![failure];
    let reached = args.s3.cloud([out])?;
    let dataset = planned::open(out, reached.clone()).map_err(one)?;
    let plan = dataset.plan().clone();
    let cloud = match reached {
        Some(cloud) => Some(cloud),
        // Of an inventory all objects are in S3.
        None if plan.inventories.is_empty() => args.s3.cloud(&plan.sources)?,
        None => args.s3.cloud(["s3://"])?,
    };
    let shard = args.shard.unwrap_or_default();
    let source = dataset.shard_source(shard, cloud.as_ref()).map_err(|e| one(e.into()))?;
    let bucket = planned::bucket_of(&dataset, source.account()).map_err(one)?;
    Ok(Input {
        source: Box::new(source),
        sources: plan.sources.iter().map(OsString::from).collect(),
        places: planned::places(&plan),
        filter: planned::filter(&plan),
        now: plan.created,
        seed: planned::seed(&plan),
        id: planned::id_of_shard(&plan, bucket, shard),
        sink: Sink::of_plan(dataset, (bucket, shard)).map_err(one)?,
    })
}

/// All of some sources.
fn of_sources(
    check: &mut Check,
    args: &FactsArgs,
    (output, sources, config): (&PathBuf, Sources, &Config),
) -> Option<Input> {
    let now = Time::now();
    let filter = check.filter(&args.range, now);
    if output.as_os_str() == "-" {
        check.usage("facts need a folder", "keytrail facts SOURCE -o DIR");
        return None;
    }
    let cloud = args.s3.cloud(&sources.named);
    let listing = cloud.and_then(|cloud| args.s3.listing(&sources, cloud, Scope::of(&filter)));
    let mut listing: Listing = check.all(listing)?;
    let beside: Vec<PathBuf> = config.files().map(Into::into).collect();
    beside.iter().for_each(|path| listing.leave_out(path));
    let sink = Sink::of_folder(output, &sources, &beside).map_err(|failure| vec![failure]);
    let sink = check.all(sink)?;
    sink.paths().iter().for_each(|path| listing.leave_out(path));
    let seed = engine::fresh_seed(now.0.cast_unsigned());
    let id = format!("{seed:016x}");
    let (source, places) = (Box::new(listing), sources.clone());
    Some(Input { source, sources, places, filter, now, seed, id, sink })
}
