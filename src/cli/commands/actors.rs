//! `keytrail actors`: who called, with which credential, and what they reached.

use std::path::PathBuf;
use std::sync::Arc;

use super::events::asked;
use super::granted;
use super::keys::admit;
use super::scan::load_rules;
use crate::cli::args::actors::ActorsArgs;
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
use crate::engine::{Plan, Progress};
use crate::model::problem::Problem;
use crate::model::time::Time;
use crate::query::{Query, actors};
use crate::report::actors::{self as report, Callers, Form};
use crate::source::{Listing, Sources};

/// What was asked for, settled.
struct Settled {
    plan: Plan,
    query: Query,
    form: Form,
    /// Whether problems are lines of NDJSON.
    lines: bool,
    limit: Option<usize>,
    run: Running,
    sources: Sources,
    listing: Listing,
    delivery: Delivery,
    /// The rules that were left out.
    problems: Vec<Problem>,
}

/// Runs the command.
///
/// # Errors
/// All the reasons why it was not performed.
pub fn run(args: &ActorsArgs, messages: Messages) -> Result<Exit, Vec<Failure>> {
    if args.granted_vs_used {
        return granted::run(args, messages);
    }
    let Settled {
        plan,
        query,
        form,
        lines,
        limit,
        run,
        sources,
        mut listing,
        delivery,
        problems: left_out,
    } = settle(args, messages)?;
    let stop = signals::install(vec![delivery.unfinished()]);
    let done = Progress::default();
    let read = progress::during(run.show(false), Watched::new(&done, &sources), || {
        actors(&mut listing, (&plan, &query), &done, &stop)
    });
    let (found, mut outcome) = read.map_err(|error| vec![Failure::run(&error)])?;
    let quiet = nowhere::look(&mut outcome, &query.range, &sources);
    let interrupted = outcome.interrupted;
    let mut problems = outcome.problems;
    problems.extend(left_out);
    problems.sort();
    let complete = !interrupted && problems.is_empty();
    let forgiven = run.allow_incomplete && !interrupted;
    let exit = if complete || forgiven { Exit::Clean } else { Exit::Incomplete };
    let ending = lines.then(|| exit.ending(complete, interrupted));
    let callers = Callers { count: found.count, limit, problems: &problems, complete, ending };
    let style = delivery.style(run.color, run.is_verbose());
    let delivered = delivery
        .finish(exit, |out| report::write(form, &callers, &mut found.rows()?, &style, out))?;
    if delivered.whole {
        asked::say_problems(&problems, form == Form::Json || lines, &run, messages);
        noted::say(&outcome.notes, &run, messages);
        nowhere::say(&quiet, &run, messages);
        if callers.more() > 0 && form != Form::Table {
            let more = plural(callers.more(), "more caller");
            messages.note(format!("{more} not shown: --limit 0 shows all"));
        }
        if interrupted {
            messages.warning("interrupted: only what was read until then counts");
        }
    }
    Ok(delivered.exit)
}

fn settle(args: &ActorsArgs, messages: Messages) -> Result<Settled, Vec<Failure>> {
    let mut check = Check::default();
    let now = Time::now();
    let range = check.filter(&args.range, now);
    let query = asked::callers(&mut check, (&args.principal, &args.access_key, &args.ip), range);
    let form = check.value("--format", &args.format, form);
    let lines = check.problems(&args.problems, form == Some(Form::Ndjson));
    let limit = asked::rows(&mut check, args.limit.as_deref(), form == Some(Form::Table));
    let run = check.running(&args.color, &args.run);
    let sources = asked::sources(&mut check, args.list.beside(&args.sources));
    let (mut config, wrong) = Config::load(args.config.config.as_deref(), &sources);
    config.say(messages);
    check.note(wrong);
    let rules = check.all(load_rules(&args.rules, &mut config, false));
    let cloud = args.s3.cloud(&sources.named);
    let scope = Scope::of(&query.range);
    let listing = cloud.and_then(|cloud| args.s3.listing(&sources, cloud, scope));
    let listing = check.all(listing);
    let settled = (|| Some((form?, lines?, limit?, run?, listing?, rules?)))();
    let (form, lines, limit, run, mut listing, rules) = check.end(settled)?;
    let plan = Plan {
        estate: Arc::clone(&config.estate),
        filter: query.range.clone(),
        threads: run.threads,
        now,
        admit: admit(&config, now),
        ..Plan::new(rules.rules)
    };
    let problems = rules.problems;
    let beside: Vec<PathBuf> = config.files().map(Into::into).collect();
    beside.iter().for_each(|path| listing.leave_out(path));
    let delivery = asked::open(&args.output, &sources, &beside).map_err(|failure| vec![failure])?;
    delivery.unfinished_path().iter().for_each(|path| listing.leave_out(path));
    Ok(Settled { plan, query, form, lines, limit, run, sources, listing, delivery, problems })
}

fn form(text: &str) -> Result<Form, String> {
    match text {
        "table" => Ok(Form::Table),
        "json" => Ok(Form::Json),
        "ndjson" => Ok(Form::Ndjson),
        "csv" => Ok(Form::Csv),
        _ => Err("expected table, json, ndjson or csv".into()),
    }
}
