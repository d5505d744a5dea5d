//! `keytrail facts`: all uses of keys as a table that other tools query.
//!
//! What must stay true: a table says itself whether all of the source is in it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::events::asked;
use crate::cli::args::facts::FactsArgs;
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
use crate::detect::RuleSet;
use crate::engine::{self, Plan, Progress};
use crate::facts;
use crate::model::time::Time;
use crate::source::Listing;

/// The table in its folder.
const TABLE: &str = "uses.parquet";

/// What was asked for, settled.
struct Settled {
    plan: Plan,
    run: Running,
    sources: Vec<OsString>,
    listing: Listing,
    delivery: Delivery,
}

/// Runs the command.
///
/// # Errors
/// All the reasons why it was not performed.
pub fn run(args: &FactsArgs, messages: Messages) -> Result<Exit, Vec<Failure>> {
    let Settled { plan, run, sources, mut listing, delivery } = settle(args, messages)?;
    let stop = signals::install(vec![delivery.unfinished()]);
    let done = Progress::default();
    let read = progress::during(run.show(false), Watched::new(&done, &sources), || {
        engine::scan_to_facts(&mut listing, &plan, (&done, &stop), (engine::Head::default(), &mut std::io::sink()))
    });
    let (mut outcome, uses) = read.map_err(|error| vec![Failure::run(&error)])?;
    let quiet = nowhere::look(&mut outcome, &plan.filter, &sources);
    let (interrupted, problems) = (outcome.interrupted, &outcome.problems);
    let complete = !interrupted && problems.is_empty();
    let forgiven = run.allow_incomplete && !interrupted;
    let exit = if complete || forgiven { Exit::Clean } else { Exit::Incomplete };
    let about = facts::About {
        complete,
        problems: problems.len() as u64,
        range: (plan.filter.since, plan.filter.until),
    };
    let mut count = 0;
    let delivered = delivery.finish(exit, |mut out| {
        count = facts::write(&mut out, &about, |take| uses.each(take))?;
        Ok(())
    })?;
    if delivered.whole {
        asked::say_problems(problems, false, &run, messages);
        noted::say(&outcome.notes, &run, messages);
        nowhere::say(&quiet, &run, messages);
        if interrupted {
            messages.warning("interrupted: only what was read until then is in the table");
        }
        if !run.is_quiet() {
            let path = args.output.join(TABLE);
            messages.note(format!("{} of keys in {}", plural(count, "use"), path.display()));
        }
    }
    Ok(delivered.exit)
}

fn settle(args: &FactsArgs, messages: Messages) -> Result<Settled, Vec<Failure>> {
    let mut check = Check::default();
    let now = Time::now();
    let filter = check.filter(&args.range, now);
    let run = check.running(&args.color, &args.run);
    let sources = asked::sources(&mut check, &args.sources);
    if args.output.as_os_str() == "-" {
        check.usage("a table needs a folder", "keytrail facts SOURCE -o DIR");
    }
    let (config, wrong) = Config::load(args.config.config.as_deref(), &sources);
    config.say(messages);
    check.note(wrong);
    let cloud = args.s3.cloud(&sources);
    let listing = cloud.and_then(|cloud| args.s3.listing(&sources, cloud, Scope::of(&filter)));
    let listing = check.all(listing);
    let settled = (|| Some((run?, listing?)))();
    let (run, mut listing) = check.end(settled)?;
    let estate = Arc::clone(&config.estate);
    let rules = RuleSet::default();
    let plan =
        Plan { estate, filter, threads: run.threads, now, lists_uses: true, ..Plan::new(rules) };
    let beside: Vec<PathBuf> = config.files().map(Into::into).collect();
    beside.iter().for_each(|path| listing.leave_out(path));
    let delivery = open(&args.output, &sources, &beside).map_err(|failure| vec![failure])?;
    delivery.unfinished_path().iter().for_each(|path| listing.leave_out(path));
    listing.leave_out(&args.output.join(TABLE));
    Ok(Settled { plan, run, sources, listing, delivery })
}

/// Opens the table, and makes its folder.
fn open(folder: &Path, sources: &[OsString], beside: &[PathBuf]) -> Result<Delivery, Failure> {
    fs::create_dir_all(folder)
        .map_err(|error| Failure::Output { path: folder.to_owned(), reason: error.to_string() })?;
    asked::open(&folder.join(TABLE), sources, beside)
}
